package outbox

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tram/sync/wire"
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

// TestCountsOfStaysThatAreAddedUpAreStillOne: days that waited too long become one
// record, which tells no small cell either.
func TestCountsOfStaysThatAreAddedUpAreStillOne(t *testing.T) {
	day := time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC)
	of := func(i, stays int) *count {
		c := wire.NewStayCount()
		c.Profile, c.From, c.To, c.Stays = "lodging", day.AddDate(0, 0, i), day.AddDate(0, 0, i+1), stays
		if stays == 0 {
			c.Few = 1
		} else {
			c.Reason = map[string]int{[]string{"tourism", "health"}[i%2]: stays - 5}
			c.Age, c.Nationality, c.Nights = map[string]int{"18-34": stays}, map[string]int{"VNM": stays}, map[string]int{"1": stays}
			c.Withheld = map[string]int{"reason": 5}
		}
		data, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		return newCount(&Draft{Type: wire.TypeStaysCounted, Data: c}, c.To, data)
	}
	sum := of(0, 12)
	for i, stays := range []int{0, 11, 20} {
		next := of(i+1, stays)
		if next.line() != sum.line() {
			t.Fatalf("day %d is not added up with the one before", i+1)
		}
		sum.add(next)
	}
	data, err := json.Marshal(sum.Data)
	if err != nil {
		t.Fatal(err)
	}
	got, err := wire.ParseStayCount(data)
	if err != nil || got.Stays != 43 || got.Few != 1 || got.Merged != 4 || got.Reason["tourism"] != 13 || got.Reason["health"] != 15 || got.Withheld["reason"] != 15 || !got.From.Equal(day) || !got.To.Equal(day.AddDate(0, 0, 4)) {
		t.Errorf("the sum is %+v, %v", got, err)
	}
}
