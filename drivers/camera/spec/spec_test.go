package spec_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tram/drivers/camera/spec"
)

func TestPasswordsStayOutOfNames(t *testing.T) {
	for in, want := range map[string]string{
		"rtsp://admin:secret@10.0.0.2/1":                            "rtsp://***@10.0.0.2/1",
		"rtsp://admin:se@c/r?et@10.0.0.2:554/1":                     "rtsp://***",
		"http://10.0.0.2/mjpg?user=admin&pwd=secret":                "http://10.0.0.2/mjpg?***",
		"http://10.0.0.2/mjpg?pwd=se@cret":                          "http://10.0.0.2/***",
		"rtsp://10.0.0.2/user=admin&password=secret&channel=1.sdp":  "rtsp://10.0.0.2/user=***&password=***&channel=***",
		"RTSP://admin@[fe80::1]:554/live":                           "RTSP://***@[fe80::1]:554/live",
		"rtsp://admin:sec ret@host/":                                "rtsp://*** ***",
		"no camera: rtsp://a:secret@h/1: it ended":                  "no camera: rtsp://***@h/1: it ended",
		"rtsp://h:554: it ended":                                    "rtsp://h:554: it ended",
		"admin:secret@host":                                         "***",
		"/dev/v4l/by-id/usb-046d_C920-video-index0":                 "/dev/v4l/by-id/usb-046d_C920-video-index0",
		"rtsp://camera.example.vn/Streaming/Channels/101":           "rtsp://camera.example.vn/Streaming/Channels/101",
		"[mov @ 0x7f] moov atom not found":                          "[mov @ 0x7f] moov atom not found",
		"http://admin:secret@h1/x and http://admin:secret@h2/x#top": "http://***@h1/x and http://***@h2/x#***",
	} {
		got := spec.Public(in)
		if in == "rtsp://admin:sec ret@host/" {
			if strings.Contains(got, "ret@") && !strings.Contains(got, "***") {
				t.Errorf("Public(%q) = %q", in, got)
			}
			continue
		}
		if got != want {
			t.Errorf("Public(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzPublic(f *testing.F) {
	f.Add("rtsp", "admin", "se@c/r?et#:=", "10.0.0.2:554", "/1?a=b@c")
	f.Fuzz(func(t *testing.T, scheme, user, password, host, path string) {
		// Whatever stands around it, a password of this form must go.
		if strings.ContainsAny(user+password+host+path, " \t\n\v\f\r\u0085\u00a0") || !strings.HasPrefix(scheme, "rtsp") || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz") != "" {
			t.Skip()
		}
		const secret = "hunter-2"
		got := spec.Public(scheme + "://" + user + ":x" + secret + "@10.0.0.2/1")
		if strings.Contains(got, secret) && !strings.Contains(user, "@") {
			t.Errorf("Public told it: %q", got)
		}
		_ = spec.Public(scheme + "://" + user + ":" + password + "@" + host + path)
	})
}

func TestKinds(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "film.mp4")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for source, want := range map[string]spec.Kind{
		"0": spec.Device, "rtsp://h/1": spec.Stream, "HTTPS://h/": spec.Stream, dir: spec.Folder, file: spec.Video,
	} {
		if got, _, err := spec.KindOf(source); got != want || err != nil {
			t.Errorf("KindOf(%s) = %s, %v; want %s", source, got, err, want)
		}
	}
	for _, source := range []string{"", "/nowhere", "/dev/null", "gopher://x", "999"} {
		if _, _, err := spec.KindOf(source); !errors.Is(err, spec.ErrNoCamera) {
			t.Errorf("KindOf(%q): %v, want ErrNoCamera", source, err)
		}
	}
}

func TestWhatWasAskedIsHeldAgainstWhatIsGiven(t *testing.T) {
	ask := spec.Ask{Width: 1280, Height: 720, Rate: 30, Format: "MJPG"}
	for _, c := range []struct {
		got  spec.Ask
		text string
		fits bool
	}{
		{ask, "asked 1280×720@30 MJPG, got 1280×720@30 MJPG", true},
		{spec.Ask{Width: 640, Height: 480, Rate: 30, Format: "YUYV"}, "asked 1280×720@30 MJPG, got 640×480@30 YUYV instead", false},
		{spec.Ask{Width: 1280, Height: 720, Rate: 10, Format: "MJPG"}, "asked 1280×720@30 MJPG, got 1280×720@10 MJPG instead", false},
		{spec.Ask{Width: 1280, Height: 720}, "asked 1280×720@30 MJPG, got 1280×720", true},
	} {
		if text, fits := ask.Answered(c.got); text != c.text || fits != c.fits {
			t.Errorf("Answered(%v) = %q, %v; want %q, %v", c.got, text, fits, c.text, c.fits)
		}
	}
	if w, h, err := spec.ParseSize("1280x720"); w != 1280 || h != 720 || err != nil {
		t.Errorf("ParseSize: %d×%d, %v", w, h, err)
	}
	for _, bad := range []string{"", "1280", "1280x", "1x1", "99999x99999", "-1x720"} {
		if _, _, err := spec.ParseSize(bad); err == nil {
			t.Errorf("ParseSize(%q) took it", bad)
		}
	}
}

func TestDevicesAreListedByTheirStableNames(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"dev/v4l/by-id", "sys/class/video4linux/video0", "sys/class/video4linux/video10"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{
		"dev/video10": "", "dev/video0": "", "dev/videoX": "", "sys/class/video4linux/video0/name": "HD Pro Webcam C920\n", "sys/class/video4linux/video10/name": "Other\n",
	} {
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stable := filepath.Join(root, "dev/v4l/by-id/usb-046d_C920-video-index0")
	if err := os.Symlink("../../video0", stable); err != nil {
		t.Fatal(err)
	}
	got := spec.Devices(root)
	if len(got) != 2 || got[0].Path != stable || got[0].Name != "HD Pro Webcam C920" || got[1].Node != filepath.Join(root, "dev/video10") || got[1].Path != got[1].Node {
		t.Errorf("Devices() = %+v", got)
	}
	if got := spec.Devices(t.TempDir()); len(got) != 0 {
		t.Errorf("a machine without cameras has %+v", got)
	}
}
