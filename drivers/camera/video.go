package camera

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"gocv.io/x/gocv"
)

// open opens a capture within the limit. A call that hangs is left to itself
// and its result closed when it comes after all.
func open(ctx context.Context, spec string, limit time.Duration, how func() (*gocv.VideoCapture, error)) (*gocv.VideoCapture, error) {
	type result struct {
		vc  *gocv.VideoCapture
		err error
	}
	done := make(chan result, 1)
	go func() {
		vc, err := how()
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
		if r.err == nil && !r.vc.IsOpened() {
			_ = r.vc.Close()
			r.err = ErrNoCamera
		}
		if r.err != nil {
			return nil, fmt.Errorf("%w: %s does not open", ErrNoCamera, Public(spec))
		}
		return r.vc, nil
	case <-t.C:
		late()
		return nil, fmt.Errorf("%w: %s did not open within %s", ErrNoCamera, Public(spec), limit)
	case <-ctx.Done():
		late()
		return nil, ctx.Err()
	}
}

// video gives every frame of a video file.
type video struct {
	spec string
	vc   *gocv.VideoCapture
	o    Options
	read int // frames since it was opened
}

func openVideo(ctx context.Context, spec string, o Options) (*video, error) {
	v := &video{spec: spec, o: o}
	return v, v.open(ctx)
}

func (v *video) open(ctx context.Context) error {
	vc, err := open(ctx, v.spec, v.o.Opening, func() (*gocv.VideoCapture, error) {
		return gocv.VideoCaptureFileWithAPI(v.spec, gocv.VideoCaptureFFmpeg)
	})
	v.vc, v.read = vc, 0
	return err
}

func (v *video) next(ctx context.Context, m *gocv.Mat) error {
	for {
		if v.vc.Read(m) && !m.Empty() {
			v.read++
			return nil
		}
		if v.read == 0 {
			return fmt.Errorf("%w: %s holds no frames", ErrNoCamera, v.spec)
		}
		if !v.o.Loop {
			return io.EOF
		}
		_ = v.vc.Close()
		if err := v.open(ctx); err != nil {
			return err
		}
	}
}

func (v *video) close() {
	if v.vc != nil {
		_ = v.vc.Close()
	}
}

// live reads a device or stream as fast as it comes and keeps the newest frame.
type live struct {
	name    string
	silence time.Duration
	stop    chan struct{}
	ended   chan struct{}
	fresh   chan struct{} // holds one token when newest was not given yet

	mu     sync.Mutex
	newest gocv.Mat
}

func openLive(ctx context.Context, kind Kind, spec string, number int, o Options) (*live, error) {
	how := func() (*gocv.VideoCapture, error) {
		return gocv.VideoCaptureFileWithAPI(spec, gocv.VideoCaptureFFmpeg)
	}
	if kind == Device {
		if _, err := evalSymlinks(fmt.Sprintf("/dev/video%d", number)); err != nil {
			return nil, fmt.Errorf("%w: /dev/video%d is not there", ErrNoCamera, number)
		}
		how = func() (*gocv.VideoCapture, error) {
			return gocv.VideoCaptureDeviceWithAPI(number, gocv.VideoCaptureV4L2)
		}
	}
	vc, err := open(ctx, spec, o.Opening, how)
	if err != nil {
		return nil, err
	}
	l := &live{
		name: Public(spec), silence: o.Silence, newest: gocv.NewMat(),
		stop: make(chan struct{}), ended: make(chan struct{}), fresh: make(chan struct{}, 1),
	}
	go l.run(vc)
	return l, nil
}

func (l *live) run(vc *gocv.VideoCapture) {
	defer close(l.ended)
	defer func() { _ = vc.Close() }()
	frame := gocv.NewMat()
	defer func() { _ = frame.Close() }()
	for {
		select {
		case <-l.stop:
			return
		default:
		}
		if !vc.Read(&frame) || frame.Empty() {
			return
		}
		l.mu.Lock()
		l.newest, frame = frame, l.newest
		l.mu.Unlock()
		select {
		case l.fresh <- struct{}{}:
		default:
		}
	}
}

func (l *live) next(ctx context.Context, m *gocv.Mat) error {
	t := time.NewTimer(l.silence)
	defer t.Stop()
	select {
	case <-l.fresh:
	case <-ctx.Done():
		return ctx.Err()
	case <-l.ended:
		return fmt.Errorf("%w: %s ended", ErrNoCamera, l.name)
	case <-t.C:
		return fmt.Errorf("%w: %s gave no frame for %s", ErrNoCamera, l.name, l.silence)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	*m, l.newest = l.newest, *m
	return nil
}

// close ends the reading. A read that hangs in the driver is left behind.
func (l *live) close() {
	close(l.stop)
	t := time.NewTimer(2 * time.Second)
	defer t.Stop()
	select {
	case <-l.ended:
		_ = l.newest.Close()
	case <-t.C:
	}
}
