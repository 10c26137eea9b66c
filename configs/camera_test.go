package configs

import (
	"strings"
	"testing"
)

func TestWhatCamerasAreAskedForIsRead(t *testing.T) {
	c, err := Load(write(t, `
camera: {source: /dev/video0, mode: {size: [1280, 720], rate: 30, format: MJPG}}
scanner: {camera: /dev/video0}
gate: {source: /dev/video1, line: [1, 1, 9, 9], mode: {size: [640, 480]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	if want := (Mode{Size: [2]int{1280, 720}, Rate: 30, Format: "MJPG"}); c.Camera.Mode != want {
		t.Errorf("camera.mode is %+v, want %+v", c.Camera.Mode, want)
	}
	if want := (Mode{Size: [2]int{640, 480}}); c.Gate.Mode != want || c.Scanner.Mode != (Mode{}) {
		t.Errorf("gate.mode is %+v, want %+v; scanner.mode is %+v", c.Gate.Mode, want, c.Scanner.Mode)
	}
}

func TestWhatNoCameraGivesIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		`camera: {mode: {size: [1280]}}`:                                                   "camera.mode.size",
		`camera: {mode: {size: [1280, 0]}}`:                                                "camera.mode.size",
		`gate: {mode: {size: [-1280, 720]}}`:                                               "gate.mode.size",
		`scanner: {mode: {size: [99999, 99999]}}`:                                          "scanner.mode.size",
		`camera: {mode: {rate: -1}}`:                                                       "camera.mode.rate",
		`camera: {mode: {rate: .nan}}`:                                                     "camera.mode.rate",
		`camera: {mode: {format: JPEG}}`:                                                   "camera.mode.format",
		`{camera: {source: x}, scanner: {camera: x, mode: {rate: 5}}}`:                     "scanner.mode: asks",
		`{camera: {source: x, mode: {rates: 5}}}`:                                          `did you mean "rate"?`,
		`{camera: {source: x, mode: {rate: 9}}, scanner: {camera: x, mode: {rate: 9.5}} }`: "scanner.mode: asks",
	} {
		if _, err := Load(write(t, text)); err == nil || !strings.Contains(err.Error()+unknownText(err), want) {
			t.Errorf("%s: %v, want %q in it", text, err, want)
		}
	}
}

// unknownText is what the problems' remedies say.
func unknownText(err error) string {
	var all strings.Builder
	if ps, ok := err.(Problems); ok { //nolint:errorlint // Load returns it bare
		for _, p := range ps {
			all.WriteString(p.Remedy)
		}
	}
	return all.String()
}
