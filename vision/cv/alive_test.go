package cv

import (
	"fmt"
	"path/filepath"
	"testing"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/testdata"
	"tram/vision/face"
)

// turning is a real person from the front and with the head turned to both sides;
// a photograph holds one side, its mirror image is the other. other is somebody else, turned.
type turning struct{ front, left, right, other, nobody gocv.Mat }

func (s *turning) close() {
	for _, m := range []gocv.Mat{s.front, s.left, s.right, s.other, s.nobody} {
		_ = m.Close()
	}
}

// seen is a photograph as the comparison sees it.
type seen struct {
	path     string
	turn     float64
	template face.Template
}

func findTurning(t *testing.T, e eyes) turning {
	t.Helper()
	dir := testdata.Shared(t, "faces/lfw-devtest")
	p := newPyramid()
	defer p.close()
	look := func(path string) seen {
		m := gocv.IMRead(path, gocv.IMReadColor)
		defer m.Close()
		f, cut, err := e.look(m, p)
		if err != nil {
			return seen{}
		}
		defer cut.Close()
		v, err := e.embed(cut)
		if err != nil {
			t.Fatal(err)
		}
		return seen{path, f.face.Turn(), v}
	}
	var s turning
	for _, pair := range lfwPairs(t, dir, 1) {
		if pair[2] == "" {
			continue
		}
		a, b := look(pair[0]), look(pair[1])
		if max(a.turn, -a.turn) > max(b.turn, -b.turn) {
			a, b = b, a
		}
		if max(a.turn, -a.turn) > 0.15 || max(b.turn, -b.turn) < 0.45 || face.Cosine(a.template, b.template) < 0.3 {
			continue
		}
		turned, mirrored := gocv.IMRead(b.path, gocv.IMReadColor), gocv.NewMat()
		gocv.Flip(turned, &mirrored, 1)
		if b.turn < 0 {
			turned, mirrored = mirrored, turned
		}
		if s.left.Ptr() == nil {
			s.front, s.left, s.right = gocv.IMRead(a.path, gocv.IMReadColor), turned, mirrored
			continue
		}
		s.other = turned
		_ = mirrored.Close()
		s.nobody = gocv.NewMatWithSizeFromScalar(gocv.NewScalar(90, 90, 90, 0), 250, 250, gocv.MatTypeCV8UC3)
		return s
	}
	t.Fatal("no two people of the list are there from the front and turned")
	return s
}

func TestLivenessWantsBothTurnsOfTheSameFace(t *testing.T) {
	_, e := faceServer(t)
	s := findTurning(t, e)
	defer s.close()
	many := func(n int, m gocv.Mat) (frames []gocv.Mat) {
		for range n {
			frames = append(frames, m)
		}
		return frames
	}
	film := func(parts ...[]gocv.Mat) (frames []gocv.Mat) {
		for _, p := range parts {
			frames = append(frames, p...)
		}
		return frames
	}
	front, left, right, other, nobody := many(2, s.front), many(3, s.left), many(3, s.right), many(3, s.other), many(1, s.nobody)
	for name, c := range map[string]struct {
		leftFirst bool
		frames    []gocv.Mat
		want      bool
	}{
		"left, then right":              {true, film(front, left, front, right), true},
		"right, then left":              {false, film(front, right, front, left), true},
		"the asked-for side comes last": {false, film(front, left, front, right, front, left), true},
		"one side alone":                {true, film(front, left, front, left, front, left), false},
		"not back to the front":         {true, film(front, left, right), false},
		"a still":                       {true, many(12, s.front), false},
		"somebody else turns":           {true, film(front, other, front, right), false},
		"lost for a moment":             {true, film(front, left, front, many(4, s.nobody), right), true},
		"away and back":                 {true, film(front, left, front, many(9, s.nobody), right), false},
		"one frame is no turn":          {true, film(front, left[:1], nobody, front, right, front), false},
	} {
		dir := t.TempDir()
		for i, m := range c.frames {
			if !gocv.IMWrite(filepath.Join(dir, fmt.Sprintf("%03d.png", i)), m) {
				t.Fatal("a frame cannot be written")
			}
		}
		cam, err := camera.Open(t.Context(), dir, camera.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var asked []face.Guide
		v := &viewer{eyes: e, camera: cam, frame: gocv.NewMat(), pyramid: newPyramid(), tell: func(g face.Guide) {
			if len(asked) == 0 || asked[len(asked)-1] != g {
				asked = append(asked, g)
			}
		}}
		_, cut, err := e.look(s.front, v.pyramid)
		if err != nil {
			t.Fatal(err)
		}
		template, err := e.embed(cut)
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.alive(t.Context(), template, c.leftFirst)
		if err != nil || got != c.want {
			t.Errorf("%s: alive %v, %v after %q; want %v", name, got, err, asked, c.want)
		}
		first := map[bool]face.Guide{true: face.TurnLeft, false: face.TurnRight}[c.leftFirst]
		if len(asked) == 0 || asked[0] != first {
			t.Errorf("%s: asked for %q, want %s first", name, asked, first)
		}
		_ = cut.Close()
		wipe(&v.frame)
		v.pyramid.close()
		cam.Close()
	}
}
