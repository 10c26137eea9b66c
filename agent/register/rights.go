package register

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Find lists the entries of a person's number, for a reason that is logged.
func (r *Register) Find(_ context.Context, who, number, why string) ([]Row, error) {
	if err := r.note(who, "find", "", why); err != nil {
		return nil, err
	}
	var list []*entry
	err := r.view("find a person's entries", func(tx *bolt.Tx) error {
		list = r.byNumber(tx, number)
		return nil
	})
	return rows(list), err
}

// Export is all that the register holds of an entry, for the person it is about.
func (r *Register) Export(_ context.Context, who, id, why string) (map[string]any, error) {
	if err := r.note(who, "export", id, why); err != nil {
		return nil, err
	}
	var e *entry
	err := r.view("export an entry", func(tx *bolt.Tx) (err error) {
		e, err = r.entry(tx, id)
		return err
	})
	if err != nil {
		return nil, err
	}
	row := e.row()
	return map[string]any{"entry": row, "number": e.Number, "person": e.Person, "answers": e.Answers, "source": e.Source, "face": e.Face, "recordType": e.RecordType}, nil
}

// Correct replaces kept fields of the person, or answers, by name.
func (r *Register) Correct(_ context.Context, who, id string, fields map[string]string, why string) error {
	return r.update("correct an entry", func(tx *bolt.Tx) error {
		err := r.change(tx, id, func(e *entry) error {
			for field, v := range fields {
				if err := text(v, false); err != nil {
					return err
				}
				_, person := e.Person[field]
				_, answer := e.Answers[field]
				switch {
				case field == "idCode" || field == "documentNumber" || !person && !answer:
					return fmt.Errorf("%w: %q is no field of this entry that may be corrected", ErrBad, field)
				case person:
					e.Person[field] = v
				default:
					e.Answers[field] = v
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		// The text before stands in pages that are free now.
		return errors.Join(tx.Bucket(bucketMeta).Put(metaScrub, []byte{1}), r.noteIn(tx, who, "correct", id, why))
	})
}

// Delete destroys an entry's key and rewrites the file without it, before it
// returns. Errors: ErrUnknown, ErrHeld, ErrState while its record is being made.
func (r *Register) Delete(_ context.Context, who, id, why string) error {
	err := r.update("delete an entry", func(tx *bolt.Tx) error {
		e, err := r.entry(tx, id)
		if err != nil {
			return err
		}
		switch {
		case e.Hold:
			return ErrHeld
		case e.State == StatePending:
			return ErrState
		}
		var alarms []string
		all(tx, kindAlarm, func(alarm string) {
			if len(alarm) > len(id) && alarm[:len(id)] == id {
				alarms = append(alarms, alarm)
			}
		})
		for _, alarm := range alarms {
			if err := destroy(tx, kindAlarm, alarm); err != nil {
				return err
			}
		}
		return errors.Join(r.erase(tx, e), r.proof(tx, id, e.Kind, "request"), r.noteIn(tx, who, "delete", id, why))
	})
	if err != nil {
		return err
	}
	r.forgetTally()
	return r.scrub()
}

func (r *Register) proof(tx *bolt.Tx, id, kind, why string) error {
	at := r.now().UTC()
	return r.appendLog(tx, bucketDeleted, func(n uint64) any { return Deletion{N: n, Time: at, Entry: id, Kind: kind, Why: why} })
}

// Hold keeps an entry from being deleted, as an authority may order; Release
// ends that.
func (r *Register) Hold(_ context.Context, who, id, why string) error {
	return r.hold(who, id, why, true)
}

// Release ends a legal hold; the clock of deletion goes on.
func (r *Register) Release(_ context.Context, who, id, why string) error {
	return r.hold(who, id, why, false)
}

func (r *Register) hold(who, id, why string, on bool) error {
	what := map[bool]string{true: "hold", false: "release"}[on]
	return r.update(what+" an entry", func(tx *bolt.Tx) error {
		err := r.change(tx, id, func(e *entry) error {
			e.Hold = on
			return nil
		})
		if err != nil {
			return err
		}
		return r.noteIn(tx, who, what, id, why)
	})
}

// Sweep deletes what its profile's time is over for, and returns how much. While
// the clock is not known to be right nothing is deleted: it may be years ahead.
func (r *Register) Sweep(now time.Time) (int, error) {
	if _, right := r.opt.Clock(); !right {
		return 0, nil
	}
	n := 0
	err := r.update("delete what is over", func(tx *bolt.Tx) error {
		var due [][]byte
		scan(tx, []byte("x"), func(rest []byte) bool {
			if len(rest) < 10 || int64(binary.BigEndian.Uint64(rest)) > now.Unix() {
				return false
			}
			due = append(due, slices.Clone(rest))
			return true
		})
		for _, k := range due {
			kind, id := k[8], string(k[9:])
			if kind == kindEntry {
				e, err := r.entry(tx, id)
				if err == nil && (e.Hold || e.State == StatePending) {
					continue
				}
				if err == nil {
					if err := errors.Join(r.erase(tx, e), r.proof(tx, id, e.Kind, "retention")); err != nil {
						return err
					}
					n++
				}
			} else if !r.renewed(tx, kind, id, now) {
				if err := destroy(tx, kind, id); err != nil {
					return err
				}
			}
			if err := tx.Bucket(bucketIndex).Delete(append([]byte("x"), k...)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	if n > 0 {
		r.forgetTally()
	}
	return n, r.scrubIfOwed()
}

// renewed reports whether a list was imported again after its row of the index
// was written: a later row leads to it too.
func (r *Register) renewed(tx *bolt.Tx, kind byte, id string, now time.Time) bool {
	later := false
	scan(tx, []byte("x"), func(rest []byte) bool {
		later = later || len(rest) > 9 && int64(binary.BigEndian.Uint64(rest)) > now.Unix() && rest[8] == kind && string(rest[9:]) == id
		return !later
	})
	return later
}

// Request is a person's request about their own data, with the law's timers
// (Nghị định 356/2025/NĐ-CP): two working days to answer, fifteen days to carry out.
type Request struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind"` // "find", "export", "correct", "delete", "restrict"
	Entry      string    `json:"entry,omitempty"`
	Received   time.Time `json:"received"`
	AnswerBy   time.Time `json:"answerBy"`
	CarryOutBy time.Time `json:"carryOutBy"`
	Answered   time.Time `json:"answered,omitzero"`
	Done       time.Time `json:"done,omitzero"`
	State      string    `json:"state"` // "open", "answered", "done", "refused"
}

var requestKinds = []string{"find", "export", "correct", "delete", "restrict"}

// AddRequest writes a request down.
func (r *Register) AddRequest(_ context.Context, who, kind, entry, why string) (Request, error) {
	if !slices.Contains(requestKinds, kind) {
		return Request{}, fmt.Errorf("%w: a request is one of %v", ErrBad, requestKinds)
	}
	now := r.now()
	q := Request{ID: rand.Text(), Kind: kind, Entry: entry, Received: now, State: "open",
		AnswerBy: WorkingDays(now, 2, r.opt.Policy.Holidays), CarryOutBy: now.AddDate(0, 0, 15)}
	err := r.update("write a request down", func(tx *bolt.Tx) error {
		return errors.Join(r.put(tx, kindRequest, q.ID, q), r.noteIn(tx, who, "request to "+kind, entry, why))
	})
	return q, err
}

// SetRequest says that a request was "answered", "done" or "refused".
func (r *Register) SetRequest(_ context.Context, who, id, state, why string) error {
	if !slices.Contains([]string{"answered", "done", "refused"}, state) {
		return fmt.Errorf("%w: a request becomes answered, done or refused", ErrBad)
	}
	return r.update("go on with a request", func(tx *bolt.Tx) error {
		var q Request
		if err := r.get(tx, kindRequest, id, &q); err != nil {
			return err
		}
		now := r.now()
		q.State = state
		if q.Answered.IsZero() {
			q.Answered = now
		}
		if state != "answered" {
			q.Done = now
			if err := tx.Bucket(bucketIndex).Put(expiryKey(now.AddDate(1, 0, 0), kindRequest, id), nil); err != nil {
				return err
			}
		}
		return errors.Join(r.put(tx, kindRequest, id, q), r.noteIn(tx, who, "request "+state, q.Entry, why))
	})
}

// Requests lists the requests, the newest first.
func (r *Register) Requests(_ context.Context, who string) ([]Request, error) {
	if err := r.noteLook(who, "requests"); err != nil {
		return nil, err
	}
	list := []Request{}
	err := r.view("read the requests", func(tx *bolt.Tx) error {
		all(tx, kindRequest, func(id string) {
			var q Request
			if r.get(tx, kindRequest, id, &q) == nil {
				list = append(list, q)
			}
		})
		return nil
	})
	slices.SortFunc(list, func(a, b Request) int { return b.Received.Compare(a.Received) })
	return list, err
}

// WorkingDays is the time n working days later: Saturdays, Sundays and the given
// holidays (yyyy-mm-dd) do not count.
func WorkingDays(from time.Time, n int, holidays []string) time.Time {
	at := from.In(Place)
	for n > 0 {
		at = at.AddDate(0, 0, 1)
		free := at.Weekday() == time.Saturday || at.Weekday() == time.Sunday || slices.Contains(holidays, at.Format(time.DateOnly))
		if !free {
			n--
		}
	}
	return at
}
