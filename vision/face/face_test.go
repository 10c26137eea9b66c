package face_test

import (
	"math"
	"testing"

	"tram/vision/face"
)

var upright = [5]face.Point{{X: 38.2946, Y: 51.6963}, {X: 73.5318, Y: 51.5014}, {X: 56.0252, Y: 71.7366}, {X: 41.5493, Y: 92.3655}, {X: 70.7299, Y: 92.2041}}

func TestAlignUndoesATurnAScaleAndAShift(t *testing.T) {
	sin, cos := math.Sincos(0.4)
	var turned [5]face.Point
	for i, p := range upright {
		turned[i] = face.Point{X: 3*(cos*p.X-sin*p.Y) + 200, Y: 3*(sin*p.X+cos*p.Y) - 50}
	}
	a, err := face.Align(turned)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range turned {
		x, y := a[0]*p.X+a[1]*p.Y+a[2], a[3]*p.X+a[4]*p.Y+a[5]
		if math.Hypot(x-upright[i].X, y-upright[i].Y) > 1e-6 {
			t.Errorf("point %d lands at %.3f, %.3f; want %.3f, %.3f", i, x, y, upright[i].X, upright[i].Y)
		}
	}
	if _, err := face.Align([5]face.Point{}); err == nil {
		t.Error("five points in one place were aligned")
	}
}

func TestCosineOfTemplates(t *testing.T) {
	a, b := face.NewTemplate([]float32{3, 4}), face.NewTemplate([]float32{-4, 3})
	if got := face.Cosine(a, a); math.Abs(got-1) > 1e-6 {
		t.Errorf("with itself %g, want 1", got)
	}
	if got := face.Cosine(a, b); math.Abs(got) > 1e-6 {
		t.Errorf("at right angles %g, want 0", got)
	}
	if face.NewTemplate(make([]float32, 4)) != nil || face.NewTemplate([]float32{float32(math.NaN())}) != nil {
		t.Error("a template was made of nothing")
	}
	a.Wipe()
	if a[0] != 0 {
		t.Error("Wipe left the template")
	}
}

func TestBetweenMatchAndStrangerTheClerkIsAsked(t *testing.T) {
	cut := face.Cut{Threshold: face.Threshold, UnsureFrom: face.UnsureFrom}
	for _, c := range []struct {
		score         float64
		match, unsure bool
	}{{0.9, true, false}, {face.Threshold, true, false}, {face.Threshold - 0.001, false, true}, {face.UnsureFrom, false, true}, {0.1, false, false}} {
		if m, u := cut.Judge(c.score); m != c.match || u != c.unsure {
			t.Errorf("Judge(%g) = %v, %v; want %v, %v", c.score, m, u, c.match, c.unsure)
		}
	}
}

func TestANetworkWithoutAMeasuredCurveDecidesNothing(t *testing.T) {
	cut, known := face.CutOf("0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79")
	if match, unsure := cut.Judge(0.99); known || match || !unsure {
		t.Errorf("known %v, match %v, unsure %v; want the clerk to be asked", known, match, unsure)
	}
}

func TestOutputOfAnotherShapeIsRefused(t *testing.T) {
	if _, err := face.Decode(face.YuNetOutput{Width: 320, Height: 320, Loc: make([]float32, 14)}, 0.5); err == nil {
		t.Error("a short output was decoded")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(uint16(1), float32(0.9), float32(1000))
	f.Fuzz(func(t *testing.T, at uint16, score, far float32) {
		const n = 4*4*3 + 2*2*2 + 1*1*2
		o := face.YuNetOutput{Width: 32, Height: 32, Loc: make([]float32, n*14), Conf: make([]float32, n*2), IoU: make([]float32, n)}
		i := int(at) % n
		o.Conf[2*i+1], o.IoU[i], o.Loc[14*i+2], o.Loc[14*i+4] = score, score, far, far
		faces, err := face.Decode(o, 0.5)
		if err != nil {
			return
		}
		for _, x := range faces {
			_, _ = face.Align(x.Points)
		}
	})
}
