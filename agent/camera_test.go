package agent

import (
	"os"
	"path/filepath"
	"testing"

	"tram/configs"
	"tram/drivers"
	"tram/drivers/camera/spec"
	"tram/vision"
)

func TestTheCountersCameraIsShownAsItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "camera")
	c := newCounterCamera(configs.Camera{Source: path})
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
	if s := newCounterCamera(configs.Camera{Source: "250"}).Status(); s.State != drivers.Missing {
		t.Errorf("device 250: %+v", s)
	}
	stream := newCounterCamera(configs.Camera{Source: "rtsp://camera.example.vn/1"})
	if s := stream.Status(); s.State != drivers.Ready {
		t.Errorf("a stream that was not used yet: %+v", s)
	}
	stream.used(vision.ErrNoCamera)
	if s := stream.Status(); s.State != drivers.Failed {
		t.Errorf("a stream that does not answer: %+v", s)
	}
}

func TestACameraIsAskedForWhatTheConfigurationSays(t *testing.T) {
	c := configs.Default()
	c.Camera = configs.Camera{Source: "/dev/video0", Mode: configs.Mode{Size: [2]int{1280, 720}, Rate: 30, Format: "MJPG"}}
	c.Gate.Mode = configs.Mode{Size: [2]int{640, 480}}
	want := spec.Ask{Width: 1280, Height: 720, Rate: 30, Format: "MJPG"}
	if got := newCounterCamera(c.Camera).ask; got != want {
		t.Errorf("the counter's camera is asked for %v, want %v", got, want)
	}
	if got := gateQuestion(c.Gate).Ask; got != (spec.Ask{Width: 640, Height: 480}) {
		t.Errorf("the gate's camera is asked for %v", got)
	}
	c.Scanner.Camera, c.Scanner.Mode = "/dev/video0", configs.Mode{}
	if got := newCodeCamera(c).ask; got != want {
		t.Errorf("the same camera, looking for codes, is asked for %v, want %v", got, want)
	}
	c.Scanner.Camera, c.Scanner.Mode.Rate = "/dev/video1", 10
	if got := newCodeCamera(c).ask; got != (spec.Ask{Rate: 10}) {
		t.Errorf("a camera for codes alone is asked for %v", got)
	}
}
