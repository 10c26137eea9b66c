package qr

import (
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
)

// latin1 makes the library turn every byte into the rune of the same number, so that
// the bytes can be had back whatever they mean.
var latin1 = map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_CHARACTER_SET: "ISO8859_1"}

var shiftJIS = map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_CHARACTER_SET: "SJIS"}

// read decodes a grid of modules, light where positive.
func (l *layout) read(side int, v []float64) (content []byte, text string, ok bool) {
	// The library indexes by what a damaged code says.
	defer func() {
		if recover() != nil {
			content, text, ok = nil, "", false
		}
	}()
	bits := l.matrix(side, v)
	r, err := decoder.NewDecoder().Decode(bits, latin1)
	if err != nil {
		return nil, "", false
	}
	if r.GetText() == "" {
		return nil, "", false
	}
	if r.GetSymbologyModifier()%2 == 0 { // the code names its character set
		return []byte(r.GetText()), r.GetText(), true
	}
	content = make([]byte, 0, len(r.GetText()))
	for _, c := range r.GetText() {
		if c > 0xFF { // kanji: then the bytes beside it are of the same character set
			if r, err := decoder.NewDecoder().Decode(l.matrix(side, v), shiftJIS); err == nil {
				return []byte(r.GetText()), r.GetText(), true
			}
			return []byte(r.GetText()), r.GetText(), true
		}
		content = append(content, byte(c))
	}
	if utf8.Valid(content) {
		return content, string(content), true
	}
	// No one wrote UTF-8 here: the library's guess among the older character sets.
	if guess, err := decoder.NewDecoder().Decode(l.matrix(side, v), nil); err == nil {
		return content, guess.GetText(), true
	}
	return content, r.GetText(), true
}

// matrix is what the decoder takes, and changes.
func (l *layout) matrix(side int, v []float64) *gozxing.BitMatrix {
	bits, _ := gozxing.NewSquareBitMatrix(l.size) // fails for sizes below 1 only
	for j := range l.size {
		for i := range l.size {
			if v[(j+1)*side+i+1] < 0 {
				bits.Set(i, j)
			}
		}
	}
	l.stampVersion(bits)
	return bits
}

// stampVersion writes the version, which the size tells, over what was read of it
// (ISO/IEC 18004 Annex D), for either orientation.
func (l *layout) stampVersion(bits *gozxing.BitMatrix) {
	if l.version < 7 {
		return
	}
	code := l.version << 12
	for i := 17; i >= 12; i-- {
		if code>>i&1 == 1 {
			code ^= 0x1F25 << (i - 12)
		}
	}
	code |= l.version << 12
	for i := range 18 {
		x, y := l.size-11+i%3, i/3
		for _, at := range [2][2]int{{x, y}, {y, x}} {
			if code>>i&1 == 1 {
				bits.Set(at[0], at[1])
			} else {
				bits.Unset(at[0], at[1])
			}
		}
	}
}
