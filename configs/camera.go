package configs

import (
	"fmt"
	"slices"
	"strings"
)

// Mode is what a camera is asked for; what is zero or empty is left to it.
type Mode struct {
	Size   [2]int  `yaml:"size"`   // width and height in pixels
	Rate   float64 `yaml:"rate"`   // pictures a second
	Format string  `yaml:"format"` // of pixels, as V4L2 names it
}

// Bounds of a mode.
const (
	minSide  = 48
	maxSide  = 8192
	maxFrame = 240.0 // pictures a second
)

// pixelFormats are those that cameras have and that are read here.
var pixelFormats = []string{"", "MJPG", "YUYV"}

func (c Config) checkCameras(k *checker) {
	for _, m := range []struct {
		key  string
		mode Mode
	}{{"camera.mode", c.Camera.Mode}, {"scanner.mode", c.Scanner.Mode}, {"gate.mode", c.Gate.Mode}} {
		w, h := m.mode.Size[0], m.mode.Size[1]
		if (w != 0 || h != 0) && (w < minSide || h < minSide || w > maxSide || h > maxSide) {
			k.wrong(m.key+".size", fmt.Sprintf("%d by %d is no size of a camera's picture", w, h), "write width and height, such as [1280, 720], or [0, 0]; tram devices --json lists what a camera can give")
		}
		if !(m.mode.Rate >= 0 && m.mode.Rate <= maxFrame) {
			k.wrong(m.key+".rate", fmt.Sprintf("%g is no number of pictures a second", m.mode.Rate), fmt.Sprintf("use 1 to %g, or 0 to leave it to the camera", maxFrame))
		}
		if !slices.Contains(pixelFormats, m.mode.Format) {
			k.wrong(m.key+".format", fmt.Sprintf("%q is not known", m.mode.Format), "use "+strings.Join(pixelFormats[1:], " or ")+", or leave it empty")
		}
	}
	if c.Scanner.Camera != "" && c.Scanner.Camera == c.Camera.Source && c.Scanner.Mode != (Mode{}) && c.Scanner.Mode != c.Camera.Mode {
		k.wrong("scanner.mode", "asks the camera at the counter for something else than camera.mode", "leave it out: the same camera is asked for the same")
	}
}
