package cccd

import (
	"errors"
	"strconv"
	"strings"

	"tram/drivers/privacy"
)

// Warning is one remark on something that was read and taken: a fixed sentence
// without anything of the person.
type Warning = string

// What ParseNumber remarks. Numbers are never refused for these: sexes and years
// of birth are corrected by the authorities while the number stays, and codes
// for births after the provinces were merged are not public.
const (
	WarnNumberForm  Warning = "the ID number does not have 12 digits"
	WarnNumberPlace Warning = "the ID number begins with an unknown place code"
	WarnNumberSex   Warning = "the ID number says another sex than the document"
	WarnNumberYear  Warning = "the ID number says another year of birth than the document"
)

// ErrNotNumber says that a text is not a 12-digit personal number.
var ErrNotNumber = errors.New("the ID number must have 12 digits")

// Number is a 12-digit personal number taken apart (Luật Căn cước 26/2023
// art. 12, Nghị định 137/2015 art. 13): three digits for the place of
// registration, one for century and sex, two for the year, six at random. There
// is no check digit.
type Number struct {
	Digits    privacy.Private[string]
	PlaceCode privacy.Private[string] // "099"
	Place     privacy.Private[string] // its name; empty when unknown
	Abroad    privacy.Private[bool]   // registered in another country
	Gender    privacy.Private[string] // "Nam" or "Nữ"
	BirthYear privacy.Private[int]
}

// ParseNumber takes a personal number apart. What does not have 12 digits gives
// the zero Number and WarnNumberForm; an unknown place is only a warning.
func ParseNumber(s string) (Number, []Warning) {
	s = strings.TrimSpace(s)
	if !isNumber(s) {
		return Number{}, []Warning{WarnNumberForm}
	}
	century := int(s[3] - '0')
	year, _ := strconv.Atoi(s[4:6])
	gender := Male
	if century%2 == 1 {
		gender = Female
	}
	code := s[:3]
	place, known := PlaceName(code)
	n := Number{
		Digits: privacy.New(s), PlaceCode: privacy.New(code), Place: privacy.New(place),
		Abroad: privacy.New(code >= "101"), Gender: privacy.New(gender),
		BirthYear: privacy.New(1900 + 100*(century/2) + year),
	}
	if !known {
		return n, []Warning{WarnNumberPlace}
	}
	return n, nil
}

// Compare remarks where the number and a document's own statements differ.
// An empty gender or a birth without a year is not compared.
func (n Number) Compare(birth Date, gender string) []Warning {
	if !n.Digits.IsSet() {
		return nil
	}
	var warnings []Warning
	if gender != "" && gender != n.Gender.Reveal() {
		warnings = append(warnings, WarnNumberSex)
	}
	if birth.Year != 0 && birth.Year != n.BirthYear.Reveal() {
		warnings = append(warnings, WarnNumberYear)
	}
	return warnings
}

// CANFromNumber returns the card access number of the CCCD: the last six digits
// of the 12-digit number. It is not printed anywhere else. It fails with
// ErrNotNumber.
func CANFromNumber(id string) (string, error) {
	id = strings.TrimSpace(id)
	if !isNumber(id) {
		return "", ErrNotNumber
	}
	return id[6:], nil
}

// Mask hides the middle of a number for a screen that others can see:
// 0990****0017. Shorter ones show less, and under eight characters nothing.
func Mask(id string) string {
	r := []rune(strings.TrimSpace(id))
	switch n := len(r); {
	case n == 0:
		return ""
	case n >= 12:
		return string(r[:4]) + "****" + string(r[n-4:])
	case n >= 8:
		return string(r[:2]) + "****" + string(r[n-3:])
	}
	return "****"
}

func isNumber(s string) bool { return len(s) == 12 && digits(s) }

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
