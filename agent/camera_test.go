package agent

import (
	"os"
	"path/filepath"
	"testing"

	"tram/drivers"
	"tram/vision"
)

func TestTheCountersCameraIsShownAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "camera")
	c := newCounterCamera(path)
	if s := c.Status(); s.State != drivers.Missing || s.Detail == "" {
		t.Errorf("not there: %+v", s)
	}
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if s := c.Status(); s.State != drivers.Ready {
		t.Errorf("there: %+v", s)
	}
	c.used(vision.ErrNoCamera)
	if s := c.Status(); s.State != drivers.Failed {
		t.Errorf("there, and gives no frames: %+v", s)
	}
	c.used(vision.ErrNoFace)
	if s := c.Status(); s.State != drivers.Ready {
		t.Errorf("a picture without a face is no fault of the camera: %+v", s)
	}
	if s := newCounterCamera("250").Status(); s.State != drivers.Missing {
		t.Errorf("device 250: %+v", s)
	}
	stream := newCounterCamera("rtsp://camera.example.vn/1")
	if s := stream.Status(); s.State != drivers.Ready {
		t.Errorf("a stream that was not used yet: %+v", s)
	}
	stream.used(vision.ErrNoCamera)
	if s := stream.Status(); s.State != drivers.Failed {
		t.Errorf("a stream that does not answer: %+v", s)
	}
}
