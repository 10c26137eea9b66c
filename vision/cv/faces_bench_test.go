package cv

import (
	"fmt"
	"image"
	"image/color"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/sim/picture"
	"tram/testdata"
	"tram/vision/face"
	"tram/vision/models"
)

// visitorFrame is an invented person before a camera of 1280×720.
func visitorFrame(b *testing.B) gocv.Mat {
	b.Helper()
	m, err := decodePicture(picture.JPEG(picture.Visitor(picture.DefaultSeed, 1)[0], 95))
	if err != nil {
		b.Fatal(err)
	}
	gocv.Resize(m, &m, image.Pt(960, 720), 0, 0, gocv.InterpolationLinear)
	gocv.CopyMakeBorder(m, &m, 0, 0, 160, 160, gocv.BorderConstant, color.RGBA{90, 90, 90, 0})
	return m
}

// used is the processor time of this program so far; on a busy machine it says more than the clock does.
func used(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// compareFrame compares a frame with a template that is already there.
func compareFrame(b *testing.B, e eyes, m gocv.Mat, p *pyramid, portrait face.Template) {
	b.Helper()
	_, cut, err := e.look(m, p)
	if err != nil {
		b.Fatal(err)
	}
	t, err := e.embed(cut)
	_ = cut.Close()
	if err != nil {
		b.Fatal(err)
	}
	if face.Cosine(portrait, t) < face.Threshold {
		b.Fatal("the same face does not match")
	}
}

// BenchmarkFaceFrame compares one more 1280×720 frame of a camera with a template
// that is already there, and then runs the networks alone on the same inputs, round
// by round: "total/forward" is the whole beside the bare forward passes.
func BenchmarkFaceFrame(b *testing.B) {
	_, e := faceServer(b)
	m := visitorFrame(b)
	defer m.Close()
	portrait, err := e.templateOf(picture.PortraitJPEG(picture.DefaultSeed))
	if err != nil {
		b.Fatal(err)
	}
	p := newPyramid()
	defer p.close()
	bare := bareForward(b, e, m, p)
	var whole, forward, wholeCPU, forwardCPU time.Duration
	for b.Loop() {
		began, cpu := time.Now(), used(b)
		compareFrame(b, e, m, p, portrait.template)
		whole, wholeCPU = whole+time.Since(began), wholeCPU+used(b)-cpu
		began, cpu = time.Now(), used(b)
		bare()
		forward, forwardCPU = forward+time.Since(began), forwardCPU+used(b)-cpu
	}
	n := float64(b.N)
	b.ReportMetric(1000*whole.Seconds()/n, "frame-ms")
	b.ReportMetric(1000*forward.Seconds()/n, "forward-ms")
	b.ReportMetric(whole.Seconds()/forward.Seconds(), "total/forward")
	b.ReportMetric(wholeCPU.Seconds()/forwardCPU.Seconds(), "total/forward-cpu")
}

// bareForward returns what runs both networks once, on inputs made beforehand.
func bareForward(b *testing.B, e eyes, m gocv.Mat, p *pyramid) func() {
	b.Helper()
	_ = e.detector.take()
	_, cut, err := e.look(m, p)
	if err != nil {
		b.Fatal(err)
	}
	looks := []gocv.Mat{p.field.Clone()}
	if e.detector.take().passes == 2 { // the second, at the face alone
		looks = append(looks, gocv.NewMatWithSizes([]int{1, 3, nearSide, nearSide}, gocv.MatTypeCV32F))
	}
	in, err := e.input(cut)
	if err != nil {
		b.Fatal(err)
	}
	_ = cut.Close()
	b.Cleanup(func() {
		_ = in.Close()
		for i := range looks {
			_ = looks[i].Close()
		}
	})
	return func() {
		for _, field := range looks {
			if _, err := e.detector.forward(field, "loc", "conf", "iou"); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := e.embedding.forward(in, e.embedding.outputs()...); err != nil {
			b.Fatal(err)
		}
	}
}

// cv2Faces is what a program in Python would do with the same networks: find,
// align, embed. It prints the milliseconds of one frame.
const cv2Faces = `
import sys, time
import cv2, numpy as np
m = cv2.imread(sys.argv[1])
k = 320 / max(m.shape[:2])
w, h = int(m.shape[1] * k), int(m.shape[0] * k)
finder = cv2.FaceDetectorYN.create(sys.argv[2], "", (w, h), 0.7)
net = cv2.dnn.readNetFromONNX(sys.argv[3])
goal = np.float32([[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]])
mean, deviation = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
def frame():
    _, faces = finder.detect(cv2.resize(m, (w, h), interpolation=cv2.INTER_AREA))
    points = faces[0, 4:14].reshape(5, 2) / k
    turn, _ = cv2.estimateAffinePartial2D(points, goal, method=cv2.LMEDS)
    rgb = cv2.cvtColor(cv2.warpAffine(m, turn, (112, 112)), cv2.COLOR_BGR2RGB).astype(np.float32) / 255
    net.setInput(((rgb - mean) / deviation).transpose(2, 0, 1)[None])
    return net.forward()
for _ in range(5):
    frame()
began, used = time.perf_counter(), time.process_time()
for _ in range(60):
    frame()
print((time.perf_counter() - began) * 1000 / 60, (time.process_time() - used) * 1000 / 60)
`

// BenchmarkFaceFrameBesideCV2 is the same frame in this program and in Python's
// cv2, without our gates, one after the other; "ours/cv2" below 1 is faster.
func BenchmarkFaceFrameBesideCV2(b *testing.B) {
	python := "/usr/bin/python3" // Debian's, which python3-opencv is for
	if exec.Command(python, "-c", "import cv2, numpy").Run() != nil {
		b.Skip("needs the Debian package python3-opencv")
	}
	_, e := faceServer(b)
	m := visitorFrame(b)
	defer m.Close()
	portrait, err := e.templateOf(picture.PortraitJPEG(picture.DefaultSeed))
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "frame.png")
	if !gocv.IMWrite(path, m) {
		b.Fatal("the frame cannot be written")
	}
	var files []string
	for _, name := range []string{models.FaceDetector, models.FaceEmbedding} {
		entry, _ := models.Named(name)
		files = append(files, testdata.Model(b, entry.File))
	}
	out, err := exec.Command(python, "-c", cv2Faces, path, files[0], files[1]).Output()
	if err != nil {
		b.Fatalf("cv2: %v", err)
	}
	var theirs, theirsCPU float64
	if _, err := fmt.Sscan(string(out), &theirs, &theirsCPU); err != nil {
		b.Fatal(err)
	}
	p := newPyramid()
	defer p.close()
	for range 5 {
		compareFrame(b, e, m, p, portrait.template) // as the other does
	}
	cpu := used(b)
	for b.Loop() {
		compareFrame(b, e, m, p, portrait.template)
	}
	n := float64(b.N)
	b.ReportMetric(theirs, "cv2-ms")
	b.ReportMetric(1000*b.Elapsed().Seconds()/n/theirs, "ours/cv2")
	b.ReportMetric(1000*(used(b)-cpu).Seconds()/n/theirsCPU, "ours/cv2-cpu")
}
