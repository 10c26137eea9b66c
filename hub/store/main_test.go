package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/hub/hubtest"
	"tram/hub/store"
	"tram/sync/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is where a test's store lives: it can be opened again and again.
type place struct {
	t    testing.TB
	open func() store.Store
}

// cases must hold on every store.
var cases = []struct {
	name string
	test func(t *testing.T, p place)
}{
	{"keeps its id, and what it was given, when it is opened again", keepsItsID},
	{"stores each record once and counts duplicates", storesOnce},
	{"names gaps until they are filled", namesGaps},
	{"refuses other records under the same sequences", refusesConflicts},
	{"counts breaks of the chain in whatever order envelopes come", countsBreaks},
	{"takes a signed discard as explanation", takesDiscards},
	{"verifies checkpoints when nothing is missing below", verifiesCheckpoints},
	{"does not verify over a break of the chain", doesNotVerifyOverABreak},
	{"tells both times of a record whose clock was repaired", tellsBothTimes},
	{"lists records in order, page after page", listsRecords},
	{"tells counts of stays, and none with a small cell", tellsStays},
	{"keeps aside what it refused, once and within bounds", keepsAside},
	{"names a lower highwater when there are too many gaps", lowerHighwater},
	{"sends a command until it is answered", sendsCommands},
	{"remembers which devices check signatures", remembersWhoChecks},
	{"stores anything in any order like a set", likeASet},
}

func TestEveryStore(t *testing.T) {
	t.Run("bbolt", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "hub.db")
				c.test(t, place{t, func() store.Store {
					s, err := store.Open(path)
					if err != nil {
						t.Fatal(err)
					}
					return s
				}})
			})
		}
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		server := hubtest.StartPostgres(t, "fsync=off")
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				dsn := server.Database()
				c.test(t, place{t, func() store.Store { return openPostgres(t, dsn) }})
			})
		}
		t.Run("several processes migrate and store at once", func(t *testing.T) { severalAtOnce(t, server) })
		t.Run("the schema is the same after each start", func(t *testing.T) { schemaIsIdempotent(t, server) })
		t.Run("a view tells both times", func(t *testing.T) { viewTellsBothTimes(t, server) })
		t.Run("what is committed survives a crash of the server", func(t *testing.T) { survivesACrash(t, server) })
	})
}

func openPostgres(t testing.TB, dsn string) *store.Postgres {
	t.Helper()
	s, err := store.OpenPostgres(context.Background(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fresh opens the store until the test ends.
func (p place) fresh() store.Store {
	s := p.open()
	p.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			p.t.Error(err)
		}
	})
	return s
}

var (
	ctx  = context.Background()
	noon = time.Date(2026, 9, 21, 12, 0, 0, 0, time.UTC)
)

// chain makes the envelopes of one device.
type chain struct {
	t      testing.TB
	device string
	next   uint64
	prev   wire.Hash
	boot   string
	mono   uint64
}

func newChain(t testing.TB, device string) *chain {
	return &chain{t: t, device: device, next: 1, boot: "boot-1"}
}

// add makes an envelope of n records.
func (c *chain) add(n int) store.Item {
	events := make([]wire.Event, n)
	for i := range events {
		events[i] = c.event("vn.tram.test.v1", nil)
	}
	return c.item(events...)
}

// say makes an envelope of one record with data.
func (c *chain) say(kind string, data any) store.Item {
	return c.item(c.event(kind, data))
}

func (c *chain) event(kind string, data any) wire.Event {
	raw, err := json.Marshal(data)
	if err != nil {
		c.t.Fatal(err)
	}
	c.mono += 1000
	return wire.Event{
		SpecVersion: "1.0", ID: fmt.Sprintf("%s-%d", c.device, c.next), Source: wire.Source(c.device), Type: kind,
		Time: noon.Add(time.Duration(c.mono)), RecordedTime: noon, BootID: c.boot, Monotonic: wire.Nanoseconds(c.mono), Data: raw,
	}
}

func (c *chain) item(events ...wire.Event) store.Item {
	for i := range events {
		events[i].Sequence, events[i].PrevHash = wire.Sequence(c.next+uint64(i)), c.prev
		events[i].ID = fmt.Sprintf("%s-%d", c.device, events[i].Sequence)
	}
	plain, err := wire.MarshalEvents(events)
	if err != nil {
		c.t.Fatal(err)
	}
	// The store never looks inside: the plain bytes stand for the sealed ones.
	it := store.Item{Device: c.device, Site: "ward-7", Sealed: plain, Events: events, First: c.next, Last: c.next + uint64(len(events)) - 1}
	c.next += uint64(len(events))
	c.prev = sha256.Sum256(plain)
	return it
}

// put stores items and returns the outcome.
func put(t testing.TB, s store.Store, items ...store.Item) store.Outcome {
	t.Helper()
	out, err := s.Put(ctx, store.Arrivals{Items: items}, noon)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// report returns what the store says of a device.
func report(t testing.TB, s store.Store, device string) store.Device {
	t.Helper()
	list, err := s.Report(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if d.Device == device {
			return d
		}
	}
	t.Fatalf("nothing is known of %s", device)
	return store.Device{}
}
