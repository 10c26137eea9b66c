package cccd

import (
	"strings"

	"tram/drivers/emrtd"
)

// The sources that CrossCheck names.
const (
	SourceQR   = "qr"
	SourceMRZ  = "mrz"
	SourceDG13 = "dg13"
)

// Comparison is one field that two sources have. It holds no values.
type Comparison struct {
	Field   string   `json:"field"`   // "idCode", "personName", ...
	Between []string `json:"between"` // two of "qr", "mrz", "dg13"
	Result  string   `json:"result"`  // "ok" or "differs"
}

// Results of a Comparison.
const (
	Agrees  = "ok"
	Differs = "differs"
)

// Mismatch is one field on which two sources differ. It holds no values.
type Mismatch struct {
	Field   string   `json:"field"`   // "idCode", "personName", ...
	Between []string `json:"between"` // two of "qr", "mrz", "dg13"
}

// String says which field differs between which sources.
func (m Mismatch) String() string { return m.Field + " between " + strings.Join(m.Between, " and ") }

// source is what one kind of evidence says.
type source struct {
	name   string
	fields map[string]string
}

// CrossCheck returns the comparisons of Compare that differ.
func CrossCheck(qr *QR, mrz *emrtd.MRZInfo, dg13 *DG13) []Mismatch {
	var all []Mismatch
	for _, c := range Compare(qr, mrz, dg13) {
		if c.Result == Differs {
			all = append(all, Mismatch{Field: c.Field, Between: c.Between})
		}
	}
	return all
}

// Compare compares what the sources say of the same thing; each may be nil.
// A difference between MRZ and data group 13 means tampering or a faulty chip, one
// with the QR that QR and chip are of different cards. A field that a source does
// not have is not compared, nor are addresses, which registers write in many
// ways. Names are compared with their diacritics between QR and data group 13,
// and without them, cut as the zone cuts them, against the MRZ.
func Compare(qr *QR, mrz *emrtd.MRZInfo, dg13 *DG13) []Comparison {
	var all []Comparison
	note := func(a, b string) func(field string, same bool) {
		return func(field string, same bool) {
			result := Agrees
			if !same {
				result = Differs
			}
			all = append(all, Comparison{Field: field, Between: []string{a, b}, Result: result})
		}
	}
	var texts []source
	if qr != nil {
		texts = append(texts, source{SourceQR, qr.Person.Fields()})
	}
	if dg13 != nil {
		texts = append(texts, source{SourceDG13, dg13.Person.Fields()})
	}
	if len(texts) == 2 {
		compareTexts(texts[0].fields, texts[1].fields, note(SourceQR, SourceDG13))
	}
	if mrz == nil {
		return all
	}
	for _, s := range texts {
		compareMRZ(s.fields, *mrz, note(s.name, SourceMRZ))
	}
	return all
}

// compareTexts compares QR and data group 13.
func compareTexts(a, b map[string]string, note func(field string, same bool)) {
	for _, c := range []struct {
		field string
		same  func(a, b string) bool
	}{
		{"idCode", func(a, b string) bool { return a == b }},
		{"oldIdCode", func(a, b string) bool { return a == b }},
		{"personName", sameName},
		{"dateOfBirth", sameDate},
		{"gender", func(a, b string) bool { return fold(a) == fold(b) }},
		{"issueDate", sameDate},
	} {
		if a[c.field] != "" && b[c.field] != "" {
			note(c.field, c.same(a[c.field], b[c.field]))
		}
	}
}

func sameDate(a, b string) bool {
	da, errA := ParseDate(a)
	db, errB := ParseDate(b)
	if errA != nil || errB != nil {
		return a == b
	}
	return da.agrees(db)
}

// compareMRZ compares the fields of a QR or of data group 13 with the zone.
func compareMRZ(text map[string]string, m emrtd.MRZInfo, note func(field string, same bool)) {
	zone := FromMRZ(m).Fields()
	id := text["idCode"]
	nationality := fold(text["nationality"])
	vietnamese := m.Issuer == "VNM"
	for _, c := range []struct {
		field string
		both  bool // have something to compare
		same  bool
	}{
		{"idCode", id != "" && zone["idCode"] != "", id == zone["idCode"]},
		{"documentNumber", isNumber(id) && m.Format == "TD1" && vietnamese, isNumber(id) && zone["documentNumber"] == id[3:]},
		{"personName", text["personName"] != "" && zone["personName"] != "", nameFitsMRZ(text["personName"], m)},
		{"dateOfBirth", comparable(text["dateOfBirth"], m.Birth.Reveal()), dateFitsMRZ(text["dateOfBirth"], m.Birth.Reveal())},
		{"gender", text["gender"] != "" && zone["gender"] != "", fold(text["gender"]) == fold(zone["gender"])},
		{"nationality", nationality != "" && vietnamese, (nationality == "VIET NAM") == (m.Nationality.Reveal() == "VNM")},
		// What the zone of a card without an expiry says is not known.
		{"expiryDate", comparable(text["expiryDate"], m.Expiry.Reveal()), dateFitsMRZ(text["expiryDate"], m.Expiry.Reveal())},
	} {
		if c.both {
			note(c.field, c.same)
		}
	}
}

// comparable reports whether a document's date and the zone's can both be read.
func comparable(date, zone string) bool {
	d, err := ParseDate(date)
	_, _, _, ok := mrzParts(zone)
	return err == nil && ok && !d.Never
}
