package asn

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"

	"tram/drivers/emrtd/tlv"
)

// Universal tags.
const (
	Boolean         = 0x01
	Integer         = 0x02
	BitString       = 0x03
	OctetString     = 0x04
	Null            = 0x05
	OID             = 0x06
	UTCTime         = 0x17
	GeneralizedTime = 0x18
	Sequence        = 0x30
	Set             = 0x31
)

// ErrForm says that something is not of the type it must be.
var ErrForm = errors.New("asn: not of the expected form")

// maxElements bounds the elements of one sequence or set. A revocation list
// may hold many.
const maxElements = 1 << 17

// Elements returns the data objects that stand one after another in body.
func Elements(body []byte) ([]tlv.Node, error) {
	var out []tlv.Node
	for len(body) > 0 {
		n, rest, err := tlv.Next(body)
		if err != nil {
			return nil, err
		}
		if len(out) == maxElements {
			return nil, tlv.ErrLimit
		}
		out = append(out, n)
		body = rest
	}
	return out, nil
}

// One returns the single data object with tag that b begins with. Zero bytes
// may follow it, as padding in a file.
func One(b []byte, tag uint32) (tlv.Node, error) {
	n, rest, err := tlv.Next(b)
	if err != nil {
		return tlv.Node{}, err
	}
	if n.Tag != tag {
		return tlv.Node{}, fmt.Errorf("%w: tag %X, want %X", ErrForm, n.Tag, tag)
	}
	for _, v := range rest {
		if v != 0 {
			return tlv.Node{}, fmt.Errorf("%w: bytes after %X", ErrForm, tag)
		}
	}
	return n, nil
}

// Inside returns the elements of n, which must have tag.
func Inside(n tlv.Node, tag uint32) ([]tlv.Node, error) {
	if n.Tag != tag {
		return nil, fmt.Errorf("%w: tag %X, want %X", ErrForm, n.Tag, tag)
	}
	return Elements(n.Value)
}

// OIDString returns an object identifier's content in dotted form, or "" when it is none.
func OIDString(content []byte) string {
	if len(content) == 0 || len(content) > 64 || content[len(content)-1]&0x80 != 0 {
		return ""
	}
	var out strings.Builder
	var v uint64
	first := true
	for _, b := range content {
		if v > 1<<56 {
			return ""
		}
		v = v<<7 | uint64(b&0x7F)
		if b&0x80 != 0 {
			continue
		}
		if first {
			top := min(v/40, 2)
			out.WriteString(strconv.FormatUint(top, 10))
			v -= top * 40
			first = false
		}
		out.WriteByte('.')
		out.WriteString(strconv.FormatUint(v, 10))
		v = 0
	}
	return out.String()
}

// OIDContent returns the content of a dotted object identifier, or nil when it is none.
func OIDContent(dotted string) []byte {
	parts := strings.Split(dotted, ".")
	if len(parts) < 2 {
		return nil
	}
	var out []byte
	var top uint64
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 56)
		if err != nil {
			return nil
		}
		if i == 0 {
			top = v * 40
			continue
		}
		if i == 1 {
			v += top
		}
		var enc []byte
		for {
			enc = append([]byte{byte(v&0x7F) | 0x80}, enc...)
			if v >>= 7; v == 0 {
				break
			}
		}
		enc[len(enc)-1] &= 0x7F
		out = append(out, enc...)
	}
	return out
}

// Int returns the value of an INTEGER that must fit an int32.
func Int(n tlv.Node) (int, error) {
	if n.Tag != Integer || len(n.Value) == 0 || len(n.Value) > 4 {
		return 0, fmt.Errorf("%w: not a small integer", ErrForm)
	}
	v := int32(int8(n.Value[0]))
	for _, b := range n.Value[1:] {
		v = v<<8 | int32(b)
	}
	return int(v), nil
}

// Unsigned returns the value of an INTEGER as if it had no sign: some issuers
// forget the leading zero.
func Unsigned(n tlv.Node) (*big.Int, error) {
	if n.Tag != Integer || len(n.Value) == 0 {
		return nil, fmt.Errorf("%w: not an integer", ErrForm)
	}
	return new(big.Int).SetBytes(n.Value), nil
}

// Bits returns the content of a BIT STRING of whole bytes.
func Bits(n tlv.Node) ([]byte, error) {
	if n.Tag != BitString || len(n.Value) == 0 || n.Value[0] != 0 {
		return nil, fmt.Errorf("%w: not a bit string of whole bytes", ErrForm)
	}
	return n.Value[1:], nil
}

// Time reads UTCTime or GeneralizedTime, with or without seconds, in UTC or
// with an offset.
func Time(n tlv.Node) (time.Time, error) {
	s := string(n.Value)
	var layouts []string
	switch n.Tag {
	case UTCTime:
		if len(s) < 2 {
			return time.Time{}, fmt.Errorf("%w: not a time", ErrForm)
		}
		century := "20"
		if s[0] >= '5' { // RFC 5280 §4.1.2.5.1: 50 to 99 are 19xx
			century = "19"
		}
		s = century + s
		fallthrough
	case GeneralizedTime:
		layouts = []string{"20060102150405Z", "20060102150405Z0700", "200601021504Z", "200601021504Z0700", "20060102150405", "20060102150405.999Z"}
	default:
		return time.Time{}, fmt.Errorf("%w: tag %X is not a time", ErrForm, n.Tag)
	}
	for _, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%w: not a time", ErrForm)
}
