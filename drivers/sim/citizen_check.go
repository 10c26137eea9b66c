package sim

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ErrRealNumber is returned for an ID number that could belong to a person.
var ErrRealNumber = errors.New("a simulated citizen's number begins with 097, 098 or 099, which belong to no province")

// maxField bounds one field, in bytes: data group 13 stays well below the
// 4 KiB that readers take.
const maxField = 200

type problem struct {
	key, text string
	err       error
}

// Validate reports everything that is wrong with c. It wraps ErrRealNumber when
// the number could be a person's. Messages never repeat a value.
func (c Citizen) Validate() error {
	var errs []error
	for _, p := range c.problems() {
		if p.err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.key, p.err))
			continue
		}
		errs = append(errs, fmt.Errorf("%s: %s", p.key, p.text))
	}
	return errors.Join(errs...)
}

func (c Citizen) problems() []problem {
	var out []problem
	add := func(key, format string, args ...any) {
		out = append(out, problem{key: key, text: fmt.Sprintf(format, args...)})
	}
	for _, f := range c.fields() {
		switch {
		case !utf8.ValidString(*f.value):
			add(f.key, "is not UTF-8")
		case len(*f.value) > maxField:
			add(f.key, "is longer than %d bytes", maxField)
		case strings.ContainsFunc(*f.value, func(r rune) bool { return r == '|' || unicode.IsControl(r) }):
			add(f.key, "holds a bar or a control character, which the QR code cannot carry")
		}
	}
	switch {
	case len(c.IDCode) != 12 || !digits(c.IDCode):
		add("idCode", "must be 12 digits, in quotes")
	case c.IDCode < "097" || c.IDCode >= "100":
		out = append(out, problem{key: "idCode", text: ErrRealNumber.Error(), err: ErrRealNumber})
	}
	if c.OldIDCode != "" && (!digits(c.OldIDCode) || (len(c.OldIDCode) != 9 && len(c.OldIDCode) != 12)) {
		add("oldIdCode", "must be 9 digits, in quotes, or left out")
	}
	if len(nameParts(c.PersonName)) == 0 {
		add("personName", "must hold a name")
	}
	if _, ok := parseDate(c.DateOfBirth); !ok {
		add("dateOfBirth", "must be dd/mm/yyyy, or mm/yyyy or yyyy where the rest is unknown")
	}
	if c.Gender != "Nam" && c.Gender != "Nữ" {
		add("gender", "must be Nam or Nữ")
	}
	if d, ok := parseDate(c.IssueDate); c.IssueDate != "" && (!ok || !d.full()) {
		add("issueDate", "must be dd/mm/yyyy")
	}
	if d, ok := parseDate(c.ExpiryDate); c.ExpiryDate != Forever && (!ok || !d.full()) {
		add("expiryDate", "must be dd/mm/yyyy, or %q", Forever)
	}
	if c.ChipID != "" && (len(c.ChipID) != 16 || !printableString(c.ChipID)) {
		add("chipId", "must be 16 letters and digits, or left out")
	}
	return out
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// printableString reports whether s fits an ASN.1 PrintableString of letters
// and digits.
func printableString(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
}

// date is a day whose day or month may be unknown: zero.
type date struct{ day, month, year int }

func (d date) full() bool { return d.day != 0 }

// parseDate reads dd/mm/yyyy, mm/yyyy and yyyy.
func parseDate(s string) (date, bool) {
	layouts := map[int]string{10: "02/01/2006", 7: "01/2006", 4: "2006"}
	t, err := time.Parse(layouts[len(s)], s)
	if err != nil || layouts[len(s)] == "" || t.Year() < 1900 || t.Year() > 2399 {
		return date{}, false
	}
	d := date{day: t.Day(), month: int(t.Month()), year: t.Year()}
	if len(s) < 10 {
		d.day = 0
	}
	if len(s) < 7 {
		d.month = 0
	}
	return d, true
}
