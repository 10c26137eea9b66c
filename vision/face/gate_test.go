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
	aside, small, covered := f, f.Scale(0.3), f
	aside.Points[2].X += 15
	covered.Score = 0.72
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
		{face.FaceCovered, []face.Face{covered}, good},
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
