package face_test

import (
	"testing"

	"tram/vision/face"
)

func portraitFace() face.Face {
	f := face.Face{X: 10, Y: 10, W: 90, H: 100, Score: 0.95}
	f.Points = upright
	return f
}

func TestEachFaultOfAFrameHasItsWords(t *testing.T) {
	good := face.Light{Mean: 120, Sharpness: 200}
	f := portraitFace()
	aside, small := f, f.Scale(0.3)
	aside.Points[2].X += 15
	for _, c := range []struct {
		want  face.Guide
		faces []face.Face
		light face.Light
	}{
		{face.Fine, []face.Face{f}, good},
		{face.Fine, []face.Face{f, f.Scale(0.3)}, good}, // somebody far behind
		{face.TwoPeople, []face.Face{f, f.Scale(0.9)}, good},
		{face.ComeCloser, []face.Face{small}, good},
		{face.LookStraight, []face.Face{aside}, good},
		{face.TooDark, []face.Face{f}, face.Light{Mean: 20, Sharpness: 200}},
		{face.TooBright, []face.Face{f}, face.Light{Mean: 250, Sharpness: 200}},
		{face.HoldStill, []face.Face{f}, face.Light{Mean: 120, Sharpness: 2}},
		{face.FaceCovered, []face.Face{f}, face.Light{Mean: 120, Sharpness: 200, Covered: true}},
	} {
		got := face.Gate(c.faces, c.faces[0], c.light)
		if got != c.want {
			t.Errorf("Gate() = %q, want %q", got, c.want)
		}
		if w := got.Words(); got != face.Fine && (w["vi"] == "" || w["en"] == "") {
			t.Errorf("%s has no words", got)
		}
	}
}

func TestAChallengeIsPassedByTurningBothWaysAndNotByAStill(t *testing.T) {
	see := func(c *face.Challenge, turns ...float64) (done int) {
		for _, x := range turns {
			if c.See(x) {
				done++
			}
		}
		return done
	}
	c := face.NewChallenge(true)
	if n := see(c, 0, 0.2, 0.4, 0.5, 0.3, 0.1, -0.2, -0.4, -0.5); n != 2 || c.Now() != face.Fine {
		t.Errorf("left and right: %d turns, then %q; want 2 and done", n, c.Now())
	}
	c = face.NewChallenge(false)
	if n := see(c, 0.4, 0.5, 0.5); n != 0 || c.Now() != face.TurnRight {
		t.Errorf("the wrong side: %d turns, then %q", n, c.Now())
	}
	still := face.NewChallenge(true)
	if n := see(still, 0, 0, 0, 0, 0, 0); n != 0 || still.Now() == face.Fine {
		t.Error("a still picture passed")
	}
	gone := face.NewChallenge(true)
	for range 10 {
		gone.Lost()
	}
	if see(gone, 0.5, 0.5); !gone.Failed() {
		t.Error("a face that was away came back as the same")
	}
}

// painted is an aligned face of one colour with a darker mouth and eyes, parts of it painted over.
func painted(over map[[4]int][3]byte) []byte {
	bgr := make([]byte, 3*face.Side*face.Side)
	paint := func(r [4]int, c [3]byte) {
		for y := r[1]; y < r[3]; y++ {
			for x := r[0]; x < r[2]; x++ {
				copy(bgr[3*(y*face.Side+x):], c[:])
			}
		}
	}
	paint([4]int{0, 0, 112, 112}, [3]byte{110, 140, 190})
	paint([4]int{44, 89, 68, 96}, [3]byte{80, 80, 150})
	paint([4]int{32, 49, 44, 55}, [3]byte{50, 50, 60})
	paint([4]int{68, 49, 80, 55}, [3]byte{50, 50, 60})
	for r, c := range over {
		paint(r, c)
	}
	return bgr
}

func TestMasksAndDarkGlassesAreSeen(t *testing.T) {
	lower, left, right := [4]int{16, 62, 96, 112}, [4]int{24, 44, 52, 62}, [4]int{60, 44, 88, 62}
	if face.Covered(painted(nil)) {
		t.Error("a bare face counts as covered")
	}
	if face.Covered(nil) {
		t.Error("no face counts as covered")
	}
	for name, over := range map[string]map[[4]int][3]byte{
		"a blue mask":  {lower: {215, 190, 150}},
		"a white mask": {lower: {228, 228, 228}},
		"a black mask": {lower: {28, 28, 30}},
		"sunglasses":   {left: {20, 20, 22}, right: {20, 20, 22}},
	} {
		if !face.Covered(painted(over)) {
			t.Errorf("%s is not seen", name)
		}
	}
	if face.Covered(painted(map[[4]int][3]byte{left: {20, 20, 22}})) {
		t.Error("a shadow over one eye counts as covered")
	}
}
