package qr

import (
	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
)

// read decodes a grid of modules, light where positive.
func (l *layout) read(side int, v []float64) (found []byte, text string, ok bool) {
	r := readings[l.version]()
	for _, f := range r.likelyFormats(l.size, side, v) {
		modules, ok := r.repair(l, side, v, f)
		if !ok {
			continue
		}
		if found, ok = decode(modules, l.version); ok {
			return found, textOf(found), true
		}
	}
	return nil, "", false
}

// leastFormat is how well the format information fits, of 30 modules, where a code can be read with more effort.
const leastFormat = 10

// promises tells whether the grid says clearly enough how it is masked to be a code's.
func (l *layout) promises(side int, v []float64) bool {
	return readings[l.version]().likelyFormats(l.size, side, v)[0].fit > leastFormat
}

// decode gives the bytes that repaired modules hold.
func decode(modules *gozxing.BitMatrix, version int) (found []byte, ok bool) {
	// The library indexes by what a damaged code says.
	defer func() {
		if recover() != nil {
			found, ok = nil, false
		}
	}()
	r, err := decoder.NewDecoder().Decode(modules, nil)
	if err != nil {
		return nil, false
	}
	found, ok = content(r.GetRawBytes(), version)
	return found, ok && len(found) > 0
}

// stampVersion writes the version, which the size tells (ISO/IEC 18004 Annex D).
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
		if x, y := l.size-11+i%3, i/3; code>>i&1 == 1 {
			bits.Set(x, y)
			bits.Set(y, x)
		}
	}
}
