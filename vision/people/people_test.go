package people_test

import (
	"strings"
	"testing"

	"tram/vision/people"
)

func box(feetX, feetY float64) people.Detection {
	return people.Detection{Box: people.Box{X: feetX - 15, Y: feetY - 75, W: 30, H: 75}, Score: 0.8}
}

// walk lets the feet go through the given points, one a frame; nil is a frame without a detection.
func walk(line people.Line, xs []float64, missing map[int]bool) *people.Counter {
	tracker, counter := people.NewTracker(people.TrackerOptions{}), people.NewCounter(line)
	for i, x := range xs {
		var found []people.Detection
		if !missing[i] {
			found = append(found, box(x, 300))
		}
		counter.See(tracker.Next(found))
	}
	return counter
}

func steps(from, to, step float64) []float64 {
	var xs []float64
	for x := from; (step > 0 && x <= to) || (step < 0 && x >= to); x += step {
		xs = append(xs, x)
	}
	return xs
}

var upright = people.Line{X1: 384, Y1: 150, X2: 384, Y2: 576}

func TestTheSideAboveZeroIsIn(t *testing.T) {
	if c := walk(upright, steps(460, 300, -8), nil); c.In != 1 || c.Out != 0 {
		t.Errorf("to the left: in %d, out %d; want 1, 0", c.In, c.Out)
	}
	if c := walk(upright, steps(300, 460, 8), nil); c.In != 0 || c.Out != 1 {
		t.Errorf("to the right: in %d, out %d; want 0, 1", c.In, c.Out)
	}
	turned := people.Line{X1: 384, Y1: 576, X2: 384, Y2: 150}
	if c := walk(turned, steps(300, 460, 8), nil); c.In != 1 || c.Out != 0 {
		t.Errorf("to the right, line turned round: in %d, out %d; want 1, 0", c.In, c.Out)
	}
}

func TestAJumpOverTheLineWithoutDetectionsCounts(t *testing.T) {
	xs := steps(300, 460, 8)
	missing := map[int]bool{}
	for i, x := range xs {
		missing[i] = x > 368 && x < 400
	}
	if c := walk(upright, xs, missing); c.Out != 1 || c.In != 0 {
		t.Errorf("in %d, out %d; want 0, 1", c.In, c.Out)
	}
}

func TestFlickerOnTheLineCountsNothing(t *testing.T) {
	xs := steps(300, 380, 8)
	for range 50 {
		xs = append(xs, 382, 386, 383, 387)
	}
	if c := walk(upright, xs, nil); c.In+c.Out != 0 {
		t.Errorf("in %d, out %d; want nothing", c.In, c.Out)
	}
}

func TestThereAndBackCountsOnceEachWay(t *testing.T) {
	xs := append(steps(300, 450, 8), steps(450, 300, -8)...)
	if c := walk(upright, xs, nil); c.In != 1 || c.Out != 1 {
		t.Errorf("in %d, out %d; want 1, 1", c.In, c.Out)
	}
}

func TestPassingBesideTheLinesEndCountsNothing(t *testing.T) {
	short := people.Line{X1: 384, Y1: 400, X2: 384, Y2: 576}
	if c := walk(short, steps(300, 460, 8), nil); c.In+c.Out != 0 {
		t.Errorf("in %d, out %d; want nothing", c.In, c.Out)
	}
}

func TestOneGhostIsNobody(t *testing.T) {
	tracker := people.NewTracker(people.TrackerOptions{})
	tracker.Next([]people.Detection{box(300, 300)})
	tracker.Next(nil)
	if left := tracker.Next(nil); len(left) != 0 {
		t.Errorf("%d tracks of a single detection, want none", len(left))
	}
}

func TestTwoWhoMeetKeepTheirWays(t *testing.T) {
	tracker, counter := people.NewTracker(people.TrackerOptions{}), people.NewCounter(upright)
	for i := range 30 {
		d := float64(i) * 8
		counter.See(tracker.Next([]people.Detection{box(270+d, 300), box(500-d, 340)}))
	}
	if counter.In != 1 || counter.Out != 1 {
		t.Errorf("in %d, out %d; want 1, 1", counter.In, counter.Out)
	}
}

func TestALineIsReadOrRefused(t *testing.T) {
	l, err := people.ParseLine("384, 150,384,576")
	if err != nil || l != upright {
		t.Errorf("ParseLine = %v, %v; want %v", l, err, upright)
	}
	for _, s := range []string{"", "1,2,3", "1,2,3,x", "1,2,1,2", "NaN,1,2,3", "1,2,3,4,5", "1e300,0,0,0"} {
		if _, err := people.ParseLine(s); err == nil {
			t.Errorf("ParseLine(%q) was taken", s)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add("384,150,384,576")
	f.Add("Inf,-1,NaN,1e-300")
	f.Fuzz(func(t *testing.T, s string) {
		if l, err := people.ParseLine(s); err == nil && l.Check() != nil {
			t.Errorf("ParseLine(%q) gives a line that is none", s)
		}
	})
}

func FuzzParseMOT(f *testing.F) {
	f.Add("1,9,499,158,31.03,75.17,1,-4.1,-7.3,0\n2,9,497,158,31,75,1\n")
	f.Add("1,1,NaN,1,1,1\n")
	f.Add("9999999,1,1,1,1,1\n1,1,1,1,1,1\n")
	f.Fuzz(func(t *testing.T, s string) {
		truth, err := people.ParseMOT(strings.NewReader(s))
		if err == nil {
			truth.Crossings(upright, min(truth.Last, 1000))
		}
	})
}

func TestASecondBoxOnAPersonIsNobody(t *testing.T) {
	tracker, counter := people.NewTracker(people.TrackerOptions{}), people.NewCounter(upright)
	for _, x := range steps(300, 460, 8) {
		whole := box(x, 300)
		half := whole // the upper half only, as networks like to give beside the whole
		half.H, half.Score = 40, 0.7
		counter.See(tracker.Next([]people.Detection{whole, half}))
	}
	if counter.In != 0 || counter.Out != 1 {
		t.Errorf("in %d, out %d; want 0, 1", counter.In, counter.Out)
	}
}

func TestWhoIsHiddenWhileCrossingCountsOnce(t *testing.T) {
	xs, missing := steps(250, 520, 6), map[int]bool{}
	for i, x := range xs {
		missing[i] = x > 350 && x < 410 // nine frames behind a pillar
	}
	if c := walk(upright, xs, missing); c.In != 0 || c.Out != 1 {
		t.Errorf("in %d, out %d; want 0, 1", c.In, c.Out)
	}
}

func TestFeetThatAreHiddenStayWhereTheyWere(t *testing.T) {
	level := people.Line{X1: 0, Y1: 280, X2: 768, Y2: 280}
	tracker, counter := people.NewTracker(people.TrackerOptions{}), people.NewCounter(level)
	for i, x := range steps(250, 520, 6) {
		d := box(x, 300)
		if i > 15 && i < 25 {
			d.H = 45 // a bench hides the legs: the box ends above the line
		}
		counter.See(tracker.Next([]people.Detection{d}))
	}
	if counter.In+counter.Out != 0 {
		t.Errorf("in %d, out %d; want nothing", counter.In, counter.Out)
	}
}

// speeds are how many pixels somebody 75 pixels high gets on in a frame at 25, 7
// and 3 frames a second.
var speeds = []float64{2.4, 8.5, 20}

func TestPeopleAreFollowedAtAnyRateOfFrames(t *testing.T) {
	for _, step := range speeds {
		tracker, counter := people.NewTracker(people.TrackerOptions{}), people.NewCounter(upright)
		seen := map[int]bool{}
		for i := range int(300 / step) {
			d := float64(i) * step
			// Two who meet at the line, and one who follows on another way.
			tracks := tracker.Next([]people.Detection{box(240+d, 300), box(540-d, 306), box(160+d, 360)})
			for _, k := range tracks {
				seen[k.ID] = true
			}
			counter.See(tracks)
		}
		if len(seen) != 3 || counter.In != 1 || counter.Out != 2 {
			t.Errorf("%g pixels a frame: three people make %d tracks, in %d, out %d; want 1, 2", step, len(seen), counter.In, counter.Out)
		}
	}
}

func TestATrackLivesThroughTheSameTimeAtAnyRate(t *testing.T) {
	for _, step := range speeds {
		xs, missing := steps(100, 700, step), map[int]bool{}
		for i, x := range xs {
			missing[i] = x > 345 && x < 425 // a pillar a little wider than a person is high
		}
		if c := walk(upright, xs, missing); c.In != 0 || c.Out != 1 {
			t.Errorf("%g pixels a frame, hidden on the line: in %d, out %d; want 0, 1", step, c.In, c.Out)
		}
	}
}

func TestNobodyIsTakenForSomebodyWhoLeft(t *testing.T) {
	tracker := people.NewTracker(people.TrackerOptions{Width: 640, Height: 480})
	seen := map[int]bool{}
	for i := range 60 {
		var found []people.Detection
		if x := 560 + 8*float64(i); x < 645 {
			found = append(found, box(x, 300))
		} else if i > 16 {
			found = append(found, box(640-4*float64(i-16), 305)) // somebody else comes in there
		}
		for _, k := range tracker.Next(found) {
			seen[k.ID] = true
		}
	}
	if len(seen) != 2 {
		t.Errorf("two people make %d tracks", len(seen))
	}
}

func TestTwoOfDifferentSizeWhoMeetAreNotExchanged(t *testing.T) {
	tracker, counter := people.NewTracker(people.TrackerOptions{}), people.NewCounter(upright)
	for i := range 40 {
		d := float64(i) * 5
		near := people.Detection{Box: people.Box{X: 280 + d, Y: 200, W: 60, H: 150}, Score: 0.9}
		far := people.Detection{Box: people.Box{X: 470 - d, Y: 245, W: 36, H: 90}, Score: 0.9}
		found := []people.Detection{near, far}
		if near.Inside(far.Box) > 0.05 { // one hides the other
			found = found[:1]
		}
		counter.See(tracker.Next(found))
	}
	if counter.In != 1 || counter.Out != 1 {
		t.Errorf("in %d, out %d; want 1, 1", counter.In, counter.Out)
	}
}

func TestWhoTurnsWhileHiddenIsFoundAgain(t *testing.T) {
	tracker, counter := people.NewTracker(people.TrackerOptions{}), people.NewCounter(upright)
	seen := map[int]bool{}
	for i := range 60 {
		x := 460 - 4*float64(i)
		var found []people.Detection
		switch {
		case i < 20: // stands
			found = append(found, box(395, 300))
		case i < 32: // walks off behind somebody
		default:
			found = append(found, box(x+30, 296))
		}
		tracks := tracker.Next(found)
		for _, k := range tracks {
			seen[k.ID] = true
		}
		counter.See(tracks)
	}
	if len(seen) != 1 || counter.In != 1 || counter.Out != 0 {
		t.Errorf("one person makes %d tracks, in %d, out %d; want 1, 1, 0", len(seen), counter.In, counter.Out)
	}
}

func TestAnUnsureBoxDoesNotBringSomebodyBack(t *testing.T) {
	tracker := people.NewTracker(people.TrackerOptions{})
	for i := range 50 {
		var found []people.Detection
		d := box(300, 300)
		if i < 20 {
			found = append(found, d)
		} else if i > 35 {
			d.Score = 0.4
			found = append(found, d)
		}
		for _, k := range tracker.Next(found) {
			if i > 36 && k.Missed == 0 {
				t.Fatalf("frame %d: an unsure box carries on who was not seen for 16 frames", i)
			}
		}
	}
}
