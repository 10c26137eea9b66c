package uplink_test

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/hub"
	"tram/hub/hubtest"
	"tram/sync/outbox"
	"tram/sync/uplink"
	"tram/sync/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	site   = "ward-7"
	device = "desk-1"
)

// desk is a device: its outbox and its uplink, running until the test ends.
type desk struct {
	t      testing.TB
	store  *outbox.Store
	uplink *uplink.Uplink
	stop   func()
}

// quick are options whose times suit a test.
func quick(o uplink.Options) uplink.Options {
	o.Site, o.BackoffMin, o.BackoffMax = site, 5*time.Millisecond, 100*time.Millisecond
	if o.Device == "" {
		o.Device = device
	}
	if o.AckTimeout == 0 {
		o.AckTimeout = time.Hour // nothing in the test may hang on it
	}
	return o
}

func openStore(t testing.TB, seal func([]byte) ([]byte, error)) *outbox.Store {
	t.Helper()
	s, err := outbox.Open(filepath.Join(t.TempDir(), "outbox.db"), outbox.Options{Source: wire.Source(device), Seal: seal})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// startDesk runs a device whose key the hub on dir knows.
func startDesk(t testing.TB, dir string, o uplink.Options) *desk {
	t.Helper()
	if o.Store == nil {
		o.Store = openStore(t, hubtest.Device(t, dir, device).Seal)
	}
	o = quick(o)
	u, err := uplink.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := u.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	d := &desk{t: t, uplink: u, stop: sync.OnceFunc(func() { cancel(); running.Wait() })}
	d.store, _ = o.Store.(*outbox.Store)
	t.Cleanup(d.stop)
	return d
}

// accept hands n records in, from several callers.
func (d *desk) accept(n int) {
	d.t.Helper()
	accept(d.t, d.store, n)
}

func accept(t testing.TB, s *outbox.Store, n int) {
	t.Helper()
	var wg sync.WaitGroup
	work := make(chan int)
	for range min(n, 8) {
		wg.Go(func() {
			for i := range work {
				_, err := s.Accept(context.Background(), outbox.Draft{Type: "vn.tram.identity.verified.v1", Data: map[string]any{
					"n": i, "idCode": "099099000017", "personName": "Nguyễn Văn Thử",
				}})
				if err != nil {
					t.Errorf("Accept: %v", err)
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
}

// delivered waits until the hub acknowledged n records.
func (d *desk) delivered(n uint64) {
	d.t.Helper()
	hubtest.Until(d.t, "every record is delivered", func() bool {
		st, err := d.store.Stat()
		if err != nil {
			d.t.Fatal(err)
		}
		return st.Delivered == n && st.Accepted == n
	})
}

// state waits for the uplink's state.
func (d *desk) state(want string) {
	d.t.Helper()
	hubtest.Until(d.t, "the uplink is "+want, func() bool { return d.uplink.State() == want })
}

// whole checks that the hub has records 1 to n, once and with an unbroken chain.
func whole(t *testing.T, dir string, n uint64) {
	t.Helper()
	r := hubtest.Report(t, dir, device)
	if r.Highwater != n || len(r.Missing) != 0 || r.Records != n || r.Rejected != 0 || r.ChainBreaks != 0 {
		t.Errorf("the hub reports %+v, want %d records and nothing else", r, n)
	}
}

// quiet is a hub's options without a log.
func quiet(o hub.Options) hub.Options {
	o.Log = slog.New(slog.DiscardHandler)
	return o
}
