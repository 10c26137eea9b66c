package emrtd

import "tram/drivers/emrtd/tlv"

// lengthsInATR reads the third software function table in the card capabilities of an
// ATR's historical bytes (ISO/IEC 7816-4 §8.1.1.2.7): whether the card takes extended
// length, and whether there is such a table at all. PC/SC builds the ATR of a contactless
// card from its answer to select, historical bytes included.
func lengthsInATR(atr []byte) (extended, said bool) {
	for _, do := range compactTLV(historical(atr)) {
		if do.Tag == 0x7 && len(do.Value) >= 3 {
			return do.Value[2]&0x40 != 0, true
		}
	}
	return false, false
}

// historical returns an ATR's historical bytes (ISO/IEC 7816-3 §8.2).
func historical(atr []byte) []byte {
	if len(atr) < 2 {
		return nil
	}
	n := int(atr[1] & 0x0F)
	i := 2
	for y := atr[1] >> 4; ; {
		next := byte(0)
		for bit := byte(1); bit <= 8; bit <<= 1 {
			if y&bit == 0 {
				continue
			}
			if i >= len(atr) {
				return nil
			}
			if bit == 8 {
				next = atr[i] >> 4
			}
			i++
		}
		if y&8 == 0 || next == 0 {
			break
		}
		y = next
	}
	if len(atr)-i < n {
		return nil
	}
	return atr[i : i+n]
}

// compactTLV reads COMPACT-TLV data objects: tag and length share a byte. Historical
// bytes hold them after a category indicator of 00 (a status follows) or 80.
func compactTLV(b []byte) []tlv.Node {
	if len(b) == 0 || (b[0] != 0x80 && b[0] != 0x00) {
		return nil
	}
	var out []tlv.Node
	for b = b[1:]; len(b) > 0; {
		n := int(b[0] & 0x0F)
		if len(b)-1 < n {
			break
		}
		out = append(out, tlv.Node{Tag: uint32(b[0] >> 4), Value: b[1 : 1+n]})
		b = b[1+n:]
	}
	return out
}
