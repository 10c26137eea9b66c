package qr

import (
	"bytes"
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing/common"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// The modes of a segment (ISO/IEC 18004 §7.4.1; Chinese characters, GB/T 18284).
const (
	modeEnd     = 0
	modeDigits  = 1
	modeCapital = 2 // digits, capital letters and a few signs
	modePart    = 3 // of a text that lies in several codes
	modeBytes   = 4
	modeGS1     = 5
	modeSet     = 7 // the bytes that follow are of this character set
	modeKanji   = 8
	modeTrade   = 9 // like GS1, of one trade
	modeHanzi   = 13
)

const capitals = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// segment is a piece of a code's content in one character set.
type segment struct {
	raw []byte
	set encoding.Encoding // nil: the code does not say
}

// content returns what the corrected data codewords of a code say: bytes as they are, but UTF-8 where the
// code names the character set. ok is false where they break off or are not what a code may hold.
func content(data []byte, version int) (out []byte, ok bool) {
	segments, ok := segmentsOf(data, version)
	if !ok {
		return nil, false
	}
	japaneseToo := false // then bytes that are no UTF-8 are the same Japanese as the characters beside them
	for _, s := range segments {
		japaneseToo = japaneseToo || s.set == japanese.ShiftJIS
	}
	for _, s := range segments {
		if s.set == nil && japaneseToo && !utf8.Valid(s.raw) {
			s.set = japanese.ShiftJIS
		}
		if s.set == nil {
			out = append(out, s.raw...)
			continue
		}
		text, err := s.set.NewDecoder().Bytes(s.raw)
		if err != nil {
			return nil, false
		}
		out = append(out, text...)
	}
	return out, true
}

// textOf is what bytes most likely mean.
func textOf(content []byte) string {
	if utf8.Valid(content) {
		return string(content)
	}
	// No one wrote UTF-8 here: the library's guess among the older character sets.
	set, err := common.StringUtils_guessCharset(content, nil)
	if err == nil {
		if text, err := set.NewDecoder().Bytes(content); err == nil && !bytes.ContainsRune(text, utf8.RuneError) {
			return string(text)
		}
	}
	runes := make([]rune, len(content))
	for i, b := range content {
		runes[i] = rune(b)
	}
	return string(runes)
}

// bits reads numbers from a sequence of bits; short is set when there were too few.
type bits struct {
	data  []byte
	at    int
	short bool
}

func (b *bits) left() int { return 8*len(b.data) - b.at }

func (b *bits) take(n int) int {
	if b.left() < n {
		b.short, b.at = true, 8*len(b.data)
		return 0
	}
	v := 0
	for range n {
		v = v<<1 | int(b.data[b.at/8]>>(7-b.at%8)&1)
		b.at++
	}
	return v
}

func segmentsOf(data []byte, version int) (out []segment, ok bool) {
	b := &bits{data: data}
	size := 0 // of the counts: they grow with the version (§7.4.1, table 3)
	if version > 9 {
		size++
	}
	if version > 26 {
		size++
	}
	var set encoding.Encoding
	gs1 := false
	for b.left() >= 4 && !b.short {
		switch mode := b.take(4); mode {
		case modeEnd:
			return out, true
		case modeGS1:
			gs1 = true
		case modeTrade:
			gs1 = true
			b.take(8)
		case modePart:
			b.take(16)
		case modeSet:
			if set, ok = characterSet(b); !ok {
				return nil, false
			}
		case modeDigits:
			out = append(out, segment{raw: digits(b, b.take([]int{10, 12, 14}[size]))})
		case modeCapital:
			out = append(out, segment{raw: capital(b, b.take([]int{9, 11, 13}[size]), gs1)})
		case modeBytes:
			n := b.take([]int{8, 16, 16}[size])
			if 8*n > b.left() {
				return nil, false
			}
			s := segment{raw: make([]byte, n), set: set}
			for i := range s.raw {
				s.raw[i] = byte(b.take(8)) //nolint:gosec // eight bits
			}
			out = append(out, s)
		case modeKanji:
			out = append(out, segment{pairs(b, b.take([]int{8, 10, 12}[size]), 0xC0, 0x1F00, 0x8140, 0xC140), japanese.ShiftJIS})
		case modeHanzi:
			if b.take(4) != 1 {
				return nil, false
			}
			out = append(out, segment{pairs(b, b.take([]int{8, 10, 12}[size]), 0x60, 0x0A00, 0xA1A1, 0xA6A1), simplifiedchinese.GB18030})
		default:
			return nil, false
		}
		if n := len(out); n > 0 && out[n-1].raw == nil {
			return nil, false
		}
	}
	return out, !b.short
}

// characterSet reads which one follows (§7.4.2). Where nothing is known by that number
// the bytes stay as they are.
func characterSet(b *bits) (set encoding.Encoding, ok bool) {
	n := b.take(8)
	switch {
	case n < 0x80:
	case n < 0xC0:
		n = n&0x3F<<8 | b.take(8)
	case n < 0xE0:
		n = n&0x1F<<16 | b.take(16)
	default:
		return nil, false
	}
	known, err := common.GetCharacterSetECIByValue(n)
	if err != nil || known == nil {
		return nil, !b.short
	}
	return known.GetCharset(), !b.short
}

// digits reads three in ten bits (§7.4.3); nil when they are none.
func digits(b *bits, n int) []byte {
	out := []byte{}
	for n > 0 && !b.short {
		k := min(n, 3)
		v := b.take([]int{0, 4, 7, 10}[k])
		if v >= []int{0, 10, 100, 1000}[k] {
			return nil
		}
		for _, unit := range []int{100, 10, 1}[3-k:] {
			out = append(out, byte('0'+v/unit%10)) //nolint:gosec // a digit
		}
		n -= k
	}
	return out
}

// capital reads two characters in eleven bits (§7.4.4); nil when they are none. In GS1 a
// percent sign stands for a separator, and two for one (§7.4.8.2).
func capital(b *bits, n int, gs1 bool) []byte {
	out := []byte{}
	for ; n > 1 && !b.short; n -= 2 {
		v := b.take(11)
		if v >= 45*45 {
			return nil
		}
		out = append(out, capitals[v/45], capitals[v%45])
	}
	if n == 1 {
		v := b.take(6)
		if v >= 45 {
			return nil
		}
		out = append(out, capitals[v])
	}
	if !gs1 {
		return out
	}
	kept := out[:0]
	for i := 0; i < len(out); i++ {
		switch {
		case out[i] != '%':
			kept = append(kept, out[i])
		case i+1 < len(out) && out[i+1] == '%':
			kept = append(kept, '%')
			i++
		default:
			kept = append(kept, 0x1D)
		}
	}
	return kept
}

// pairs reads characters of two bytes in thirteen bits (§7.4.6); nil when too few are there.
func pairs(b *bits, n, radix, gap, below, above int) []byte {
	if 13*n > b.left() {
		return nil
	}
	out := []byte{}
	for range n {
		v := b.take(13)
		if v = v/radix<<8 | v%radix; v < gap {
			v += below
		} else {
			v += above
		}
		out = append(out, byte(v>>8), byte(v)) //nolint:gosec // two bytes
	}
	return out
}
