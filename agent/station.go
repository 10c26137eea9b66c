package agent

import (
	"context"
	"errors"
	"sync"
	"time"

	"tram/agent/kiosk"
	"tram/agent/visit"
	"tram/drivers"
	"tram/sync/outbox"
)

// keepRecent is how many records the screen lists.
const keepRecent = 8

// recentRecords are the newest records of this run, without personal data.
type recentRecords struct {
	mu   sync.Mutex
	list []visit.RecordView // newest first
}

func (r *recentRecords) add(v visit.RecordView) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append([]visit.RecordView{v}, r.list...)
	if len(r.list) > keepRecent {
		r.list = r.list[:keepRecent]
	}
}

func (r *recentRecords) snapshot() []visit.RecordView {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]visit.RecordView{}, r.list...)
}

// watchQueue wakes the screens when a record is sent or delivered.
func (a *Agent) watchQueue(ctx context.Context) error {
	changed, stop := a.store.Changed()
	defer stop()
	// The uplink's state changes without the queue; a slow clock catches that.
	clock := time.NewTicker(2 * time.Second)
	defer clock.Stop()
	working := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-clock.C:
		}
		for _, s := range a.statuses() {
			up := s.State != drivers.Missing && s.State != drivers.Failed
			if was, known := working[s.Kind+s.Name]; !up && (was || !known) {
				a.metrics.Fault(s.Kind)
			}
			working[s.Kind+s.Name] = up
		}
		a.changes.signal()
	}
}

// station is the daemon as the screen sees it.
type station struct{ a *Agent }

var _ kiosk.Station = station{}

func (s station) Snapshot() visit.Snapshot {
	a := s.a
	c := a.config
	snap := visit.Snapshot{
		Device: c.Device.Name, Site: c.Device.Site, Time: time.Now(),
		Profile: a.profileView(),
		Visit:   a.engine.View(), Devices: a.statuses(), Queue: a.queue(), Recent: a.recent.snapshot(),
		Demo: a.opt.Actions != nil,
	}
	for i := range snap.Recent {
		snap.Recent[i].State = a.store.State(snap.Recent[i].Sequence)
	}
	if snap.Visit != nil && snap.Visit.Record != nil {
		snap.Visit.Record.State = a.store.State(snap.Visit.Record.Sequence)
	}
	snap.Notices, snap.Gate = a.board.Now(), a.gateTally()
	if snap.Visit != nil {
		if t := snap.Visit.Ticket; t != nil && t.Text != "" {
			t.QR = kiosk.TicketCodePath(snap.Visit.ID)
		}
		snap.Visit.Gate = a.gateView(snap.Visit)
	}
	return snap
}

func (a *Agent) queue() visit.Queue {
	q := visit.Queue{Hub: a.uplink.State()}
	stat, err := a.store.Stat()
	if err != nil {
		if !errors.Is(err, outbox.ErrClosed) {
			a.log.Error("queue not read", "err", err)
		}
		return q
	}
	q.Accepted, q.Sent, q.Delivered = stat.Accepted, stat.Sent, stat.Delivered
	return q
}

func (s station) Watch() (<-chan struct{}, func())           { return s.a.changes.watch() }
func (s station) Portrait(id string) ([]byte, bool)          { return s.a.engine.Portrait(id) }
func (s station) Consent(_ context.Context, id string) error { return s.a.engine.Consent(id) }
func (s station) Cancel(_ context.Context, id string) error  { return s.a.engine.Cancel(id) }

func (s station) Confirm(ctx context.Context, id string) error {
	if clerk, ok := kiosk.Clerk(ctx); ok {
		ctx = visit.WithClerk(ctx, clerk)
	}
	return s.a.engine.Confirm(ctx, id)
}

func (s station) SkipChip(_ context.Context, id string) error { return s.a.engine.SkipChip(id) }

func (s station) SubmitQR(_ context.Context, text string) (string, error) {
	return s.a.engine.ScanQR([]byte(text))
}

// admin answers the command line over the unix socket.
type admin struct{ a *Agent }

func (d admin) Outbox(context.Context) (any, error) { return d.a.store.Stat() }
