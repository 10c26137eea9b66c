package camera

import (
	"context"
	"fmt"
	"io"
	"time"

	"gocv.io/x/gocv"
)

// video gives every frame of a video file.
type video struct {
	name string
	vc   *gocv.VideoCapture
	o    Options
	read int // frames since it was opened
}

func openVideo(ctx context.Context, name string, o Options) (*video, error) {
	v := &video{name: name, o: o}
	return v, v.open(ctx)
}

func (v *video) open(ctx context.Context) error {
	vc, err := open(ctx, v.o.Opening, func() (*gocv.VideoCapture, error) {
		return gocv.VideoCaptureFileWithAPI(v.name, gocv.VideoCaptureFFmpeg)
	})
	v.vc, v.read = vc, 0
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %s: %v", ErrNoCamera, v.name, err) //nolint:errorlint // one sentinel is enough
	}
	return err
}

func (v *video) next(ctx context.Context, m *gocv.Mat) (Moment, error) {
	for {
		if v.vc.Read(m) && !m.Empty() {
			v.read++
			return Moment{At: time.Now(), Stamp: stampOf(v.vc)}, nil
		}
		if v.read == 0 {
			return Moment{}, fmt.Errorf("%w: %s holds no frames", ErrNoCamera, v.name)
		}
		if !v.o.Loop {
			return Moment{}, io.EOF
		}
		_ = v.vc.Close()
		if err := v.open(ctx); err != nil {
			return Moment{}, err
		}
	}
}

func (v *video) close() {
	if v.vc != nil {
		_ = v.vc.Close()
	}
}
