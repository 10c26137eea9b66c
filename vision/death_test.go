package vision_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tram/drivers/sim/picture"
	"tram/vision"
	"tram/vision/qr/qrtest"

	"bytes"
	"image/jpeg"
)

// Each death is one of the real libraries. The next question is answered, and
// health says how the last worker ended.
func TestAWorkerMayDieOfAnything(t *testing.T) {
	for _, tc := range []struct {
		how  string
		want error
		says string
	}{
		{"throw", vision.ErrWorkerDied, "aborted"},
		{"model", vision.ErrWorkerDied, "aborted"},
		{"crash", vision.ErrWorkerDied, "panicked"},
		{"leak", vision.ErrWorkerDied, "MiB of memory, more than its 300"},
		{"hang", vision.ErrTimeout, "did not answer in time"},
	} {
		t.Run(tc.how, func(t *testing.T) {
			t.Parallel()
			w := newWorker(t, vision.Options{MemoryMiB: 300, Timeout: 4 * time.Second})
			first := ping(t, w)
			err := w.Provoke(context60(t), tc.how)
			if !errors.Is(err, tc.want) {
				t.Fatalf("the question: %v, want %v", err, tc.want)
			}
			if got := w.Status(); got.State != vision.Waiting || !strings.Contains(got.Detail, tc.says) {
				t.Errorf("status %+v, want one that says %q", got, tc.says)
			}
			if second := ping(t, w); second.PID == first.PID {
				t.Error("the dead worker answered")
			}
			if _, err := w.Portrait(context60(t), picture.PortraitJPEG(1)); err != nil {
				t.Errorf("the next question: %v", err)
			}
		})
	}
}

// OpenCV throws over the size of this picture. It sees such a picture only where
// nobody looked at its head first.
func TestAPictureThatOpenCVThrowsOver(t *testing.T) {
	w := newWorker(t, vision.Options{})
	bomb := picture.Bomb(60000)
	first := ping(t, w)
	if _, err := w.Portrait(context60(t), bomb); !errors.Is(err, vision.ErrNotPicture) {
		t.Errorf("as a portrait: %v, want ErrNotPicture", err)
	}
	if again := ping(t, w); again.PID != first.PID {
		t.Error("it reached the decoder and ended the worker")
	}
	if err := w.Provoke(context60(t), "picture", bomb); !errors.Is(err, vision.ErrWorkerDied) {
		t.Fatalf("shown to the decoder: %v, want ErrWorkerDied", err)
	}
	if got := w.Status(); !strings.Contains(got.Last, "aborted") {
		t.Errorf("health says %q, want that it aborted", got.Last)
	}
}

func TestHealthSaysHowAWorkerEnded(t *testing.T) {
	for sig, says := range map[syscall.Signal]string{syscall.SIGKILL: "killed", syscall.SIGABRT: "aborted", syscall.SIGTERM: "exit code"} {
		w := newWorker(t, vision.Options{})
		first := ping(t, w)
		if err := syscall.Kill(first.PID, sig); err != nil {
			t.Fatal(err)
		}
		// The next question meets the dead one, or its successor.
		until(t, "a question notices", func() bool { _, _ = w.Ping(context60(t)); return w.Status().Restarts == 1 })
		if got := w.Status().Last; !strings.Contains(got, says) {
			t.Errorf("%v: %q, want %q in it", sig, got, says)
		}
	}
}

func TestAPictureThatEndsWorkersIsNotShownForEver(t *testing.T) {
	w := newWorker(t, vision.Options{})
	poison := []byte("a picture")
	for range 2 {
		if err := w.Provoke(context60(t), "throw", poison); !errors.Is(err, vision.ErrWorkerDied) {
			t.Fatalf("got %v, want ErrWorkerDied", err)
		}
	}
	before := ping(t, w)
	if err := w.Provoke(context60(t), "throw", poison); !errors.Is(err, vision.ErrWorkerDied) || !strings.Contains(err.Error(), "not shown to another") {
		t.Errorf("the third time: %v", err)
	}
	if after := ping(t, w); after.PID != before.PID {
		t.Error("it ended a third worker")
	}
}

// What a question opens it closes: pictures, descriptors, memory.
func TestTwoHundredQuestionsLeaveNothingOpen(t *testing.T) {
	w := newWorker(t, vision.Options{})
	var code bytes.Buffer
	if err := jpeg.Encode(&code, qrtest.Card(1).Picture, nil); err != nil {
		t.Fatal(err)
	}
	good, bad := picture.PortraitJPEG(1), []byte("no picture")
	dir, _ := writeFrames(t)
	round := func() {
		_, _ = w.Portrait(context60(t), good)
		_, _ = w.Portrait(context60(t), bad)
		_, _ = w.VerifyFaces(context60(t), good, good)
		_, _ = w.DecodeQR(context60(t), bad)
	}
	round()
	if _, err := w.DecodeQR(context60(t), code.Bytes()); err != nil {
		t.Fatal(err)
	}
	first := ping(t, w)
	files := descriptors(t, first.PID)
	if first.OpenMats < 0 {
		t.Fatal("this worker does not count its Mats: it must be built with -tags matprofile")
	}
	for range 50 {
		round()
	}
	for range 5 {
		_, _ = w.DecodeQR(context60(t), code.Bytes())
	}
	if _, err := w.CompareFace(context60(t), vision.FaceQuestion{Portrait: good, Source: dir}); err == nil {
		t.Error("a folder of cards has a face in it")
	}
	last := ping(t, w)
	if last.PID != first.PID {
		t.Fatal("a question ended the worker")
	}
	if last.OpenMats != first.OpenMats || last.OpenMats != 0 {
		t.Errorf("%d Mats are open, %d were before; want 0", last.OpenMats, first.OpenMats)
	}
	if now := descriptors(t, last.PID); now > files+2 {
		t.Errorf("%d files are open, %d were before", now, files)
	}
}

func descriptors(t *testing.T, pid int) int {
	t.Helper()
	list, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
