package sim

import (
	"encoding/hex"
	"fmt"
	"strings"

	"tram/drivers/emrtd/tlv"
)

// Groups are the data groups that a card may have beside the usual ones (Doc
// 9303-10 §4.7).
type Groups struct {
	DG7  bool      `yaml:"dg7"` // a displayed signature: a small drawing
	DG11 *Details  `yaml:"dg11"`
	DG12 *Issue    `yaml:"dg12"`
	DG13 string    `yaml:"dg13"` // the state's own, hexadecimal, whole or only the content of tag 6D
	DG16 []Contact `yaml:"dg16"` // whom to call
}

// Details are additional personal details, EF.DG11.
type Details struct {
	FullName       string   `yaml:"fullName"`
	OtherNames     []string `yaml:"otherNames"`
	PersonalNumber string   `yaml:"personalNumber"`
	DateOfBirth    string   `yaml:"dateOfBirth"` // dd/mm/yyyy
	PlaceOfBirth   string   `yaml:"placeOfBirth"`
	Address        string   `yaml:"address"`
	Telephone      string   `yaml:"telephone"`
	Profession     string   `yaml:"profession"`
	Title          string   `yaml:"title"`
	Summary        string   `yaml:"summary"`
	Custody        string   `yaml:"custody"`
}

// Issue are additional document details, EF.DG12.
type Issue struct {
	Authority       string `yaml:"authority"`
	DateOfIssue     string `yaml:"dateOfIssue"` // dd/mm/yyyy
	Endorsements    string `yaml:"endorsements"`
	TaxRequirements string `yaml:"taxRequirements"`
	Personalised    string `yaml:"personalised"` // dd/mm/yyyy
	System          string `yaml:"system"`       // that personalised the document
}

// Contact is a person to notify, EF.DG16.
type Contact struct {
	Recorded  string `yaml:"recorded"` // dd/mm/yyyy
	Name      string `yaml:"name"`
	Telephone string `yaml:"telephone"`
	Address   string `yaml:"address"`
}

func (g Groups) empty() bool {
	return !g.DG7 && g.DG11 == nil && g.DG12 == nil && g.DG13 == "" && len(g.DG16) == 0
}

func (g Groups) problems() []problem {
	var out []problem
	day := func(key, s string) {
		if d, ok := parseDate(s); s != "" && (!ok || !d.full()) {
			out = append(out, problem{key: "groups." + key, text: "must be dd/mm/yyyy"})
		}
	}
	if g.DG11 != nil {
		day("dg11.dateOfBirth", g.DG11.DateOfBirth)
		n := strings.TrimSpace(g.DG11.PersonalNumber)
		if len(n) == 12 && digits(n) && (n < "097" || n >= "100") {
			out = append(out, problem{key: "groups.dg11.personalNumber", text: ErrRealNumber.Error(), err: ErrRealNumber})
		}
	}
	if g.DG12 != nil {
		day("dg12.dateOfIssue", g.DG12.DateOfIssue)
		day("dg12.personalised", g.DG12.Personalised)
	}
	for i, c := range g.DG16 {
		day(fmt.Sprintf("dg16[%d].recorded", i), c.Recorded)
	}
	if _, err := hex.DecodeString(g.DG13); err != nil {
		out = append(out, problem{key: "groups.dg13", text: "must be hexadecimal digits"})
	}
	if len(g.DG16) > 15 {
		out = append(out, problem{key: "groups.dg16", text: "holds more than 15 persons"})
	}
	return out
}

// files returns the data groups by their numbers.
func (g Groups) files() map[int][]byte {
	out := map[int][]byte{}
	if g.DG7 {
		if picture, err := greyPortrait(); err == nil {
			out[7] = tlv.Encode(0x67, tlv.Encode(0x02, []byte{1}), tlv.Encode(0x5F43, picture))
		}
	}
	if g.DG11 != nil {
		out[11] = g.DG11.file()
	}
	if g.DG12 != nil {
		out[12] = g.DG12.file()
	}
	if raw, err := hex.DecodeString(g.DG13); err == nil && len(raw) > 0 {
		if raw[0] != 0x6D {
			raw = tlv.Encode(0x6D, raw)
		}
		out[13] = raw
	}
	if len(g.DG16) > 0 {
		parts := [][]byte{tlv.Encode(0x02, []byte{byte(len(g.DG16))})}
		for i, c := range g.DG16 {
			parts = append(parts, tlv.Encode(0xA1+uint32(i), optional(
				object{0x5F50, compactDay(c.Recorded)}, object{0x5F51, mrzStyle(c.Name)}, object{0x5F52, c.Telephone}, object{0x5F53, c.Address})...))
		}
		out[16] = tlv.Encode(0x70, parts...)
	}
	return out
}

// object is a text that is left out when it is empty.
type object struct {
	tag  uint32
	text string
}

func optional(objects ...object) [][]byte {
	var out [][]byte
	for _, o := range objects {
		if o.text != "" {
			out = append(out, tlv.Encode(o.tag, []byte(o.text)))
		}
	}
	return out
}

// listed returns a file of objects behind the list of their tags, 5C.
func listed(tag uint32, objects ...object) []byte {
	var tags []byte
	for _, o := range objects {
		if o.text != "" {
			tags = append(tags, byte(o.tag>>8), byte(o.tag))
		}
	}
	return tlv.Encode(tag, append([][]byte{tlv.Encode(0x5C, tags)}, optional(objects...)...)...)
}

func (d Details) file() []byte {
	file := listed(0x6B,
		object{0x5F0E, mrzStyle(d.FullName)}, object{0x5F10, d.PersonalNumber}, object{0x5F2B, compactDay(d.DateOfBirth)},
		object{0x5F11, d.PlaceOfBirth}, object{0x5F42, d.Address}, object{0x5F12, d.Telephone}, object{0x5F13, d.Profession},
		object{0x5F14, d.Title}, object{0x5F15, d.Summary}, object{0x5F18, d.Custody})
	if len(d.OtherNames) == 0 {
		return file
	}
	outer, _, err := tlv.Next(file)
	if err != nil {
		return file
	}
	list, rest, err := tlv.Next(outer.Value)
	if err != nil {
		return file
	}
	names := [][]byte{tlv.Encode(0x02, []byte{byte(len(d.OtherNames))})}
	for _, n := range d.OtherNames {
		names = append(names, tlv.Encode(0x5F0F, []byte(mrzStyle(n))))
	}
	return tlv.Encode(0x6B, tlv.Encode(0x5C, list.Value, []byte{0xA0}), rest, tlv.Encode(0xA0, names...))
}

func (d Issue) file() []byte {
	when := compactDay(d.Personalised)
	if when != "" {
		when += "120000"
	}
	return listed(0x6C,
		object{0x5F19, d.Authority}, object{0x5F26, compactDay(d.DateOfIssue)}, object{0x5F1B, d.Endorsements},
		object{0x5F1C, d.TaxRequirements}, object{0x5F55, when}, object{0x5F56, d.System})
}

// compactDay turns 15/01/1999 into 19990115.
func compactDay(s string) string {
	d, ok := parseDate(s)
	if !ok || !d.full() {
		return ""
	}
	return fmt.Sprintf("%04d%02d%02d", d.year, d.month, d.day)
}

// mrzStyle writes "SURNAME, Given Names" with the fillers that the data groups
// want, in the letters of the name itself.
func mrzStyle(name string) string {
	if name == "" {
		return ""
	}
	surname, given, _ := strings.Cut(name, ",")
	join := func(s string) string { return strings.Join(strings.Fields(s), "<") }
	if given == "" {
		return join(surname)
	}
	return join(surname) + "<<" + join(given)
}
