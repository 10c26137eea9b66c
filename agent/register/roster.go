package register

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/text/unicode/norm"

	"tram/agent/keep"
	"tram/agent/visit"
	"tram/drivers/cccd"
)

// Candidate is a line of a roster or passenger list.
type Candidate struct {
	IDCode      string `json:"idCode,omitempty"`
	PersonName  string `json:"personName,omitempty"`
	DateOfBirth string `json:"dateOfBirth,omitempty"` // or the year
	Number      string `json:"number,omitempty"`
	Room        string `json:"room,omitempty"`
	Seat        string `json:"seat,omitempty"`
}

// answers are what a list knows of the questions of a counter.
func (c Candidate) answers() map[string]string {
	out := map[string]string{}
	for id, v := range map[string]string{"candidate": c.Number, "room": c.Room, "seat": c.Seat} {
		if v != "" {
			out[id] = v
		}
	}
	return out
}

// someone is a person who is looked for on a list.
type someone struct {
	number, name string
	birth        cccd.Date
}

func wanted(e visit.Entry) someone {
	person := e.Person.Reveal()
	return lookFor(e.Number.Reveal(), person["personName"], person["dateOfBirth"])
}

func lookFor(number, name, birth string) someone {
	d, _ := cccd.ParseDate(birth) // what is no date is none
	return someone{number, plainName(name), d}
}

// plainName is a name as it is compared: lists write it in any case, and some
// programs take the marks off the letters (NFD).
func plainName(s string) string {
	return strings.ToUpper(strings.Join(strings.Fields(norm.NFC.String(s)), " "))
}

// is reports whether a line is of this person: by the number, or, where the line
// has none, by name and date of birth, as far as both say one.
func (s someone) is(c Candidate) bool {
	if c.IDCode != "" {
		return strings.EqualFold(c.IDCode, s.number)
	}
	if s.name == "" || plainName(c.PersonName) != s.name {
		return false
	}
	born, err := cccd.ParseDate(c.DateOfBirth)
	if err != nil {
		return c.DateOfBirth == ""
	}
	if s.birth.Year == 0 {
		return true // not known, or not kept
	}
	full := func(d cccd.Date) bool { return d.Day != 0 && d.Month != 0 }
	return born.Year == s.birth.Year && (!full(born) || !full(s.birth) || born == s.birth)
}

// lookRoster finds a candidate, and alarms when they are on no line, belong to
// another room, or were admitted on this day already.
func (r *Register) lookRoster(tx *bolt.Tx, known []*entry, e visit.Entry, f *visit.Finding) error {
	list, err := r.candidates(tx)
	if err != nil {
		return err
	}
	who := wanted(e)
	lines := slices.DeleteFunc(slices.Clone(list), func(c Candidate) bool { return !who.is(c) })
	if len(lines) == 0 {
		f.Alarms = append(f.Alarms, visit.Alarm{Code: "not_on_list", Stop: true})
		return nil
	}
	room := r.opt.Policy.Room
	if room == "" {
		room = e.Answers.Reveal()["room"]
	}
	elsewhere := func(c Candidate) bool { return room != "" && c.Room != "" && !strings.EqualFold(room, c.Room) }
	// Where two share name and birthday, the one who sits here is meant.
	c := lines[max(0, slices.IndexFunc(lines, func(c Candidate) bool { return !elsewhere(c) }))]
	f.Fill = c.answers()
	if elsewhere(c) {
		f.Alarms = append(f.Alarms, visit.Alarm{Code: "wrong_room", Stop: true, Detail: c.Room})
	}
	if slices.ContainsFunc(known, func(x *entry) bool { return day(x.Time) == day(r.now()) }) {
		f.Alarms = append(f.Alarms, visit.Alarm{Code: "twice_admitted", Stop: true, Detail: c.Room})
	}
	return nil
}

const listRoster = "roster"

// rosterList is a list that was imported from a file.
type rosterList struct {
	At    time.Time   `json:"at"`
	Lines []Candidate `json:"lines"`
}

// candidates is the list that was imported, else the hub's.
func (r *Register) candidates(tx *bolt.Tx) ([]Candidate, error) {
	var list rosterList
	err := r.get(tx, kindList, listRoster, &list)
	if err == nil {
		return list.Lines, nil
	}
	if !errors.Is(err, ErrUnknown) || r.opt.Roster == nil {
		return nil, nil
	}
	hub, err := r.opt.Roster()
	if err != nil {
		return nil, fmt.Errorf("read the hub's roster: %w", err)
	}
	out := make([]Candidate, len(hub))
	for i, c := range hub {
		out[i] = fromHub(c)
	}
	return out, nil
}

// HasRoster reports whether a list was imported and is still kept.
func (r *Register) HasRoster() bool {
	there := false
	err := r.view("look for a roster", func(tx *bolt.Tx) error {
		there = tx.Bucket(bucketKeys).Get(name(kindList, listRoster)) != nil
		return nil
	})
	return err == nil && there
}

func fromHub(c keep.Candidate) Candidate {
	return Candidate{IDCode: c.IDCode.Reveal(), PersonName: c.PersonName.Reveal(), DateOfBirth: c.DateOfBirth.Reveal(), Number: c.Number, Room: c.Room, Seat: c.Seat}
}

// ImportRoster replaces the list of who is expected; it goes before the hub's
// until it is deleted after the profile's time.
func (r *Register) ImportRoster(_ context.Context, who string, list []Candidate) error {
	now := r.now()
	return r.update("import a roster", func(tx *bolt.Tx) error {
		at := now.Add(max(r.opt.Policy.Retain, 24*time.Hour))
		err := tx.Bucket(bucketIndex).Put(expiryKey(at, kindList, listRoster), nil)
		return errors.Join(err, destroy(tx, kindList, listRoster), r.put(tx, kindList, listRoster, rosterList{now, list}), r.noteIn(tx, who, "import a roster", "", fmt.Sprintf("%d lines", len(list))))
	})
}

// Roster is who is expected and who came: today, or to the open trip; absent are
// those who did not.
func (r *Register) Roster(_ context.Context, who string) (present, absent []Row, err error) {
	if err := r.noteLook(who, "roster"); err != nil {
		return nil, nil, err
	}
	present, absent = []Row{}, []Row{}
	err = r.view("read the roster", func(tx *bolt.Tx) error {
		list, err := r.candidates(tx)
		if err != nil {
			return err
		}
		came, numbered := map[int]bool{}, map[string]int{} // by line; line by the number's hash, for the number may not be kept
		for i, c := range list {
			if c.IDCode != "" {
				numbered[string(r.hash(c.IDCode))] = i
			}
		}
		for _, e := range r.came(tx) {
			present = append(present, e.row())
			if i, ok := numbered[string(e.Hash)]; ok && e.Hash != nil {
				came[i] = true
				continue
			}
			who := lookFor("", e.Person["personName"], e.Person["dateOfBirth"])
			for i, c := range list {
				if c.IDCode == "" && !came[i] && who.is(c) {
					came[i] = true
					break
				}
			}
		}
		for i, c := range list {
			if !came[i] {
				absent = append(absent, Row{ID: fmt.Sprintf("expected-%d", i+1), Kind: RosterOf, State: StateExpected, Number: cccd.Mask(c.IDCode), Name: c.PersonName, Answers: c.answers(), Alarms: []string{}})
			}
		}
		return nil
	})
	return present, absent, err
}

// came are the entries of those whom a list may expect.
func (r *Register) came(tx *bolt.Tx) []*entry {
	if t := r.tripFor(tx, ""); t != nil {
		return r.under(tx, "t"+t.ID+"/", accepted)
	}
	return r.under(tx, "d"+day(r.now()), func(e *entry) bool { return accepted(e) && (e.Kind == RosterOf || e.Kind == Trips) })
}
