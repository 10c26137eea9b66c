package agent

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tram/agent/kiosk"
	"tram/agent/lodging"
	"tram/agent/profile"
	"tram/agent/register"
	"tram/sync/outbox"
)

// desk is the local register as the signed-in clerk sees it.
type desk struct{ a *Agent }

var _ kiosk.Desk = desk{}

// deskErr gives an error of the register the screen's meaning.
func deskErr(err error) error {
	for from, to := range map[error]error{register.ErrUnknown: kiosk.ErrNoEntry, register.ErrBad: kiosk.ErrBadField, register.ErrHeld: kiosk.ErrHeld, register.ErrState: kiosk.ErrConflict, lodging.ErrForm: kiosk.ErrBadField} {
		if errors.Is(err, from) {
			return fmt.Errorf("%w: %w", to, err)
		}
	}
	return err
}

// keeps answers ErrNotKept where the profile's register is of another kind.
func (d desk) keeps(kinds ...profile.RegisterKind) error {
	r := d.a.profile.Register
	if r == nil || len(kinds) > 0 && !slices.Contains(kinds, r.Kind) {
		return kiosk.ErrNotKept
	}
	return nil
}

func (d desk) Today(ctx context.Context, who string) ([]kiosk.Row, error) {
	if d.a.book() == nil {
		return nil, kiosk.ErrNotKept
	}
	return d.rows(d.a.register.Today(ctx, who))
}

func (d desk) OpenStays(ctx context.Context, who string) ([]kiosk.Row, error) {
	if err := d.keeps(profile.RegisterStays); err != nil {
		return nil, err
	}
	return d.rows(d.a.register.OpenStays(ctx, who))
}

func (d desk) CloseStay(ctx context.Context, who, id string, when time.Time) error {
	if err := d.keeps(profile.RegisterStays); err != nil {
		return err
	}
	return deskErr(d.a.closeStay(ctx, who, id, when))
}

func (d desk) Trips(ctx context.Context, who string) ([]kiosk.Trip, error) {
	if err := d.keeps(profile.RegisterTrips); err != nil {
		return nil, err
	}
	list, err := d.a.register.Trips(ctx, who)
	out := make([]kiosk.Trip, len(list))
	for i, t := range list {
		out[i] = trip(t)
	}
	return out, deskErr(err)
}

func trip(t register.Trip) kiosk.Trip {
	out := kiosk.Trip{ID: t.ID, Route: t.Route, Vehicle: t.Vehicle, State: register.StateOpen, Opened: t.Opened, Boarded: t.Boarded, Expected: t.Expected, Departs: given(t.Departs), Closed: given(t.Closed)}
	if out.Closed != nil {
		out.State = register.StateClosed
	}
	return out
}

func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (d desk) OpenTrip(ctx context.Context, who string, n kiosk.NewTrip) (kiosk.Trip, error) {
	if err := d.keeps(profile.RegisterTrips); err != nil {
		return kiosk.Trip{}, err
	}
	t := register.Trip{Route: n.Route, Vehicle: n.Vehicle}
	if n.Departs != nil {
		t.Departs = *n.Departs
	}
	t, err := d.a.register.OpenTrip(ctx, who, t)
	return trip(t), deskErr(err)
}

func (d desk) CloseTrip(ctx context.Context, who, id string) error {
	if err := d.keeps(profile.RegisterTrips); err != nil {
		return err
	}
	return deskErr(d.a.register.CloseTrip(ctx, who, id))
}

func (d desk) Passengers(ctx context.Context, who, id string) ([]kiosk.Row, error) {
	if err := d.keeps(profile.RegisterTrips); err != nil {
		return nil, err
	}
	return d.rows(d.a.register.Passengers(ctx, who, id))
}

func (d desk) Roster(ctx context.Context, who string) (kiosk.Roster, error) {
	if err := d.keeps(profile.RegisterRoster, profile.RegisterTrips); err != nil {
		return kiosk.Roster{}, err
	}
	present, absent, err := d.a.register.Roster(ctx, who)
	out := kiosk.Roster{At: time.Now(), Expected: len(present) + len(absent), Present: len(present), Absent: len(absent)}
	rows, err := d.rows(append(present, absent...), err)
	out.Rows = rows
	return out, err
}

// Deadlines are of the stays that are not delivered, and of those still open
// that were delivered late.
func (d desk) Deadlines(ctx context.Context, who string) ([]kiosk.Row, error) {
	rows, err := d.OpenStays(ctx, who)
	if err != nil {
		return nil, err
	}
	waiting, err := d.rows(d.a.register.Waiting(ctx, who))
	rows = slices.DeleteFunc(rows, func(r kiosk.Row) bool { return r.Delivered != outbox.Delivered || !r.Late })
	rows = append(rows, slices.DeleteFunc(waiting, func(r kiosk.Row) bool { return r.Deadline == nil || r.Delivered == outbox.Delivered })...)
	slices.SortFunc(rows, func(a, b kiosk.Row) int { return a.Deadline.Compare(*b.Deadline) })
	return rows, err
}

func (d desk) Queue(ctx context.Context, who string) (kiosk.Pending, error) {
	out := kiosk.Pending{Queue: d.a.queue(), Rows: []kiosk.Row{}}
	stat, err := d.a.store.Stat()
	if err != nil {
		return out, err
	}
	out.Waiting, out.Oldest = stat.Pending, given(stat.Oldest)
	if d.a.book() == nil {
		return out, nil
	}
	rows, err := d.rows(d.a.register.Waiting(ctx, who))
	out.Rows = slices.DeleteFunc(rows, func(r kiosk.Row) bool { return r.Delivered == outbox.Delivered })
	return out, err
}

// Export makes a paper of a day, or of a trip's passengers.
func (d desk) Export(ctx context.Context, who string, f kiosk.Form) (kiosk.File, error) {
	switch f.Name {
	case "slip":
		return d.slip(ctx, who, f.Entry, f.Format)
	case "evacuation":
		return d.evacuationPaper(ctx, who, cmp.Or(f.Format, "html"))
	}
	if err := d.keeps(); err != nil {
		return kiosk.File{}, err
	}
	file, err := d.a.papers().Make(ctx, who, f)
	return file, deskErr(err)
}

func (d desk) Alarms(ctx context.Context, who string) ([]kiosk.AlarmRow, error) {
	list, err := d.a.register.Alarms(ctx, who)
	out := make([]kiosk.AlarmRow, len(list))
	for i, a := range list {
		out[i] = kiosk.AlarmRow(a)
	}
	return out, deskErr(err)
}

func (d desk) Requests(ctx context.Context, who string) ([]kiosk.Request, error) {
	list, err := d.a.register.Requests(ctx, who)
	out := make([]kiosk.Request, len(list))
	for i, q := range list {
		out[i] = request(q)
		next := q.AnswerBy
		if !q.Answered.IsZero() {
			next = q.CarryOutBy
		}
		if q.Done.IsZero() {
			switch now := time.Now(); {
			case now.After(next):
				out[i].Due = lodging.Over
			case next.Sub(now) < 24*time.Hour:
				out[i].Due = lodging.Soon
			}
		}
	}
	return out, deskErr(err)
}

// request is one request without its due word.
func request(q register.Request) kiosk.Request {
	return kiosk.Request{ID: q.ID, Kind: q.Kind, Entry: q.Entry, Received: q.Received, AnswerBy: q.AnswerBy, CarryOutBy: q.CarryOutBy, Answered: given(q.Answered), Done: given(q.Done), State: q.State}
}

// rows are the register's rows with their delivery and legal clock.
func (d desk) rows(list []register.Row, err error) ([]kiosk.Row, error) {
	out := make([]kiosk.Row, len(list))
	for i, r := range list {
		row := kiosk.Row{
			ID: r.ID, Time: r.Time, Kind: r.Kind, State: r.State, Number: r.Number, Name: r.Name, Answers: r.Answers, Assurance: r.Assurance,
			Closed: r.Closed, Sequence: r.Sequence, Ticket: r.Ticket, Hold: r.Hold, Alarms: r.Alarms, Direction: r.Direction, Passage: r.Passage, Delivered: cmp.Or(d.a.store.State(r.Sequence), "none"),
		}
		if r.Delivered != nil {
			row.Delivered = outbox.Delivered
		}
		if r.Kind == register.Stays {
			if r.Delivered == nil && row.Delivered == outbox.Delivered { // and not noted yet
				now := time.Now()
				r.Delivered = &now
			}
			c := stayClock(r, d.a.config.Register.Remote)
			row.Deadline, row.Due, row.Late = &c.Deadline, c.Due, c.Late
		}
		if r.Unsynced {
			row.Alarms = append(row.Alarms, "clock_unsynced")
		}
		out[i] = row
	}
	return out, deskErr(err)
}
