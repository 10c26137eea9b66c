package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"tram/sync/wire"
)

// small opens an outbox with the smallest quota.
func small(t testing.TB) (*Store, desk, string) {
	t.Helper()
	dir := t.TempDir()
	d := newDesk(t, dir)
	o := d.options()
	o.MaxBytes = minBytes
	path := filepath.Join(dir, "outbox.db")
	return open(t, path, o), d, path
}

// noise is data that does not compress: n bytes.
func noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rand.IntN(256))
	}
	return b
}

// fill hands in records of a priority until one is refused, and returns their
// sequences and the refusal.
func fill(t testing.TB, s *Store, p Priority, size int) ([]uint64, *FullError) {
	t.Helper()
	var seqs []uint64
	for range 5000 {
		r, err := s.Accept(context.Background(), Draft{Type: "vn.tram.test.v1", Priority: p, Data: noise(size)})
		var full *FullError
		if errors.As(err, &full) {
			return seqs, full
		}
		if err != nil {
			t.Fatalf("Accept: %v", err)
		}
		seqs = append(seqs, r.Sequence)
	}
	t.Fatal("the outbox is never full")
	return nil, nil
}

// settled waits until the outbox has named everything that it discarded.
func settled(t testing.TB, s *Store) {
	t.Helper()
	eventually(t, "every discard is named", func() bool { return !s.owing.Load() && !s.paying.Load() })
}

func TestNearTheLimitTheOldestPhotographsGoAndASignedRecordNamesThem(t *testing.T) {
	s, d, _ := small(t)
	kept := []uint64{accept(t, s, 1).Sequence}
	var photos []uint64
	for range 100 {
		r, err := s.Accept(context.Background(), Draft{Type: "vn.tram.visit.photo.v1", Data: noise(20_000)})
		if err != nil {
			t.Fatalf("a photograph near the limit: %v; want the oldest to go", err)
		}
		photos = append(photos, r.Sequence)
	}
	for i := range 50 {
		kept = append(kept, accept(t, s, i).Sequence)
	}
	settled(t, s)
	for _, seq := range kept {
		if got := s.State(seq); got != Accepted {
			t.Errorf("record %d is %q, want %q", seq, got, Accepted)
		}
	}
	if first, last := s.State(photos[0]), s.State(photos[len(photos)-1]); first != Discarded || last != Accepted {
		t.Errorf("the oldest photograph is %q, the newest %q; want it discarded and kept", first, last)
	}
	events := opened(t, s, d)
	if missing := explained(t, events).Missing(); len(missing) != 0 {
		t.Errorf("unexplained: %v", missing)
	}
	for _, e := range events {
		if e.Type != wire.TypeDiscarded {
			continue
		}
		if said, err := wire.ParseDiscarded(e.Data); err != nil || said.Reason != wire.ReasonQuota {
			t.Errorf("the discard says %+v, %v; want the reason %s", said, err, wire.ReasonQuota)
		}
	}
	st, err := s.Stat()
	if err != nil || st.Discarded == 0 || st.Pending+st.Discarded != st.Accepted || st.Delivered != 0 {
		t.Errorf("Stat = %+v, %v", st, err)
	}
	if err := s.Verify(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestPrioritiesAreRefusedOneAfterTheOtherAndIdentityTakesThePlaceOfPassages(t *testing.T) {
	s, d, _ := small(t)
	passages, full := fill(t, s, Passage, 8000)
	if full.Reason != FullQuota || full.Priority != Passage || full.Limit <= 0 {
		t.Errorf("a passage is refused with %+v", full)
	}
	if _, err := s.Accept(context.Background(), Draft{Type: "x", Priority: Photo, Data: noise(8000)}); !errors.Is(err, ErrFull) {
		t.Errorf("a photograph in a full outbox: %v, want ErrFull", err)
	}
	identities, full := fill(t, s, Identity, 8000)
	if full.Priority != Identity {
		t.Errorf("an identity is refused with %+v", full)
	}
	if st, err := s.Stat(); err != nil || len(identities) < len(passages)/2 {
		t.Errorf("%d identities took the place of %d passages: %v; %+v, %v", len(identities), len(passages), full, st, err)
	}
	settled(t, s)
	for _, seq := range identities {
		if got := s.State(seq); got != Accepted {
			t.Fatalf("identity %d is %q, want %q", seq, got, Accepted)
		}
	}
	if missing := explained(t, opened(t, s, d)).Missing(); len(missing) != 0 {
		t.Errorf("unexplained: %v", missing)
	}
	if err := s.Acknowledge(wire.Ack{Highwater: identities[len(identities)-1]}); err != nil {
		t.Errorf("an acknowledgement does not fit: %v", err)
	}
	accept(t, s, 1)
}

// tallyOf is the data of a count in these tests.
type tallyOf struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	In     int       `json:"in"`
	Out    int       `json:"out"`
	Line   string    `json:"line"`
	Merged int       `json:"merged,omitempty"`
}

func countDraft(i int, line string) Draft {
	at := time.Unix(1_790_000_000+int64(i)*60, 0).UTC()
	return Draft{Type: "vn.tram.gate.counted.v1", Time: at, Data: tallyOf{From: at.Add(-time.Minute), To: at, In: i, Out: 1, Line: line}}
}

func TestCountsAreMergedNearTheLimitAndTheSumStaysRight(t *testing.T) {
	for _, restart := range []bool{false, true} {
		s, d, path := small(t)
		want := map[string]int{}
		n := 0
		count := func(times int) (merged int) {
			for range times {
				n++
				line := []string{"north", "south"}[n%2]
				r, err := s.Accept(context.Background(), countDraft(n, line))
				if err != nil {
					t.Fatalf("count %d: %v", n, err)
				}
				if r.Merged != (r.Sequence == 0) {
					t.Fatalf("receipt %+v", r)
				}
				if r.Merged {
					merged++
				}
				want[line] += n
			}
			return merged
		}
		count(100)
		if _, err := s.Pending(0, 10, 1<<20); err != nil { // handed out: the hub may have these
			t.Fatal(err)
		}
		identities, _ := fill(t, s, Identity, 8000)
		if merged := count(50); merged == 0 {
			t.Error("a full outbox takes counts, but merges none")
		}
		if _, full := fill(t, s, Identity, 100); full == nil {
			t.Error("not full")
		}
		if restart {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			o := d.options()
			o.MaxBytes = minBytes
			s = open(t, path, o)
		}
		settled(t, s)
		if missing := explained(t, opened(t, s, d)).Missing(); len(missing) != 0 {
			t.Errorf("unexplained: %v", missing)
		}
		var before []wire.Event
		for _, e := range opened(t, s, d) {
			if uint64(e.Sequence) <= identities[len(identities)-1] {
				before = append(before, e)
			}
		}
		if err := s.Acknowledge(wire.Ack{Highwater: identities[len(identities)-1]}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the sums get their records", func() bool { st, err := s.Stat(); return err == nil && st.Sums == 0 })
		settled(t, s)
		got, records := map[string]int{}, 0
		for _, e := range append(before, opened(t, s, d)...) {
			if e.Type != "vn.tram.gate.counted.v1" {
				continue
			}
			var c tallyOf
			if err := json.Unmarshal(e.Data, &c); err != nil {
				t.Fatal(err)
			}
			got[c.Line] += c.In
			records += max(c.Merged, 1)
		}
		if got["north"] != want["north"] || got["south"] != want["south"] || records != n {
			t.Errorf("restart %v: the hub counts %v in %d records, want %v in %d", restart, got, records, want, n)
		}
	}
}

func TestASumCoversTheSpanOfItsCounts(t *testing.T) {
	var sum *count
	for i := 1; i <= 3; i++ {
		d := countDraft(i, "north")
		b, err := json.Marshal(d.Data)
		if err != nil {
			t.Fatal(err)
		}
		c := newCount(&d, d.Time, b)
		if sum == nil {
			sum = c
			continue
		}
		if sum.line() != c.line() {
			t.Fatal("counts of one line do not belong together")
		}
		sum.add(c)
	}
	b, err := json.Marshal(sum.Data)
	if err != nil {
		t.Fatal(err)
	}
	var got tallyOf
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	first, last := countDraft(1, "").Data.(tallyOf), countDraft(3, "").Data.(tallyOf)
	if want := (tallyOf{From: first.From, To: last.To, In: 6, Out: 3, Line: "north", Merged: 3}); got != want {
		t.Errorf("sum %+v, want %+v", got, want)
	}
	other := countDraft(1, "south")
	b, err = json.Marshal(other.Data)
	if err != nil {
		t.Fatal(err)
	}
	if newCount(&other, other.Time, b).line() == sum.line() {
		t.Error("counts of different lines belong together")
	}
}

func TestPrioritiesFollowTheTypeUnlessTheDraftSaysOtherwise(t *testing.T) {
	for _, c := range []struct {
		draft Draft
		want  Priority
	}{
		{Draft{Type: "vn.tram.visit.registered.v1"}, Identity}, {Draft{Type: "vn.tram.visit.photo.v1"}, Photo},
		{Draft{Type: "vn.tram.gate.counted.v1"}, Count}, {Draft{Type: "vn.tram.gate.passed.v1"}, Passage},
		{Draft{Type: "vn.tram.gate.counted.v1", Priority: Identity}, Identity}, {Draft{Type: wire.TypeDiscarded}, own},
		{Draft{Type: "vn.tram.unheard.of.v1"}, Identity}, {Draft{Type: "x", Priority: 200}, Identity},
	} {
		if got := priorityOf(&c.draft); got != c.want {
			t.Errorf("%s with priority %d: %v, want %v", c.draft.Type, c.draft.Priority, got, c.want)
		}
	}
}

func TestADeviceOfAnotherNameIsRefusedAndTheRecordsStay(t *testing.T) {
	s, d, path := fresh(t)
	accept(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o := d.options()
	o.Source = wire.Source("desk-2")
	if _, err := Open(path, o); !errors.Is(err, ErrSource) {
		t.Fatalf("Open under another name: %v, want ErrSource", err)
	}
	if n := len(opened(t, open(t, path, d.options()), d)); n != 1 {
		t.Errorf("%d records under the old name, want 1", n)
	}
}

func TestRecordsSealedForTwoHubKeysAreOneChain(t *testing.T) {
	s, d, path := fresh(t)
	accept(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	next := newDesk(t, t.TempDir())
	s = open(t, path, next.options())
	accept(t, s, 2)
	records, err := s.Pending(0, 10, 1<<20)
	if err != nil || len(records) != 2 {
		t.Fatalf("%d envelopes, %v; want 2", len(records), err)
	}
	for i, by := range []desk{d, next} {
		if _, err := by.opener.Open(device, records[i].Sealed); err != nil {
			t.Errorf("envelope %d does not open with its own hub's key: %v", i+1, err)
		}
	}
	if err := s.Verify(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestKeptSaysWhatCanBeSentAgain(t *testing.T) {
	s, _, _ := fresh(t)
	for i := range 6 {
		accept(t, s, i)
	}
	if err := s.Acknowledge(wire.Ack{Highwater: 4, Missing: []wire.Range{{First: 2, Last: 2}}}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Kept([]wire.Range{{First: 1, Last: 3}, {First: 4, Last: 5}, {First: 90, Last: 99}})
	want := wire.Set{{First: 2, Last: 2}, {First: 5, Last: 5}}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("Kept = %v, %v; want %v", got, err, want)
	}
}

func TestCountsWithLinesZonesAndNotesAreOneSum(t *testing.T) {
	parse := func(s string) *count {
		var c count
		if err := json.Unmarshal([]byte(`{"type":"vn.tram.gate.counted.v1","data":`+s+`}`), &c); err != nil {
			t.Fatal(err)
		}
		return &c
	}
	a := parse(`{"profile":"p","from":"1","to":"2","in":3,"lines":{"door":{"in":2,"out":1},"back":{"in":1,"out":0}},"zones":{"hall":{"inside":9,"entered":4,"left":1}}}`)
	b := parse(`{"profile":"p","from":"2","to":"3","in":1,"lines":{"door":{"in":1,"out":5}},"zones":{"hall":{"inside":2,"entered":1,"left":8}},"notes":{"slow":1}}`)
	c := parse(`{"profile":"p","from":"3","to":"4","in":1,"lines":{},"notes":{"slow":1,"gaps":1}}`)
	other := parse(`{"profile":"q","from":"2","to":"3","in":1}`)
	if a.line() != b.line() || a.line() != c.line() || a.line() == other.line() {
		t.Error("counts of one gate are kept apart, or those of two are not")
	}
	a.add(b)
	a.add(c)
	got, err := json.Marshal(a.Data)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"from":"1","in":5,"lines":{"back":{"in":1,"out":0},"door":{"in":3,"out":6}},"merged":3,"notes":{"gaps":1,"slow":2},"profile":"p","to":"4","zones":{"hall":{"entered":5,"inside":2,"left":9}}}`
	if string(got) != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}
