package cccd

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"tram/drivers/emrtd"
	"tram/drivers/privacy"
)

// builtAfter is a year that a device's clock cannot rightly be before.
const builtAfter = 2025

// FromMRZ returns what the machine readable zone says of the person. The name
// has no diacritics, the surname first. Of a Vietnamese document the personal
// number is the first 12 characters of the optional data; the century of birth
// comes from it. Elsewhere a birth is never in the future.
func FromMRZ(m emrtd.MRZInfo) Person {
	id, _ := IDFromMRZ(m)
	p := Person{
		DocumentNumber: m.DocumentNumber,
		PersonName:     privacy.New(strings.TrimSpace(m.Surname.Reveal() + " " + m.GivenNames.Reveal())),
		Nationality:    m.Nationality,
	}
	if id != "" {
		p.IDCode = privacy.New(id)
	}
	if m.Nationality.Reveal() == "VNM" {
		p.Nationality = privacy.New("Việt Nam")
	}
	switch m.Sex.Reveal() {
	case "M":
		p.Gender = privacy.New(Male)
	case "F":
		p.Gender = privacy.New(Female)
	}
	if d := mrzDate(m.Birth.Reveal(), birthCentury(id)); !d.IsZero() {
		p.DateOfBirth = privacy.New(d.String())
	}
	if d := mrzDate(m.Expiry.Reveal(), func(int) int { return 2000 }); !d.IsZero() {
		p.ExpiryDate = privacy.New(d.String())
	}
	return p
}

// IDFromMRZ returns the 12-digit personal number in the zone of a Vietnamese
// document.
func IDFromMRZ(m emrtd.MRZInfo) (string, bool) {
	optional := m.OptionalData1.Reveal()
	if m.Issuer != "VNM" || len(optional) < 12 || !isNumber(optional[:12]) {
		return "", false
	}
	return optional[:12], true
}

// birthCentury returns what the two digits of a year of birth are added to.
func birthCentury(id string) func(yy int) int {
	if n, _ := ParseNumber(id); n.Digits.IsSet() {
		year := n.BirthYear.Reveal()
		if yy := year % 100; yy >= 0 {
			return func(got int) int {
				if got == yy {
					return year - yy
				}
				return latestCentury(got)
			}
		}
	}
	return latestCentury
}

func latestCentury(yy int) int {
	if 2000+yy > max(time.Now().Year(), builtAfter) {
		return 1900
	}
	return 2000
}

// mrzParts reads YYMMDD with "<" or "00" for a month or day that is not known;
// -1 stands for what is not known.
func mrzParts(s string) (yy, mm, dd int, ok bool) {
	if len(s) != 6 {
		return 0, 0, 0, false
	}
	part := func(s string) int {
		v, err := strconv.Atoi(s)
		if err != nil || !digits(s) {
			return -1
		}
		return v
	}
	yy, mm, dd = part(s[:2]), part(s[2:4]), part(s[4:])
	if mm == 0 {
		mm = -1
	}
	if dd == 0 {
		dd = -1
	}
	return yy, mm, dd, yy >= 0
}

func mrzDate(s string, century func(yy int) int) Date {
	yy, mm, dd, ok := mrzParts(s)
	if !ok {
		return Date{}
	}
	d := Date{Year: century(yy) + yy, Month: max(mm, 0), Day: max(dd, 0)}
	if d.Month == 0 {
		d.Day = 0
	}
	if !d.valid() {
		return Date{}
	}
	return d
}

// dateFitsMRZ reports whether a document's date can be the zone's YYMMDD; what
// cannot be read fits.
func dateFitsMRZ(date, zone string) bool {
	d, err := ParseDate(date)
	yy, mm, dd, ok := mrzParts(zone)
	if err != nil || !ok || d.Never {
		return true
	}
	return d.Year%100 == yy &&
		(d.Month == 0 || mm < 0 || d.Month == mm) &&
		(d.Day == 0 || dd < 0 || d.Day == dd)
}

// nameFitsMRZ reports whether a name with diacritics can be the zone's: the same
// letters, or as many of them as the line had room for, cut at the end or each
// name cut short (Doc 9303-3 §4.6).
func nameFitsMRZ(name string, m emrtd.MRZInfo) bool {
	zone := letters(m.Surname.Reveal() + " " + m.GivenNames.Reveal())
	full := letters(name)
	if strings.Join(zone, "") == strings.Join(full, "") {
		return true
	}
	if !nameLineFull(m) {
		return false
	}
	if strings.HasPrefix(strings.Join(full, ""), strings.Join(zone, "")) {
		return true
	}
	if len(zone) > len(full) {
		return false
	}
	for i, word := range zone {
		if !strings.HasPrefix(full[i], word) {
			return false
		}
	}
	return true
}

// letters returns the words of a name as A to Z only.
func letters(name string) []string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r
		case unicode.IsSpace(r) || r == '-':
			return ' '
		}
		return -1 // an apostrophe is left out in a zone
	}, fold(name))
	return strings.Fields(name)
}

// nameLineFull reports whether the name reaches the end of its place.
func nameLineFull(m emrtd.MRZInfo) bool {
	room := map[string]int{"TD1": 30, "TD2": 31, "TD3": 39}[m.Format]
	return len(m.Surname.Reveal())+len("<<")+len(m.GivenNames.Reveal()) >= room
}

// What CheckMRZ remarks.
const (
	WarnMRZNumber   Warning = "the check digit of the ID number in the MRZ is wrong"
	WarnMRZDocument Warning = "the document number in the MRZ is not the end of the ID number"
)

// CheckMRZ remarks what only the zone of a Vietnamese card has: the check digit of the
// 12-digit number behind it, and the document number that is its last nine digits.
func CheckMRZ(m emrtd.MRZInfo) []Warning {
	id, ok := IDFromMRZ(m)
	if !ok || m.Format != "TD1" {
		return nil
	}
	var out []Warning
	sum := 0
	for i := range len(id) {
		sum += int(id[i]-'0') * [3]int{7, 3, 1}[i%3]
	}
	if rest := strings.Trim(m.OptionalData1.Reveal()[12:], "<"); rest != "" && rest != strconv.Itoa(sum%10) {
		out = append(out, WarnMRZNumber)
	}
	if m.DocumentNumber.Reveal() != id[3:] {
		out = append(out, WarnMRZDocument)
	}
	return out
}
