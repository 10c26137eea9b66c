package camera

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"gocv.io/x/gocv"
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

// Options say how a source is played; the zero value suits a live camera.
type Options struct {
	Rate    float64       // frames/s of a folder or video; 0 is as fast as asked
	Loop    bool          // begin a folder or video again at its end
	Opening time.Duration // longest wait for a device or stream to open; 0 is 10 s
	Silence time.Duration // longest wait for a frame; 0 is 5 s
}

// source gives frames one after the other; io.EOF after the last.
type source interface {
	next(ctx context.Context, m *gocv.Mat) error
	close()
}

// Camera is an open source. Its methods are for one goroutine.
type Camera struct {
	Kind Kind
	src  source
	tick *time.Ticker
}

// KindOf says what a source's name means, and the device's number for a device.
func KindOf(spec string) (Kind, int, error) {
	if spec == "" {
		return "", 0, fmt.Errorf("%w: no source given", ErrNoCamera)
	}
	if n, err := strconv.Atoi(spec); err == nil && n >= 0 && n < 256 {
		return Device, n, nil
	}
	if scheme, _, ok := strings.Cut(spec, "://"); ok {
		switch strings.ToLower(scheme) {
		case "rtsp", "rtsps", "http", "https":
			return Stream, 0, nil
		}
		return "", 0, fmt.Errorf("%w: sources of kind %q are not known", ErrNoCamera, scheme)
	}
	st, err := os.Stat(spec)
	if err != nil {
		return "", 0, fmt.Errorf("%w: %s is not there", ErrNoCamera, spec)
	}
	if st.IsDir() {
		return Folder, 0, nil
	}
	if st.Mode()&os.ModeCharDevice != 0 {
		n, err := deviceNumber(spec)
		return Device, n, err
	}
	return Video, 0, nil
}

var videoDevice = regexp.MustCompile(`^/dev/video(\d{1,3})$`)

// deviceNumber follows /dev/v4l/by-id/… to /dev/videoN and returns N.
func deviceNumber(path string) (int, error) {
	real := path
	if r, err := evalSymlinks(path); err == nil {
		real = r
	}
	m := videoDevice.FindStringSubmatch(real)
	if m == nil {
		return 0, fmt.Errorf("%w: %s is no video device", ErrNoCamera, path)
	}
	return strconv.Atoi(m[1])
}

// Open opens a source. It returns ErrNoCamera when there is none.
func Open(ctx context.Context, spec string, o Options) (*Camera, error) {
	if o.Opening <= 0 {
		o.Opening = 10 * time.Second
	}
	if o.Silence <= 0 {
		o.Silence = 5 * time.Second
	}
	kind, number, err := KindOf(spec)
	if err != nil {
		return nil, err
	}
	c := &Camera{Kind: kind}
	switch kind {
	case Folder:
		c.src, err = openFolder(spec, o.Loop)
	case Video:
		c.src, err = openVideo(ctx, spec, o)
	default:
		c.src, err = openLive(ctx, kind, spec, number, o)
	}
	if err != nil {
		return nil, err
	}
	if o.Rate > 0 && (kind == Folder || kind == Video) {
		c.tick = time.NewTicker(time.Duration(float64(time.Second) / o.Rate))
	}
	return c, nil
}

// Next waits for the next frame and puts it into m, in blue, green, red. It
// returns io.EOF at the end of a file or folder, ErrNoCamera when a live source
// falls silent, ctx's error when that ends.
func (c *Camera) Next(ctx context.Context, m *gocv.Mat) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.tick != nil {
		select {
		case <-c.tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := c.src.next(ctx, m)
	if err == nil && m.Empty() {
		return io.EOF
	}
	return err
}

// Close releases the source.
func (c *Camera) Close() {
	if c.tick != nil {
		c.tick.Stop()
	}
	c.src.close()
}

var credentials = regexp.MustCompile(`//[^/@\s]+@`)

// Public is a source's name without the password that an address may hold.
func Public(spec string) string { return credentials.ReplaceAllString(spec, "//***@") }
