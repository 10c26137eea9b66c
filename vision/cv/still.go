package cv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/vision"
)

const (
	stillLook    = 600 * time.Millisecond // a camera's first pictures are often dark
	stillMost    = 10 * time.Second
	stillQuality = 85
)

// still looks at a camera for a moment and gives the last picture as a JPEG.
func (s *server) still(ctx context.Context, q vision.StillQuestion) (vision.StillAnswer, []byte, error) {
	look := stillLook
	if q.MS != 0 {
		look = time.Duration(q.MS) * time.Millisecond
	}
	if look < 0 || look > stillMost {
		return vision.StillAnswer{}, nil, fmt.Errorf("%w: a look of %v, at most %v", vision.ErrQuestion, look, stillMost)
	}
	c, err := camera.Open(ctx, q.Source, camera.Options{Ask: q.Ask, Watch: true, Hurry: 4})
	if err != nil {
		return vision.StillAnswer{}, nil, err
	}
	defer c.Close()
	frame := gocv.NewMat()
	defer func() { wipe(&frame) }()
	var began time.Time
	for began.IsZero() || time.Since(began) < look && !c.Kind.Recorded() {
		if err := c.Next(ctx, &frame); errors.Is(err, io.EOF) && !began.IsZero() {
			break
		} else if err != nil {
			return vision.StillAnswer{}, nil, err
		}
		if began.IsZero() {
			began = time.Now()
		}
	}
	jpeg, err := encodeJPEG(frame, stillQuality)
	return vision.StillAnswer{Report: c.Report()}, jpeg, err
}
