package tlv

import (
	"errors"
	"fmt"
)

// Errors of Parse, Next and ReadHeader.
var (
	ErrTruncated = errors.New("tlv: ends in the middle of a data object")
	ErrInvalid   = errors.New("tlv: not a valid tag or length")
	ErrLimit     = errors.New("tlv: too deep, too long or too many data objects")
)

// Limits bound what Parse accepts. A zero field takes its default.
type Limits struct {
	Depth  int // levels of nesting; default 16
	Nodes  int // data objects in all; default 4096
	Length int // bytes of one value; default 4 MiB
}

func (l Limits) withDefaults() Limits {
	if l.Depth <= 0 {
		l.Depth = 16
	}
	if l.Nodes <= 0 {
		l.Nodes = 4096
	}
	if l.Length <= 0 {
		l.Length = 4 << 20
	}
	return l
}

// Node is one data object. Value and Raw are parts of the parsed bytes, not
// copies. Children is filled for constructed tags.
type Node struct {
	Tag      uint32 // the tag's bytes as a number: 0x61, 0x5F1F, 0x7F60
	Value    []byte
	Raw      []byte // tag, length and value as they stood
	Children []Node
}

// Constructed reports whether the tag says that its value is made of data objects.
func (n Node) Constructed() bool { return Constructed(n.Tag) }

// Constructed reports whether tag is a constructed one.
func Constructed(tag uint32) bool {
	for tag > 0xFF {
		tag >>= 8
	}
	return tag&0x20 != 0
}

// Find follows path down from n's children: the first child with the first
// tag, its first child with the second, and so on.
func (n Node) Find(path ...uint32) (Node, bool) { return Find(n.Children, path...) }

// Find follows path through nodes and returns the first data object it leads to.
func Find(nodes []Node, path ...uint32) (Node, bool) {
	if len(path) == 0 {
		return Node{}, false
	}
	for _, n := range nodes {
		if n.Tag != path[0] {
			continue
		}
		if len(path) == 1 {
			return n, true
		}
		if found, ok := Find(n.Children, path[1:]...); ok {
			return found, true
		}
	}
	return Node{}, false
}

// Parse reads every data object in b, and those inside constructed ones.
// rest is the padding, if any, that follows the last: it begins with 00 or FF,
// which are no tags of BER-TLV in files (ISO/IEC 7816-4 §5.2.2.1).
func Parse(b []byte, limits Limits) (nodes []Node, rest []byte, err error) {
	limits = limits.withDefaults()
	left := limits.Nodes
	return parse(b, limits, limits.Depth, &left)
}

func parse(b []byte, limits Limits, depth int, left *int) ([]Node, []byte, error) {
	if depth == 0 {
		return nil, nil, ErrLimit
	}
	var nodes []Node
	for len(b) > 0 && b[0] != 0x00 && b[0] != 0xFF {
		if *left--; *left < 0 {
			return nil, nil, ErrLimit
		}
		n, rest, err := Next(b)
		if err != nil {
			return nil, nil, err
		}
		if len(n.Value) > limits.Length {
			return nil, nil, ErrLimit
		}
		if n.Constructed() {
			if n.Children, _, err = parse(n.Value, limits, depth-1, left); err != nil {
				return nil, nil, fmt.Errorf("in %X: %w", n.Tag, err)
			}
		}
		nodes = append(nodes, n)
		b = rest
	}
	return nodes, b, nil
}

// Next reads the first data object of b without looking inside it.
func Next(b []byte) (n Node, rest []byte, err error) {
	h, err := ReadHeader(b)
	if err != nil {
		return Node{}, nil, err
	}
	if h.Length > len(b)-h.Size {
		return Node{}, nil, ErrTruncated
	}
	end := h.Size + h.Length
	return Node{Tag: h.Tag, Value: b[h.Size:end:end], Raw: b[:end:end]}, b[end:], nil
}

// Header is a data object's tag and length.
type Header struct {
	Tag    uint32
	Size   int // bytes of tag and length together
	Length int // bytes of the value, as claimed: not held against anything
}

// ReadHeader reads the tag and the length at the start of b. It fails with
// ErrTruncated when more bytes could complete them. Tags of up to three bytes
// and lengths of up to four are read; a length that does not fit an int31 is
// ErrLimit.
func ReadHeader(b []byte) (Header, error) {
	if len(b) == 0 {
		return Header{}, ErrTruncated
	}
	tag, i := uint32(b[0]), 1
	if b[0]&0x1F == 0x1F {
		for {
			if i == len(b) {
				return Header{}, ErrTruncated
			}
			if i == 3 {
				return Header{}, ErrInvalid
			}
			tag = tag<<8 | uint32(b[i])
			i++
			if b[i-1]&0x80 == 0 {
				break
			}
		}
	}
	if i == len(b) {
		return Header{}, ErrTruncated
	}
	first := b[i]
	i++
	if first < 0x80 {
		return Header{Tag: tag, Size: i, Length: int(first)}, nil
	}
	count := int(first & 0x7F)
	if count == 0 || count > 4 {
		return Header{}, ErrInvalid
	}
	if len(b)-i < count {
		return Header{}, ErrTruncated
	}
	var length uint64
	for _, v := range b[i : i+count] {
		length = length<<8 | uint64(v)
	}
	if length > 1<<31-1 {
		return Header{}, ErrLimit
	}
	return Header{Tag: tag, Size: i + count, Length: int(length)}, nil
}

// Encode returns the data object with tag and the concatenation of value, with
// the shortest length.
func Encode(tag uint32, value ...[]byte) []byte {
	n := 0
	for _, v := range value {
		n += len(v)
	}
	out := make([]byte, 0, n+8)
	for shift := 24; shift >= 0; shift -= 8 {
		if tag>>shift != 0 || shift == 0 {
			out = append(out, byte(tag>>shift))
		}
	}
	out = appendLength(out, n)
	for _, v := range value {
		out = append(out, v...)
	}
	return out
}

func appendLength(out []byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(out, byte(n))
	case n < 1<<8:
		return append(out, 0x81, byte(n))
	case n < 1<<16:
		return append(out, 0x82, byte(n>>8), byte(n))
	case n < 1<<24:
		return append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}
