package vision_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/drivers/sim/picture"
	"tram/testdata"
	"tram/vision"
)

var workerPath string

// insideVariable tells the tests that they run inside a machine, with the worker
// that was built outside of it.
const insideVariable = "TRAM_INSIDE_WITH"

func TestMain(m *testing.M) {
	if workerPath = os.Getenv(insideVariable); workerPath != "" {
		os.Exit(m.Run())
	}
	dir, err := os.MkdirTemp("", "tram-vision")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	workerPath = filepath.Join(dir, "tram-vision")
	build := exec.Command("go", "build", "-tags", "provoke,matprofile", "-o", workerPath, "tram/cmd/tram-vision")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build tram-vision: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func newWorker(t testing.TB, o vision.Options) *vision.Worker {
	t.Helper()
	o.Path = workerPath
	w := vision.NewWorker(o)
	t.Cleanup(w.Close)
	return w
}

func context60(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func ping(t testing.TB, w *vision.Worker) vision.Pong {
	t.Helper()
	p, err := w.Ping(context60(t))
	if err != nil {
		t.Fatalf("Ping() = %v", err)
	}
	return p
}

func TestPortraitGivesACleanSmallJPEG(t *testing.T) {
	w := newWorker(t, vision.Options{})
	got, err := w.Portrait(context60(t), picture.JPEG(picture.Portrait(2), 95))
	if err != nil {
		t.Fatal(err)
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(got))
	if err != nil || c.Height > 480 || c.Width != 360 {
		t.Errorf("portrait is %d×%d, %v; want 360×480 at most", c.Width, c.Height, err)
	}
}

func TestPortraitDecodesTheJPEG2000OfASpecimenChip(t *testing.T) {
	raw, err := os.ReadFile(testdata.Shared(t, "emrtd/jmrtd_bsi2008_mustermann/Datagroup2.bin"))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(raw, []byte("\x00\x00\x00\x0CjP  "))
	if at < 0 {
		t.Fatal("the specimen's DG2 holds no JPEG 2000")
	}
	if _, err := newWorker(t, vision.Options{}).Portrait(context60(t), raw[at:]); err != nil {
		t.Errorf("Portrait(JPEG 2000) = %v", err)
	}
}

func TestWhatIsNoPictureIsRefusedAndTheWorkerLivesOn(t *testing.T) {
	w := newWorker(t, vision.Options{})
	before := ping(t, w)
	good := picture.PortraitJPEG(1)
	huge := append([]byte(nil), good...)
	if i := bytes.Index(huge, []byte{0xFF, 0xC0}); i > 0 {
		copy(huge[i+5:], []byte{0xFF, 0xFF, 0xFF, 0xFF}) // 65535×65535 pixels
	}
	for name, data := range map[string][]byte{
		"nothing": {}, "text": []byte("Đây không phải là ảnh"), "zeros": make([]byte, 4096),
		"half a JPEG": good[:len(good)/2], "only a header": good[:4], "a JPEG that claims 4 gigapixels": huge, "a PNG that has 3.6 gigapixels": picture.Bomb(60000),
	} {
		if _, err := w.Portrait(context60(t), data); !errors.Is(err, vision.ErrNotPicture) {
			t.Errorf("%s: %v, want ErrNotPicture", name, err)
		}
	}
	if _, err := w.Portrait(context60(t), make([]byte, vision.MaxBlob+1)); !errors.Is(err, vision.ErrQuestion) {
		t.Errorf("too many bytes: %v, want ErrQuestion", err)
	}
	if after := ping(t, w); after.PID != before.PID {
		t.Errorf("the worker was started again: %d, then %d", before.PID, after.PID)
	}
}

func TestWithoutModelsThereIsNoScore(t *testing.T) {
	w := newWorker(t, vision.Options{Models: t.TempDir()})
	a, err := w.VerifyFaces(context60(t), picture.PortraitJPEG(1), picture.PortraitJPEG(1))
	if !errors.Is(err, vision.ErrNoModel) || !bytes.Contains([]byte(err.Error()), []byte("face_detection_yunet_2022mar.onnx")) {
		t.Errorf("err = %v, want ErrNoModel that names the file", err)
	}
	if a != (vision.FaceAnswer{}) {
		t.Errorf("answer = %+v, want none", a)
	}
}

func TestAModelOfGarbageNeverReachesOpenCV(t *testing.T) {
	dir := t.TempDir()
	garbage := bytes.Repeat([]byte("garbage "), 345478/8+1)[:345478]
	if err := os.WriteFile(filepath.Join(dir, "face_detection_yunet_2022mar.onnx"), garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, vision.Options{Models: dir})
	before := ping(t, w)
	_, err := w.VerifyFaces(context60(t), picture.PortraitJPEG(1), picture.PortraitJPEG(1))
	if !errors.Is(err, vision.ErrNoModel) {
		t.Errorf("err = %v, want ErrNoModel", err)
	}
	if after := ping(t, w); after.PID != before.PID {
		t.Error("the garbage killed the worker")
	}
}

func TestAKilledWorkerFailsOneQuestionAndIsReplaced(t *testing.T) {
	w := newWorker(t, vision.Options{})
	first := ping(t, w)
	// Stopped, it cannot answer before it is killed.
	if err := syscall.Kill(first.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := w.Portrait(context60(t), picture.PortraitJPEG(1))
		answered <- err
	}()
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// Either the question met the dying worker, or already its successor.
	if err := <-answered; err != nil && !errors.Is(err, vision.ErrWorkerDied) {
		t.Errorf("question in hand: %v, want ErrWorkerDied", err)
	}
	if second := ping(t, w); second.PID == first.PID {
		t.Error("the dead worker answered")
	}
	if got := w.Status(); got.State != vision.Running || got.Restarts != 1 {
		t.Errorf("Status() = %+v, want running after 1 restart", got)
	}
}

func TestAHungWorkerIsGivenUpInTimeAndReplaced(t *testing.T) {
	w := newWorker(t, vision.Options{Timeout: 1500 * time.Millisecond})
	first := ping(t, w)
	if err := syscall.Kill(first.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Portrait(context60(t), picture.PortraitJPEG(1)); !errors.Is(err, vision.ErrTimeout) {
		t.Errorf("err = %v, want ErrTimeout", err)
	}
	if second := ping(t, w); second.PID == first.PID {
		t.Error("the hung worker was kept")
	}
}

func TestRunStartsAWorkerThatDiedAgain(t *testing.T) {
	w := newWorker(t, vision.Options{})
	ctx, cancel := context.WithCancel(context60(t))
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	first := ping(t, w)
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "a second worker runs", func() bool { s := w.Status(); return s.Restarts == 1 && s.State == vision.Running })
	second := ping(t, w)
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run() = %v", err)
	}
	if err := syscall.Kill(second.PID, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("worker %d outlived Run: %v", second.PID, err)
	}
}

func TestAMissingProgramIsSaid(t *testing.T) {
	w := vision.NewWorker(vision.Options{Path: filepath.Join(t.TempDir(), "none")})
	if _, err := w.Ping(context60(t)); !errors.Is(err, vision.ErrNoWorker) {
		t.Errorf("err = %v, want ErrNoWorker", err)
	}
}

func TestAQuestionEndsWithItsContext(t *testing.T) {
	w := newWorker(t, vision.Options{})
	first := ping(t, w)
	if err := syscall.Kill(first.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := w.Portrait(ctx, picture.PortraitJPEG(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("err = %v, want the context's", err)
	}
	if got := w.Status().Restarts; got != 0 {
		t.Errorf("restarts = %d, want 0: giving up is no fault of the worker", got)
	}
}

func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("waited too long until %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}
