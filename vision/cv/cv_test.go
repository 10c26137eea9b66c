package cv

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"gocv.io/x/gocv"

	"tram/drivers/sim/picture"
	"tram/testdata"
	"tram/vision"
	"tram/vision/face"
	"tram/vision/people"
)

func faceServer(t testing.TB) (*server, eyes) {
	t.Helper()
	dir := filepath.Dir(testdata.Model(t, "mobilefacenet_foamliu_opset10.onnx"))
	s := &server{nets: networks{dir: dir}}
	t.Cleanup(s.nets.close)
	e, err := s.eyes(vision.FaceModel{})
	if err != nil {
		t.Fatal(err)
	}
	return s, e
}

// lfwPairs reads every nth pair of the development list.
func lfwPairs(t testing.TB, dir string, nth int) [][3]string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "pairsDevTest.txt"))
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, n string) string {
		k, err := strconv.Atoi(n)
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(dir, name, fmt.Sprintf("%s_%04d.jpg", name, k))
	}
	var out [][3]string
	for i, l := range strings.Split(string(b), "\n")[1:] {
		f := strings.Split(strings.TrimSpace(l), "\t")
		switch {
		case i%nth != 0:
		case len(f) == 3:
			out = append(out, [3]string{file(f[0], f[1]), file(f[0], f[2]), "same"})
		case len(f) == 4:
			out = append(out, [3]string{file(f[0], f[1]), file(f[2], f[3]), ""})
		}
	}
	return out
}

func TestLFWDevelopmentPairsAreToldApart(t *testing.T) {
	dir := testdata.Shared(t, "faces/lfw-devtest")
	_, e := faceServer(t)
	nth := 8
	if os.Getenv("TRAM_TEST_ALL") != "" {
		nth = 1
	}
	var pairs []face.Pair
	for _, p := range lfwPairs(t, dir, nth) {
		a, err := os.ReadFile(p[0])
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(p[1])
		if err != nil {
			t.Fatal(err)
		}
		fa, err := e.templateOf(a)
		if err != nil {
			t.Fatalf("first picture of a pair: %v", err)
		}
		fb, err := e.templateOf(b)
		if err != nil {
			t.Fatalf("second picture of a pair: %v", err)
		}
		score := face.Cosine(fa.template, fb.template)
		pairs = append(pairs, face.Pair{Score: score, Same: p[2] != ""})
		if p[2] == "" && score >= face.Threshold {
			t.Errorf("two persons match with %.3f", score)
		}
	}
	c := face.Measure(pairs)
	t.Logf("%+v", c)
	if c.Accuracy < 0.98 {
		t.Errorf("accuracy %.3f, want at least 0.98", c.Accuracy)
	}
}

func TestADrawnFaceIsFoundWithItsPoints(t *testing.T) {
	_, e := faceServer(t)
	for seed := range int64(6) {
		m, err := decodePicture(picture.PortraitJPEG(seed))
		if err != nil {
			t.Fatal(err)
		}
		p := newPyramid()
		p.show(m)
		_, faces, err := e.detect(p)
		p.close()
		_ = m.Close()
		if err != nil || len(faces) != 1 || faces[0].Score < 0.8 {
			t.Errorf("seed %d: %+v, %v; want one face, sure", seed, faces, err)
		}
	}
}

func TestNetworksFindThePeopleOfAFrame(t *testing.T) {
	dir := filepath.Dir(testdata.Model(t, "yolox_nano.onnx"))
	frames := testdata.Shared(t, "people/PETS09-S2L1")
	f, err := os.Open(filepath.Join(frames, "gt.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	truth, err := people.ParseMOT(f)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{nets: networks{dir: dir}}
	t.Cleanup(s.nets.close)
	for _, name := range []string{"nanodet", "yolox", "fastestdet"} {
		d, err := s.detectorNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		hits, all, boxes := 0, 0, 0
		for _, n := range []int{60, 150, 240} {
			m := gocv.IMRead(filepath.Join(frames, "img1", fmt.Sprintf("%06d.jpg", n)), gocv.IMReadColor)
			found, err := d.detect(m)
			_ = m.Close()
			if err != nil {
				t.Fatal(err)
			}
			boxes += len(found)
			for _, b := range truth.Frames[n] {
				all++
				for _, x := range found {
					if x.IoU(b) > 0.4 {
						hits++
						break
					}
				}
			}
		}
		t.Logf("%s finds %d of %d in %d boxes", name, hits, all, boxes)
		if 2*hits < all {
			t.Errorf("%s finds %d of %d people, want at least half", name, hits, all)
		}
		if boxes > 4*all { // what holds on to nobody leads tracks astray
			t.Errorf("%s shows %d boxes of %d people", name, boxes, all)
		}
	}
}

// TestNoMatIsLeftOpen counts only with -tags matprofile.
func TestNoMatIsLeftOpen(t *testing.T) {
	if openMats() < 0 {
		t.Skip("needs -tags matprofile")
	}
	s, _ := faceServer(t)
	jpeg := picture.PortraitJPEG(1)
	before := openMats()
	for range 3 {
		if _, err := s.verify(jpeg, jpeg, vision.FaceModel{}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.verify(jpeg, bytes.Repeat([]byte{0xFF, 0xD8, 0xFF}, 9), vision.FaceModel{}); err == nil {
			t.Error("a broken picture was taken")
		}
		if _, err := portrait(jpeg); err != nil {
			t.Fatal(err)
		}
		if _, err := decodeQR(jpeg); err != nil {
			t.Fatal(err)
		}
		d := unaidedFor(t)
		m, err := decodePicture(jpeg)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if _, err := d.detect(m); err != nil {
				t.Fatal(err)
			}
		}
		_ = m.Close()
		d.close()
	}
	if after := openMats(); after != before {
		t.Errorf("%d Mats open, want %d", after, before)
	}
}

// BenchmarkFace compares two portraits; "forward/op" is the networks' own share.
func BenchmarkFace(b *testing.B) {
	s, _ := faceServer(b)
	jpeg := picture.PortraitJPEG(1)
	var total, forward float64
	for b.Loop() {
		a, err := s.verify(jpeg, jpeg, vision.FaceModel{})
		if err != nil {
			b.Fatal(err)
		}
		total, forward = total+a.MS.Total, forward+a.MS.Forward
	}
	b.ReportMetric(forward/float64(b.N), "forward-ms/op")
	b.ReportMetric(total/forward, "total/forward")
}

// BenchmarkCount runs the default detector and the tracker on 768×576 frames, and
// where Debian's python3-opencv is there the same frames through what cv2 offers:
// background subtraction at the same size, then the detector of outlines over the
// whole picture, enlarged so that these people have one. Run it under "taskset -c 1"
// for one core.
func BenchmarkCount(b *testing.B) {
	dir := testdata.Shared(b, "people/PETS09-S2L1/img1")
	var frames []gocv.Mat
	for i := 1; i <= 100; i++ {
		frames = append(frames, gocv.IMRead(filepath.Join(dir, fmt.Sprintf("%06d.jpg", i)), gocv.IMReadColor))
	}
	d, tracker := unaidedFor(b), people.NewTracker(people.TrackerOptions{})
	defer d.close()
	n := 0
	for b.Loop() {
		found, err := d.detect(frames[n%len(frames)])
		if err != nil {
			b.Fatal(err)
		}
		tracker.Next(found)
		n++
	}
	ours := float64(n) / b.Elapsed().Seconds()
	b.ReportMetric(ours, "frames/s")
	for i := range frames {
		_ = frames[i].Close()
	}
	b.StopTimer()
	out, err := exec.Command("/usr/bin/python3", "-c", cv2Count, dir).Output()
	if err != nil {
		b.Log("without Debian's python3-opencv there is nothing to compare with")
		return
	}
	var motion, both float64
	if _, err := fmt.Sscan(string(out), &motion, &both); err != nil {
		b.Fatalf("%q: %v", out, err)
	}
	b.ReportMetric(motion, "cv2-MOG2-frames/s")
	b.ReportMetric(both, "cv2-MOG2+HOG-frames/s")
}

const cv2Count = `
import cv2, sys, time
frames = [cv2.imread("%s/%06d.jpg" % (sys.argv[1], i)) for i in range(1, 31)]
mog = cv2.createBackgroundSubtractorMOG2(400, 20, True)
hog = cv2.HOGDescriptor()
hog.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
spent = [0, 0]
for m in frames:
    began = time.perf_counter()
    mask = mog.apply(cv2.resize(m, (384, 288), interpolation=cv2.INTER_AREA))
    cv2.connectedComponentsWithStats(cv2.threshold(mask, 200, 255, cv2.THRESH_BINARY)[1])
    then = time.perf_counter()
    hog.detectMultiScale(cv2.resize(m, None, fx=1.6, fy=1.6), hitThreshold=0, winStride=(8, 8), padding=(16, 16), scale=1.12)
    spent[0] += then - began
    spent[1] += time.perf_counter() - began
print(len(frames) / spent[0], len(frames) / spent[1])
`

func unaidedFor(t testing.TB) *unaided {
	t.Helper()
	d, err := newUnaided()
	if err != nil {
		t.Fatal(err)
	}
	return d
}
