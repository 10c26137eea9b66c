package emrtd

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"

	"tram/drivers/emrtd/tlv"
	"tram/drivers/privacy"
)

// ErrGroup says that a data group with details cannot be read.
var ErrGroup = errors.New("the data group cannot be read")

// Details is what DG11, DG12 or DG16 say, by the names of their fields. Fields that the
// chip does not have are missing. Values are texts as they stand, with fillers made
// spaces; dates are YYYY-MM-DD where they can be read.
type Details = privacy.Private[map[string]string]

// Picture is a picture in a data group, not decoded.
type Picture = Portrait

// groupField is a field of a data group with details.
type groupField struct {
	name string
	kind fieldKind
}

type fieldKind int

const (
	textField fieldKind = iota
	nameField           // PRIMARY<<SECONDARY
	dateField           // CCYYMMDD in characters or BCD
	timeField           // CCYYMMDDhhmmss in characters or BCD
	pictureField
)

// Fields of DG11, DG12 and DG16 (Doc 9303-10 §4.7.11, §4.7.12, §4.7.16).
var (
	fieldsDG11 = map[uint32]groupField{
		0x5F0E: {"fullName", nameField}, 0x5F0F: {"otherNames", nameField}, 0x5F10: {"personalNumber", textField}, 0x5F2B: {"dateOfBirth", dateField},
		0x5F11: {"placeOfBirth", textField}, 0x5F42: {"address", textField}, 0x5F12: {"telephone", textField}, 0x5F13: {"profession", textField},
		0x5F14: {"title", textField}, 0x5F15: {"summary", textField}, 0x5F16: {"proofOfCitizenship", pictureField}, 0x5F17: {"otherDocuments", textField}, 0x5F18: {"custody", textField},
	}
	fieldsDG12 = map[uint32]groupField{
		0x5F19: {"issuingAuthority", textField}, 0x5F26: {"dateOfIssue", dateField}, 0x5F1A: {"otherPersons", nameField}, 0x5F1B: {"endorsements", textField},
		0x5F1C: {"taxOrExit", textField}, 0x5F1D: {"imageOfFront", pictureField}, 0x5F1E: {"imageOfRear", pictureField}, 0x5F55: {"personalizedAt", timeField}, 0x5F56: {"personalizedBy", textField},
	}
	fieldsDG16 = map[uint32]groupField{
		0x5F50: {"recorded", dateField}, 0x5F51: {"name", nameField}, 0x5F52: {"telephone", textField}, 0x5F53: {"address", textField},
	}
)

// maxGroupField bounds one text of a data group, in bytes.
const maxGroupField = 4 << 10

// ParseDG11 reads the additional personal details.
func ParseDG11(raw []byte) (Details, error) { return parseDetails(DG11, raw, fieldsDG11) }

// ParseDG12 reads the additional details of the document.
func ParseDG12(raw []byte) (Details, error) { return parseDetails(DG12, raw, fieldsDG12) }

// ParseDG16 reads the persons to notify.
func ParseDG16(raw []byte) ([]Details, error) {
	nodes, err := groupNodes(DG16, raw)
	if err != nil {
		return nil, err
	}
	var out []Details
	for _, n := range nodes {
		if n.Tag >= 0xA1 && n.Tag <= 0xBE {
			fields := map[string]string{}
			addFields(fields, n.Children, fieldsDG16)
			if len(fields) > 0 {
				out = append(out, privacy.New(fields))
			}
		}
	}
	if len(out) == 0 {
		fields := map[string]string{}
		if addFields(fields, nodes, fieldsDG16); len(fields) > 0 {
			out = append(out, privacy.New(fields))
		}
	}
	return out, nil
}

// ParseDG7 finds the displayed signatures (Doc 9303-10 §4.7.7).
func ParseDG7(raw []byte) ([]Picture, error) {
	nodes, err := groupNodes(DG7, raw)
	if err != nil {
		return nil, err
	}
	var out []Picture
	for _, n := range nodes {
		if n.Tag == 0x5F43 && pictureFormat(n.Value) != "" {
			out = append(out, portrait(n.Value))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%w: DG7 holds no picture", ErrGroup)
	}
	return out, nil
}

func groupNodes(id FileID, raw []byte) ([]tlv.Node, error) {
	nodes, _, err := tlv.Parse(raw, tlv.Limits{Depth: 6, Nodes: 256})
	if err != nil {
		return nil, fmt.Errorf("%w: %v: %w", ErrGroup, id, err)
	}
	if len(nodes) == 0 || nodes[0].Tag != uint32(groupTags[id.Group()]) {
		return nil, fmt.Errorf("%w: %v begins with another tag", ErrGroup, id)
	}
	return nodes[0].Children, nil
}

func parseDetails(id FileID, raw []byte, known map[uint32]groupField) (Details, error) {
	nodes, err := groupNodes(id, raw)
	if err != nil {
		return Details{}, err
	}
	fields := map[string]string{}
	addFields(fields, nodes, known)
	return privacy.New(fields), nil
}

// addFields takes the fields among nodes and inside the lists (A0) of them. A field
// that comes several times is joined.
func addFields(out map[string]string, nodes []tlv.Node, known map[uint32]groupField) {
	for _, n := range nodes {
		f, ok := known[n.Tag]
		switch {
		case n.Tag == 0xA0:
			addFields(out, n.Children, known)
			continue
		case !ok || len(n.Value) == 0:
			continue
		}
		value := f.kind.read(n.Value)
		if before := out[f.name]; before != "" && value != "" {
			value = before + "; " + value
		}
		if value != "" {
			out[f.name] = value
		}
	}
}

func (k fieldKind) read(b []byte) string {
	switch k {
	case pictureField:
		if format := pictureFormat(b); format != "" {
			return fmt.Sprintf("%s, %d bytes", format, len(b))
		}
		return fmt.Sprintf("%d bytes", len(b))
	case dateField:
		return groupDate(b)
	case timeField:
		s := decimal(b, 7)
		if len(s) != 14 || !isDate(s[:8]) {
			return groupText(b)
		}
		return s[:4] + "-" + s[4:6] + "-" + s[6:8] + "T" + s[8:10] + ":" + s[10:12] + ":" + s[12:]
	case nameField:
		if primary, secondary, ok := strings.Cut(groupRaw(b), "<<"); ok {
			return strings.TrimSpace(unfill(primary) + " " + unfill(secondary))
		}
	}
	return groupText(b)
}

// decimal returns digits that stand there as characters, or packed two to a byte.
func decimal(b []byte, packed int) string {
	if len(b) == packed {
		return hex.EncodeToString(b)
	}
	return string(b)
}

// groupDate reads CCYYMMDD. Unknown parts are zeros or fillers and stay away.
func groupDate(b []byte) string {
	s := decimal(b, 4)
	switch {
	case len(s) != 8 || !isDate(s):
		return groupText(b)
	case strings.Trim(s[4:6], "0<") == "":
		return s[:4]
	case strings.Trim(s[6:], "0<") == "":
		return s[:4] + "-" + s[4:6]
	}
	return s[:4] + "-" + s[4:6] + "-" + s[6:]
}

func isDate(s string) bool {
	return strings.Trim(s[:4], "0123456789") == "" && strings.Trim(s[4:], "0123456789<") == ""
}

// groupText is a text with fillers as spaces.
func groupText(b []byte) string { return unfill(groupRaw(b)) }

// groupRaw decodes UTF-8, or, from chips of the first years, Latin-1.
func groupRaw(b []byte) string {
	b = b[:min(len(b), maxGroupField)]
	s := string(b)
	if !utf8.Valid(b) {
		if d, err := charmap.ISO8859_1.NewDecoder().Bytes(b); err == nil {
			s = string(d)
		}
	}
	return norm.NFC.String(strings.ToValidUTF8(s, "\uFFFD"))
}

func unfill(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == '<' || r <= ' ' || r == 0x7F }), " ")
}
