package emrtd

import (
	"errors"
	"fmt"
	"strings"

	"tram/drivers/emrtd/tlv"
	"tram/drivers/privacy"
)

// MRZInfo is a machine readable zone, taken apart. Everything of the person is
// private.
type MRZInfo struct {
	Format         string // "TD1", "TD2", "TD3"
	DocumentCode   string // "I", "ID", "P"
	Issuer         string // "VNM"
	DocumentNumber privacy.Private[string]
	OptionalData1  privacy.Private[string] // fillers at the end removed, those inside kept
	OptionalData2  privacy.Private[string] // TD1 only
	Nationality    privacy.Private[string]
	Birth          privacy.Private[string] // YYMMDD, "<" where unknown
	Sex            privacy.Private[string] // "M", "F" or "" for unspecified
	Expiry         privacy.Private[string] // YYMMDD
	Surname        privacy.Private[string] // with spaces, as printed: no diacritics
	GivenNames     privacy.Private[string]
	Lines          privacy.Private[[]string]
	CheckDigits    []CheckDigit
}

// CheckDigit says whether one check digit fits its field.
type CheckDigit struct {
	Field string // "document number", "birth", "expiry", "optional data", "composite"
	OK    bool
}

// Valid reports whether all check digits fit.
func (m MRZInfo) Valid() bool {
	for _, c := range m.CheckDigits {
		if !c.OK {
			return false
		}
	}
	return true
}

// ErrMRZ says that a text is not a machine readable zone.
var ErrMRZ = errors.New("not a machine readable zone")

// ErrDG1 says that DG1 cannot be read.
var ErrDG1 = errors.New("DG1 cannot be read")

// ParseDG1 reads the MRZ out of DG1 (Doc 9303-10 §4.7.1). Wrong check digits are no
// error; they are listed.
func ParseDG1(raw []byte) (MRZInfo, error) {
	nodes, _, err := tlv.Parse(raw, tlv.Limits{Depth: 4, Nodes: 16, Length: 1024})
	if err != nil {
		return MRZInfo{}, fmt.Errorf("%w: %w", ErrDG1, err)
	}
	n, ok := tlv.Find(nodes, 0x61, 0x5F1F)
	if !ok {
		return MRZInfo{}, fmt.Errorf("%w: no MRZ inside", ErrDG1)
	}
	m, err := parseMRZ(string(n.Value))
	if err != nil {
		return MRZInfo{}, fmt.Errorf("%w: %w", ErrDG1, err)
	}
	return m, nil
}

// ParseMRZ reads a machine readable zone, as printed or scanned.
func ParseMRZ(text string) (MRZInfo, error) { return parseMRZ(text) }

func parseMRZ(text string) (MRZInfo, error) {
	text = strings.ReplaceAll(text, `\n`, "")
	text = strings.ToUpper(strings.Join(strings.Fields(text), ""))
	if !isMRZText(text) {
		return MRZInfo{}, fmt.Errorf("%w: other characters than A to Z, 0 to 9 and <", ErrMRZ)
	}
	switch len(text) {
	case 90:
		return parseTD1(text[:30], text[30:60], text[60:]), nil
	case 72:
		return parseTD23("TD2", text[:36], text[36:]), nil
	case 88:
		return parseTD23("TD3", text[:44], text[44:]), nil
	}
	return MRZInfo{}, fmt.Errorf("%w: %d characters, want 90, 72 or 88", ErrMRZ, len(text))
}

func isMRZText(s string) bool {
	return strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<") == ""
}

// parseTD1 follows Doc 9303-5 §4.2.
func parseTD1(l1, l2, l3 string) MRZInfo {
	number, optional := l1[5:14], l1[15:30]
	check := l1[14]
	m := MRZInfo{Format: "TD1"}
	if check == '<' {
		// A number of more than nine characters goes on in the optional data, its
		// check digit last (Doc 9303-5 §4.2.2.1, note j).
		if rest, after, ok := strings.Cut(optional, "<"); ok && len(rest) > 1 {
			number, check = number+rest[:len(rest)-1], rest[len(rest)-1]
			optional = after
		}
	}
	m.common(l1, number, check, l2[0:7], l2[7], l2[8:15], l2[15:18])
	m.OptionalData1 = privacy.New(strings.TrimRight(optional, "<"))
	m.OptionalData2 = privacy.New(strings.TrimRight(l2[18:29], "<"))
	m.check("composite", l1[5:30]+l2[0:7]+l2[8:15]+l2[18:29], l2[29])
	m.names(l3)
	m.Lines = privacy.New([]string{l1, l2, l3})
	return m
}

// parseTD23 follows Doc 9303-6 §4.2 and Doc 9303-4 §4.2, which differ in the
// length of the lines and the check digit of the optional data.
func parseTD23(format, l1, l2 string) MRZInfo {
	m := MRZInfo{Format: format}
	last := len(l2) - 1
	number, check, optional := l2[0:9], l2[9], l2[28:last]
	if format == "TD2" && check == '<' {
		if rest, after, ok := strings.Cut(optional, "<"); ok && len(rest) > 1 {
			number, check, optional = number+rest[:len(rest)-1], rest[len(rest)-1], after
		}
	}
	m.common(l1, number, check, l2[13:20], l2[20], l2[21:28], l2[10:13])
	if format == "TD3" {
		optional = l2[28:42]
		m.check("optional data", optional, l2[42])
	}
	m.OptionalData1 = privacy.New(strings.TrimRight(optional, "<"))
	m.check("composite", l2[0:10]+l2[13:20]+l2[21:last], l2[last])
	m.names(l1[5:])
	m.Lines = privacy.New([]string{l1, l2})
	return m
}

// common fills what all formats have. birth and expiry come with their check digits.
func (m *MRZInfo) common(l1, number string, numberCheck byte, birth string, sex byte, expiry, nationality string) {
	m.DocumentCode = strings.TrimRight(l1[0:2], "<")
	m.Issuer = strings.TrimRight(l1[2:5], "<")
	m.DocumentNumber = privacy.New(strings.TrimRight(number, "<"))
	m.Nationality = privacy.New(strings.TrimRight(nationality, "<"))
	m.Birth = privacy.New(birth[:6])
	m.Expiry = privacy.New(expiry[:6])
	s := ""
	if sex == 'M' || sex == 'F' {
		s = string(sex)
	}
	m.Sex = privacy.New(s)
	m.check("document number", number, numberCheck)
	m.check("birth", birth[:6], birth[6])
	m.check("expiry", expiry[:6], expiry[6])
}

func (m *MRZInfo) check(field, over string, digit byte) {
	ok := checkDigit(over) == digit
	if digit == '<' && strings.Trim(over, "<") == "" {
		ok = true // nothing there, nothing to check
	}
	m.CheckDigits = append(m.CheckDigits, CheckDigit{Field: field, OK: ok})
}

func (m *MRZInfo) names(field string) {
	surname, given, _ := strings.Cut(strings.TrimRight(field, "<"), "<<")
	space := func(s string) string {
		return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '<' }), " ")
	}
	m.Surname, m.GivenNames = privacy.New(space(surname)), privacy.New(space(given))
}

// checkDigit is the 7-3-1 check digit of Doc 9303-3 §4.9.
func checkDigit(s string) byte {
	sum := 0
	for i := 0; i < len(s); i++ {
		v := 0
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			v = int(c - '0')
		case c >= 'A' && c <= 'Z':
			v = int(c-'A') + 10
		}
		sum += v * [3]int{7, 3, 1}[i%3]
	}
	return byte('0' + sum%10)
}
