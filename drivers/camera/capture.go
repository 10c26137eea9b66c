package camera

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera/spec"
)

// open opens a capture within the limit. A call that hangs is left to itself and
// its result closed when it comes after all.
func open(ctx context.Context, limit time.Duration, how func() (*gocv.VideoCapture, error)) (*gocv.VideoCapture, error) {
	type result struct {
		vc  *gocv.VideoCapture
		err error
	}
	done := make(chan result, 1)
	go func() {
		vc, err := how()
		if (err != nil || !vc.IsOpened()) && vc != nil {
			_ = vc.Close()
			vc, err = nil, errors.New("it does not open")
		}
		done <- result{vc, err}
	}()
	t := time.NewTimer(limit)
	defer t.Stop()
	late := func() {
		go func() {
			if r := <-done; r.err == nil {
				_ = r.vc.Close()
			}
		}()
	}
	select {
	case r := <-done:
		if r.err != nil {
			return nil, errors.New("it does not open") // OpenCV's words quote the address
		}
		return r.vc, nil
	case <-t.C:
		late()
		return nil, fmt.Errorf("it did not open within %s", limit)
	case <-ctx.Done():
		late()
		return nil, ctx.Err()
	}
}

// capture is a device or stream that OpenCV reads.
type capture struct {
	vc      *gocv.VideoCapture
	device  bool
	silence time.Duration
}

func openDevice(ctx context.Context, number int, o Options) (*capture, error) {
	node := fmt.Sprintf("/dev/video%d", number)
	switch file, err := os.OpenFile(node, os.O_RDWR, 0); {
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("this user may not open %s; the group is video", node)
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s is not there", node)
	case err == nil:
		_ = file.Close()
	}
	vc, err := open(ctx, o.Opening, func() (*gocv.VideoCapture, error) {
		return gocv.VideoCaptureDeviceWithAPI(number, gocv.VideoCaptureV4L2)
	})
	if err != nil {
		return nil, err
	}
	// The format comes first: it decides which sizes and rates there are.
	if o.Ask.Format != "" {
		vc.Set(gocv.VideoCaptureFOURCC, vc.ToCodec(o.Ask.Format))
	}
	if o.Ask.Width > 0 {
		vc.Set(gocv.VideoCaptureFrameWidth, float64(o.Ask.Width))
		vc.Set(gocv.VideoCaptureFrameHeight, float64(o.Ask.Height))
	}
	if o.Ask.Rate > 0 {
		vc.Set(gocv.VideoCaptureFPS, o.Ask.Rate)
	}
	vc.Set(gocv.VideoCaptureBufferSize, 1) // refused by some; the newest frame wins anyway
	return &capture{vc: vc, device: true, silence: o.Silence}, nil
}

func openFFmpeg(ctx context.Context, address string, o Options) (*capture, error) {
	vc, err := open(ctx, o.Opening, func() (*gocv.VideoCapture, error) {
		return gocv.VideoCaptureFileWithAPI(address, gocv.VideoCaptureFFmpeg)
	})
	if err != nil {
		return nil, err
	}
	return &capture{vc: vc}, nil
}

// attempts is how often a read of a device is tried that fails at once: a signal
// to this process ends OpenCV's wait for a picture, and the device is well. One
// that was unplugged fails each time.
const attempts = 4

func (c *capture) read(f *frame) error {
	for try := 1; ; try++ {
		began := time.Now()
		if c.vc.Read(&f.mat) && !f.mat.Empty() {
			f.stamp = stampOf(c.vc)
			return nil
		}
		if !c.device || try == attempts || time.Since(began) >= c.silence {
			return errors.New("it ended or fell silent")
		}
	}
}

// stampOf is the source's clock at the frame read last.
func stampOf(vc *gocv.VideoCapture) time.Duration {
	ms := vc.Get(gocv.VideoCapturePosMsec)
	if !(ms > 0) || ms > 1e15 {
		return -1
	}
	return time.Duration(ms * float64(time.Millisecond))
}

// mode is what the source says that it gives.
func (c *capture) mode() spec.Ask {
	got := spec.Ask{Width: int(c.vc.Get(gocv.VideoCaptureFrameWidth)), Height: int(c.vc.Get(gocv.VideoCaptureFrameHeight))}
	if fps := c.vc.Get(gocv.VideoCaptureFPS); fps > 0 && fps < 1000 {
		got.Rate = fps
	}
	if c.device {
		got.Format = strings.TrimSpace(strings.Trim(c.vc.CodecString(), "\x00"))
	}
	return got
}

func (c *capture) wake()  {}
func (c *capture) close() { _ = c.vc.Close() }
