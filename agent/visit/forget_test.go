package visit

import (
	"errors"
	"testing"
	"time"

	"tram/agent/profile"
	"tram/sync/outbox"
)

func TestNothingOfThePersonStaysAfterTheyLeave(t *testing.T) {
	c := newDesk(t, shipped(t, "hospital-kiosk"), &register{})
	for _, stage := range []Stage{StageConsent, StageCard, StageAsk, StageConfirm, StageRecorded} {
		id := c.code(t)
		steps := map[Stage]func() error{
			StageCard: func() error { return c.Consent(id) },
			StageAsk:  func() error { c.Card(true); c.await(t, StageAsk); return nil },
			StageConfirm: func() error {
				return c.Answer(id, map[string]string{"department": "eye"})
			},
			StageRecorded: func() error { return c.Confirm(t.Context(), id) },
		}
		for _, next := range []Stage{StageCard, StageAsk, StageConfirm, StageRecorded} {
			if c.View().Stage == stage {
				break
			}
			if err := steps[next](); err != nil {
				t.Fatal(stage, next, err)
			}
		}
		v := c.await(t, stage)
		c.mu.Lock()
		s := c.cur
		picture := s.portrait.Reveal()
		c.mu.Unlock()
		if v.Portrait != (len(picture) > 0) {
			t.Errorf("%s: portrait %v, %d bytes", stage, v.Portrait, len(picture))
		}
		if err := c.Cancel(id); err != nil {
			t.Fatal(err)
		}
		c.Card(false)
		if c.View() != nil || s.qr != nil || s.person.PersonName.IsSet() || s.answers != nil || s.portrait.IsSet() || s.idNumber.IsSet() || s.password.IsSet() {
			t.Errorf("%s: something of the person stays", stage)
		}
		for _, b := range picture {
			if b != 0 {
				t.Fatalf("%s: the picture stays in memory", stage)
			}
		}
	}
}

func TestEveryStageForgetsAnIdlePerson(t *testing.T) {
	for _, stage := range []Stage{StageConsent, StageCard, StageAsk} {
		p := shipped(t, "one-stop")
		p.Timeouts = profile.Timeouts{}
		c := newDesk(t, p, &register{})
		id := c.code(t)
		if stage != StageConsent {
			_ = c.Consent(id)
		}
		if stage == StageAsk {
			_ = c.SkipChip(id)
		}
		c.await(t, stage)
		c.mu.Lock()
		c.opt.Idle = time.Millisecond
		c.enter(c.cur, stage)
		c.mu.Unlock()
		for deadline := time.Now().Add(20 * time.Second); c.View() != nil; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("an idle visit at %s was never forgotten", stage)
			}
		}
	}
}

func TestARecordThatThePowerCutOffIsRepairedUnderItsOwnID(t *testing.T) {
	book := &register{}
	c := newDesk(t, shipped(t, "exam-room"), book)
	c.book.err = errors.New("the disk went away") // kept or not: nobody knows
	id := c.code(t)
	_ = c.Consent(id)
	c.Card(true)
	c.await(t, StageConfirm)
	if err := c.Confirm(t.Context(), id); err == nil {
		t.Fatal("accepted by a disk that is not there")
	}
	if len(book.dropped) != 0 || len(book.done) != 0 {
		t.Fatalf("dropped %v, done %v: want it pending", book.dropped, book.done)
	}
	c.book.err = nil
	n, err := Repair(t.Context(), []Entry{book.begun[id], {ID: "broken"}}, c.book, book)
	if n != 1 || err == nil || book.done[id] != 1 || c.book.drafts[0].ID != id || len(book.dropped) != 1 {
		t.Errorf("repaired %d, %v, done %v, dropped %v", n, err, book.done, book.dropped)
	}
	c.book.err = outbox.ErrFull
	id = c.code(t)
	_ = c.Consent(id)
	c.Card(true)
	c.await(t, StageConfirm)
	if err := c.Confirm(t.Context(), id); !errors.Is(err, outbox.ErrFull) || len(book.dropped) != 2 {
		t.Errorf("a full queue: %v, dropped %v", err, book.dropped)
	}
}
