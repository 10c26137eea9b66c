package keep

import (
	"encoding/json"
	"fmt"
	"regexp"
	"unicode/utf8"

	"tram/drivers/privacy"
)

// Limits of entries.
const (
	maxEntries = 20_000
	maxText    = 256
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
)

var (
	idCode   = regexp.MustCompile(`^[0-9]{12}$`)
	plainID  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
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
		return check(raw, maxEntries, Allowed.ok)
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

// Choice is one entry of a catalogue, such as a service.
type Choice struct {
	Catalogue string            `json:"catalogue"` // "services"
	ID        string            `json:"id"`
	Label     map[string]string `json:"label"` // by language; "vi" at least
}

func (c Choice) ok() bool {
	if !plainID.MatchString(c.Catalogue) || !plainID.MatchString(c.ID) || c.Label["vi"] == "" {
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
