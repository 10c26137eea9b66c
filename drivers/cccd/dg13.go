package cccd

import (
	"errors"
	"fmt"

	"tram/drivers/emrtd/tlv"
	"tram/drivers/privacy"
)

// MaxDG13 is the longest data group 13 that is parsed, in bytes. Real ones stay
// below 700.
const MaxDG13 = 4 << 10

// ErrDG13 says that a file is not a data group 13.
var ErrDG13 = errors.New("not a data group 13")

// What ParseDG13 remarks.
const (
	WarnDG13Trailing  Warning = "data group 13 is followed by other bytes"
	WarnDG13OID       Warning = "data group 13 names another character set than UTF-8"
	WarnDG13Version   Warning = "data group 13 has another version than 1"
	WarnDG13Duplicate Warning = "data group 13 has a field twice; the first is kept"
	WarnDG13Type      Warning = "data group 13 has a field of an unexpected type; it is kept raw"
	WarnDG13Text      Warning = "data group 13 has text that is not in its encoding"
	WarnDG13Date      Warning = "data group 13 has a date that cannot be read"
	WarnDG13Degraded  Warning = "data group 13 is damaged; its fields were searched for"
	WarnDG13Unknown   Warning = "data group 13 has an unknown or encrypted body; it is kept raw"
	WarnDG13Parents   Warning = "data group 13 names one parent without saying which"
)

// BER tags that data group 13 is made of.
const (
	tagFile      = 0x6D
	tagSequence  = 0x30
	tagSet       = 0x31
	tagInteger   = 0x02
	tagOID       = 0x06
	tagUTF8      = 0x0C
	tagPrintable = 0x13
	tagIA5       = 0x16
	tagVisible   = 0x1A
	tagBMP       = 0x1E
)

// utf8OID is 1.0.10646.1.0.8, ISO 10646 in UTF-8.
const utf8OID = "28D316010008"

// DG13 is what the Vietnamese data group says. It is to be trusted only after
// its raw file was held against the SOD.
type DG13 struct {
	Person
	Version  int
	OID      string                            // hexadecimal; "28D316010008" is UTF-8
	Parents  privacy.Private[[]string]         // as they stand: father, mother, or one of which it is not known
	Extra    privacy.Private[map[int][]string] // fields beyond 16, and values of other types in hexadecimal
	Raw      privacy.Private[[]byte]           // the body when it is not understood
	Degraded bool                              // damaged: the fields were searched for
	Unknown  bool                              // nothing was understood: other or encrypted body
	Warnings []Warning
}

// ParseDG13 reads the file EF.DG13. Missing and empty fields are normal. A body
// that is not understood is kept raw and marked Unknown, without an error; a
// damaged one is searched for fields and marked Degraded. It fails with ErrDG13
// for another file and with ErrTooLong.
func ParseDG13(raw []byte) (DG13, error) {
	if len(raw) > MaxDG13 {
		return DG13{}, fmt.Errorf("parse DG13: %w: %d bytes, at most %d", ErrTooLong, len(raw), MaxDG13)
	}
	if len(raw) < 2 || raw[0] != tagFile {
		return DG13{}, fmt.Errorf("parse DG13: %w: it does not begin with tag 6D", ErrDG13)
	}
	p := dg13Parser{seen: map[int]bool{}, extra: map[int][]string{}}
	body, whole := p.open(raw)
	if !whole || !p.walk(body) {
		// Start again without what a half walk left.
		p = dg13Parser{seen: map[int]bool{}, extra: map[int][]string{}}
		if p.search(body); len(p.seen) > 0 {
			p.Degraded = true
			p.warn(WarnDG13Degraded)
		}
	}
	if len(p.seen) == 0 {
		p.Unknown = true
		p.Raw = privacy.New(append([]byte(nil), body...))
		p.warn(WarnDG13Unknown)
	}
	if len(p.extra) > 0 {
		p.Extra = privacy.New(p.extra)
	}
	return p.DG13, nil
}

type dg13Parser struct {
	DG13
	seen  map[int]bool
	extra map[int][]string
}

func (p *dg13Parser) warn(w Warning) {
	for _, told := range p.Warnings {
		if told == w {
			return
		}
	}
	p.Warnings = append(p.Warnings, w)
}

// open unwraps the file's tag. whole is false when the length claims more than
// there is; body is what is there then.
func (p *dg13Parser) open(raw []byte) (body []byte, whole bool) {
	file, rest, err := tlv.Next(raw)
	if err != nil {
		if h, err := tlv.ReadHeader(raw); err == nil {
			return raw[h.Size:], false
		}
		return raw[1:], false
	}
	for _, b := range rest {
		if b != 0x00 && b != 0xFF {
			p.warn(WarnDG13Trailing)
			break
		}
	}
	return file.Value, true
}

// walk follows the structure: a sequence of version, character set and the set
// of fields, the set's tag or the set itself being optional. It reports whether
// everything was well-formed.
func (p *dg13Parser) walk(body []byte) bool {
	nodes, ok := siblings(body)
	if !ok {
		return false
	}
	for depth := 0; len(nodes) == 1 && nodes[0].Tag == tagSequence && depth < 2; depth++ {
		inner, ok := siblings(nodes[0].Value)
		if !ok {
			return false
		}
		if len(inner) > 0 && isField(nodes[0], inner) && !isHeader(inner) {
			break
		}
		nodes = inner
	}
	return p.list(nodes, 0)
}

// isHeader tells the outer sequence (version 1, then an OID or the set) from a
// field, which may begin with the same integer.
func isHeader(inner []tlv.Node) bool {
	return len(inner) > 1 && (inner[1].Tag == tagOID || inner[1].Tag == tagSet)
}

func isField(n tlv.Node, inner []tlv.Node) bool {
	return n.Tag == tagSequence && len(inner) > 0 && inner[0].Tag == tagInteger && len(inner[0].Value) == 1
}

func (p *dg13Parser) list(nodes []tlv.Node, depth int) bool {
	for _, n := range nodes {
		switch n.Tag {
		case tagInteger:
			if p.Version = 0; len(n.Value) == 1 {
				p.Version = int(n.Value[0])
			}
			if p.Version != 1 {
				p.warn(WarnDG13Version)
			}
		case tagOID:
			if p.OID = fmt.Sprintf("%X", n.Value); p.OID != utf8OID {
				p.warn(WarnDG13OID)
			}
		case tagSet, tagSequence:
			inner, ok := siblings(n.Value)
			switch {
			case !ok:
				return false
			case isField(n, inner):
				p.field(int(inner[0].Value[0]), inner[1:])
			case depth < 2:
				if !p.list(inner, depth+1) {
					return false
				}
			}
		default:
			return depth > 0 // an octet string and the like: a body of another kind
		}
	}
	return true
}

// maxSiblings bounds the data objects side by side; a card has 16 fields.
const maxSiblings = 256

// siblings reads data objects side by side, without looking inside them.
func siblings(b []byte) ([]tlv.Node, bool) {
	var nodes []tlv.Node
	for len(b) > 0 {
		if len(nodes) == maxSiblings {
			return nodes, false
		}
		n, rest, err := tlv.Next(b)
		if err != nil {
			return nodes, false
		}
		nodes = append(nodes, n)
		b = rest
	}
	return nodes, true
}

// search looks for fields, 30 LL 02 01 NN, wherever they stand.
func (p *dg13Parser) search(b []byte) {
	for i := 0; i+5 <= len(b); {
		h, err := tlv.ReadHeader(b[i:])
		if err == nil && b[i] == tagSequence && h.Length >= 3 && h.Length <= len(b)-i-h.Size {
			value := b[i+h.Size : i+h.Size+h.Length]
			if value[0] == tagInteger && value[1] == 1 && value[2] >= 1 && value[2] <= 16 {
				if inner, ok := siblings(value); ok && !isHeader(inner) {
					p.field(int(value[2]), inner[1:])
					i += h.Size + h.Length
					continue
				}
			}
		}
		i++
	}
}
