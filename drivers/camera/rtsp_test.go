package camera_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/drivers/camera/condition"
	"tram/drivers/camera/spec"
)

const (
	python  = "/usr/bin/python3" // Debian's own, for which GStreamer's bindings are
	imports = "import gi; [gi.require_version(n, '1.0') for n in ('Gst', 'GstRtspServer')]; from gi.repository import Gst, GstRtspServer; Gst.init(None); assert Gst.ElementFactory.find('x264enc') and Gst.ElementFactory.find('rtph264pay')"
)

// foreign starts GStreamer's RTSP server, at a free port for "0", and returns the
// port and what ends it.
func foreign(t *testing.T, port string, args ...string) (bound string, end func()) {
	t.Helper()
	if out, err := exec.Command(python, "-c", imports).CombinedOutput(); err != nil {
		t.Fatalf("the foreign server is not there (%s); install python3-gi, gir1.2-gst-rtsp-server-1.0, gstreamer1.0-plugins-good and gstreamer1.0-plugins-ugly: make setup-test does", strings.TrimSpace(string(out)))
	}
	cmd := exec.Command(python, append([]string{"testdata/rtsp_server.py", port}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	end = func() {
		if !ended {
			ended = true
			_ = cmd.Process.Kill() // as a camera loses its power
			_, _ = io.Copy(io.Discard, out)
			_ = cmd.Wait()
			_ = in.Close()
		}
	}
	t.Cleanup(end)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the foreign server does not come up: %v", err)
	}
	return strings.TrimSpace(line), end
}

// opened is a camera that must be there, and its next picture.
func opened(t *testing.T, source string, o camera.Options) (*camera.Camera, func() error, *gocv.Mat) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	o.Opening, o.Silence = 20*time.Second, 10*time.Second
	c, err := camera.Open(ctx, source, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	m := gocv.NewMat()
	t.Cleanup(func() { c.Close(); _ = m.Close() })
	return c, func() error { return c.Next(ctx, &m) }, &m
}

func TestAForeignRTSPServerIsReadAndFoundAgain(t *testing.T) {
	const secret = "s3cr3t-w0rd"
	port, end := foreign(t, "0", "h264", "admin", secret)
	source := "rtsp://admin:" + secret + "@127.0.0.1:" + port + "/live"
	c, next, m := opened(t, source, camera.Options{Reconnect: true, Watch: true, Ask: spec.Ask{Width: 320, Height: 240, Rate: 15}})
	for range 5 {
		if err := next(); err != nil {
			t.Fatal(err)
		}
	}
	if m.Cols() != 320 || m.Rows() != 240 {
		t.Errorf("pictures of %d×%d, want 320×240", m.Cols(), m.Rows())
	}
	if r := c.Report(); !strings.HasPrefix(r.Mode, "asked 320×240@15, got 320×240@15") || r.Source != "rtsp://***@127.0.0.1:"+port+"/live" {
		t.Errorf("report %q of %q", r.Mode, r.Source)
	}
	until(t, "five pictures that nobody takes", func() bool { return c.Report().Dropped >= 5 })
	if err := next(); err != nil || time.Since(c.Moment().At) > time.Second {
		t.Errorf("a slow consumer gets a picture %v old, %v; want the newest", time.Since(c.Moment().At), err)
	}
	end()
	var gone error
	for gone == nil {
		gone = next()
	}
	if !errors.Is(gone, camera.ErrNoCamera) || strings.Contains(gone.Error(), secret) {
		t.Errorf("after the end: %v, want ErrNoCamera without the password", gone)
	}
	foreign(t, port, "h264", "admin", secret)
	for {
		err := next()
		if err == nil {
			break
		}
		if !errors.Is(err, camera.ErrNoCamera) {
			t.Fatalf("waiting for it: %v", err)
		}
	}
	if r := c.Report(); r.Reconnects < 1 || r.Code == condition.NoFrames {
		t.Errorf("back, it reports %+v", r)
	}
}

func TestAForeignRTSPServerOfJPEGPictures(t *testing.T) {
	port, _ := foreign(t, "0", "mjpeg")
	_, next, m := opened(t, "rtsp://127.0.0.1:"+port+"/live", camera.Options{})
	if err := next(); err != nil || m.Cols() != 320 {
		t.Errorf("%v, %d wide", err, m.Cols())
	}
}

func TestAForeignRTSPServerWithAnotherPassword(t *testing.T) {
	const secret = "s3cr3t-w0rd"
	port, _ := foreign(t, "0", "h264", "admin", "another")
	for _, path := range []string{"/live", "/elsewhere"} {
		_, err := camera.Open(context.Background(), "rtsp://admin:"+secret+"@127.0.0.1:"+port+path, camera.Options{Opening: 20 * time.Second})
		if !errors.Is(err, camera.ErrNoCamera) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v, want ErrNoCamera without the password", path, err)
		}
	}
}
