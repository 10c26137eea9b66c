package sim

import (
	"strings"

	"tram/drivers/emrtd/tlv"
)

// ASN.1 tags that data group 13 is made of.
const (
	tagInteger   = 0x02
	tagOID       = 0x06
	tagUTF8      = 0x0C
	tagPrintable = 0x13
	tagSequence  = 0x30
	tagSet       = 0x31
)

// oidUnicode is 1.0.10646.1.0.8, ISO 10646 in UTF-8, which the body of data
// group 13 begins with.
var oidUnicode = []byte{0x28, 0xD3, 0x16, 0x01, 0x00, 0x08}

// DG13 returns the file EF.DG13, the Vietnamese data group: tag 6D, version,
// the character set and the fields 1 to 16 in ascending order. Fields that a
// card may lack stand there without a value when the citizen has none. Parents
// are two sequences side by side, the shape seen on real cards.
func (c Citizen) DG13() []byte { return c.dg13(false) }

func (c Citizen) dg13(nestedParents bool) []byte {
	c = c.normalised()
	fields := []struct {
		number byte
		value  []byte
	}{
		{1, text(tagPrintable, c.IDCode)},
		{2, text(tagUTF8, c.PersonName)},
		{3, text(tagPrintable, c.DateOfBirth)},
		{4, text(tagUTF8, c.Gender)},
		{5, text(tagUTF8, c.Nationality)},
		{6, text(tagUTF8, c.Race)},
		{7, text(tagUTF8, c.Religion)},
		{8, text(tagUTF8, c.OriginPlace)},
		{9, text(tagUTF8, c.ResidencePlace)},
		{10, text(tagUTF8, c.PersonalIdentification)},
		{11, text(tagPrintable, c.IssueDate)},
		{12, text(tagUTF8, c.ExpiryDate)},
		{13, c.parents(nestedParents)},
		{14, inSequence(c.WifeName)},
		{15, text(tagPrintable, c.OldIDCode)},
		{16, text(tagPrintable, c.ChipID)},
	}
	var set []byte
	for _, f := range fields {
		set = append(set, tlv.Encode(tagSequence, tlv.Encode(tagInteger, []byte{f.number}), f.value)...)
	}
	// The card writes the entries in field order; a DER set would be sorted.
	body := tlv.Encode(tagSequence,
		tlv.Encode(tagInteger, []byte{1}), tlv.Encode(tagOID, oidUnicode), tlv.Encode(tagSet, set))
	return tlv.Encode(0x6D, body)
}

// parents returns field 13: two sequences, or one with both names.
func (c Citizen) parents(nested bool) []byte {
	if nested && c.FatherName+c.MotherName != "" {
		return tlv.Encode(tagSequence, text(tagUTF8, c.FatherName), text(tagUTF8, c.MotherName))
	}
	return append(inSequence(c.FatherName), inSequence(c.MotherName)...)
}

func inSequence(s string) []byte {
	if s == "" {
		return nil
	}
	return tlv.Encode(tagSequence, text(tagUTF8, s))
}

// text returns a string of the given type, or nothing for the empty string.
func text(tag uint32, s string) []byte {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	return tlv.Encode(tag, []byte(s))
}
