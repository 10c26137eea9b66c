package visit

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/agent/profile"
	"tram/drivers/emrtd"
	"tram/drivers/sim"
	"tram/sync/outbox"
	"tram/vision"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memoryChip is a virtual card that is read without a reader between.
type memoryChip struct {
	card  *sim.Card
	trust *emrtd.Trust
	err   error         // returned instead of reading, when set
	errs  []error       // returned instead, one at each read
	wait  chan struct{} // reading waits for it, when set

	withheld []emrtd.FileID // files that the chip does not give
}

func (m *memoryChip) ReadChip(ctx context.Context, password emrtd.Password, progress func(emrtd.Progress)) (*emrtd.Document, error) {
	if m.wait != nil {
		select {
		case <-m.wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if len(m.errs) > 0 {
		err := m.errs[0]
		m.errs = m.errs[1:]
		return nil, err
	}
	if m.err != nil {
		return nil, m.err
	}
	m.card.PowerOn()
	doc, err := emrtd.Read(ctx, m.card, password, emrtd.Options{Progress: progress})
	for _, id := range m.withheld {
		delete(doc.Files, id)
	}
	return doc, err
}

func (m *memoryChip) Trust() *emrtd.Trust { return m.trust }

// answeringFaces answers every comparison alike.
type answeringFaces struct {
	answer vision.FaceAnswer
	err    error
}

func (f answeringFaces) Portrait(_ context.Context, p []byte) ([]byte, error) { return p, nil }
func (f answeringFaces) CompareFace(_ context.Context, check FaceCheck) (vision.FaceAnswer, error) {
	if check.Liveness && f.answer.Match && f.answer.Liveness == "" {
		check.Guide("turn_left")
		f.answer.Liveness = "passed"
	}
	return f.answer, f.err
}

// notebook is a recorder that keeps the drafts.
type notebook struct {
	mu     sync.Mutex
	drafts []outbox.Draft
	err    error
}

func (n *notebook) Accept(ctx context.Context, d outbox.Draft) (outbox.Receipt, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return outbox.Receipt{}, err
	}
	if n.err != nil {
		return outbox.Receipt{}, n.err
	}
	n.drafts = append(n.drafts, d)
	return outbox.Receipt{Sequence: uint64(len(n.drafts))}, nil
}

// counter is an engine with everything around it.
type counter struct {
	*Engine
	chip *memoryChip
	book *notebook
	log  *bytes.Buffer
}

func newCounter(t *testing.T, profileName string, faces Faces, faults ...sim.Option) *counter {
	t.Helper()
	p, err := profile.Load(profileName)
	if err != nil {
		t.Fatal(err)
	}
	// Here it is about the evidence; plays_test.go answers the questions.
	p.Questions, p.Timeouts = nil, profile.Timeouts{}
	pki, err := sim.NewPKI()
	if err != nil {
		t.Fatal(err)
	}
	card, err := sim.NewCard(sim.DefaultCitizen(), pki, portrait(), faults...)
	if err != nil {
		t.Fatal(err)
	}
	trust, err := emrtd.NewTrust(pki.CSCA())
	if err != nil {
		t.Fatal(err)
	}
	c := &counter{chip: &memoryChip{card: card, trust: trust}, book: &notebook{}, log: &bytes.Buffer{}}
	c.Engine = New(Options{
		Profile: p, Chip: c.chip, Faces: faces, Recorder: c.book, Idle: time.Hour,
		Log: slog.New(slog.NewTextHandler(c.log, nil)),
	})
	t.Cleanup(func() {
		c.Close()
		for _, needle := range []string{sim.DefaultCitizen().IDCode, sim.DefaultCitizen().PersonName} {
			if strings.Contains(c.log.String(), needle) {
				t.Errorf("the log holds %q:\n%s", needle, c.log)
			}
		}
	})
	return c
}

func (c *counter) await(t *testing.T, stage Stage) *View {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		v := c.View()
		if v != nil && v.Stage == stage {
			return v
		}
		if time.Now().After(deadline) {
			t.Fatalf("the visit never came to %s; it is %+v", stage, v)
		}
	}
}

// scan begins a visit with the default citizen's code and consents.
func (c *counter) scan(t *testing.T) string {
	t.Helper()
	id, err := c.ScanQR([]byte(sim.DefaultCitizen().QR2021() + "\r"))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.await(t, StageConsent).Person.IDCode; got != "0990****0017" {
		t.Errorf("the number is shown as %q", got)
	}
	if err := c.Consent(id); err != nil {
		t.Fatal(err)
	}
	c.await(t, StageCard)
	return id
}

func (c *counter) record(t *testing.T) Record {
	t.Helper()
	if len(c.book.drafts) != 1 {
		t.Fatalf("%d records, want 1", len(c.book.drafts))
	}
	return c.book.drafts[0].Data.(Record)
}
