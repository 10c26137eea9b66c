package outbox

import (
	"context"
	"crypto/sha256"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/sync/seal"
	"tram/sync/wire"
)

func TestMain(m *testing.M) {
	if os.Getenv("TRAM_OUTBOX_CHILD") != "" {
		child()
		return
	}
	goleak.VerifyTestMain(m)
}

const device = "desk-1"

// desk is a device's keys with a hub that can open what it sealed.
type desk struct {
	sealer *seal.Sealer
	opener *seal.Opener
}

func newDesk(t testing.TB, dir string) desk {
	t.Helper()
	key, err := seal.LoadOrCreateDeviceKey(filepath.Join(dir, "device.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	hubs, err := seal.LoadOrCreateHubKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	hub := hubs.Encryption()[0]
	sealer, err := seal.NewSealer(key, hub.Public())
	if err != nil {
		t.Fatal(err)
	}
	return desk{sealer, seal.NewOpener(hub, func(_, _ string) (*seal.PublicKey, error) { return key.Public(), nil })}
}

func (d desk) options() Options {
	return Options{Source: wire.Source(device), Seal: d.sealer.Seal}
}

func open(t testing.TB, path string, o Options) *Store {
	t.Helper()
	s, err := Open(path, o)
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

// fresh opens a new outbox in a temporary folder.
func fresh(t testing.TB) (*Store, desk, string) {
	t.Helper()
	dir := t.TempDir()
	d := newDesk(t, dir)
	path := filepath.Join(dir, "outbox.db")
	return open(t, path, d.options()), d, path
}

func draft(n int) Draft {
	return Draft{Type: "vn.tram.identity.verified.v1", Time: time.Unix(1_790_000_000, 0), Data: map[string]any{
		"n": n, "idCode": "099099000017", "personName": "Nguyễn Văn Thử",
	}}
}

func accept(t testing.TB, s *Store, n int) Receipt {
	t.Helper()
	r, err := s.Accept(context.Background(), draft(n))
	if err != nil {
		t.Fatalf("Accept: %v", err)
	}
	return r
}

// opened opens everything pending as the hub would and checks the chain.
func opened(t testing.TB, s *Store, d desk) []wire.Event {
	t.Helper()
	var all []wire.Event
	var prev wire.Hash
	after := uint64(0)
	for {
		records, err := s.Pending(after, 500, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			return all
		}
		for _, r := range records {
			plain, err := d.opener.Open(device, r.Sealed)
			if err != nil {
				t.Fatalf("open envelope %d: %v", r.Sequence, err)
			}
			events, err := wire.ParseEvents(plain)
			if err != nil {
				t.Fatalf("parse envelope %d: %v", r.Sequence, err)
			}
			if uint64(events[0].Sequence) != r.Sequence || uint64(events[len(events)-1].Sequence) != r.Last {
				t.Fatalf("envelope %d to %d holds %d to %d", r.Sequence, r.Last, events[0].Sequence, events[len(events)-1].Sequence)
			}
			if len(all) > 0 && all[len(all)-1].Sequence+1 == events[0].Sequence && events[0].PrevHash != prev && events[0].PrevHash != (wire.Hash{}) {
				t.Fatalf("envelope %d does not name the one before", r.Sequence)
			}
			prev = sha256.Sum256(r.Sealed)
			all = append(all, events...)
			after = r.Sequence
		}
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}
