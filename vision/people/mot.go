package people

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Truth is what a MOTChallenge file says: the boxes of each frame by identity.
type Truth struct {
	Frames map[int]map[int]Box // frame (from 1) → identity → box
	Last   int
}

// ParseMOT reads a gt.txt: a line for each box, "frame,id,left,top,width,height,…".
// Lines whose seventh field is 0 are marked as not to be counted and left out.
// It reads at most a million lines.
func ParseMOT(r io.Reader) (Truth, error) {
	t := Truth{Frames: map[int]map[int]Box{}}
	lines := bufio.NewScanner(r)
	n := 0
	for lines.Scan() {
		n++
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			continue
		}
		if n > 1e6 {
			return t, fmt.Errorf("ground truth: more than %d lines", int(1e6))
		}
		f := strings.Split(text, ",")
		if len(f) < 6 {
			return t, fmt.Errorf("ground truth line %d: %d fields, want at least 6", n, len(f))
		}
		var v [7]float64
		v[6] = 1
		for i := range min(7, len(f)) {
			x, err := strconv.ParseFloat(strings.TrimSpace(f[i]), 64)
			if err != nil || math.IsNaN(x) || math.Abs(x) > 1e7 {
				return t, fmt.Errorf("ground truth line %d: field %d is not a number in range", n, i+1)
			}
			v[i] = x
		}
		frame := int(v[0])
		if frame < 1 || v[6] == 0 {
			continue
		}
		if t.Frames[frame] == nil {
			t.Frames[frame] = map[int]Box{}
		}
		t.Frames[frame][int(v[1])] = Box{v[2], v[3], v[4], v[5]}
		t.Last = max(t.Last, frame)
	}
	if err := lines.Err(); err != nil {
		return t, fmt.Errorf("ground truth: %w", err)
	}
	return t, nil
}

// Crossings counts the identities of the first frames that cross the line, by the segment
// of each movement between two frames. frames 0 is all of them.
func (t Truth) Crossings(l Line, frames int) (in, out int) { return t.crossings(l, frames, 0) }

// Wavers reports whether the truth itself cannot say how many crossed: people walk
// along the line, and their feet, as they were marked, tremble over it.
func (t Truth) Wavers(l Line, frames int) bool {
	in, out := t.crossings(l, frames, 0)
	settledIn, settledOut := t.crossings(l, frames, standardBand)
	off := math.Abs(float64(in-settledIn)) + math.Abs(float64(out-settledOut))
	return off > 0.2*float64(in+out)
}

// crossings leaves out positions closer to the line than band times the height.
func (t Truth) crossings(l Line, frames int, band float64) (in, out int) {
	if frames == 0 {
		frames = t.Last
	}
	last := map[int]Box{}
	for i := 1; i <= frames; i++ {
		for id, b := range t.Frames[i] {
			x, y := b.Feet()
			was, known := last[id]
			if d := math.Abs(l.distance(x, y)); d == 0 || known && d < band*b.H {
				continue // on the line: decided by a later frame
			}
			if known {
				ax, ay := was.Feet()
				if l.Side(ax, ay)*l.Side(x, y) < 0 && l.meets(ax, ay, x, y) {
					if l.Side(x, y) > 0 {
						in++
					} else {
						out++
					}
				}
			}
			last[id] = b
		}
	}
	return in, out
}
