package asn

import (
	"tram/drivers/emrtd/tlv"
)

// maxNesting bounds how deep Definite looks.
const maxNesting = 32

// Definite returns b with every length in the definite form: BER allows a
// constructed value to be ended by two zero bytes instead, and some issuers write signed
// data so. Values keep their bytes, and with them their hashes and signatures, unless
// they have such a length inside.
func Definite(b []byte) ([]byte, error) {
	out, _, err := definite(b, maxNesting, false)
	return out, err
}

// definite converts the data objects in b, up to the end or, where ended is set, to
// the two zero bytes. It returns what follows.
func definite(b []byte, depth int, ended bool) (out, rest []byte, err error) {
	if depth == 0 {
		return nil, nil, tlv.ErrLimit
	}
	for len(b) > 0 {
		if ended && len(b) >= 2 && b[0] == 0 && b[1] == 0 {
			return out, b[2:], nil
		}
		tagSize := 1
		if b[0]&0x1F == 0x1F {
			for tagSize < len(b) && b[tagSize]&0x80 != 0 {
				tagSize++
			}
			tagSize++
		}
		if tagSize > 4 || tagSize >= len(b) {
			return nil, nil, tlv.ErrInvalid
		}
		if b[tagSize] != 0x80 {
			n, after, err := tlv.Next(b)
			if err != nil {
				return nil, nil, err
			}
			raw := n.Raw
			if n.Constructed() && hasIndefinite(n.Value, depth-1) {
				inner, _, err := definite(n.Value, depth-1, false)
				if err == nil {
					raw = tlv.Encode(n.Tag, inner)
				}
			}
			out, b = append(out, raw...), after
			continue
		}
		var tag uint32
		for _, v := range b[:tagSize] {
			tag = tag<<8 | uint32(v)
		}
		if !tlv.Constructed(tag) {
			return nil, nil, tlv.ErrInvalid
		}
		inner, after, err := definite(b[tagSize+1:], depth-1, true)
		if err != nil {
			return nil, nil, err
		}
		out, b = append(out, tlv.Encode(tag, inner)...), after
	}
	if ended {
		return nil, nil, tlv.ErrTruncated
	}
	return out, nil, nil
}

// hasIndefinite reports whether one of the data objects in b, or their first ones
// inside, has an indefinite length.
func hasIndefinite(b []byte, depth int) bool {
	for len(b) > 0 && depth > 0 {
		n, rest, err := tlv.Next(b)
		if err != nil {
			return true // perhaps: definite finds out
		}
		if n.Constructed() && hasIndefinite(n.Value, depth-1) {
			return true
		}
		b = rest
	}
	return false
}
