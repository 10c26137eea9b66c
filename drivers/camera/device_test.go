package camera_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/drivers/camera/condition"
	"tram/drivers/camera/spec"
	"tram/drivers/sim/machine"
)

// insideVariable tells the test program that it runs inside a machine.
const insideVariable = "TRAM_INSIDE"

// TestCampaignDevices tries what only a kernel with cameras can show, in a machine
// of its own: the driver is the kernel's own vivid, the names are udev's.
func TestCampaignDevices(t *testing.T) {
	if os.Getenv(insideVariable) != "" {
		devicesInside(t)
		return
	}
	if why := machine.Missing(); why != "" {
		t.Skip(why)
	}
	if _, err := exec.LookPath("v4l2-ctl"); err != nil {
		t.Skip("needs v4l2-ctl, of the package v4l-utils")
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	defer cancel()
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", filepath.Join(dir, "camera.test"), ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the tests for the machine: %v\n%s", err, out)
	}
	out, err := machine.Run(ctx, machine.WithCameras(machine.Job{
		Dir:     dir,
		Command: []string{"/mnt/camera.test", "-test.v", "-test.timeout=10m", "-test.run=^TestCampaignDevices$"},
		Env:     []string{insideVariable + "=1", "OPENCV_LOG_LEVEL=ERROR"},
	}))
	t.Logf("inside:\n%s", out)
	if err != nil {
		t.Error(err)
	}
}

const (
	first  = machine.FirstCamera
	second = machine.SecondCamera
)

func devicesInside(t *testing.T) {
	t.Run("are listed with what they can give", devicesAreListed)
	t.Run("give what is asked or it is said", devicesAreAsked)
	t.Run("give the newest picture", devicesGiveTheNewest)
	t.Run("are found again by name and not by number", devicesComeBack)
	t.Run("are watched", devicesAreWatched)
}

// control sets a control of the driver.
func control(t *testing.T, node, setting string) {
	t.Helper()
	if out, err := exec.Command("v4l2-ctl", "-d", node, "-c", setting).CombinedOutput(); err != nil {
		t.Fatalf("v4l2-ctl -c %s: %v\n%s", setting, err, out)
	}
}

func devicesAreListed(t *testing.T) {
	found := spec.Devices("/")
	if len(found) != 2 || found[0].Path != first || found[1].Path != second || found[0].Driver != "vivid" || found[0].Name != "vivid" || found[0].Denied {
		t.Fatalf("Devices() = %.2000v", found)
	}
	t.Log(spec.Summary(found[0].Modes))
	out, err := exec.Command("v4l2-ctl", "-d", first, "--list-formats-ext").Output()
	if err != nil {
		t.Fatal(err)
	}
	// The foreign program's list, as ours: "YUYV 640×480@30".
	var want []string
	format, size := "", ""
	for line := range strings.Lines(string(out)) {
		if m := regexp.MustCompile(`\[\d+\]: '([^']+)'`).FindStringSubmatch(line); m != nil {
			format = strings.TrimSpace(m[1])
		}
		if m := regexp.MustCompile(`Size: Discrete (\d+)x(\d+)`).FindStringSubmatch(line); m != nil {
			size = m[1] + "×" + m[2]
		}
		if m := regexp.MustCompile(`\(([\d.]+) fps\)`).FindStringSubmatch(line); m != nil {
			rate, err := strconv.ParseFloat(m[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, fmt.Sprintf("%s %s@%.1f", format, size, rate))
		}
	}
	var got []string
	for _, m := range found[0].Modes {
		for _, r := range m.Rates {
			got = append(got, fmt.Sprintf("%s %d×%d@%.1f", m.Format, m.Width, m.Height, r))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if len(got) < 100 || !slices.Equal(got, want) {
		t.Errorf("%d modes, v4l2-ctl lists %d\nours: %.300v\ntheirs: %.300v", len(got), len(want), got, want)
	}
	if !spec.Offered(found[0].Modes, spec.Ask{Width: 640, Height: 360, Rate: 25, Format: "YUYV"}) || spec.Offered(found[0].Modes, spec.Ask{Format: "MJPG"}) {
		t.Error("Offered does not know this camera's modes")
	}
}

func devicesAreAsked(t *testing.T) {
	for _, c := range []struct {
		ask   spec.Ask
		want  string
		wrong bool
	}{
		{spec.Ask{Width: 640, Height: 360, Rate: 25, Format: "YUYV"}, "asked 640×360@25 YUYV, got 640×360@25 YUYV", false},
		{spec.Ask{Width: 320, Height: 180, Rate: 10}, "asked 320×180@10, got 320×180@10 ", false},
		{spec.Ask{Width: 700, Height: 500, Format: "YUYV"}, "asked 700×500 YUYV, got 640×480", true},
		{spec.Ask{Width: 640, Height: 360, Format: "MJPG"}, "asked 640×360 MJPG, got 640×360", true},
	} {
		cam, next := open(t, first, camera.Options{Ask: c.ask, Watch: true, Hurry: 10, Opening: time.Minute, Silence: time.Minute})
		for end := time.Now().Add(time.Second); time.Now().Before(end); {
			if _, err := next(); err != nil {
				t.Fatal(err)
			}
		}
		r := cam.Report()
		if !strings.HasPrefix(r.Mode, c.want) || strings.HasSuffix(r.Mode, "instead") != c.wrong {
			t.Errorf("mode %q, want %q, instead %v", r.Mode, c.want, c.wrong)
		}
		if wrong := r.Width != c.ask.Width || r.Height != c.ask.Height; wrong != (r.Code == condition.WrongSize) {
			t.Errorf("%d×%d asked, %d×%d came, the code is %s", c.ask.Width, c.ask.Height, r.Width, r.Height, r.Code)
		}
		cam.Close()
	}
}

func devicesGiveTheNewest(t *testing.T) {
	cam, next := open(t, first, camera.Options{Ask: spec.Ask{Width: 320, Height: 180, Rate: 25}, Opening: time.Minute, Silence: time.Minute})
	defer cam.Close()
	if _, err := next(); err != nil {
		t.Fatal(err)
	}
	before := cam.Moment()
	until(t, "ten pictures that nobody takes", func() bool { return cam.Report().Dropped >= 10 })
	asked := time.Now()
	if _, err := next(); err != nil {
		t.Fatal(err)
	}
	after := cam.Moment()
	if before.Stamp < 0 || after.Stamp-before.Stamp < 300*time.Millisecond {
		t.Errorf("the driver's clock: %v, then %v; want ten pictures later", before.Stamp, after.Stamp)
	}
	if age := asked.Sub(after.At); age > time.Second {
		t.Errorf("a picture %v old was given", age)
	}
}

// devicesComeBack unplugs both cameras and plugs them in again, so that the first
// one gets the number that the second one had.
func devicesComeBack(t *testing.T) {
	number := func(name string) string {
		target, err := filepath.EvalSymlinks(name)
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
	old := number(second)
	cam, _ := open(t, second, camera.Options{Ask: spec.Ask{Width: 640, Height: 360}, Reconnect: true, Watch: true, Opening: time.Minute, Silence: 2 * time.Second})
	defer cam.Close()
	m := gocv.NewMat()
	defer func() { _ = m.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	if err := cam.Next(ctx, &m); err != nil {
		t.Fatal(err)
	}
	keep, err := os.Open(first) // whoever has a camera open keeps its number from others
	if err != nil {
		t.Fatal(err)
	}
	if err := machine.Unplug(); err != nil {
		t.Fatal(err)
	}
	var gone error
	until(t, "the notice that it is gone", func() bool { gone = cam.Next(ctx, &m); return errors.Is(gone, camera.ErrNoCamera) })
	if !strings.Contains(gone.Error(), second) {
		t.Errorf("gone: %v, want its name in it", gone)
	}
	until(t, "no_frames", func() bool { _ = cam.Next(ctx, &m); return cam.Report().Code == condition.NoFrames })
	if err := errors.Join(machine.Plug(), keep.Close()); err != nil {
		t.Fatal(err)
	}
	if now := number(first); now != old {
		t.Fatalf("the first camera is %s, not the second one's old %s", now, old)
	}
	until(t, "its pictures again", func() bool { return cam.Next(ctx, &m) == nil })
	if held := videosOpen(t); !slices.Equal(held, []string{number(second)}) {
		t.Errorf("%v is open, want %s alone", held, number(second))
	}
	if m.Cols() != 640 || m.Rows() != 360 {
		t.Errorf("opened again it gives %d×%d, asked were 640×360", m.Cols(), m.Rows())
	}
	if r := cam.Report(); r.Reconnects < 1 {
		t.Errorf("%d reconnections told", r.Reconnects)
	}
}

// videosOpen are the video devices that this process has open.
func videosOpen(t *testing.T) []string {
	t.Helper()
	links, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, l := range links {
		if target, err := os.Readlink(l); err == nil && strings.HasPrefix(target, "/dev/video") {
			list = append(list, target)
		}
	}
	return list
}

func devicesAreWatched(t *testing.T) {
	cam, _ := open(t, first, camera.Options{Ask: spec.Ask{Width: 640, Height: 480, Rate: 15}, Watch: true, Opening: time.Minute, Silence: time.Minute})
	defer cam.Close()
	m := gocv.NewMat()
	defer func() { _ = m.Close() }()
	for _, step := range []struct {
		control string
		want    condition.Code
	}{
		{"test_pattern=0", condition.OK},
		{"test_pattern=5,osd_text_mode=2", condition.Black}, // and no clock in the picture
		{"test_pattern=6,osd_text_mode=0", condition.TooBright},
		{"test_pattern=0,osd_text_mode=2", condition.Frozen}, // bars, and no clock
		{"osd_text_mode=0", condition.OK},
	} {
		control(t, first, step.control)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		for cam.Report().Code != step.want {
			if err := cam.Next(ctx, &m); err != nil {
				t.Fatalf("%s: waiting for %s: %v; it is %s, %+v", step.control, step.want, err, cam.Report().Code, cam.Report().Measures)
			}
		}
		cancel()
	}
}
