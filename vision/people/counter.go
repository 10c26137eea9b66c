package people

import (
	"fmt"
	"math"
	"strings"
)

// Line is the line that is counted at, in pixels.
type Line struct{ X1, Y1, X2, Y2 float64 }

// ParseLine reads "x1,y1,x2,y2".
func ParseLine(s string) (Line, error) {
	parts := strings.Split(s, ",")
	if len(parts) != 4 {
		return Line{}, fmt.Errorf("line %q: want x1,y1,x2,y2", s)
	}
	var v [4]float64
	for i, p := range parts {
		f, err := coordinate(p)
		if err != nil {
			return Line{}, fmt.Errorf("line %q: %w", s, err)
		}
		v[i] = f
	}
	l := Line{v[0], v[1], v[2], v[3]}
	return l, l.Check()
}

// Check says whether the line is one.
func (l Line) Check() error {
	if !(l.length() >= 1) { // not a number fails too
		return fmt.Errorf("line %g,%g,%g,%g: its ends are the same point", l.X1, l.Y1, l.X2, l.Y2)
	}
	return nil
}

func (l Line) length() float64 { return math.Hypot(l.X2-l.X1, l.Y2-l.Y1) }

// Side is above 0 on the side of the line that is "in", below 0 on the other:
// (x2−x1)(py−y1) − (y2−y1)(px−x1).
func (l Line) Side(px, py float64) float64 {
	return (l.X2-l.X1)*(py-l.Y1) - (l.Y2-l.Y1)*(px-l.X1)
}

// distance is Side in pixels.
func (l Line) distance(px, py float64) float64 { return l.Side(px, py) / l.length() }

// meets reports whether the way from a to b meets the line between its ends.
func (l Line) meets(ax, ay, bx, by float64) bool {
	sa, sb := l.Side(ax, ay), l.Side(bx, by)
	if sa == sb {
		return false
	}
	t := sa / (sa - sb)
	x, y := ax+t*(bx-ax), ay+t*(by-ay)
	along := ((x-l.X1)*(l.X2-l.X1) + (y-l.Y1)*(l.Y2-l.Y1)) / (l.length() * l.length())
	return along >= 0 && along <= 1
}

// crossing is what a counter remembers of a track.
type crossing struct{ x, y float64 } // where the feet last were clearly on one side

// leastFrames is for how many frames a track must have been seen before it counts:
// what is seen for less than that is flicker. The way it took until then counts
// when it does.
const leastFrames = 5

// Counter counts the tracks that cross its line.
type Counter struct {
	Line Line
	Band float64 // of a person's height: closer to the line is on neither side
	In   int
	Out  int

	last map[int]crossing // track → where it last was; each counter has its own
}

// standardBand is within how much of a person's height feet are not told apart from the line.
const standardBand = 0.05

// NewCounter makes a counter for one line.
func NewCounter(l Line) *Counter { return &Counter{Line: l, Band: standardBand} }

// See looks at the tracks of a frame. Several counters may look at the same tracks.
func (c *Counter) See(tracks []*Track) {
	now := make(map[int]crossing, len(tracks))
	for _, k := range tracks {
		now[k.ID] = c.step(k)
	}
	c.last = now // what is forgotten by the tracker is forgotten here
}

// step counts a track that crossed and says what to remember of it.
func (c *Counter) step(k *Track) crossing {
	was, known := c.last[k.ID]
	x, y := k.Box.Feet()
	if !known {
		return crossing{x, y} // where it appeared, even in the band
	}
	d := c.Line.distance(x, y)
	band := math.Max(2, c.Band*k.Box.H)
	if !k.Counts() || k.Missed > 1 {
		return was
	}
	if seen := c.Line.distance(k.seenX, k.seenY); math.Abs(d) < band || math.Abs(seen) < band || seen*d < 0 {
		return was // who stops on the line is carried over it by the filter, not by the feet
	}
	if c.Line.Side(was.x, was.y)*d < 0 {
		if c.Line.meets(was.x, was.y, x, y) {
			if d > 0 {
				c.In++
			} else {
				c.Out++
			}
		}
	}
	return crossing{x, y}
}
