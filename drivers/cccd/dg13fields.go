package cccd

import (
	"encoding/hex"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"tram/drivers/emrtd/tlv"
	"tram/drivers/privacy"
)

// maxFieldDepth bounds how deep a field's strings are looked for.
const maxFieldDepth = 3

// field takes field number's values: strings, at most a few sequences deep.
func (p *dg13Parser) field(number int, values []tlv.Node) {
	if p.seen[number] {
		p.warn(WarnDG13Duplicate)
		return
	}
	p.seen[number] = true
	leaves, odd := p.leaves(values, maxFieldDepth)
	if len(odd) > 0 {
		p.warn(WarnDG13Type)
		p.extra[number] = append(p.extra[number], odd...)
	}
	if number == 13 {
		p.parents(leaves)
		return
	}
	target := p.target(number)
	if target == nil {
		p.extra[number] = append(p.extra[number], leaves...)
		return
	}
	if len(leaves) == 0 {
		return
	}
	value := leaves[0]
	switch number {
	case 3, 11, 12:
		value = p.date(value)
	case 4:
		value = gender(value)
	case 9:
		value = tidyAddress(value)
	}
	*target = privacy.New(value)
	if len(leaves) > 1 {
		p.extra[number] = append(p.extra[number], leaves[1:]...)
	}
}

// target is where the fields 1 to 16 go; 13 has two.
func (p *dg13Parser) target(number int) *privacy.Private[string] {
	switch number {
	case 1:
		return &p.IDCode
	case 2:
		return &p.PersonName
	case 3:
		return &p.DateOfBirth
	case 4:
		return &p.Gender
	case 5:
		return &p.Nationality
	case 6:
		return &p.Race
	case 7:
		return &p.Religion
	case 8:
		return &p.OriginPlace
	case 9:
		return &p.ResidencePlace
	case 10:
		return &p.PersonalIdentification
	case 11:
		return &p.IssueDate
	case 12:
		return &p.ExpiryDate
	case 14:
		return &p.WifeName
	case 15:
		return &p.OldIDCode
	case 16:
		return &p.ChipID
	}
	return nil
}

// parents takes field 13 in either shape, two sequences or one with two
// strings: father first. With one name nobody says whose it is.
func (p *dg13Parser) parents(names []string) {
	if len(names) == 0 {
		return
	}
	p.Parents = privacy.New(names)
	if len(names) == 1 {
		if names[0] != "" {
			p.warn(WarnDG13Parents)
		}
		return
	}
	p.FatherName, p.MotherName = privacy.New(names[0]), privacy.New(names[1])
	if len(names) > 2 {
		p.extra[13] = append(p.extra[13], names[2:]...)
	}
}

// leaves returns the strings among nodes in document order. An empty sequence
// counts as an empty string, so that a missing father does not make a father of
// the mother. Values of other types come back in hexadecimal.
func (p *dg13Parser) leaves(nodes []tlv.Node, depth int) (texts, odd []string) {
	for _, n := range nodes {
		switch n.Tag {
		case tagUTF8, tagPrintable, tagIA5, tagVisible:
			if !utf8.Valid(n.Value) {
				p.warn(WarnDG13Text)
			}
			texts = append(texts, tidy(string(n.Value)))
		case tagBMP:
			texts = append(texts, p.bmp(n.Value))
		case tagSequence, tagSet:
			inner, ok := siblings(n.Value)
			if !ok || depth == 0 {
				odd = append(odd, hex.EncodeToString(n.Raw))
				continue
			}
			if len(inner) == 0 {
				texts = append(texts, "")
			}
			t, o := p.leaves(inner, depth-1)
			texts, odd = append(texts, t...), append(odd, o...)
		default:
			odd = append(odd, hex.EncodeToString(n.Raw))
		}
	}
	return texts, odd
}

// bmp decodes a BMPString: UTF-16, big-endian.
func (p *dg13Parser) bmp(b []byte) string {
	if len(b)%2 != 0 {
		p.warn(WarnDG13Text)
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	return tidy(string(utf16.Decode(units)))
}

// date returns a date as cards write it, or the text itself with a warning.
func (p *dg13Parser) date(s string) string {
	if strings.Trim(s, "-/ ") == "" {
		return ""
	}
	d, err := ParseDate(s)
	if err != nil {
		p.warn(WarnDG13Date)
		return s
	}
	return d.String()
}
