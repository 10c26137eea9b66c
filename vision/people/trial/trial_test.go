package trial_test

import (
	"math"
	"testing"

	"tram/vision/people"
	"tram/vision/people/trial"
)

func variant(t *testing.T, s string) trial.Variant {
	t.Helper()
	v, err := trial.ParseVariant(s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// across is one person who walks to the right over n frames of 640×480.
func across(n int) people.Truth {
	t := people.Truth{Frames: map[int]map[int]people.Box{}, Last: n}
	for i := 1; i <= n; i++ {
		t.Frames[i] = map[int]people.Box{7: {X: 100 + 8*float64(i), Y: 200, W: 40, H: 100}}
	}
	return t
}

func TestTheTruthIsChangedAsThePicturesAre(t *testing.T) {
	truth := across(40)
	for _, c := range []struct {
		variant     string
		frame, last int
		want        people.Box
	}{
		{"", 1, 40, people.Box{X: 108, Y: 200, W: 40, H: 100}},
		{"mirror", 1, 40, people.Box{X: 492, Y: 200, W: 40, H: 100}},
		{"backwards", 1, 40, people.Box{X: 420, Y: 200, W: 40, H: 100}},
		{"every=2", 2, 20, people.Box{X: 124, Y: 200, W: 40, H: 100}},
		{"from=10+frames=5", 5, 5, people.Box{X: 220, Y: 200, W: 40, H: 100}},
		{"scale=0.5", 1, 40, people.Box{X: 54, Y: 100, W: 20, H: 50}},
		{"crop=0.1/0.2/0.5/0.5", 1, 40, people.Box{X: 44, Y: 104, W: 40, H: 100}},
		{"crop=0.1/0.2/0.5/0.5+mirror+scale=2", 1, 40, people.Box{X: 2 * (320 - 44 - 40), Y: 208, W: 80, H: 200}},
	} {
		v := variant(t, c.variant)
		got := v.Truth(truth, 40, 640, 480)
		if b := got.Frames[c.frame][7]; got.Last != c.last || math.Abs(b.X-c.want.X)+math.Abs(b.Y-c.want.Y)+math.Abs(b.W-c.want.W)+math.Abs(b.H-c.want.H) > 1e-9 {
			t.Errorf("%q: frame %d of %d is %v; want %v of %d", c.variant, c.frame, got.Last, b, c.want, c.last)
		}
	}
}

func TestAVariantThatCannotBeMadeIsRefused(t *testing.T) {
	for _, s := range []string{
		"upside-down", "every=0.5", "every=-1", "from=-1", "scale=0", "scale=x", "scale=100", "gain=NaN", "noise=1000",
		"crop=0/0/1", "crop=0.5/0/0.6/1", "crop=0/0/0/0.1", "crop=NaN/0/1/1", "mirror+", "mirror++backwards",
	} {
		if v, err := trial.ParseVariant(s); err == nil && s != "scale=0" {
			t.Errorf("%q was taken: %+v", s, v)
		}
	}
	for _, s := range trial.Variants() {
		variant(t, s)
	}
}

func FuzzParseVariant(f *testing.F) {
	for _, s := range trial.Variants() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := trial.ParseVariant(s)
		if err != nil {
			return
		}
		if w, h := v.Size(640, 480); w < 1 || h < 1 || w > 4*640 || h > 4*480 {
			t.Errorf("%q makes %d×%d of 640×480", s, w, h)
		}
		for _, i := range v.Select(50) {
			if i < 0 || i >= 50 {
				t.Errorf("%q takes frame %d of 50", s, i)
			}
		}
	})
}

func TestTheGridLiesInThePictureAtManyAngles(t *testing.T) {
	lines := trial.Grid(768, 576)
	if len(lines) != 84 {
		t.Errorf("%d lines, want 84", len(lines))
	}
	angles := map[int]bool{}
	for _, l := range lines {
		if l.Check() != nil || math.Min(l.X1, l.X2) < -1e-6 || math.Max(l.X1, l.X2) > 768+1e-6 || math.Min(l.Y1, l.Y2) < -1e-6 || math.Max(l.Y1, l.Y2) > 576+1e-6 {
			t.Errorf("%v is no line in the picture", l)
		}
		angles[int(math.Round(math.Atan2(l.Y2-l.Y1, l.X2-l.X1)*180/math.Pi))] = true
	}
	if len(angles) != 6 {
		t.Errorf("lines at %d angles, want 6: %v", len(angles), angles)
	}
}

func TestASurplusDoesNotMakeUpForAMiss(t *testing.T) {
	total := trial.Sum([]trial.Line{{TruthIn: 5, In: 6, TruthOut: 2, Out: 2}, {TruthIn: 5, In: 4, TruthOut: 8, Out: 7}, {TruthIn: 9, Wavers: true}})
	if total.In != total.TruthIn || total.Errors != 3 || total.Wavering != 1 || total.ErrorShare() != 0.15 {
		t.Errorf("got %+v, share %v; want 10 of 10 in, 3 errors of 20, one line left out", total, total.ErrorShare())
	}
}

func TestALineThatPeopleWalkAlongIsLeftOut(t *testing.T) {
	truth := across(40)
	for i, boxes := range truth.Frames {
		b := boxes[7]
		b.Y += float64(2*(i%2) - 1) // the marks tremble
		boxes[7] = b
	}
	var found [][]people.Detection
	for i := 1; i <= 40; i++ {
		found = append(found, []people.Detection{{Box: truth.Frames[i][7], Score: 0.9}})
	}
	along, over := people.Line{X1: 0, Y1: 300, X2: 640, Y2: 300}, people.Line{X1: 300, Y1: 0, X2: 300, Y2: 480}
	s := trial.Judge(found, truth, []people.Line{along, over}, people.TrackerOptions{})
	if !s.Lines[0].Wavers || s.Lines[1].Wavers {
		t.Errorf("got %+v, want the first line alone to waver", s.Lines)
	}
	if l := s.Lines[1]; l.TruthIn+l.TruthOut != 1 || l.In != l.TruthIn || l.Out != l.TruthOut {
		t.Errorf("the other line: %+v, want one crossing, counted", l)
	}
}
