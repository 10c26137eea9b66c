package face

import (
	"bytes"
	"encoding/binary"
	"math"
)

// keptLayout is the first byte of a kept template; another arrangement, another number.
const keptLayout = 1

// keptHead is the layout, and the SHA-256 of portrait, detector and embedding network.
const keptHead = 1 + 3*32

// Kept is a template as bytes, bound to the portrait that it was made of and to
// the networks that made it.
func Kept(t Template, portrait, detector, embedding [32]byte) []byte {
	b := make([]byte, keptHead, keptHead+4*len(t))
	b[0] = keptLayout
	copy(b[1:], portrait[:])
	copy(b[33:], detector[:])
	copy(b[65:], embedding[:])
	for _, v := range t {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// FromKept is the template in b if it is of that portrait, made by those networks,
// and of length 1; else nil.
func FromKept(b []byte, portrait, detector, embedding [32]byte) Template {
	if len(b) <= keptHead || len(b) > keptHead+4*maxTemplate || len(b)%4 != keptHead%4 || b[0] != keptLayout ||
		!bytes.Equal(b[1:33], portrait[:]) || !bytes.Equal(b[33:65], detector[:]) || !bytes.Equal(b[65:keptHead], embedding[:]) {
		return nil
	}
	t := make(Template, 0, (len(b)-keptHead)/4)
	var sum float64
	for i := keptHead; i < len(b); i += 4 {
		v := math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))
		sum += float64(v) * float64(v)
		t = append(t, v)
	}
	if !(math.Abs(sum-1) < 1e-3) {
		t.Wipe()
		return nil
	}
	return t
}

// maxTemplate bounds the numbers of a template.
const maxTemplate = 4096
