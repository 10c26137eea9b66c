package cccd

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"tram/drivers/emrtd"
	"tram/drivers/privacy"
)

// Kind is what a code turned out to be.
type Kind string

// The kinds of codes. VNeID shows the same text as the card.
const (
	KindCCCD2021    Kind = "cccd-2021"    // card of 2021, VNeID: seven fields
	KindCanCuoc2024 Kind = "cancuoc-2024" // card of 2024: seven fields and at least three more
	KindBHYT        Kind = "bhyt"         // health insurance card
	KindMRZ         Kind = "mrz"          // a machine readable zone that was scanned
	KindOpaque      Kind = "opaque"       // anything else: only the hub may know
)

// MaxQR is the longest code that is parsed, in bytes; the largest QR symbol holds
// 2953.
const MaxQR = 4 << 10

// Errors of ParseQR.
var (
	ErrNotIDCode = errors.New("not the code of an ID card")
	ErrTooLong   = errors.New("the code is too long")
)

// What ParseQR remarks.
const (
	WarnRepaired     Warning = "the text was read in a wrong encoding and was repaired; set the scanner to raw UTF-8"
	WarnEncoding     Warning = "the text holds characters that Vietnamese documents do not; set the scanner to raw UTF-8"
	WarnBirth        Warning = "the date of birth cannot be read"
	WarnIssue        Warning = "the date of issue cannot be read"
	WarnNoIssue      Warning = "the date of issue is missing"
	WarnGender       Warning = "the sex is neither Nam nor Nữ"
	WarnOldID        Warning = "the old number does not have 9 or 12 digits"
	WarnFieldCount   Warning = "the code has 8 or 9 fields, which no known card has"
	WarnInsuranceHex Warning = "a name or address of the insurance card is not in hexadecimal"
)

// QR is what a code says. Text of a code proves nothing about who shows it.
type QR struct {
	Kind Kind
	Person
	Number       Number
	ResidenceRaw privacy.Private[string]   // as it stood, before empty parts were removed
	Extra        privacy.Private[[]string] // fields after the seventh, raw: their meaning is not known for certain
	Insurance    *Insurance                // of KindBHYT
	MRZ          *emrtd.MRZInfo            // of KindMRZ
	Text         privacy.Private[string]   // the whole text, repaired, without the scanner's suffix
	Repaired     string                    // the encoding that was undone: "Big5", ...
	Warnings     []Warning
}

var (
	aimPrefix = regexp.MustCompile(`^\][A-Za-z][0-9A-Za-z]`) // a scanner's symbology identifier
	mrzLike   = regexp.MustCompile(`^[ACIPV][A-Z<][A-Z<]{3}[A-Z0-9<]+$`)
)

// ParseQR reads one line of a scanner or the text of a decoded code. What is
// none of the known kinds is KindOpaque and no error. It fails with ErrNotIDCode
// when there is nothing, or when the text begins like an ID card's and has too
// few fields, and with ErrTooLong. Oddities of a code that is understood are
// Warnings.
func ParseQR(raw []byte) (QR, error) {
	if len(raw) > MaxQR {
		return QR{}, fmt.Errorf("parse code: %w: %d bytes, at most %d", ErrTooLong, len(raw), MaxQR)
	}
	text, by, ok := repair(trimSuffix(raw))
	if text == "" {
		return QR{}, fmt.Errorf("parse code: %w: it is empty", ErrNotIDCode)
	}
	q := QR{Kind: KindOpaque, Text: privacy.New(text), Repaired: by}
	if by != "" {
		q.warn(WarnRepaired)
	}
	if idCode.MatchString(text) {
		if !ok {
			q.warn(WarnEncoding)
		}
		return q, q.parseCard(strings.Split(text, "|"))
	}
	if parts := strings.Split(text, "|"); len(parts) >= 10 && strings.HasSuffix(text, "$") {
		q.parseInsurance(parts)
		return q, nil
	}
	if zone := strings.Join(strings.Fields(text), ""); mrzLike.MatchString(zone) {
		if m, err := emrtd.ParseMRZ(zone); err == nil {
			q.Kind, q.MRZ, q.Person = KindMRZ, &m, FromMRZ(m)
			q.Number, _ = ParseNumber(q.IDCode.Reveal())
		}
	}
	return q, nil
}

// IsID reports whether the code is that of an ID card or of VNeID.
func (q QR) IsID() bool { return q.Kind == KindCCCD2021 || q.Kind == KindCanCuoc2024 }

// trimSuffix removes what a scanner adds around the code, also when two of them did.
func trimSuffix(raw []byte) []byte {
	s := string(raw)
	for before := ""; before != s; {
		before = s
		s = strings.TrimPrefix(s, "\uFEFF")
		s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' || r == 0x7F })
		s = aimPrefix.ReplaceAllString(s, "")
	}
	return []byte(s)
}

func (q *QR) warn(w ...Warning) { q.Warnings = append(q.Warnings, w...) }

// parseCard reads the fields that cards share: number, old number, name, birth,
// sex, residence, date of issue.
func (q *QR) parseCard(parts []string) error {
	if len(parts) < 7 {
		q.Kind = KindOpaque
		return fmt.Errorf("parse code: %w: it has %d fields, an ID card's has at least 7", ErrNotIDCode, len(parts))
	}
	q.Kind = KindCCCD2021
	switch {
	case len(parts) >= 10:
		q.Kind = KindCanCuoc2024
	case len(parts) > 7:
		q.warn(WarnFieldCount)
	}
	old := tidy(parts[1])
	sex := gender(parts[4])
	birth := q.date(parts[3], WarnBirth)
	number, warnings := ParseNumber(parts[0])
	q.warn(warnings...)
	q.Number = number
	q.Person = Person{
		IDCode: privacy.New(parts[0]), OldIDCode: privacy.New(old), PersonName: privacy.New(tidy(parts[2])),
		DateOfBirth: privacy.New(birth), Gender: privacy.New(sex),
		ResidencePlace: privacy.New(tidyAddress(parts[5])),
	}
	q.ResidenceRaw = privacy.New(parts[5])
	if old != "" && (!digits(old) || len(old) != 9 && len(old) != 12) {
		q.warn(WarnOldID)
	}
	if sex != "" && sex != Male && sex != Female {
		q.warn(WarnGender)
		sex = ""
	}
	d, _ := ParseDate(birth)
	q.warn(number.Compare(d, sex)...)
	if strings.TrimSpace(parts[6]) == "" {
		q.warn(WarnNoIssue)
	} else {
		q.IssueDate = privacy.New(q.date(parts[6], WarnIssue))
	}
	if len(parts) > 7 {
		q.Extra = privacy.New(append([]string(nil), parts[7:]...))
	}
	return nil
}

// date returns a date as cards write it, or the text itself with a warning.
func (q *QR) date(s string, w Warning) string {
	d, err := ParseDate(s)
	if err != nil {
		q.warn(w)
		return tidy(s)
	}
	return d.String()
}

// ExpiryEstimate is EstimateExpiry of the code's dates. No code holds an expiry.
func (q QR) ExpiryEstimate() (Date, bool) {
	birth, err := ParseDate(q.DateOfBirth.Reveal())
	if err != nil || !q.IsID() {
		return Date{}, false
	}
	issued, err := ParseDate(q.IssueDate.Reveal())
	if err != nil {
		return Date{}, false
	}
	return EstimateExpiry(birth, issued)
}

// Fields reveals what the code says, ready for JSON: "kind", "warnings" and the
// fields of that kind, each a string but "extra" and "warnings", which are lists.
func (q QR) Fields() map[string]any {
	fields := map[string]any{"kind": string(q.Kind), "warnings": append([]Warning{}, q.Warnings...)}
	person := q.Person.Fields()
	take := func(names ...string) {
		for _, name := range names {
			fields[name] = person[name]
		}
	}
	switch q.Kind {
	case KindCCCD2021, KindCanCuoc2024:
		take("idCode", "oldIdCode", "personName", "dateOfBirth", "gender", "residencePlace", "issueDate")
		fields["extra"] = append([]string{}, q.Extra.Reveal()...)
		fields["numberPlace"] = q.Number.Place.Reveal()
		if expiry, ok := q.ExpiryEstimate(); ok {
			fields["expiryEstimated"] = expiry.String()
		}
		for _, name := range []string{"dateOfBirth", "issueDate"} {
			if d, err := ParseDate(person[name]); err == nil {
				fields[name+"Iso"] = d.ISO()
			}
		}
	case KindBHYT:
		take("personName", "dateOfBirth", "gender", "residencePlace", "issueDate")
		for name, value := range q.Insurance.fields() {
			fields[name] = value
		}
	case KindMRZ:
		take("idCode", "documentNumber", "personName", "dateOfBirth", "gender", "nationality", "expiryDate")
	case KindOpaque:
		fields["text"] = q.Text.Reveal()
	}
	return fields
}
