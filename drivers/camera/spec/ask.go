package spec

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Ask is what a camera is asked for; zero fields are left to it. Only devices
// take it; of a stream it is what is expected.
type Ask struct {
	Width  int     `json:"width,omitempty"` // pixels
	Height int     `json:"height,omitempty"`
	Rate   float64 `json:"rate,omitempty"`   // pictures a second
	Format string  `json:"format,omitempty"` // "MJPG", "YUYV"
}

// Formats are the pixel formats that can be asked for.
var Formats = []string{"MJPG", "YUYV"}

var size = regexp.MustCompile(`^(\d{2,5})[x×](\d{2,5})$`)

// ParseSize reads "1280x720".
func ParseSize(text string) (width, height int, err error) {
	m := size.FindStringSubmatch(text)
	if m == nil {
		return 0, 0, fmt.Errorf("%q is no size of a picture, such as 1280x720", text)
	}
	width, _ = strconv.Atoi(m[1])
	height, _ = strconv.Atoi(m[2])
	if width < 64 || height < 48 || width > 8192 || height > 8192 {
		return 0, 0, fmt.Errorf("%s is no size of a camera's picture", text)
	}
	return width, height, nil
}

// String is "1280×720@30 MJPG"; what is zero is left out.
func (a Ask) String() string {
	var b strings.Builder
	if a.Width > 0 && a.Height > 0 {
		fmt.Fprintf(&b, "%d×%d", a.Width, a.Height)
	}
	if a.Rate > 0 {
		fmt.Fprintf(&b, "@%g", math.Round(a.Rate*10)/10)
	}
	if a.Format != "" {
		b.WriteString(" " + a.Format)
	}
	return strings.TrimSpace(b.String())
}

// Answered says what was asked and what a camera gives instead; fits is false
// where it is less than what was asked.
func (a Ask) Answered(got Ask) (text string, fits bool) {
	fits = (a.Width == 0 || a.Width == got.Width) && (a.Height == 0 || a.Height == got.Height) &&
		(a.Rate == 0 || got.Rate == 0 || got.Rate >= 0.9*a.Rate) && (a.Format == "" || got.Format == "" || a.Format == got.Format)
	switch {
	case a == Ask{}:
		return "got " + got.String(), true
	case fits:
		return "asked " + a.String() + ", got " + got.String(), true
	}
	return "asked " + a.String() + ", got " + got.String() + " instead", false
}
