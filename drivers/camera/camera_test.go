package camera_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/drivers/sim/picture"
)

func frames(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	if err := picture.WriteFrames(dir, picture.Visitor(1, 2)); err != nil {
		t.Fatal(err)
	}
	// Neither of these is a frame.
	for _, name := range []string{"frame-0000b.jpg", "notes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("no picture"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAFolderIsPlayedOnceOrAgain(t *testing.T) {
	dir := frames(t)
	m := gocv.NewMat()
	defer func() { _ = m.Close() }()
	for _, loop := range []bool{false, true} {
		c, err := camera.Open(context.Background(), dir, camera.Options{Loop: loop})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			err := c.Next(context.Background(), &m)
			if i < 2 || loop {
				if err != nil || m.Cols() != 640 {
					t.Errorf("loop %v, frame %d: %d wide, %v", loop, i, m.Cols(), err)
				}
			} else if !errors.Is(err, io.EOF) {
				t.Errorf("after the last: %v, want io.EOF", err)
			}
		}
		c.Close()
	}
}

func TestASlowRateEndsWithItsContext(t *testing.T) {
	c, err := camera.Open(context.Background(), frames(t), camera.Options{Rate: 0.001})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	m := gocv.NewMat()
	defer func() { _ = m.Close() }()
	if err := c.Next(ctx, &m); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Next() = %v, want the context's error", err)
	}
}

func TestWhatIsNotThereIsNoCamera(t *testing.T) {
	text := filepath.Join(t.TempDir(), "film.mp4")
	if err := os.WriteFile(text, []byte("no film"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, spec := range []string{"", "/nowhere", "/dev/null", "/dev/video251", "251", "gopher://x", t.TempDir(), text, "http://127.0.0.1:1/x.mjpg"} {
		if _, err := camera.Open(context.Background(), spec, camera.Options{Opening: 5 * time.Second}); !errors.Is(err, camera.ErrNoCamera) {
			t.Errorf("Open(%q) = %v, want ErrNoCamera", spec, err)
		}
	}
}

func TestPasswordsStayOutOfNames(t *testing.T) {
	if got := camera.Public("rtsp://admin:secret@10.0.0.2/1"); got != "rtsp://***@10.0.0.2/1" {
		t.Errorf("Public() = %s", got)
	}
}
