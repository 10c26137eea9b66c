package register

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

func TestAHoldKeepsWhatTheClockWouldDelete(t *testing.T) {
	d := open(t, t.TempDir(), Policy{Keeps: []string{"idCode"}, Retain: time.Hour})
	d.enter(t, person("v1", Visits, an, nil), 1)
	d.enter(t, person("v2", Visits, an, nil), 2)
	if err := d.Hold(t.Context(), "chief", "v1", "order 12"); err != nil {
		t.Fatal(err)
	}
	if err := d.Delete(t.Context(), "clerk", "v1", "x"); !errors.Is(err, ErrHeld) {
		t.Errorf("Delete: %v, want ErrHeld", err)
	}
	later := d.now.Add(48 * time.Hour)
	if n, err := d.Sweep(later); err != nil || n != 1 {
		t.Errorf("Sweep = %d, %v; want 1", n, err)
	}
	if err := d.Release(t.Context(), "chief", "v1", "order over"); err != nil {
		t.Fatal(err)
	}
	d.opt.Clock = func() (time.Time, bool) { return d.now, false }
	d.reopen(t)
	if n, err := d.Sweep(later); err != nil || n != 0 {
		t.Errorf("Sweep with a clock that is not known to be right = %d, %v; want 0", n, err)
	}
	d.opt.Clock = func() (time.Time, bool) { return d.now, true }
	d.reopen(t)
	if n, err := d.Sweep(later); err != nil || n != 1 {
		t.Errorf("Sweep after the hold = %d, %v; want 1", n, err)
	}
}

func TestAPersonsRequestIsCarriedOutAndItsTimersAreTheLaws(t *testing.T) {
	d := open(t, t.TempDir(), stays())
	d.enter(t, person("v1", Stays, an, map[string]string{"room": "101"}), 1)
	if err := d.Correct(t.Context(), "clerk", "v1", map[string]string{"personName": "Nguyễn Văn Đúng", "room": "102"}, "card was misread"); err != nil {
		t.Fatal(err)
	}
	if err := d.Correct(t.Context(), "clerk", "v1", map[string]string{"idCode": "099099000025"}, "x"); !errors.Is(err, ErrBad) {
		t.Errorf("Correct of the number: %v, want ErrBad", err)
	}
	list, err := d.Find(t.Context(), "clerk", an, "request")
	if err != nil || len(list) != 1 || list[0].Name != "Nguyễn Văn Đúng" || list[0].Answers["room"] != "102" {
		t.Errorf("after Correct: %d entries, %v", len(list), err)
	}
	d.now = time.Date(2026, 3, 6, 9, 0, 0, 0, Place) // a Friday
	d.opt.Policy.Holidays = []string{"2026-03-10"}
	d.reopen(t)
	q, err := d.AddRequest(t.Context(), "clerk", "delete", "v1", "by letter")
	if err != nil || q.AnswerBy.Format(time.DateOnly) != "2026-03-11" || q.CarryOutBy.Format(time.DateOnly) != "2026-03-21" {
		t.Errorf("answer by %s, carry out by %s, %v; want 2026-03-11 and 2026-03-21", q.AnswerBy.Format(time.DateOnly), q.CarryOutBy.Format(time.DateOnly), err)
	}
	if err := d.SetRequest(t.Context(), "clerk", q.ID, "done", ""); err != nil {
		t.Fatal(err)
	}
	if all, err := d.Requests(t.Context(), "clerk"); err != nil || len(all) != 1 || all[0].State != "done" || all[0].Answered.IsZero() {
		t.Errorf("Requests = %+v, %v", all, err)
	}
}

func TestAChangedLineOfTheAccessLogIsFound(t *testing.T) {
	d := open(t, t.TempDir(), stays())
	for i := range 5 {
		if err := d.Note("clerk", "sign-in", fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
	}
	if v, err := d.Verify(); err != nil || v.Chain != "ok" || v.Access != 5 {
		t.Fatalf("Verify = %+v, %v", v, err)
	}
	for name, do := range map[string]func(b *bolt.Bucket) error{
		"changed": func(b *bolt.Bucket) error {
			k, v := b.Cursor().First()
			w := slices.Clone(v)
			w[40] ^= 1
			return b.Put(k, w)
		},
		"the last gone": func(b *bolt.Bucket) error { k, _ := b.Cursor().Last(); return b.Delete(k) },
		"the first gone": func(b *bolt.Bucket) error {
			k, _ := b.Cursor().First()
			return b.Delete(k)
		},
	} {
		tx, err := d.db.Begin(true)
		if err != nil {
			t.Fatal(err)
		}
		if err := do(tx.Bucket(bucketAccess)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.readLog(tx, bucketAccess, func([]byte, string) error { return nil }); !errors.Is(err, ErrChain) {
			t.Errorf("%s: %v, want ErrChain", name, err)
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Today(context.Background(), ""); !errors.Is(err, ErrBad) {
		t.Errorf("a look by nobody: %v, want ErrBad", err)
	}
}
