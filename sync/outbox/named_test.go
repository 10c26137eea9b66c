package outbox

import (
	"fmt"
	"testing"
)

func TestARecordIsFoundByTheIDItWasGiven(t *testing.T) {
	d := newDesk(t, t.TempDir())
	s := open(t, t.TempDir()+"/outbox.db", d.options())
	for i := range 600 {
		draft := Draft{Type: "vn.tram.visit.registered.v1", ID: fmt.Sprintf("visit-%d", i)}
		if i%2 == 1 {
			draft.ID = ""
		}
		r, err := s.Accept(t.Context(), draft)
		if err != nil {
			t.Fatal(err)
		}
		if draft.ID == "" {
			continue
		}
		if got, ok, err := s.Find(draft.ID); err != nil || !ok || got.Sequence != r.Sequence || r.ID != draft.ID {
			t.Fatalf("%s: found %+v, %v, %v; want sequence %d", draft.ID, got, ok, err, r.Sequence)
		}
	}
	if _, ok, err := s.Find("visit-0"); ok || err != nil {
		t.Errorf("an id of 600 records ago: %v, %v; want forgotten", ok, err)
	}
	if _, ok, err := s.Find("nobody"); ok || err != nil {
		t.Errorf("an id that was never given: %v, %v", ok, err)
	}
	last, _, _ := s.Find("visit-598")
	if err := s.Compact(); err != nil {
		t.Fatal(err)
	}
	if got, ok, err := s.Find("visit-598"); err != nil || !ok || got != last {
		t.Errorf("after compacting: %+v, %v, %v; want %+v", got, ok, err, last)
	}
}

// TestACountThatOnlyASumHoldsIsFoundByItsID: who was interrupted must not hand it
// in again, or it would be added twice.
func TestACountThatOnlyASumHoldsIsFoundByItsID(t *testing.T) {
	s, d, path := small(t)
	fill(t, s, Identity, 8000)
	merged := ""
	for i := range 40 {
		draft := countDraft(i, "north")
		draft.ID = fmt.Sprintf("count-%d", i)
		r, err := s.Accept(t.Context(), draft)
		if err != nil {
			t.Fatal(err)
		}
		if r.Merged {
			merged = draft.ID
		}
	}
	if merged == "" {
		t.Fatal("no count was merged: the outbox was not full")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o := d.options()
	o.MaxBytes = minBytes
	s = open(t, path, o)
	if r, ok, err := s.Find(merged); err != nil || !ok || !r.Merged || r.Sequence != 0 || r.ID != merged {
		t.Errorf("found %+v, %v, %v; want a merged count", r, ok, err)
	}
}
