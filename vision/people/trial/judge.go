package trial

import (
	"fmt"
	"math"

	"tram/vision/people"
)

// Line is what was counted at a line, beside the truth.
type Line struct {
	Name     string `json:"line"`
	TruthIn  int    `json:"truthIn"`
	In       int    `json:"in"`
	TruthOut int    `json:"truthOut"`
	Out      int    `json:"out"`
	// Wavers says that people walk along this line and the marks of their feet
	// tremble over it: the truth does not know how many crossed.
	Wavers bool `json:"wavers,omitempty"`
}

// Total is what several lines counted together, without those that waver.
type Total struct {
	Lines    int `json:"lines"`
	Wavering int `json:"wavering"` // lines left out
	TruthIn  int `json:"truthIn"`
	In       int `json:"in"`
	TruthOut int `json:"truthOut"`
	Out      int `json:"out"`
	// Errors are those of every line and direction: what one counts too much does
	// not make up for what another misses.
	Errors int `json:"errors"`
}

// Sum adds lines up.
func Sum(lines []Line) Total {
	var t Total
	for _, l := range lines {
		if l.Wavers {
			t.Wavering++
			continue
		}
		t.Lines++
		t.TruthIn, t.In, t.TruthOut, t.Out = t.TruthIn+l.TruthIn, t.In+l.In, t.TruthOut+l.TruthOut, t.Out+l.Out
		t.Errors += abs(l.In-l.TruthIn) + abs(l.Out-l.TruthOut)
	}
	return t
}

// Plus is both together.
func (t Total) Plus(o Total) Total {
	return Total{
		Lines: t.Lines + o.Lines, Wavering: t.Wavering + o.Wavering, Errors: t.Errors + o.Errors,
		TruthIn: t.TruthIn + o.TruthIn, In: t.In + o.In, TruthOut: t.TruthOut + o.TruthOut, Out: t.Out + o.Out,
	}
}

func abs(n int) int { return max(n, -n) }

// ErrorShare is the errors as a part of the crossings; 0 without crossings.
func (t Total) ErrorShare() float64 {
	if t.TruthIn+t.TruthOut == 0 {
		return 0
	}
	return float64(t.Errors) / float64(t.TruthIn+t.TruthOut)
}

// Score is how well a sequence was counted and followed.
type Score struct {
	people.Measure
	Frames int
	Lines  []Line
}

// Judge follows and counts what a detector found, frame by frame, and compares
// it with the truth about the same frames.
func Judge(found [][]people.Detection, truth people.Truth, lines []people.Line, o people.TrackerOptions) Score {
	tracker := people.NewTracker(o)
	var measure people.Measurer
	counters := make([]*people.Counter, 0, len(lines))
	for _, l := range lines {
		counters = append(counters, people.NewCounter(l))
	}
	for i, boxes := range found {
		tracks := tracker.Next(boxes)
		for _, c := range counters {
			c.See(tracks)
		}
		measure.See(truth.Frames[i+1], tracks)
	}
	s := Score{Measure: measure.Measure, Frames: len(found)}
	for i, l := range lines {
		in, out := truth.Crossings(l, len(found))
		s.Lines = append(s.Lines, Line{Name: nameOf(l), TruthIn: in, In: counters[i].In, TruthOut: out, Out: counters[i].Out, Wavers: truth.Wavers(l, len(found))})
	}
	return s
}

func nameOf(l people.Line) string {
	return fmt.Sprintf("%.0f,%.0f,%.0f,%.0f", l.X1, l.Y1, l.X2, l.Y2)
}

// Grid are lines all over a picture: at six angles seven lines beside each other
// from edge to edge, and the middle half of each.
func Grid(width, height int) []people.Line {
	const angles, offsets = 6, 7
	w, h := float64(width), float64(height)
	var lines []people.Line
	for a := range angles {
		sin, cos := math.Sincos(float64(a) * math.Pi / angles)
		reach := 0.5 * (w*math.Abs(sin) + h*math.Abs(cos)) // of the picture, across the line
		for o := range offsets {
			d := reach * 0.8 * (2*float64(o)/(offsets-1) - 1)
			whole, ok := clip(w/2-d*sin, h/2+d*cos, cos, sin, w, h)
			if !ok {
				continue
			}
			dx, dy := (whole.X2-whole.X1)/4, (whole.Y2-whole.Y1)/4
			lines = append(lines, whole, people.Line{X1: whole.X1 + dx, Y1: whole.Y1 + dy, X2: whole.X2 - dx, Y2: whole.Y2 - dy})
		}
	}
	return lines
}

// clip is the part of a straight line through (x,y) that lies in the picture.
func clip(x, y, dx, dy, w, h float64) (people.Line, bool) {
	from, to := math.Inf(-1), math.Inf(1)
	for _, side := range [2][3]float64{{x, dx, w}, {y, dy, h}} {
		at, d, end := side[0], side[1], side[2]
		if math.Abs(d) < 1e-9 {
			if at < 0 || at > end {
				return people.Line{}, false
			}
			continue
		}
		a, b := -at/d, (end-at)/d
		from, to = math.Max(from, math.Min(a, b)), math.Min(to, math.Max(a, b))
	}
	l := people.Line{X1: x + from*dx, Y1: y + from*dy, X2: x + to*dx, Y2: y + to*dy}
	return l, to-from >= 1
}
