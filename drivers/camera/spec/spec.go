package spec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// ErrNoCamera is a source that is not there, does not open, or gives no frames.
var ErrNoCamera = errors.New("no camera")

// Kind is what a source is.
type Kind string

// The kinds of sources.
const (
	Device Kind = "device"
	Stream Kind = "stream"
	Video  Kind = "video"
	Folder Kind = "folder"
)

// Recorded reports whether a source has an end and plays the same each time.
func (k Kind) Recorded() bool { return k == Video || k == Folder }

// maxDevice is more video devices than a machine has.
const maxDevice = 256

// KindOf says what a source's name means, and the device's number for a device.
func KindOf(source string) (Kind, int, error) {
	if source == "" {
		return "", 0, fmt.Errorf("%w: no source given", ErrNoCamera)
	}
	if n, err := strconv.Atoi(source); err == nil && n >= 0 && n < maxDevice {
		return Device, n, nil
	}
	if scheme, _, ok := strings.Cut(source, "://"); ok {
		switch strings.ToLower(scheme) {
		case "rtsp", "rtsps", "http", "https":
			return Stream, 0, nil
		}
		return "", 0, fmt.Errorf("%w: sources of kind %q are not known; rtsp://, rtsps://, http:// and https:// are", ErrNoCamera, scheme)
	}
	st, err := os.Stat(source)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %s is not there", ErrNoCamera, Public(source))
	}
	if st.IsDir() {
		return Folder, 0, nil
	}
	if st.Mode()&os.ModeCharDevice != 0 {
		n, err := deviceNumber(source)
		return Device, n, err
	}
	if !st.Mode().IsRegular() { // a pipe would hold whoever opens it
		return "", 0, fmt.Errorf("%w: %s is no file", ErrNoCamera, source)
	}
	return Video, 0, nil
}

var videoDevice = regexp.MustCompile(`^/dev/video(\d{1,3})$`)

// deviceNumber follows /dev/v4l/by-id/… to /dev/videoN and returns N.
func deviceNumber(path string) (int, error) {
	target := path
	if r, err := filepath.EvalSymlinks(path); err == nil {
		target = r
	}
	m := videoDevice.FindStringSubmatch(target)
	if m == nil {
		return 0, fmt.Errorf("%w: %s is no video device", ErrNoCamera, path)
	}
	return strconv.Atoi(m[1])
}
