package cv

import (
	"fmt"
	"image"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gocv.io/x/gocv"

	"tram/testdata"
	"tram/vision/people"
)

// frameOf is one frame of the street where people fill the picture.
func frameOf(t *testing.T, n int) gocv.Mat {
	t.Helper()
	v, err := gocv.VideoCaptureFile(filepath.Join(testdata.Shared(t, "people/TUD-Campus"), "TUD-Campus.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	m := gocv.NewMat()
	t.Cleanup(func() { _ = m.Close() })
	for range n {
		if !v.Read(&m) {
			t.Fatal("the video is too short")
		}
	}
	return m
}

func TestPeopleWhoFillThePictureAreNotToldByTheirLimbs(t *testing.T) {
	d := unaidedFor(t)
	defer d.close()
	v, err := gocv.VideoCaptureFile(filepath.Join(testdata.Shared(t, "people/TUD-Campus"), "TUD-Campus.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	m := gocv.NewMat()
	defer m.Close()
	frames, sure, limbs := 0, 0, 0
	for v.Read(&m) {
		found, err := d.detect(m)
		if err != nil {
			t.Fatal(err)
		}
		frames++
		for _, f := range found {
			if f.Score < 0.65 {
				continue
			}
			if sure++; f.H < 0.22*float64(m.Rows()) { // the smallest of them are 130 pixels high
				limbs++
			}
		}
	}
	if !d.tall.known() || sure < 2*frames || limbs*20 > sure {
		t.Errorf("heights known %v; %d people, %d of them limbs, in %d frames with five to eight people", d.tall.known(), sure, limbs, frames)
	}
}

func TestTheWorthOfAWindowIsOpenCVs(t *testing.T) {
	python := "/usr/bin/python3" // Debian's, which python3-opencv is for
	if exec.Command(python, "-c", "import cv2").Run() != nil {
		t.Skip("needs the Debian package python3-opencv, to compare with its detector")
	}
	m := frameOf(t, 30)
	d, err := newHOG()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	path := filepath.Join(t.TempDir(), "frame.png")
	gocv.IMWrite(path, m)
	out, err := exec.Command(python, "-c", `
import cv2, sys
h = cv2.HOGDescriptor()
h.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
found, worth = h.detect(cv2.imread(sys.argv[1]), hitThreshold=-0.35, winStride=(8, 8), padding=(0, 0))
print(len(found), "%.3f" % sum(float(w) for w in worth))
`, path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	found, err := d.look(m, image.Rect(0, 0, m.Cols(), m.Rows()), hogTall) // at the picture's own size
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, o := range found {
		sum += o.worth
	}
	if got := fmt.Sprintf("%d %.3f", len(found), sum); len(found) == 0 || got != strings.TrimSpace(string(out)) {
		t.Errorf("%s windows and worth, cv2 finds %s", got, out)
	}
}

func TestWindowsOnOnePersonAreOneOutline(t *testing.T) {
	at := func(x, y, worth float64) outline {
		return outline{people.Box{X: x, Y: y, W: 40, H: 100}, worth}
	}
	got := gathered([]outline{at(100, 50, 0.2), at(104, 52, 0.9), at(300, 50, 0.1), at(98, 50, 0.3)})
	if len(got) != 2 || got[0].worth != 0.9 || got[0].X < 98 || got[0].X > 104 {
		t.Errorf("got %+v, want one outline near 102 worth 0.9 and one at 300", got)
	}
	part := outline{people.Box{X: 105, Y: 100, W: 20, H: 48}, 0.5}
	if left := withoutParts(append(got, part)); len(left) != 2 {
		t.Errorf("%d outlines, want the legs left out", len(left))
	}
}

func TestHeightsAreLearntByPlaceAndForgottenWhenTheCameraIsMoved(t *testing.T) {
	var m heightModel
	for i := range 30 {
		feet := 200 + 10*float64(i)
		m.learn(feet, 40+0.2*(feet-200))
	}
	if got := m.at(300); math.Abs(got-60) > 1 {
		t.Errorf("at 300 people are %.1f high, want 60", got)
	}
	if low, high := m.at(-1000), m.at(5000); low < 30 || high > 130 {
		t.Errorf("far outside of what was seen: %.0f and %.0f, want heights that were seen", low, high)
	}
	m.learn(300, 200) // a lorry
	if got := m.at(300); math.Abs(got-60) > 1 {
		t.Errorf("after a lorry people are %.1f high, want 60", got)
	}
	for range 40 {
		m.learn(300, 180)
	}
	if got := m.at(300); !m.known() || math.Abs(got-180) > 1 {
		t.Errorf("after the camera was moved: %.1f, want 180", got)
	}
}

func TestWhatDoesNotFitIntoAFrameIsLookedForInTheNext(t *testing.T) {
	d := unaided{}
	d.tall.n = heightsKnown
	var places []place
	for i := range 7 {
		places = append(places, place{image.Rect(i, 0, i+500, 600), hogTall}) // 300,000 pixels each
	}
	seen := map[int]int{}
	for range 7 {
		some := d.affordable(places)
		if len(some) != 2 {
			t.Fatalf("%d places, want the two that %d pixels allow", len(some), lookPixels)
		}
		for _, p := range some {
			seen[p.Min.X]++
		}
	}
	for i := range 7 {
		if seen[i] != 2 {
			t.Errorf("place %d was looked at %d times in 7 frames, want 2 of each: %v", i, seen[i], seen)
		}
	}
}
