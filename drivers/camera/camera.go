package camera

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera/condition"
	"tram/drivers/camera/spec"
)

// ErrNoCamera is a source that is not there, does not open, or gives no frames.
var ErrNoCamera = spec.ErrNoCamera

// Options say how a source is played; the zero value suits a live camera.
type Options struct {
	Rate    float64       // frames/s of a folder or video; 0 is as fast as asked
	Loop    bool          // begin a folder or video again at its end
	Opening time.Duration // longest wait for a device or stream to open; 0 is 10 s
	Silence time.Duration // longest wait for a frame; 0 is 5 s

	Ask       spec.Ask // of a device; of a stream what is expected
	Reconnect bool     // a live source that ends or falls silent is opened again, for as long as Next is called

	Watch  bool             // judge the pictures; Report tells
	Memory condition.Memory // of the same source, from an earlier Report
	Hurry  float64          // of the watch, see condition.Options
}

// Moment tells about the frame that Next gave last.
type Moment struct {
	At    time.Time     // when it came
	Stamp time.Duration // the source's own clock; below zero: it has none
}

// source gives frames one after the other; io.EOF after the last.
type source interface {
	next(ctx context.Context, m *gocv.Mat) (Moment, error)
	close()
}

// Camera is an open source. Its methods are for one goroutine, Report for all.
type Camera struct {
	Kind spec.Kind

	src    source
	tick   *time.Ticker
	moment Moment
	name   string
	ask    spec.Ask

	watch *condition.Watch // nil: nobody asked
	small gocv.Mat         // of the watch
}

// sane tells FFmpeg and V4L2 how long to wait, where nobody has told them. They
// read it when a source is opened.
var sane = sync.OnceFunc(func() {
	for name, value := range map[string]string{
		// RTP over TCP: where packets are lost a picture is late, and not half grey.
		"OPENCV_FFMPEG_CAPTURE_OPTIONS":     "rtsp_transport;tcp|timeout;5000000",
		"OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "5",
	} {
		if _, ok := os.LookupEnv(name); !ok {
			_ = os.Setenv(name, value) // a constant name and value
		}
	}
})

// Open opens a source. It returns ErrNoCamera when there is none.
func Open(ctx context.Context, source string, o Options) (*Camera, error) {
	sane()
	if o.Opening <= 0 {
		o.Opening = 10 * time.Second
	}
	if o.Silence <= 0 {
		o.Silence = 5 * time.Second
	}
	kind, _, err := spec.KindOf(source)
	if err != nil {
		return nil, err
	}
	c := &Camera{Kind: kind, name: spec.Public(source), ask: o.Ask}
	if o.Watch {
		c.watch = condition.New(condition.Options{
			Width: o.Ask.Width, Height: o.Ask.Height, Rate: o.Ask.Rate, Recorded: kind.Recorded(), Memory: o.Memory, Hurry: o.Hurry,
		})
	}
	switch kind {
	case spec.Folder:
		c.src, err = openFolder(source, o.Loop)
	case spec.Video:
		c.src, err = openVideo(ctx, source, o)
	default:
		c.src, err = openLive(ctx, source, o, c.watch)
	}
	if err != nil {
		return nil, err
	}
	if o.Watch {
		c.small = gocv.NewMat()
	}
	if o.Rate > 0 && kind.Recorded() {
		c.tick = time.NewTicker(time.Duration(float64(time.Second) / o.Rate))
	}
	return c, nil
}

// Next waits for the next frame and puts it into m, in blue, green, red. It
// returns io.EOF at the end of a file or folder, ErrNoCamera when a live source
// falls silent, ctx's error when that ends. After ErrNoCamera a source that
// reconnects may be asked again.
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
	moment, err := c.src.next(ctx, m)
	if err != nil {
		return err
	}
	if m.Empty() {
		return io.EOF
	}
	c.moment = moment
	return c.look(*m)
}

// look shows a frame to the watch.
func (c *Camera) look(m gocv.Mat) error {
	if c.watch == nil {
		return nil
	}
	s := condition.Sample{At: c.moment.At, Stamp: c.moment.Stamp, Width: m.Cols(), Height: m.Rows()}
	if c.watch.Due(s.At) {
		s.Grey = Thumbnail(m, &c.small)
	}
	if c.Kind.Recorded() { // a live source tells of each arrival itself
		c.watch.Arrived(s.At, s.Stamp)
	}
	if err := c.watch.Look(s); err != nil {
		return fmt.Errorf("look at a frame of %s: %w", c.name, err)
	}
	return nil
}

// Report is how the camera is; without Options.Watch only its name, mode and what
// was dropped.
func (c *Camera) Report() condition.Report {
	var r condition.Report
	if c.watch != nil {
		if !c.Kind.Recorded() {
			c.watch.Tick(time.Now())
		}
		r = c.watch.Report()
	}
	r.Source = c.name
	if l, ok := c.src.(*live); ok {
		var got spec.Ask
		got, r.Dropped, r.Reconnects = l.state()
		r.Mode, _ = c.ask.Answered(got)
	}
	return r
}

// Close releases the source.
func (c *Camera) Close() {
	if c.tick != nil {
		c.tick.Stop()
	}
	c.src.close()
	if c.watch != nil {
		_ = c.small.Close()
	}
}

// Public is a source's name without the password that an address may hold.
func Public(source string) string { return spec.Public(source) }
