package cv

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tram/drivers/camera"
	"tram/drivers/camera/condition"
	"tram/vision"
	"tram/vision/people"
)

// pictures writes frames of a size into a folder: dark ones, then such with something in them.
func pictures(t *testing.T, dark, bright, width, height int) string {
	t.Helper()
	dir := t.TempDir()
	dice := rand.New(rand.NewPCG(1, 2))
	for i := range dark + bright {
		m := image.NewRGBA(image.Rect(0, 0, width, height))
		for x := range width {
			for y := range height {
				c := uint8(0)
				if i >= dark {
					c = uint8(60 + dice.IntN(140))
				}
				m.Set(x, y, color.RGBA{c, c, c, 255})
			}
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%03d.jpg", i)))
		if err != nil {
			t.Fatal(err)
		}
		if err := jpeg.Encode(f, m, nil); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// newCounting counts in a folder, with faults known at once; told gets each progress.
func newCounting(t *testing.T, dir string, rate float64) (r *counting, told func() []vision.CountProgress) {
	t.Helper()
	ours, theirs := net.Pipe()
	var all []vision.CountProgress
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			m, err := vision.ReadMessage(theirs)
			if err != nil {
				return
			}
			var p vision.CountProgress
			if err := json.Unmarshal(m.Body, &p); err != nil {
				t.Error(err)
			}
			all = append(all, p)
		}
	}()
	c, err := camera.Open(t.Context(), dir, camera.Options{Watch: true, Hurry: 1000, Rate: rate})
	if err != nil {
		t.Fatal(err)
	}
	d, err := newUnaided()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	r = &counting{s: &server{conn: ours}, id: 1, camera: c, detector: d, scene: &scene{}, ways: trails{}}
	t.Cleanup(r.close)
	return r, func() []vision.CountProgress {
		_ = ours.Close()
		<-done
		return all
	}
}

func TestALensThatWasBlackIsSaidOfTheWholeCountAndOfItsTimeOnly(t *testing.T) {
	r, told := newCounting(t, pictures(t, 4, 5, 64, 48), 4)
	for _, upTo := range []int{4, 9} {
		r.q.Frames = upTo
		if err := r.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := r.tell(); err != nil {
			t.Fatal(err)
		}
	}
	whole := r.answer().Health
	var counts [][]string // the notes that were told
	for _, p := range told() {
		counts = append(counts, p.Health.Notes)
	}
	black := vision.NoteCamera + "_" + string(condition.Black)
	if !slices.Contains(whole.Notes, black) || whole.Confidence != "poor" {
		t.Errorf("of the whole: %+v, want %s", whole, black)
	}
	if !slices.ContainsFunc(counts, func(n []string) bool { return slices.Contains(n, black) }) {
		t.Errorf("no progress said %s: %v", black, counts)
	}
	if last := counts[len(counts)-1]; slices.Contains(last, black) || slices.Contains(last, vision.NoteCamera) {
		t.Errorf("at the end, with the lens free: %v", last)
	}
}

func TestAGapIsSaidOfTheWholeCountAndOnceInItsCourse(t *testing.T) {
	r, told := newCounting(t, pictures(t, 0, 1, 64, 48), 0)
	for _, gaps := range []int{0, 1, 1, 2} {
		r.gaps = gaps
		if err := r.tell(); err != nil {
			t.Fatal(err)
		}
	}
	if notes := r.answer().Health.Notes; !slices.Contains(notes, vision.NoteGaps) {
		t.Errorf("of the whole: %v", notes)
	}
	for i, p := range told() {
		if got, want := slices.Contains(p.Health.Notes, vision.NoteGaps), i%2 == 1; got != want {
			t.Errorf("progress %d: %v, want gaps: %v", i, p.Health.Notes, want)
		}
	}
}

func TestAPictureLowerThanPeopleMustBeIsPoor(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {16, 12}, {400, 2}} {
		r, _ := newCounting(t, pictures(t, 0, 5, size[0], size[1]), 0)
		r.q.Frames = 5
		r.q.Boxes = true
		r.scene.lines = []lineOf{{"1", people.NewCounter(people.Line{X2: 10, Y2: 1})}}
		if err := r.run(t.Context()); err != nil {
			t.Fatalf("%v: %v", size, err)
		}
		if h := r.answer().Health; h.Confidence != "poor" || !slices.Contains(h.Notes, vision.NoteTooSmall) {
			t.Errorf("%v: %+v", size, h)
		}
	}
}
