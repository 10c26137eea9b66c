package qr

import (
	"cmp"
	"math"
	"slices"
	"sync"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
)

// reading is the way from the modules of one version to its codewords and back.
type reading struct {
	order   []int32    // modules (row·size+column) in the order of their bits
	formats [2][15]int // modules of the two copies of the format information, first bit first
	masks   [8][]bool  // modules that each mask turns round
	version *decoder.Version
}

var readings [maxVersion + 1]func() *reading

func init() {
	for v := 1; v <= maxVersion; v++ {
		readings[v] = sync.OnceValue(func() *reading { return newReading(layouts[v]()) })
	}
}

func newReading(l *layout) *reading {
	n := l.size
	r := &reading{}
	r.version, _ = decoder.Version_GetVersionForNumber(l.version) // every layout's number is one
	fixed := make([]bool, n*n)
	for i, k := range l.known {
		fixed[i] = k != 0
	}
	for i := range 9 { // format information, and the module that is always dark
		fixed[8*n+i], fixed[i*n+8] = true, true
	}
	for i := n - 8; i < n; i++ {
		fixed[8*n+i], fixed[i*n+8] = true, true
	}
	for i := range n { // the last pieces of the timing, where the layout has none
		fixed[6*n+i], fixed[i*n+6] = true, true
	}
	if l.version >= 7 {
		for i := range 18 {
			x, y := n-11+i%3, i/3
			fixed[y*n+x], fixed[x*n+y] = true, true
		}
	}
	for right, up := n-1, true; right > 0; right, up = right-2, !up { // §7.7.3
		if right == 6 {
			right--
		}
		for k := range n {
			y := k
			if up {
				y = n - 1 - k
			}
			for x := right; x > right-2; x-- {
				if !fixed[y*n+x] {
					r.order = append(r.order, int32(y*n+x)) //nolint:gosec // below 177²
				}
			}
		}
	}
	at := 0
	for _, p := range [15][2]int{{0, 8}, {1, 8}, {2, 8}, {3, 8}, {4, 8}, {5, 8}, {7, 8}, {8, 8}, {8, 7}, {8, 5}, {8, 4}, {8, 3}, {8, 2}, {8, 1}, {8, 0}} {
		r.formats[0][at] = p[1]*n + p[0]
		at++
	}
	for i := range 7 {
		r.formats[1][i] = (n-1-i)*n + 8
	}
	for i := range 8 {
		r.formats[1][7+i] = 8*n + n - 8 + i
	}
	for m := range r.masks {
		bits, _ := gozxing.NewSquareBitMatrix(n)
		decoder.DataMaskValues[m].UnmaskBitMatrix(bits, n)
		r.masks[m] = make([]bool, n*n)
		for i := range r.masks[m] {
			r.masks[m][i] = bits.Get(i%n, i/n)
		}
	}
	return r
}

// formatWords are the 32 format informations: level and mask with their redundancy (§7.9).
var formatWords = sync.OnceValue(func() (words [32]int) {
	for data := range words {
		code := data << 10
		for i := 14; i >= 10; i-- {
			if code>>i&1 == 1 {
				code ^= 0x537 << (i - 10)
			}
		}
		words[data] = (data<<10 | code) ^ 0x5412
	}
	return words
})

// format is what a code's format information says, and how well it fits.
type format struct {
	data     int // level and mask
	mirrored bool
	fit      float64
}

// mostFormats is how many format informations are tried, where they fit about as well.
const mostFormats = 2

// likelyFormats lists what the format information may say, best first.
//
//go:norace
func (r *reading) likelyFormats(size, side int, v []float64) []format {
	var all [64]format
	for i := range all {
		f := format{data: i % 32, mirrored: i >= 32}
		word := formatWords()[f.data]
		for _, places := range r.formats {
			for bit, at := range places {
				x, y := at%size, at/size
				if f.mirrored {
					x, y = y, x
				}
				value := min(max(v[(y+1)*side+x+1], -1), 1)
				if word>>(14-bit)&1 == 1 {
					value = -value
				}
				f.fit += value
			}
		}
		all[i] = f
	}
	slices.SortFunc(all[:], func(a, b format) int { return cmp.Compare(b.fit, a.fit) })
	n := 1
	for n < mostFormats && all[n].fit > 0.75*all[0].fit {
		n++
	}
	return slices.Clone(all[:n])
}

// block is one of the pieces that a code's error correction works on.
type block struct {
	word  []byte
	doubt []float64 // how little each codeword is to be believed
	from  []int     // where in the code's sequence each is
	check int       // how many are redundant
}

// blocks deals the codewords out to their blocks (§7.6).
//
//go:norace
func (r *reading) blocks(level decoder.ErrorCorrectionLevel) []block {
	ec := r.version.GetECBlocksForLevel(level)
	check := ec.GetECCodewordsPerBlock()
	var out []block
	longest := 0
	for _, kind := range ec.GetECBlocks() {
		for range kind.GetCount() {
			n := kind.GetDataCodewords() + check
			out = append(out, block{word: make([]byte, n), doubt: make([]float64, n), from: make([]int, n), check: check})
			longest = max(longest, kind.GetDataCodewords())
		}
	}
	at := 0
	for i := range longest {
		for b := range out {
			if i < len(out[b].word)-check {
				out[b].from[i] = at
				at++
			}
		}
	}
	for i := range check {
		for b := range out {
			out[b].from[len(out[b].word)-check+i] = at
			at++
		}
	}
	return out
}

// repair reads the codewords of a grid of modules, light where positive, and corrects them. It returns the
// modules of the code as they were meant, unless there are too many errors.
//
//go:norace
func (r *reading) repair(l *layout, side int, v []float64, f format) (*gozxing.BitMatrix, bool) {
	level, err := decoder.ErrorCorrectionLevel_ForBits(uint(f.data >> 3)) //nolint:gosec // 0 to 3
	if err != nil {
		return nil, false
	}
	mask := r.masks[f.data&7]
	blocks := r.blocks(level)
	for i := range blocks {
		b := &blocks[i]
		for k, from := range b.from {
			for bit := range 8 {
				m := int(r.order[from*8+bit])
				x, y := m%l.size, m/l.size
				if f.mirrored {
					x, y = y, x
				}
				value := v[(y+1)*side+x+1]
				if (value < 0) != mask[m] {
					b.word[k] |= 1 << (7 - bit)
				}
				b.doubt[k] += math.Exp(-4 * abs(value))
			}
		}
		if !b.correct() {
			return nil, false
		}
	}
	bits, _ := gozxing.NewSquareBitMatrix(l.size) // fails for sizes below 1 only
	set := func(m int, dark bool) {
		if dark {
			bits.Set(m%l.size, m/l.size)
		}
	}
	for i := range blocks {
		b := &blocks[i]
		for k, from := range b.from {
			for bit := range 8 {
				m := int(r.order[from*8+bit])
				set(m, (b.word[k]>>(7-bit)&1 == 1) != mask[m])
			}
		}
	}
	for _, places := range r.formats {
		for bit, at := range places {
			set(at, formatWords()[f.data]>>(14-bit)&1 == 1)
		}
	}
	l.stampVersion(bits)
	return bits, true
}

// correct repairs the block: as it was read, else without the codewords that are to be believed least.
func (b *block) correct() bool {
	var order []int
	for eighths := range 6 {
		lost := b.check * eighths / 8
		if eighths == 1 || eighths > 1 && trust(len(b.word), b.check, lost, 0) < leastTrust {
			continue
		}
		if lost > 0 && order == nil {
			order = make([]int, len(b.word))
			for i := range order {
				order[i] = i
			}
			slices.SortFunc(order, func(i, j int) int { return cmp.Compare(b.doubt[j], b.doubt[i]) })
		}
		word := slices.Clone(b.word)
		if errors, ok := correct(word, b.check, order[:lost]); ok && trust(len(word), b.check, lost, errors) >= leastTrust {
			b.word = word
			return true
		}
	}
	return false
}
