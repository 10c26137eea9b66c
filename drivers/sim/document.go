package sim

import (
	"fmt"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"

	"tram/drivers/emrtd/tlv"
)

// Document is a travel document of Doc 9303 parts 4 to 6 of an invented holder.
// Dates are written dd/mm/yyyy; of a birth, day and month may be unknown.
type Document struct {
	Format       string `yaml:"format"` // "TD1" (card), "TD2" or "TD3" (passport)
	Type         string `yaml:"type"`   // "P", "PD", "ID", "I", "AC", …
	State        string `yaml:"state"`  // issuing state: "VNM", "D", "UTO"
	Number       string `yaml:"number"` // letters and digits
	Surname      string `yaml:"surname"`
	GivenNames   string `yaml:"givenNames"`
	Nationality  string `yaml:"nationality"` // the issuing state when left out
	DateOfBirth  string `yaml:"dateOfBirth"`
	Sex          string `yaml:"sex"` // "M", "F" or "X"
	DateOfExpiry string `yaml:"dateOfExpiry"`
	Optional     string `yaml:"optional"`  // optional data of the MRZ
	Optional2    string `yaml:"optional2"` // of TD1's second line
	CAN          string `yaml:"can"`       // card access number, six digits; none when left out
	Fingerprints bool   `yaml:"fingerprints"`
}

// mrzSizes are the room for the name and for optional data, by format.
var mrzSizes = map[string]struct{ name, optional, lines, width int }{
	"TD1": {30, 15, 3, 30}, "TD2": {31, 7, 2, 36}, "TD3": {39, 14, 2, 44},
}

func (d Document) normalised() Document {
	for _, s := range []*string{&d.Format, &d.Type, &d.State, &d.Number, &d.Nationality, &d.Sex, &d.Optional, &d.Optional2} {
		*s = strings.ToUpper(strings.TrimSpace(*s))
	}
	d.Surname, d.GivenNames = norm.NFC.String(strings.TrimSpace(d.Surname)), norm.NFC.String(strings.TrimSpace(d.GivenNames))
	if d.Nationality == "" {
		d.Nationality = d.State
	}
	if d.Type == "" {
		d.Type = map[string]string{"TD1": "I", "TD2": "I", "TD3": "P"}[d.Format]
	}
	return d
}

func (d Document) problems() []problem {
	d = d.normalised()
	var out []problem
	add := func(bad bool, key, format string, args ...any) {
		if bad {
			out = append(out, problem{key: "document." + key, text: fmt.Sprintf(format, args...)})
		}
	}
	size, known := mrzSizes[d.Format]
	add(!known, "format", "must be TD1, TD2 or TD3")
	if !known {
		size = mrzSizes["TD3"]
	}
	longest := 9
	if d.Format == "TD1" {
		longest = 22 // what does not fit stands in the optional data
	}
	mrzText := func(s string) bool {
		return !strings.ContainsFunc(s, func(r rune) bool { return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && r != '<' })
	}
	add(len(d.Type) < 1 || len(d.Type) > 2 || !mrzText(d.Type), "type", "must be one or two letters")
	add(len(d.State) < 1 || len(d.State) > 3 || !mrzText(d.State), "state", "must be a code of up to three letters, such as VNM or UTO")
	add(len(d.Nationality) > 3 || !mrzText(d.Nationality), "nationality", "must be a code of up to three letters")
	add(len(d.Number) < 1 || len(d.Number) > longest || !mrzText(d.Number), "number", "must be 1 to %d letters and digits", longest)
	add(len(nameParts(d.Surname+" "+d.GivenNames)) == 0, "surname", "must hold a name")
	_, ok := parseDate(d.DateOfBirth)
	add(!ok, "dateOfBirth", "must be dd/mm/yyyy, or mm/yyyy or yyyy where the rest is unknown")
	expiry, ok := parseDate(d.DateOfExpiry)
	add(!ok || !expiry.full(), "dateOfExpiry", "must be dd/mm/yyyy")
	add(d.Sex != "M" && d.Sex != "F" && d.Sex != "X", "sex", "must be M, F or X")
	room := size.optional
	if extra := len(d.Number) - 9; extra > 0 {
		room -= extra + 2
	}
	add(len(d.Optional) > room || !mrzText(d.Optional), "optional", "must be up to %d letters and digits", max(0, room))
	add(d.Optional2 != "" && (d.Format != "TD1" || len(d.Optional2) > 11 || !mrzText(d.Optional2)), "optional2", "must be up to 11 letters and digits, on TD1 alone")
	add(d.CAN != "" && (len(d.CAN) != 6 || !digits(d.CAN)), "can", "must be six digits, in quotes")
	// A Vietnamese card's optional data is the ID number of a person.
	number := strings.TrimRight(d.Optional, "<")
	real := d.State == "VNM" && len(number) >= 9 && digits(number) && (number < "097" || number >= "100")
	if real {
		out = append(out, problem{key: "document.optional", text: ErrRealNumber.Error(), err: ErrRealNumber})
	}
	return out
}

func filled(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s + strings.Repeat("<", n-len(s))
}

// MRZ returns the machine-readable zone without line ends: 90, 72 or 88
// characters (Doc 9303 parts 5, 6 and 4).
func (d Document) MRZ() string {
	d = d.normalised()
	size := mrzSizes[d.Format]
	birth, expiry := d.dates()
	sex := map[string]string{"M": "M", "F": "F"}[d.Sex]
	number, digit, optional := filled(d.Number, 9), "", d.Optional
	digit = check(number)
	if len(d.Number) > 9 { // Doc 9303-5 §4.2.2: the rest and its check digit begin the optional data
		digit, optional = "<", d.Number[9:]+check(d.Number)+"<"+d.Optional
	}
	person := birth + check(birth) + filled(sex, 1) + expiry + check(expiry)
	head := filled(d.Type, 2) + filled(d.State, 3)
	name := mrzNames(nameParts(d.Surname), nameParts(d.GivenNames), size.name)
	if d.Format == "TD1" {
		line1 := head + number + digit + filled(optional, 15)
		line2 := person + filled(d.Nationality, 3) + filled(d.Optional2, 11)
		return line1 + line2 + check(line1[5:]+line2[0:7]+line2[8:15]+line2[18:29]) + name
	}
	line2 := number + digit + filled(d.Nationality, 3) + person + filled(optional, size.optional)
	if d.Format == "TD3" {
		line2 += check(line2[28:])
	}
	return head + name + line2 + check(line2[0:10]+line2[13:20]+line2[21:])
}

func (d Document) dates() (birth, expiry string) {
	b, _ := parseDate(d.DateOfBirth)
	e, _ := parseDate(d.DateOfExpiry)
	return b.mrz(), e.mrz()
}

// mrzInformation is what the MRZ's access keys are derived from (Doc 9303-11
// §9.7.2): the whole number, also where part of it stands in the optional data.
func (d Document) mrzInformation() string {
	d = d.normalised()
	birth, expiry := d.dates()
	number := filled(d.Number, max(9, len(d.Number)))
	return number + check(number) + birth + check(birth) + expiry + check(expiry)
}

// DG1 returns the file EF.DG1.
func (d Document) DG1() []byte { return tlv.Encode(0x61, tlv.Encode(0x5F1F, []byte(d.MRZ()))) }

// alpha2 returns the two letters that certificates have for a state.
func alpha2(state string) string {
	if state == "D" {
		return "DE"
	}
	if r, err := language.ParseRegion(state); err == nil && len(r.String()) == 2 {
		return r.String()
	}
	return filled(state, 2)[:2]
}
