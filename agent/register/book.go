package register

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/agent/visit"
	"tram/drivers/privacy"
)

// Look says what the register knows of a person: a stay is open, they boarded
// before, they are not on the list, they sit in another room.
func (r *Register) Look(_ context.Context, e visit.Entry) (visit.Finding, error) {
	var f visit.Finding
	number, answers := e.Number.Reveal(), e.Answers.Reveal()
	err := r.view("look into the register", func(tx *bolt.Tx) error {
		known := r.byNumber(tx, number)
		known = slices.DeleteFunc(known, func(x *entry) bool { return x.ID == e.ID || x.Kind != e.Kind })
		switch e.Kind {
		case Stays:
			f = r.lookStays(known)
		case Trips:
			return r.lookTrips(tx, known, e, &f)
		case RosterOf:
			return r.lookRoster(tx, known, e, &f)
		case Passages:
			f = r.lookPassages(known, answers)
			if r.opt.Allow != nil {
				f.Alarms = append(f.Alarms, r.opt.Allow(e)...)
			}
		}
		return nil
	})
	if err == nil {
		err = r.keepAlarms(e, f.Alarms)
	}
	return f, err
}

func (r *Register) lookStays(known []*entry) (f visit.Finding) {
	for _, x := range known {
		if x.State == StateOpen {
			f.Alarms = append(f.Alarms, visit.Alarm{Code: "stay_open", Detail: x.Answers["room"]})
			f.RecordType, f.Fill = r.opt.Policy.Closes, x.Answers
			break
		}
	}
	return f
}

func (r *Register) lookTrips(tx *bolt.Tx, known []*entry, e visit.Entry, f *visit.Finding) error {
	trip := r.tripFor(tx, e.Answers.Reveal()["trip"])
	if trip == nil {
		return nil
	}
	f.Fill = map[string]string{"trip": trip.ID}
	for _, x := range known {
		if x.Trip == trip.ID {
			f.Alarms = append(f.Alarms, visit.Alarm{Code: "twice_boarded", Stop: true, Detail: x.Answers["seat"]})
		}
	}
	list, err := r.candidates(tx)
	if err != nil || len(list) == 0 {
		return err
	}
	if !slices.ContainsFunc(list, wanted(e).is) {
		f.Alarms = append(f.Alarms, visit.Alarm{Code: "not_on_list"})
	}
	return nil
}

// Begin writes an entry down with its draft. The same id again changes nothing
// and gives the same ticket.
func (r *Register) Begin(ctx context.Context, v visit.Entry) (visit.Ticket, error) {
	finding, err := r.Look(ctx, v)
	if err != nil {
		return visit.Ticket{}, err
	}
	now, right := r.opt.Clock()
	p := r.opt.Policy
	e := &entry{
		ID: v.ID, Profile: v.Profile, Kind: v.Kind, State: StatePending, Time: v.Time, Unsynced: !right,
		Hash: r.hash(v.Number.Reveal()), Person: kept(v.Person.Reveal(), p.Keeps), Answers: v.Answers.Reveal(),
		Assurance: v.Assurance, Source: v.Source, Face: v.Face, RecordType: v.RecordType, Draft: v.Draft.Reveal(), Retain: p.Retain, Chip: chipAnswers(v.Draft.Reveal()),
		Direction: v.Direction, Passage: v.Passage,
	}
	if slices.Contains(p.Keeps, "idCode") || slices.Contains(p.Keeps, "documentNumber") {
		e.Number = v.Number.Reveal()
	}
	if v.Kind == Passages && e.Direction == "" {
		e.Direction = finding.Direction
	}
	for _, a := range finding.Alarms {
		e.Alarms = append(e.Alarms, a.Code)
	}
	var ticket visit.Ticket
	err = r.update("write into the register", func(tx *bolt.Tx) error {
		before, err := r.entry(tx, v.ID)
		switch {
		case err == nil:
			ticket = visit.Ticket{Number: before.TicketNo, Text: before.Ticket, At: before.Time}
			return nil
		case !errors.Is(err, ErrUnknown):
			return err
		}
		switch v.Kind {
		case Trips:
			if trip := r.tripFor(tx, e.Answers["trip"]); trip != nil {
				e.Trip = trip.ID
			}
		case Stays:
			if p.Closes != "" && v.RecordType == p.Closes {
				for _, x := range r.byNumber(tx, v.Number.Reveal()) {
					if x.Kind == Stays && x.State == StateOpen {
						e.Closes = x.ID
						break
					}
				}
			}
		}
		if p.Ticket && e.Closes == "" { // who leaves waits for nothing
			if ticket, err = r.nextTicket(tx, e.Answers[p.TicketBy], now); err != nil {
				return err
			}
			e.Ticket, e.TicketNo = ticket.Text, ticket.Number
		}
		return r.save(tx, nil, e)
	})
	if err != nil {
		return visit.Ticket{}, err
	}
	if v.Clerk != "" && slices.Contains(e.Alarms, "not_allowed") {
		err = r.note(v.Clerk, "let a visitor in", v.ID, "")
	}
	return ticket, err
}

// chipAnswers are the five answers about the chip in a draft: nothing of the person.
func chipAnswers(draft []byte) map[string]string {
	var d struct {
		Data struct {
			Verification map[string]string `json:"verification"`
		} `json:"data"`
	}
	if json.Unmarshal(draft, &d) != nil {
		return nil
	}
	return d.Data.Verification
}

// Entry is one entry, for whoever looks at it by its id.
func (r *Register) Entry(_ context.Context, who, id, why string) (Row, error) {
	var row Row
	err := r.update("look at an entry", func(tx *bolt.Tx) error {
		e, err := r.entry(tx, id)
		if err != nil {
			return err
		}
		row = e.row()
		return r.noteIn(tx, who, "entry", id, why)
	})
	return row, err
}

// proofFor is how long the proof of a visit of which nothing is kept stays.
const proofFor = 30 * 24 * time.Hour

// Done says under which sequence the record was accepted. The draft goes; where
// the profile keeps nothing, all but the proof.
func (r *Register) Done(id string, sequence uint64) error {
	return r.update("end an entry of the register", func(tx *bolt.Tx) error {
		e, err := r.entry(tx, id)
		if err != nil {
			return err
		}
		if e.State != StatePending {
			return nil
		}
		old := *e
		e.Sequence, e.Draft = sequence, nil
		if e.Closes != "" {
			return r.checkOut(tx, &old, e)
		}
		e.State = map[string]string{Stays: StateOpen, Trips: StateBoarded, RosterOf: StateAdmitted, Passages: StatePassed}[e.Kind]
		if e.State == "" {
			e.State = StateRecorded
		}
		if e.Kind == Passages {
			if e.Passage == visit.PassageAnnulled {
				e.State = StateAnnulled
			}
			tx.OnCommit(r.forgetTally)
		}
		if e.State == StateOpen {
			if err := r.countStay(tx, e); err != nil {
				return err
			}
		} else {
			e.Expires = e.Time.Add(e.Retain)
		}
		if e.Retain > 0 || e.State == StateOpen {
			return r.save(tx, &old, e)
		}
		// A new key: the one before, which opened the person, is destroyed.
		if err := r.erase(tx, &old); err != nil {
			return err
		}
		proof := &entry{
			ID: e.ID, Profile: e.Profile, Kind: e.Kind, State: e.State, Time: e.Time, Unsynced: e.Unsynced, Assurance: e.Assurance,
			Source: e.Source, Face: e.Face, Chip: e.Chip, RecordType: e.RecordType, Sequence: e.Sequence, Ticket: e.Ticket, TicketNo: e.TicketNo, Direction: e.Direction, Passage: e.Passage,
			Expires: r.now().Add(proofFor), Alarms: e.Alarms,
		}
		if r.opt.Policy.Answers {
			proof.Answers = e.Answers
		}
		return r.save(tx, nil, proof)
	})
}

// checkOut closes the stay that the entry of a check-out names; that entry goes.
func (r *Register) checkOut(tx *bolt.Tx, old, e *entry) error {
	err := r.change(tx, e.Closes, func(stay *entry) error {
		stay.close(e.Time, e.Sequence)
		return nil
	})
	if err != nil && !errors.Is(err, ErrUnknown) {
		return err
	}
	return r.erase(tx, old)
}

func (e *entry) close(at time.Time, sequence uint64) {
	e.State, e.Closed, e.Expires = StateClosed, at, at.Add(e.Retain)
	if sequence != 0 && e.Sequence == 0 {
		e.Sequence = sequence
	}
}

// Drop says that the record was not accepted: nothing stays.
func (r *Register) Drop(id string) error {
	return r.update("drop an entry of the register", func(tx *bolt.Tx) error {
		e, err := r.entry(tx, id)
		if errors.Is(err, ErrUnknown) {
			return nil
		}
		if err != nil {
			return err
		}
		if e.State != StatePending {
			return ErrState
		}
		return r.erase(tx, e)
	})
}

// Pending are the entries whose record may not be accepted yet, with their
// drafts: what a crash left. The daemon accepts each again under the same event
// id and calls Done.
func (r *Register) Pending(context.Context) ([]visit.Entry, error) {
	var list []visit.Entry
	err := r.view("read the register", func(tx *bolt.Tx) error {
		for _, e := range r.under(tx, "p", nil) {
			list = append(list, visit.Entry{
				ID: e.ID, Profile: e.Profile, Kind: e.Kind, Time: e.Time, Number: privacy.New(e.Number), Person: privacy.New(e.Person),
				Answers: privacy.New(e.Answers), Assurance: e.Assurance, Source: e.Source, Face: e.Face, RecordType: e.RecordType, Draft: privacy.New(e.Draft),
			})
		}
		return nil
	})
	return list, err
}

// nextTicket counts per queue and day of the place, in the transaction that
// writes the entry: no number is given twice.
func (r *Register) nextTicket(tx *bolt.Tx, queue string, now time.Time) (visit.Ticket, error) {
	if len(queue) > maxID {
		return visit.Ticket{}, fmt.Errorf("%w: the queue's name", ErrBad)
	}
	b := tx.Bucket(bucketTickets)
	// The name may be what a person answered: the hash serves as well.
	k := []byte(day(now) + hex.EncodeToString(r.hash("ticket "+queue)))
	n := 1
	if v := b.Get(k); v != nil {
		if _, err := fmt.Sscan(string(v), &n); err != nil {
			return visit.Ticket{}, fmt.Errorf("%w: the queue's count", ErrState)
		}
		n++
	}
	if err := b.Put(k, fmt.Append(nil, n)); err != nil {
		return visit.Ticket{}, err
	}
	// Days that are long over go, not yesterday's: a clock may be set back.
	last := []byte(day(now.AddDate(0, 0, -60)))
	var gone [][]byte
	c := b.Cursor()
	for k, _ := c.First(); k != nil && string(k) < string(last); k, _ = c.Next() {
		gone = append(gone, slices.Clone(k))
	}
	for _, k := range gone {
		if err := b.Delete(k); err != nil {
			return visit.Ticket{}, err
		}
	}
	return visit.Ticket{Number: n, Text: fmt.Sprintf("%s%03d", r.opt.Policy.Prefix, n), At: now}, nil
}

// NextTicket gives out a queue's next number of this day.
func (r *Register) NextTicket(queue string) (t visit.Ticket, err error) {
	err = r.update("give out a ticket", func(tx *bolt.Tx) (err error) {
		t, err = r.nextTicket(tx, queue, r.now())
		return err
	})
	return t, err
}
