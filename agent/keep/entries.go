package keep

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"
	"unicode/utf8"

	"tram/drivers/privacy"
)

// Limits of entries.
const (
	maxEntries     = 20_000
	maxNotices     = 50
	maxText        = 256
	maxNoticeBytes = 1000
)

// Candidate is a line of a roster: who may be admitted, and where they sit.
type Candidate struct {
	IDCode      privacy.Private[string] // 12 digits
	PersonName  privacy.Private[string]
	DateOfBirth privacy.Private[string] // dd/MM/yyyy
	Number      string                  // in the examination
	Room        string
	Seat        string
}

// Allowed is a line of an allow list: who may pass, and when.
type Allowed struct {
	IDCode     privacy.Private[string] // 12 digits
	PersonName privacy.Private[string]
	Group      string    // such as a company or a shift
	From       time.Time // zero: at once
	Until      time.Time // zero: for ever
}

// Notice is a text for the idle screen.
type Notice struct {
	ID    string            `json:"id"`
	Text  map[string]string `json:"text"` // by language: "vi", "en"
	Kind  string            `json:"kind"` // "info" or "warning"
	Start time.Time         `json:"start,omitzero"`
	End   time.Time         `json:"end,omitzero"`
}

// As the hub writes them. These live only while they are decoded.
type (
	rosterLine struct {
		IDCode      string `json:"idCode"`
		PersonName  string `json:"personName,omitempty"`
		DateOfBirth string `json:"dateOfBirth,omitempty"`
		Number      string `json:"number,omitempty"`
		Room        string `json:"room,omitempty"`
		Seat        string `json:"seat,omitempty"`
	}
	allowLine struct {
		IDCode     string    `json:"idCode"`
		PersonName string    `json:"personName,omitempty"`
		Group      string    `json:"group,omitempty"`
		From       time.Time `json:"from,omitzero"`
		Until      time.Time `json:"until,omitzero"`
	}
)

var (
	idCode   = regexp.MustCompile(`^[0-9]{12}$`)
	noticeID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	language = regexp.MustCompile(`^[a-z]{2,3}$`)
)

// count checks the entries of a part and counts them.
func count(kind Kind, raw json.RawMessage) (int, error) {
	switch kind {
	case Roster:
		return check(raw, maxEntries, func(l rosterLine) bool {
			return idCode.MatchString(l.IDCode) && short(l.PersonName, l.DateOfBirth, l.Number, l.Room, l.Seat)
		})
	case AllowList:
		return check(raw, maxEntries, func(l allowLine) bool {
			return idCode.MatchString(l.IDCode) && short(l.PersonName, l.Group) && (l.Until.IsZero() || l.Until.After(l.From))
		})
	case Notices:
		return check(raw, maxNotices, Notice.ok)
	case Catalogues:
		return check(raw, maxEntries, Choice.ok)
	}
	return 0, fmt.Errorf("%w: kind %q", ErrFormat, kind)
}

func check[T any](raw json.RawMessage, limit int, ok func(T) bool) (int, error) {
	list, err := decode[T](raw)
	if err != nil {
		return 0, err
	}
	if len(list) > limit {
		return 0, fmt.Errorf("%w: %d entries, at most %d", ErrFormat, len(list), limit)
	}
	for i, entry := range list {
		if !ok(entry) {
			return 0, fmt.Errorf("%w: entry %d has a value that is missing, too long or wrong", ErrFormat, i+1)
		}
	}
	return len(list), nil
}

func short(texts ...string) bool {
	for _, t := range texts {
		if len(t) > maxText || !utf8.ValidString(t) {
			return false
		}
	}
	return true
}

func (n Notice) ok() bool {
	if !noticeID.MatchString(n.ID) || n.Text["vi"] == "" || n.Kind != "info" && n.Kind != "warning" {
		return false
	}
	for lang, text := range n.Text {
		if !language.MatchString(lang) || len(text) > maxNoticeBytes || !utf8.ValidString(text) {
			return false
		}
	}
	return n.End.IsZero() || n.End.After(n.Start)
}

// Candidates is the roster.
func (s *Store) Candidates() ([]Candidate, error) {
	lines, err := load[rosterLine](s, Roster)
	list := make([]Candidate, len(lines))
	for i, l := range lines {
		list[i] = Candidate{
			IDCode: privacy.New(l.IDCode), PersonName: privacy.New(l.PersonName), DateOfBirth: privacy.New(l.DateOfBirth),
			Number: l.Number, Room: l.Room, Seat: l.Seat,
		}
	}
	return list, err
}

// Allowed is the allow list.
func (s *Store) Allowed() ([]Allowed, error) {
	lines, err := load[allowLine](s, AllowList)
	list := make([]Allowed, len(lines))
	for i, l := range lines {
		list[i] = Allowed{IDCode: privacy.New(l.IDCode), PersonName: privacy.New(l.PersonName), Group: l.Group, From: l.From, Until: l.Until}
	}
	return list, err
}

// Notices are the notices that are to be shown at a time. With clock false the
// device does not know the time: then all are shown, since none may be withheld
// by a clock that is wrong.
func (s *Store) Notices(now time.Time, clock bool) ([]Notice, error) {
	all, err := load[Notice](s, Notices)
	var list []Notice
	for _, n := range all {
		begun, over := !now.Before(n.Start), !n.End.IsZero() && !now.Before(n.End)
		if !clock || begun && !over {
			list = append(list, n)
		}
	}
	return list, err
}

// Choice is one entry of a catalogue, such as a service.
type Choice struct {
	Catalogue string            `json:"catalogue"` // "services"
	ID        string            `json:"id"`
	Label     map[string]string `json:"label"` // by language; "vi" at least
}

func (c Choice) ok() bool {
	if !noticeID.MatchString(c.Catalogue) || !noticeID.MatchString(c.ID) || c.Label["vi"] == "" {
		return false
	}
	for lang, text := range c.Label {
		if !language.MatchString(lang) || !short(text) {
			return false
		}
	}
	return true
}

// Catalogue is the hub's list of that name, in its order; empty when the hub has
// sent none.
func (s *Store) Catalogue(name string) ([]Choice, error) {
	all, err := load[Choice](s, Catalogues)
	var list []Choice
	for _, c := range all {
		if c.Catalogue == name {
			list = append(list, c)
		}
	}
	return list, err
}
