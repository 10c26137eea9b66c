package cv

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gocv.io/x/gocv"

	"tram/testdata"
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

func TestPeopleWhoFillThePictureAreToldByTheirOutline(t *testing.T) {
	d, err := newUnaided()
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	v, err := gocv.VideoCaptureFile(filepath.Join(testdata.Shared(t, "people/TUD-Campus"), "TUD-Campus.mp4"))
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	m := gocv.NewMat()
	defer m.Close()
	frames, boxes := 0, 0
	for v.Read(&m) {
		found, err := d.detect(m)
		if err != nil {
			t.Fatal(err)
		}
		if frames++; frames > firstLooks {
			boxes += len(found)
		}
		for _, f := range found {
			if frames > firstLooks && f.H < 0.25*float64(m.Rows()) {
				t.Fatalf("frame %d: a person of %.0f pixels in a picture of %d", frames, f.H, m.Rows())
			}
		}
	}
	if !d.large || boxes < frames || boxes > 8*frames {
		t.Errorf("large %v, %d boxes in %d frames with five to eight people", d.large, boxes, frames)
	}
}

func TestTheOutlinesCoefficientsAreOpenCVsOwn(t *testing.T) {
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
m = cv2.imread(sys.argv[1])
k = (400 * 300 / (m.shape[0] * m.shape[1])) ** 0.5
m = cv2.resize(m, (int(m.shape[1] * k), int(m.shape[0] * k)), interpolation=cv2.INTER_AREA)
found, _ = h.detectMultiScale(m, hitThreshold=0, winStride=(8, 8), padding=(16, 16), scale=1.15, groupThreshold=0)
print(len(found))
`, path).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	hits := 0.0
	for _, o := range d.detect(m) {
		hits += o.hits
	}
	if want := strings.TrimSpace(string(out)); want == "0" || want != fmt.Sprint(hits) {
		t.Errorf("%v windows, cv2 finds %s", hits, want)
	}
}
