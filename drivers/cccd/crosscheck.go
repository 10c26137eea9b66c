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

// CrossCheck compares what the sources say of the same thing; each may be nil.
// A mismatch between MRZ and data group 13 means tampering or a faulty chip, one
// with the QR that QR and chip are of different cards. A field that a source does
// not have is not compared, nor are addresses, which registers write in many
// ways. Names are compared with their diacritics between QR and data group 13,
// and without them, cut as the zone cuts them, against the MRZ.
func CrossCheck(qr *QR, mrz *emrtd.MRZInfo, dg13 *DG13) []Mismatch {
	var all []Mismatch
	differ := func(field, a, b string) {
		all = append(all, Mismatch{Field: field, Between: []string{a, b}})
	}
	var texts []source
	if qr != nil {
		texts = append(texts, source{SourceQR, qr.Person.Fields()})
	}
	if dg13 != nil {
		texts = append(texts, source{SourceDG13, dg13.Person.Fields()})
	}
	if len(texts) == 2 {
		for _, field := range textMismatches(texts[0].fields, texts[1].fields) {
			differ(field, SourceQR, SourceDG13)
		}
	}
	if mrz == nil {
		return all
	}
	for _, s := range texts {
		for _, field := range mrzMismatches(s.fields, *mrz) {
			differ(field, s.name, SourceMRZ)
		}
	}
	return all
}

// textMismatches compares QR and data group 13.
func textMismatches(a, b map[string]string) []string {
	var fields []string
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
		if a[c.field] != "" && b[c.field] != "" && !c.same(a[c.field], b[c.field]) {
			fields = append(fields, c.field)
		}
	}
	return fields
}

func sameDate(a, b string) bool {
	da, errA := ParseDate(a)
	db, errB := ParseDate(b)
	if errA != nil || errB != nil {
		return a == b
	}
	return da.agrees(db)
}

// mrzMismatches compares the fields of a QR or of data group 13 with the zone.
func mrzMismatches(text map[string]string, m emrtd.MRZInfo) []string {
	zone := FromMRZ(m).Fields()
	id := text["idCode"]
	nationality := fold(text["nationality"])
	var fields []string
	for _, c := range []struct {
		field     string
		different bool
	}{
		{"idCode", id != "" && zone["idCode"] != "" && id != zone["idCode"]},
		{"documentNumber", isNumber(id) && m.Format == "TD1" && m.Issuer == "VNM" && zone["documentNumber"] != id[3:]},
		{"personName", text["personName"] != "" && zone["personName"] != "" && !nameFitsMRZ(text["personName"], m)},
		{"dateOfBirth", text["dateOfBirth"] != "" && !dateFitsMRZ(text["dateOfBirth"], m.Birth.Reveal())},
		{"gender", text["gender"] != "" && zone["gender"] != "" && fold(text["gender"]) != fold(zone["gender"])},
		{"nationality", nationality != "" && m.Issuer == "VNM" && (nationality == "VIET NAM") != (m.Nationality.Reveal() == "VNM")},
		// What the zone of a card without an expiry says is not known.
		{"expiryDate", text["expiryDate"] != "" && !dateFitsMRZ(text["expiryDate"], m.Expiry.Reveal())},
	} {
		if c.different {
			fields = append(fields, c.field)
		}
	}
	return fields
}
