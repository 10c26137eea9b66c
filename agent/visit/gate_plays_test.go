package visit

import (
	"context"
	"errors"
	"testing"
)

// door lets pass, or not; an empty one is no gate that opens.
type door string

func (d door) Pass(_ context.Context, e Entry) (Passage, error) {
	if d == "" {
		return Passage{}, ErrDoor
	}
	return Passage{Result: string(d), Direction: e.Direction, Opened: true, By: "sensor"}, nil
}

func (r *register) Redraft(e Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun[e.ID] = e
	return nil
}

func TestARecordSaysWhatBecameOfAPassage(t *testing.T) {
	for result, want := range map[door]struct {
		stage      Stage
		code, kind string
	}{
		PassageConfirmed:   {StageRecorded, "", "vn.tram.gate.passed.v1"},
		PassageUnconfirmed: {StageRecorded, "", "vn.tram.gate.passed.v1"},
		PassageAnnulled:    {StageFailed, "passage_annulled", TypeAnnulled},
		"":                 {StageFailed, "no_gate", ""},
	} {
		book := &register{find: func(Entry) Finding { return Finding{Direction: "out"} }}
		c := newDesk(t, shipped(t, "industrial-gate"), book)
		c.opt.Door = result
		id := c.code(t)
		v := c.await(t, want.stage)
		if want.code != "" && v.Failure.Code != want.code {
			t.Errorf("%s: failure %+v, want %s", result, v.Failure, want.code)
		}
		if want.kind == "" {
			if len(c.book.drafts) != 0 || len(book.dropped) != 1 {
				t.Errorf("a gate that does not open: %d records, dropped %v", len(c.book.drafts), book.dropped)
			}
			continue
		}
		d := c.book.drafts[0]
		if p := c.record(t).Passage; d.Type != want.kind || p == nil || p.Result != string(result) || p.Direction != "out" {
			t.Errorf("%s: recorded %s with passage %+v", result, d.Type, p)
		}
		if e := book.begun[id]; e.Passage != string(result) || e.RecordType != want.kind || book.done[id] != 1 {
			t.Errorf("%s: the register has passage %q, type %s", result, e.Passage, e.RecordType)
		}
	}
}

func TestAVisitorIsLetInByTheGuardAndNobodyElse(t *testing.T) {
	book := &register{find: func(e Entry) Finding {
		return Finding{Alarms: []Alarm{{Code: "not_allowed", Stop: e.Answers.Reveal()["host"] == ""}}}
	}}
	c := newDesk(t, shipped(t, "industrial-gate"), book)
	id := c.code(t)
	if v := c.await(t, StageFailed); v.Failure.Code != "not_allowed" {
		t.Fatalf("%+v", v.Failure)
	}
	if err := c.Back(id); err != nil {
		t.Fatal(err)
	}
	if err := c.Confirm(WithClerk(t.Context(), "lan"), id); !errors.Is(err, ErrConflict) {
		t.Errorf("confirmed although it was stopped: %v", err)
	}
	if err := c.Answer(id, map[string]string{"host": "Phòng kỹ thuật"}); err != nil {
		t.Fatal(err)
	}
	c.await(t, StageConfirm) // a warning is looked at, also where nobody usually touches
	if err := c.Confirm(t.Context(), id); !errors.Is(err, ErrNeedsClerk) || len(c.book.drafts) != 0 {
		t.Errorf("a visitor lets themselves in: %v", err)
	}
	if err := c.Confirm(WithClerk(t.Context(), "lan"), id); err != nil {
		t.Fatal(err)
	}
	if r := c.record(t); len(r.Alarms) != 1 || r.Alarms[0] != "not_allowed" || book.begun[id].Clerk != "lan" {
		t.Errorf("the record says nothing of the alarm: %v", r.Alarms)
	}
}

// Who boarded already goes back to the questions and confirms: nothing is recorded.
func TestWhatStopsAVisitCannotBeWalkedAround(t *testing.T) {
	book := &register{find: func(Entry) Finding {
		return Finding{Alarms: []Alarm{{Code: "twice_boarded", Stop: true}}, Fill: map[string]string{"trip": "t-1"}}
	}}
	c := newDesk(t, shipped(t, "coach"), book)
	id := c.code(t)
	c.await(t, StageFailed)
	if err := c.Back(id); err != nil {
		t.Fatal(err)
	}
	if err := c.Confirm(t.Context(), id); !errors.Is(err, ErrConflict) || len(c.book.drafts) != 0 {
		t.Errorf("confirmed: %v, %d records", err, len(c.book.drafts))
	}
}
