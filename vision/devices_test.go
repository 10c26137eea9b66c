package vision_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image/jpeg"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/drivers/camera/condition"
	"tram/drivers/camera/spec"
	"tram/drivers/sim/machine"
	"tram/drivers/sim/picture"
	"tram/vision"
)

// TestCampaignTheWorkerBeforeACamera lets a confined worker use the cameras of a
// kernel that has some, in a machine of its own.
func TestCampaignTheWorkerBeforeACamera(t *testing.T) {
	if os.Getenv(insideVariable) != "" {
		t.Run("a still", aStillOfADevice)
		t.Run("a camera that was plugged in again", aDeviceThatComesBack)
		t.Run("tram devices", theCommandDevices)
		t.Run("tram doctor", theCommandDoctor)
		return
	}
	if why := machine.Missing(); why != "" {
		t.Skip(why)
	}
	models := modelsDir(t)
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	for _, build := range [][]string{
		{"test", "-c", "-o", filepath.Join(dir, "vision.test"), "."},
		{"build", "-o", filepath.Join(dir, "tram"), "tram/cmd/tram"},
		{"build", "-tags", "provoke,matprofile", "-o", filepath.Join(dir, "tram-vision"), "tram/cmd/tram-vision"},
	} {
		if out, err := exec.CommandContext(ctx, "go", build...).CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", build[0], err, out)
		}
	}
	// Drawing a face takes minutes in there.
	if err := os.WriteFile(filepath.Join(dir, "portrait.jpg"), picture.PortraitJPEG(1), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := machine.Run(ctx, machine.WithCameras(machine.Job{
		Dir:     dir,
		Command: []string{"/mnt/vision.test", "-test.v", "-test.timeout=12m", "-test.run=^TestCampaignTheWorkerBeforeACamera$"},
		Env:     []string{insideVariable + "=/mnt/tram-vision", "TRAM_MODELS=" + models},
	}))
	t.Logf("inside:\n%s", out)
	if err != nil {
		t.Error(err)
	}
}

// patient is a worker for the first camera alone, in a machine that may be slow.
func patient(t *testing.T) *vision.Worker {
	t.Helper()
	return newWorker(t, vision.Options{Models: os.Getenv("TRAM_MODELS"), Sources: []string{machine.FirstCamera}, Timeout: 2 * time.Minute})
}

func aStillOfADevice(t *testing.T) {
	w := patient(t)
	pong, err := w.Ping(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range pong.Confined { // this kernel has them all
		if !layer.On {
			t.Errorf("%s does not hold: %s", layer.Name, layer.Detail)
		}
	}
	a, still, err := w.Still(context.Background(), vision.StillQuestion{Source: machine.FirstCamera, Ask: spec.Ask{Width: 640, Height: 360, Rate: 15}, MS: 2000})
	if err != nil {
		t.Fatal(err)
	}
	c, err := jpeg.DecodeConfig(bytes.NewReader(still))
	if err != nil || c.Width != 640 || c.Height != 360 {
		t.Errorf("a still of %d×%d, %v; want 640×360", c.Width, c.Height, err)
	}
	if a.Report.Code != condition.OK || !strings.HasPrefix(a.Report.Mode, "asked 640×360@15, got 640×360@15 ") || strings.HasSuffix(a.Report.Mode, "instead") {
		t.Errorf("%s, %q", a.Report.Code, a.Report.Mode)
	}
}

// aDeviceThatComesBack is another file, by another number, that the process which
// was there before may not open.
func aDeviceThatComesBack(t *testing.T) {
	w := patient(t)
	portrait, err := os.ReadFile("/mnt/portrait.jpg")
	if err != nil {
		t.Fatal(err)
	}
	q := vision.FaceQuestion{Portrait: portrait, Source: machine.FirstCamera, Frames: 1, Ask: spec.Ask{Width: 320, Height: 180}}
	compare := func() error {
		_, err := w.CompareFace(context.Background(), q)
		t.Logf("compared: %v", err)
		return err
	}
	if err := compare(); errors.Is(err, vision.ErrNoCamera) || errors.Is(err, vision.ErrNoModel) || err == nil {
		t.Fatalf("test bars before the camera: %v, want that there is no face", err)
	}
	before := ping(t, w)
	keep, err := os.Open(machine.FirstCamera) // its number stays taken
	if err != nil {
		t.Fatal(err)
	}
	if err := machine.Unplug(); err != nil {
		t.Fatal(err)
	}
	if err := compare(); !errors.Is(err, vision.ErrNoCamera) {
		t.Errorf("without it: %v, want ErrNoCamera", err)
	}
	if err := errors.Join(machine.Plug(), keep.Close()); err != nil {
		t.Fatal(err)
	}
	if err := compare(); errors.Is(err, vision.ErrNoCamera) || err == nil {
		t.Errorf("plugged in again: %v, want that there is no face", err)
	}
	if after := ping(t, w); after.PID == before.PID {
		t.Error("the process that found no camera answers still")
	}
	if s := w.Status(); s.Restarts != 0 {
		t.Errorf("%d restarts are told, and no worker failed: %+v", s.Restarts, s)
	}
}

func theCommandDevices(t *testing.T) {
	const still = "/mnt/still.jpg"
	out, err := exec.Command("/mnt/tram", "devices", "--json", "--camera", machine.SecondCamera, "--size", "640x360", "--still", still).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var answer struct {
		Devices []struct {
			Kind, Name, State, Detail string
			Modes                     []spec.Mode
			Report                    *condition.Report
		}
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	listed, looked := 0, 0
	for _, d := range answer.Devices {
		switch {
		case d.Kind != "camera":
		case d.Report != nil:
			looked++
			if d.Name != machine.SecondCamera || d.Report.Code != condition.OK || d.Report.Width != 640 || d.Report.Height != 360 {
				t.Errorf("looked at: %s %s %s", d.Name, d.Report, d.Detail)
			}
		default:
			listed++
			if (d.Name != machine.FirstCamera && d.Name != machine.SecondCamera) || len(d.Modes) < 100 {
				t.Errorf("listed: %s with %d modes: %s", d.Name, len(d.Modes), d.Detail)
			}
		}
	}
	if listed != 2 || looked != 1 {
		t.Errorf("%d cameras listed and %d looked at, want 2 and 1", listed, looked)
	}
	data, err := os.ReadFile(still)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := jpeg.DecodeConfig(bytes.NewReader(data)); err != nil || c.Width != 640 {
		t.Errorf("the still: %d wide, %v", c.Width, err)
	}
	text, err := exec.Command("/mnt/tram", "devices").CombinedOutput()
	t.Logf("tram devices: %v\n%s", err, text)
}

// theCommandDoctor holds the configuration against what the camera can give.
func theCommandDoctor(t *testing.T) {
	for mode, want := range map[string]string{"[640, 360]": "ok", "[700, 500]": "warn"} {
		dir := t.TempDir()
		file := filepath.Join(dir, "tram.yaml")
		text := "device: {name: desk-1, site: test}\nstate: " + dir + "\nreader: {enabled: false}\ncamera: {source: " + machine.FirstCamera + ", mode: {size: " + mode + "}}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, _ := exec.Command("/mnt/tram", "doctor", "--json", "--config", file).Output() // other things are missing here
		var answer struct {
			Checks []struct{ ID, Status, Text, Remedy string }
		}
		if err := json.Unmarshal(out, &answer); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		found := false
		for _, c := range answer.Checks {
			if c.ID == "device.camera" {
				found = true
				if c.Status != want {
					t.Errorf("%s: %s, want %s: %s", mode, c.Status, want, c.Text)
				}
				t.Logf("%s: %s; %s", c.Status, c.Text, c.Remedy)
			}
		}
		if !found {
			t.Errorf("%s: nothing about the camera in %s", mode, out)
		}
	}
}
