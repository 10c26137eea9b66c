package cv

import (
	"errors"
	"image"
	"image/color"
	"os"
	"path/filepath"
	"testing"

	"gocv.io/x/gocv"

	"tram/testdata"
	"tram/vision"
	"tram/vision/face"
)

// covers are drawn over a face, in the places of an aligned one of 112×112 pixels.
var covers = []struct {
	name  string
	cloth color.RGBA
	mask  bool
	least float64 // share that must be seen
}{
	{"a blue mask", color.RGBA{150, 190, 215, 0}, true, 0.95},
	{"a white mask", color.RGBA{228, 228, 226, 0}, true, 0.80},
	{"a black mask", color.RGBA{28, 28, 30, 0}, true, 0.95},
	{"a mask of the skin's colour", color.RGBA{200, 170, 145, 0}, true, 0},
	{"sunglasses", color.RGBA{22, 20, 20, 0}, false, 0.85},
}

// cover draws cloth with folds, or glasses with a reflection, over a face.
func cover(m gocv.Mat, f face.Face, mask bool, c color.RGBA) {
	a, err := face.Align(f.Points)
	if err != nil {
		return
	}
	at := func(x, y float64) image.Point {
		q := face.Back(a, face.Point{X: x, Y: y})
		return image.Pt(int(q.X+0.5), int(q.Y+0.5))
	}
	fill := func(c color.RGBA, xy ...float64) {
		var points []image.Point
		for i := 0; i < len(xy); i += 2 {
			points = append(points, at(xy[i], xy[i+1]))
		}
		v := gocv.NewPointsVectorFromPoints([][]image.Point{points})
		defer v.Close()
		gocv.FillPoly(&m, v, c)
	}
	shade := func(k float64) color.RGBA {
		return color.RGBA{uint8(min(255, k*float64(c.R))), uint8(min(255, k*float64(c.G))), uint8(min(255, k*float64(c.B))), 0}
	}
	if !mask {
		fill(c, 22, 44, 52, 44, 51, 60, 44, 65, 30, 65, 23, 58)
		fill(c, 60, 44, 90, 44, 89, 58, 82, 65, 68, 65, 61, 60)
		fill(c, 50, 46, 62, 46, 62, 49, 50, 49)
		gocv.Line(&m, at(30, 48), at(36, 48), shade(4), 1)
		return
	}
	fill(c, 56, 60, 70, 64, 92, 70, 90, 95, 78, 112, 56, 120, 34, 112, 22, 95, 20, 70, 42, 64)
	for i, y := range []float64{76, 82, 88, 94, 100, 106} {
		gocv.Line(&m, at(24, y), at(88, y), shade([]float64{0.86, 1.1}[i%2]), 2)
	}
}

// How often each gate stops a photograph in which nothing is wrong, or ought to and
// does not. LFW's people look aside and stand in groups: what is told of those is right.
func TestTheGatesOnRealFaces(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(testdata.Shared(t, "faces/lfw-devtest"), "*", "*.jpg"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no photographs: %v", err)
	}
	nth := 16
	if os.Getenv("TRAM_TEST_ALL") != "" {
		nth = 1
	}
	_, e := faceServer(t)
	p := newPyramid()
	defer p.close()
	guide := func(m gocv.Mat) (face.Face, face.Guide) {
		f, cut, err := e.look(m, p)
		if err != nil {
			return face.Face{}, face.NoFace
		}
		_ = cut.Close()
		return f.face, f.wrong
	}
	n := 0
	bare, seen := map[face.Guide]int{}, map[string]int{}
	var fit int
	for i := 0; i < len(files); i += nth {
		m := gocv.IMRead(files[i], gocv.IMReadColor)
		n++
		f, wrong := guide(m)
		bare[wrong]++
		if wrong == face.Fine {
			fit++
			for name, do := range map[string]func(gocv.Mat) gocv.Mat{
				"too dark": func(m gocv.Mat) gocv.Mat { return lit(m, 0.15, 0) }, "too bright": func(m gocv.Mat) gocv.Mat { return lit(m, 0.4, 205) },
				"too far": func(m gocv.Mat) gocv.Mat { return within(m, 0.4) },
				"blurred": func(m gocv.Mat) gocv.Mat {
					out := gocv.NewMat()
					gocv.GaussianBlur(m, &out, image.Pt(25, 25), 6, 6, gocv.BorderDefault)
					return out
				},
			} {
				changed := do(m)
				_, g := guide(changed)
				_ = changed.Close()
				if g == map[string]face.Guide{"too dark": face.TooDark, "too bright": face.TooBright, "too far": face.ComeCloser, "blurred": face.HoldStill}[name] {
					seen[name]++
				} else {
					seen[name+" told as "+string(g)]++
				}
			}
			for _, c := range covers {
				changed := m.Clone()
				cover(changed, f, c.mask, c.cloth)
				if _, g := guide(changed); g != face.Fine {
					seen[c.name]++
				}
				_ = changed.Close()
			}
		}
		_ = m.Close()
	}
	t.Logf("%d photographs as they are: %v; of the %d without fault, changed: %v", n, bare, fit, seen)
	if share := float64(bare[face.FaceCovered]+bare[face.TooDark]+bare[face.TooBright]+bare[face.HoldStill]+bare[face.NoFace]) / float64(n); share > 0.03 {
		t.Errorf("%.3f of the photographs are stopped without reason: %v", share, bare)
	}
	for _, c := range covers {
		if got := float64(seen[c.name]) / float64(fit); got < c.least {
			t.Errorf("%s is seen in %.2f, want %.2f", c.name, got, c.least)
		}
	}
	for _, name := range []string{"too dark", "too bright", "too far", "blurred"} {
		if got := float64(seen[name]) / float64(fit); got < 0.75 {
			t.Errorf("%s is told in %.2f, want 0.75", name, got)
		}
	}
}

func TestWhereNothingCanBeSeenTheLightIsNamed(t *testing.T) {
	_, e := faceServer(t)
	p := newPyramid()
	defer p.close()
	for light, want := range map[float64]face.Guide{4: face.TooDark, 120: face.NoFace, 250: face.TooBright} {
		m := gocv.NewMatWithSizeFromScalar(gocv.NewScalar(light, light, light, 0), 720, 1280, gocv.MatTypeCV8UC3)
		_, _, err := e.look(m, p)
		if got := p.blind(); !errors.Is(err, vision.ErrNoFace) || got != want {
			t.Errorf("grey of %v: %v, %q; want ErrNoFace, %q", light, err, got, want)
		}
		_ = m.Close()
	}
}
