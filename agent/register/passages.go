package register

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/agent/visit"
)

// The directions of a gate.
const (
	DirectionIn   = "in"
	DirectionOut  = "out"
	DirectionBoth = "both"
)

// sameCard is how soon after a passage a card that comes again is the same card
// handed back, at a gate that leads both ways.
const sameCard = 10 * time.Second

var _ visit.Redrafter = (*Register)(nil)

// way is which way an entry went; entries of before directions were kept went in.
func (e *entry) way() string {
	switch {
	case e.Direction == DirectionOut, e.Direction == "" && e.Answers["direction"] == DirectionOut:
		return DirectionOut
	}
	return DirectionIn
}

// went reports whether somebody is known to have gone through.
func (e *entry) went() bool {
	return e.Kind == Passages && e.State == StatePassed && e.Passage != visit.PassageUnknown && e.Passage != visit.PassageAnnulled
}

// lookPassages finds which way a person goes, and whether they went that way
// already: known are their entries, the newest first.
func (r *Register) lookPassages(known []*entry, answers map[string]string) (f visit.Finding) {
	p := r.opt.Policy
	known = asMade(known)
	var last *entry
	if i := slices.IndexFunc(known, (*entry).went); i >= 0 {
		last = known[i]
	}
	chosen := answers["direction"] == DirectionIn || answers["direction"] == DirectionOut
	switch {
	case chosen:
		f.Direction = answers["direction"]
	case p.Direction == DirectionBoth && last != nil && last.way() == DirectionIn:
		f.Direction = DirectionOut
	case p.Direction == DirectionOut:
		f.Direction = DirectionOut
	default:
		f.Direction = DirectionIn
	}
	if last == nil {
		return f
	}
	since := r.now().Sub(last.Time)
	again := last.way() == f.Direction && (p.Passback == 0 || since.Abs() < p.Passback)
	if again || p.Direction == DirectionBoth && !chosen && since.Abs() < sameCard {
		f.Alarms = append(f.Alarms, visit.Alarm{Code: "passback", Stop: true})
	}
	return f
}

// Redraft takes what became of a passage, and the record that says so, into an
// entry that was begun.
func (r *Register) Redraft(v visit.Entry) error {
	return r.update("write down what became of a passage", func(tx *bolt.Tx) error {
		return r.change(tx, v.ID, func(e *entry) error {
			if e.State != StatePending {
				return ErrState
			}
			e.Draft, e.RecordType, e.Passage = v.Draft.Reveal(), v.RecordType, v.Passage
			if v.Direction != "" {
				e.Direction = v.Direction
			}
			return nil
		})
	})
}

// asMade sorts entries as their records were made, the newest first. Their times
// do not say so: a clock that ran ahead once would put its entry in front for ever.
func asMade(list []*entry) []*entry {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *entry) int { return cmp.Compare(b.Sequence-1, a.Sequence-1) }) // none yet is the newest
	return list
}

// lastDays lists the passages of as many days as one may be inside, the newest
// first.
func (r *Register) lastDays(tx *bolt.Tx) []*entry {
	var list []*entry
	for _, d := range r.daysInside(tx) {
		list = append(list, r.under(tx, "d"+d, func(e *entry) bool {
			return e.Kind == Passages && e.State == StatePassed
		})...)
	}
	return asMade(list)
}

// maxInside is on how many days somebody may be inside.
const maxInside = 3

// daysInside are today and the days before it. While the clock is not known to be
// right, after a power cut and a start in another year perhaps, they are also the
// last days that have entries: who is inside does not depend on the clock.
func (r *Register) daysInside(tx *bolt.Tx) []string {
	now, right := r.opt.Clock()
	var days []string
	for back := range maxInside {
		days = append(days, day(now.AddDate(0, 0, -back)))
	}
	if right {
		return days
	}
	const digits = len("20060102")
	end, c := []byte("e"), tx.Bucket(bucketIndex).Cursor() // behind every "d"
	for range maxInside {
		c.Seek(end)
		k, _ := c.Prev()
		if k == nil {
			k, _ = c.Last() // nothing lies behind
		}
		if k == nil || k[0] != 'd' || len(k) <= digits || bytes.Compare(k, end) >= 0 {
			break
		}
		if d := string(k[1 : 1+digits]); !slices.Contains(days, d) {
			days = append(days, d)
		}
		end = slices.Clone(k[:1+digits]) // the first of that day
	}
	return days
}

// inside are those whose last passage led in, the newest first. A passage that
// nobody could see through to its end counts: who may be inside is looked for.
func inside(list []*entry) []*entry {
	seen := map[string]bool{}
	var in []*entry
	for _, e := range list {
		if e.Hash == nil || seen[string(e.Hash)] {
			continue
		}
		seen[string(e.Hash)] = true
		if e.way() == DirectionIn {
			in = append(in, e)
		}
	}
	return in
}

// Inside lists who passed in and not out since, where the profile keeps names:
// the evacuation list. Who went in before midnight is on it.
func (r *Register) Inside(_ context.Context, who string) ([]Row, error) {
	if err := r.noteLook(who, "inside"); err != nil {
		return nil, err
	}
	list := []Row{}
	err := r.view("read who is inside", func(tx *bolt.Tx) error {
		list = rows(inside(r.lastDays(tx)))
		return nil
	})
	return list, err
}

// Tally is a gate in numbers: nothing of a person.
type Tally struct {
	Inside int `json:"inside"`
	In     int `json:"in"`  // today
	Out    int `json:"out"` // today
}

// Minute is what passed in one minute.
type Minute struct {
	At  time.Time `json:"at"`
	In  int       `json:"in"`
	Out int       `json:"out"`
}

// tally is the numbers as they were counted last.
type tally struct {
	Tally
	minutes []Minute
	day     string
}

func (r *Register) forgetTally() {
	r.tallyMu.Lock()
	defer r.tallyMu.Unlock()
	r.tally = nil
}

// Tally counts the passages that the register holds, and by minute those of
// today, the newest last; a minute without one is left out.
func (r *Register) Tally() (Tally, []Minute, error) {
	today := day(r.now())
	r.tallyMu.Lock()
	defer r.tallyMu.Unlock()
	if t := r.tally; t != nil && t.day == today {
		return t.Tally, t.minutes, nil
	}
	t := &tally{day: today, minutes: []Minute{}}
	err := r.view("count passages", func(tx *bolt.Tx) error {
		list := r.lastDays(tx)
		t.Inside = len(inside(list))
		for _, e := range slices.Backward(list) {
			if day(e.Time) != today || !e.went() {
				continue
			}
			at := e.Time.Truncate(time.Minute)
			if n := len(t.minutes); n == 0 || !t.minutes[n-1].At.Equal(at) {
				t.minutes = append(t.minutes, Minute{At: at})
			}
			m := &t.minutes[len(t.minutes)-1]
			if e.way() == DirectionIn {
				t.In, m.In = t.In+1, m.In+1
			} else {
				t.Out, m.Out = t.Out+1, m.Out+1
			}
		}
		return nil
	})
	if err == nil {
		r.tally = t
	}
	return t.Tally, t.minutes, err
}
