package register

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	bolt "go.etcd.io/bbolt"

	"tram/agent/visit"
	"tram/drivers/cccd"
)

// Today lists this day's entries, the newest first.
func (r *Register) Today(_ context.Context, who string) ([]Row, error) {
	return r.list(who, "today", "d"+day(r.now()), nil)
}

// Day lists a day's entries, for its papers: everybody who came on that day.
func (r *Register) Day(_ context.Context, who string, at time.Time) ([]Row, error) {
	if err := r.noteLook(who, "papers of "+at.In(Place).Format(time.DateOnly)); err != nil {
		return nil, err
	}
	var list []*entry
	err := r.view("read the register", func(tx *bolt.Tx) error {
		list = r.under(tx, "d"+day(at), accepted)
		return nil
	})
	slices.Reverse(list)
	return rows(list), err
}

func accepted(e *entry) bool { return e.State != StatePending }

// OpenStays lists the stays that are not closed.
func (r *Register) OpenStays(_ context.Context, who string) ([]Row, error) {
	return r.list(who, "open stays", "o", nil)
}

// Waiting lists the entries whose record the hub was not seen to have.
func (r *Register) Waiting(_ context.Context, who string) ([]Row, error) {
	return r.list(who, "what waits", "u", nil)
}

// list logs the look and lists the entries below a prefix of the index.
func (r *Register) list(who, what, prefix string, want func(*entry) bool) ([]Row, error) {
	if err := r.noteLook(who, what); err != nil {
		return nil, err
	}
	var list []*entry
	err := r.view("read the register", func(tx *bolt.Tx) error {
		list = r.under(tx, prefix, func(e *entry) bool { return accepted(e) && (want == nil || want(e)) })
		return nil
	})
	return rows(list), err
}

// Stay is an open stay, for the clerk who is about to end it.
func (r *Register) Stay(who, id string) (Row, error) {
	var row Row
	err := r.update("look at a stay", func(tx *bolt.Tx) error {
		e, err := r.entry(tx, id)
		switch {
		case err != nil:
			return err
		case e.State != StateOpen:
			return ErrState
		}
		row = e.row()
		return r.noteIn(tx, who, "stay", id, "")
	})
	return row, err
}

// CheckOut writes down that a stay ends, with the draft of the record that says
// so; Done with the closing's id ends it, Drop leaves it open.
func (r *Register) CheckOut(who, id, closing string, when time.Time, draft []byte) error {
	return r.update("close a stay", func(tx *bolt.Tx) error {
		e, err := r.entry(tx, id)
		switch {
		case err != nil:
			return err
		case e.State != StateOpen:
			return ErrState
		case when.Before(e.Time):
			return fmt.Errorf("%w: a stay ends after it begins", ErrBad)
		}
		end := &entry{ID: closing, Profile: e.Profile, Kind: e.Kind, State: StatePending, Time: when, RecordType: r.opt.Policy.Closes, Draft: draft, Closes: id}
		return errors.Join(r.save(tx, nil, end), r.noteIn(tx, who, "close a stay", id, ""))
	})
}

// Undelivered are the entries whose record the hub was not seen to have: id to
// sequence.
func (r *Register) Undelivered() (map[string]uint64, error) {
	list := map[string]uint64{}
	err := r.view("read the register", func(tx *bolt.Tx) error {
		for _, e := range r.under(tx, "u", nil) {
			list[e.ID] = e.Sequence
		}
		return nil
	})
	return list, err
}

// Delivered says that the hub has an entry's record.
func (r *Register) Delivered(id string, at time.Time) error {
	return r.update("mark an entry as delivered", func(tx *bolt.Tx) error {
		return r.change(tx, id, func(e *entry) error {
			e.Delivered = at
			return nil
		})
	})
}

// Trip is one run of a coach. Boarded is counted when it is read.
type Trip struct {
	ID       string    `json:"id"`
	Route    string    `json:"route"`
	Vehicle  string    `json:"vehicle,omitempty"`
	Departs  time.Time `json:"departs,omitzero"`
	Opened   time.Time `json:"opened"`
	Closed   time.Time `json:"closed,omitzero"`
	Boarded  int       `json:"boarded"`
	Expected int       `json:"expected"`
}

const maxText = 120

func text(s string, required bool) error {
	if n := utf8.RuneCountInString(s); n > maxText || required && strings.TrimSpace(s) == "" || !utf8.ValidString(s) {
		return fmt.Errorf("%w: a text of 1 to %d characters", ErrBad, maxText)
	}
	return nil
}

// OpenTrip begins a trip; those that board belong to it from now on.
func (r *Register) OpenTrip(_ context.Context, who string, t Trip) (Trip, error) {
	if err := errors.Join(text(t.Route, true), text(t.Vehicle, false)); err != nil {
		return Trip{}, err
	}
	t.ID, t.Opened, t.Closed, t.Boarded = rand.Text(), r.now(), time.Time{}, 0
	err := r.update("open a trip", func(tx *bolt.Tx) error {
		return errors.Join(r.put(tx, kindTrip, t.ID, t), r.noteIn(tx, who, "open a trip", t.ID, ""))
	})
	return t, err
}

// CloseTrip ends a trip; its passengers' clock of deletion begins.
func (r *Register) CloseTrip(_ context.Context, who, id string) error {
	return r.update("close a trip", func(tx *bolt.Tx) error {
		var t Trip
		if err := r.get(tx, kindTrip, id, &t); err != nil {
			return err
		}
		if !t.Closed.IsZero() {
			return ErrState
		}
		t.Closed = r.now()
		for _, e := range r.under(tx, "t"+id+"/", accepted) {
			old := *e
			e.Expires = t.Closed.Add(e.Retain)
			if err := r.save(tx, &old, e); err != nil {
				return err
			}
		}
		err := tx.Bucket(bucketIndex).Put(expiryKey(t.Closed.Add(max(r.opt.Policy.Retain, 24*time.Hour)), kindTrip, id), nil)
		return errors.Join(err, r.put(tx, kindTrip, id, t), r.noteIn(tx, who, "close a trip", id, ""))
	})
}

// Trips lists today's trips and those still open, the newest first.
func (r *Register) Trips(_ context.Context, who string) ([]Trip, error) {
	if err := r.noteLook(who, "trips"); err != nil {
		return nil, err
	}
	list := []Trip{}
	err := r.view("read the trips", func(tx *bolt.Tx) error {
		expected, err := r.candidates(tx)
		if err != nil {
			return err
		}
		for _, t := range r.trips(tx) {
			if t.Closed.IsZero() || day(t.Opened) == day(r.now()) {
				t.Boarded, t.Expected = len(r.under(tx, "t"+t.ID+"/", accepted)), len(expected)
				list = append(list, t)
			}
		}
		return nil
	})
	return list, err
}

func (r *Register) trips(tx *bolt.Tx) []Trip {
	var list []Trip
	all(tx, kindTrip, func(id string) {
		var t Trip
		if r.get(tx, kindTrip, id, &t) == nil {
			list = append(list, t)
		}
	})
	slices.SortFunc(list, func(a, b Trip) int { return b.Opened.Compare(a.Opened) })
	return list
}

// Trip finds a trip by its id, or an id's beginning, or its route: an open one
// rather than one that is closed, and the newest of several. With "" it is the
// newest that is open.
func (r *Register) Trip(named string) (Trip, error) {
	var found *Trip
	err := r.view("look for a trip", func(tx *bolt.Tx) error {
		for _, t := range r.trips(tx) {
			fits := named == "" && t.Closed.IsZero() || t.ID == named || strings.EqualFold(t.Route, named) || len(named) >= 4 && strings.HasPrefix(t.ID, strings.ToUpper(named))
			if fits && (found == nil || !found.Closed.IsZero() && t.Closed.IsZero()) {
				found = &t
			}
		}
		if found == nil {
			return ErrUnknown
		}
		return nil
	})
	if err != nil {
		return Trip{}, err
	}
	return *found, nil
}

// tripFor is the open trip that an answer names, by id or route, or the newest.
func (r *Register) tripFor(tx *bolt.Tx, answer string) *Trip {
	var newest *Trip
	for _, t := range r.trips(tx) {
		if !t.Closed.IsZero() {
			continue
		}
		if answer != "" && (t.ID == answer || strings.EqualFold(t.Route, answer)) {
			return &t
		}
		if newest == nil {
			newest = &t
		}
	}
	return newest
}

// Passengers lists who boarded, the first one first.
func (r *Register) Passengers(_ context.Context, who, trip string) ([]Row, error) {
	list, err := r.list(who, "passengers", "t"+trip+"/", nil)
	slices.Reverse(list)
	return list, err
}

// Alarm is something that a clerk must see.
type Alarm struct {
	ID     string    `json:"id"`
	Time   time.Time `json:"time"`
	Code   string    `json:"code"`
	Stop   bool      `json:"stop"`
	Entry  string    `json:"entry"`
	Number string    `json:"number,omitempty"` // masked
	Name   string    `json:"name,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// alarmsFor is how long alarms stay.
const alarmsFor = 24 * time.Hour

// keepAlarms writes down what a look found; the same again changes nothing.
func (r *Register) keepAlarms(e visit.Entry, alarms []visit.Alarm) error {
	if len(alarms) == 0 || e.ID == "" {
		return nil
	}
	return r.update("keep an alarm", func(tx *bolt.Tx) error {
		for _, a := range alarms {
			id := e.ID + "-" + a.Code
			if tx.Bucket(bucketKeys).Get(name(kindAlarm, id)) != nil {
				continue
			}
			person := kept(e.Person.Reveal(), r.opt.Policy.Keeps)
			row := Alarm{ID: id, Time: r.now(), Code: a.Code, Stop: a.Stop, Entry: e.ID, Name: person["personName"], Detail: a.Detail}
			if slices.Contains(r.opt.Policy.Keeps, "idCode") {
				row.Number = cccd.Mask(e.Number.Reveal())
			}
			if err := errors.Join(r.put(tx, kindAlarm, id, row), tx.Bucket(bucketIndex).Put(expiryKey(row.Time.Add(alarmsFor), kindAlarm, id), nil)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Alarms lists what a clerk must see, the newest first.
func (r *Register) Alarms(_ context.Context, who string) ([]Alarm, error) {
	if err := r.noteLook(who, "alarms"); err != nil {
		return nil, err
	}
	list := []Alarm{}
	err := r.view("read the alarms", func(tx *bolt.Tx) error {
		all(tx, kindAlarm, func(id string) {
			var a Alarm
			if r.get(tx, kindAlarm, id, &a) == nil {
				list = append(list, a)
			}
		})
		return nil
	})
	slices.SortFunc(list, func(a, b Alarm) int { return b.Time.Compare(a.Time) })
	return list, err
}
