package agent

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tram/agent/gate"
	"tram/agent/visit"
	"tram/drivers/emrtd"
	"tram/drivers/pcsc"
	"tram/sync/outbox"
	"tram/vision"
)

// followCards tells the visit when a card is laid on the reader or taken away.
func (a *Agent) followCards(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-a.reader.Events():
			a.engine.Card(event.Kind == pcsc.CardPresent)
			a.changes.signal()
		}
	}
}

// followCodes begins a visit with each code that is scanned.
func (a *Agent) followCodes(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case code := <-a.scanner.Codes():
			if _, err := a.engine.ScanQR(code.Raw.Reveal()); err != nil {
				a.log.Info("code not taken", "err", err)
			}
		}
	}
}

// chip reads through the device's reader.
type chip struct{ a *Agent }

func (c chip) ReadChip(ctx context.Context, password emrtd.Password, progress func(emrtd.Progress)) (*emrtd.Document, error) {
	if c.a.reader == nil {
		return nil, pcsc.ErrNoReader
	}
	card, err := c.a.reader.Connect(ctx)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := card.Close(); err != nil {
			c.a.log.Debug("card not released", "err", err)
		}
	}()
	began := time.Now()
	doc, err := emrtd.Read(ctx, card, password, emrtd.Options{Progress: progress})
	if err != nil {
		return nil, err
	}
	took := time.Since(began).Round(time.Millisecond)
	c.a.log.Info("chip read", "took", took, "apdus", doc.Link.APDUs, "access", doc.Access.Protocol)
	c.a.lastRead.Store(describe(doc))
	return doc, nil
}

func describe(doc *emrtd.Document) string {
	var names []string
	for _, id := range slices.Sorted(maps.Keys(doc.Files)) {
		names = append(names, id.String())
	}
	return fmt.Sprintf("%s, %s: %s; %d commands, %d bytes", doc.Access.Protocol, doc.Access.Password, strings.Join(names, " "), doc.Link.APDUs, doc.Link.BytesDown)
}

// Trust reads the operator's store anew, so that a certificate that was just
// imported counts for the next card.
func (c chip) Trust() *emrtd.Trust {
	trust, err := emrtd.LoadTrust(c.a.config.TrustDir())
	if err != nil {
		c.a.log.Error("trust store not read; every signer is unknown", "err", err)
		trust, _ = emrtd.NewTrust()
	}
	return trust
}

// faces asks the camera worker.
type faces struct {
	worker *vision.Worker
	camera *counterCamera // nil: there is none
}

func (f faces) Portrait(ctx context.Context, picture []byte) ([]byte, error) {
	return f.worker.Portrait(ctx, picture)
}

func (f faces) CompareFace(ctx context.Context, check visit.FaceCheck) (vision.FaceAnswer, error) {
	if f.camera == nil {
		return vision.FaceAnswer{}, vision.ErrNoCamera
	}
	answer, err := f.worker.CompareFace(ctx, vision.FaceQuestion{
		Portrait: check.Portrait, Likeness: check.Likeness, Source: f.camera.source, Ask: f.camera.ask, Frames: 8, Liveness: check.Liveness, Guide: check.Guide,
	})
	f.camera.used(err)
	return answer, err
}

// recorder is the outbox, with the screen's list of recent records kept beside it.
type recorder struct{ a *Agent }

func (r recorder) Accept(ctx context.Context, draft outbox.Draft) (outbox.Receipt, error) {
	receipt, err := r.a.store.Accept(ctx, draft)
	if err != nil {
		return receipt, err
	}
	view := visit.RecordView{Sequence: receipt.Sequence, Type: draft.Type, Time: draft.Time}
	if record, ok := draft.Data.(visit.Record); ok {
		view.Assurance = record.Assurance
	}
	r.a.recent.add(view)
	r.a.changes.signal()
	return receipt, nil
}

func (a *Agent) counted(receipt outbox.Receipt, c gate.Count) {
	if err := a.line.keep(); err != nil {
		a.log.Error("the day's counts are not kept", "err", err)
	}
	a.recent.add(visit.RecordView{Sequence: receipt.Sequence, Type: gate.RecordType, Time: c.To})
	a.changes.signal()
	if a.opt.Counted != nil {
		a.opt.Counted(receipt, c)
	}
}
