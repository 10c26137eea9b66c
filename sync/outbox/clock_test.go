package outbox

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tram/sync/wire"
)

// clocks are a machine's clocks, set by hand.
type clocks struct {
	mu     sync.Mutex
	boot   string
	since  time.Duration
	wall   time.Time
	synced bool
}

func (c *clocks) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.since += d
	c.wall = c.wall.Add(d)
}

func (c *clocks) set(wall time.Time, synced bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall, c.synced = wall, synced
}

func (c *clocks) options(o Options) Options {
	o.Now = func() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.wall }
	o.Boot = func() (string, time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); return c.boot, c.since }
	o.Synced = func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.synced }
	o.Floor = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return o
}

// repaired returns the true times of all events of a type, as a hub works them
// out: every offset of the boot that speaks of the event is added.
func repaired(t *testing.T, events []wire.Event, kind string) []time.Time {
	t.Helper()
	var offsets []wire.ClockOffset
	for _, e := range events {
		if e.Type == wire.TypeClockOffset {
			o, err := wire.ParseClockOffset(e.Data)
			if err != nil {
				t.Fatal(err)
			}
			offsets = append(offsets, o)
		}
	}
	var out []time.Time
	for _, e := range events {
		if e.Type != kind {
			continue
		}
		at := e.RecordedTime
		for _, o := range offsets {
			if o.Applies(&e) {
				at = o.Repair(at)
			}
		}
		out = append(out, at)
	}
	return out
}

func TestAClockThatIsSetByYearsIsRepairedAndNothingIsLostOrReordered(t *testing.T) {
	truth := time.Date(2026, 9, 21, 7, 0, 0, 0, time.UTC)
	machine := &clocks{boot: "boot-1", since: time.Minute, wall: time.Date(1970, 1, 1, 0, 1, 0, 0, time.UTC)}
	dir := t.TempDir()
	d := newDesk(t, dir)
	path := filepath.Join(dir, "outbox.db")
	o := machine.options(d.options())
	s := open(t, path, o)
	var want []time.Time
	record := func() {
		t.Helper()
		if _, err := s.Accept(context.Background(), Draft{Type: "vn.tram.test.v1"}); err != nil {
			t.Fatal(err)
		}
		want = append(want, truth)
	}
	pass := func(by time.Duration) { machine.pass(by); truth = truth.Add(by) }
	record() // in 1970
	pass(time.Hour)
	record()
	machine.set(truth, true) // NTP answers
	pass(time.Minute)
	record()
	machine.set(truth.AddDate(10, 0, 0), true) // a mad server
	pass(time.Minute)
	record()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	machine.set(truth, true) // set right while nothing runs
	s = open(t, path, o)
	pass(time.Minute)
	record()
	machine.set(time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), false) // the battery is empty
	pass(time.Minute)
	record()
	machine.set(truth, true)
	pass(time.Minute)
	record()

	events := opened(t, s, d)
	got := repaired(t, events, "vn.tram.test.v1")
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range want {
		if diff := got[i].Sub(want[i]).Abs(); diff > time.Second {
			t.Errorf("record %d is repaired to %v, want %v", i+1, got[i], want[i])
		}
	}
	var flags []string
	for _, e := range events {
		if e.Type == "vn.tram.test.v1" {
			flags = append(flags, e.Clock)
		}
	}
	if flags[0] != wire.ClockUnsynced || flags[1] != wire.ClockUnsynced || flags[2] != "" || flags[5] != wire.ClockUnsynced {
		t.Errorf("clock attributes %q", flags)
	}
	if missing := explained(t, events).Missing(); len(missing) != 0 {
		t.Errorf("unexplained: %v", missing)
	}
	if err := s.Verify(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestASynchronisedClockIsBelievedAgainstAWrongTimeOnRecord(t *testing.T) {
	truth := time.Date(2026, 9, 21, 7, 0, 0, 0, time.UTC)
	machine := &clocks{boot: "boot-2", since: time.Minute, wall: truth, synced: true}
	o := machine.options(Options{})
	c := newClock(&o, reference{BootID: "boot-1", Latest: truth.AddDate(10, 0, 0).UnixNano()})
	if !c.stamp().unsynced {
		t.Error("a clock behind the time on record is trusted at once")
	}
	machine.pass(believeAfter + time.Second)
	if c.stamp().unsynced {
		t.Error("a clock that stays synchronised is never trusted")
	}
}

func TestDriftIsNoStep(t *testing.T) {
	machine := &clocks{boot: "b", since: time.Minute, wall: time.Date(2026, 9, 21, 0, 0, 0, 0, time.UTC), synced: true}
	o := machine.options(Options{})
	c := newClock(&o, reference{})
	for range 1000 {
		c.stamp()
		machine.pass(time.Minute)
		machine.set(machine.wall.Add(30*time.Millisecond), true)
	}
	if p, _ := c.take(); len(p) != 0 {
		t.Errorf("drift makes %d offsets", len(p))
	}
}

func TestCheckpointsSayHowFarTheChainHasCome(t *testing.T) {
	machine := &clocks{boot: "b", since: time.Minute, wall: time.Date(2026, 9, 21, 0, 0, 0, 0, time.UTC), synced: true}
	dir := t.TempDir()
	d := newDesk(t, dir)
	s := open(t, filepath.Join(dir, "outbox.db"), machine.options(d.options()))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for i := range 130 {
				if _, err := s.Accept(context.Background(), draft(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	machine.pass(25 * time.Hour)
	accept(t, s, 1)
	ends := map[uint64]wire.Hash{}
	records, err := s.Pending(0, 1<<20, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		hash, err := hashOf(s, r.Sequence)
		if err != nil {
			t.Fatal(err)
		}
		ends[r.Last] = hash
	}
	found := 0
	for _, e := range opened(t, s, d) {
		if e.Type != wire.TypeCheckpoint {
			continue
		}
		found++
		c, err := wire.ParseCheckpoint(e.Data)
		if err != nil {
			t.Fatal(err)
		}
		if hash, ok := ends[c.Last]; !ok || hash != c.Hash || c.Last >= uint64(e.Sequence) || c.Records != c.Last || c.Discarded != 0 {
			t.Errorf("checkpoint %+v in record %d does not fit the queue", c, e.Sequence)
		}
	}
	if found != 3 {
		t.Errorf("%d checkpoints in 2,600 records and a day, want 3", found)
	}
}

// hashOf returns the hash of the envelope that begins at a sequence.
func hashOf(s *Store, first uint64) (hash wire.Hash, err error) {
	entries, err := s.List(first-1, 1)
	if err != nil {
		return hash, err
	}
	return hash, hash.UnmarshalText([]byte(entries[0].Hash))
}
