package cv

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/vision"
	"tram/vision/qr"
)

const (
	codesBudget = 15 * time.Millisecond // of one picture
	codesRate   = 10.0                  // pictures/s: a code that is held up is there for many
	codesTold   = time.Second           // between two words when nothing is seen
)

// codes looks for QR codes until the source ends or ctx does.
func (s *server) codes(ctx context.Context, id uint64, q vision.CodesQuestion) (vision.CodesAnswer, error) {
	if q.Rate < 0 || q.Budget < 0 {
		return vision.CodesAnswer{}, fmt.Errorf("%w: below zero", vision.ErrQuestion)
	}
	budget, rate := codesBudget, codesRate
	if q.Budget > 0 {
		budget = time.Duration(q.Budget) * time.Millisecond
	}
	if q.Rate > 0 {
		rate = q.Rate
	}
	c, err := camera.Open(ctx, q.Source, camera.Options{Rate: rate, Ask: q.Ask})
	if err != nil {
		return vision.CodesAnswer{}, err
	}
	defer c.Close()
	frame, grey := gocv.NewMat(), gocv.NewMat()
	defer func() { wipe(&frame); wipe(&grey) }()
	// A folder comes at its rate; of a camera the newest picture is taken as often.
	pace := time.NewTicker(time.Duration(float64(time.Second) / rate))
	defer pace.Stop()
	var reader qr.Reader
	var a vision.CodesAnswer
	for told := time.Now(); ; a.Frames++ {
		if err := c.Next(ctx, &frame); errors.Is(err, io.EOF) || ctx.Err() != nil {
			return a, nil
		} else if err != nil {
			return a, err
		}
		gocv.CvtColor(frame, &grey, gocv.ColorBGRToGray)
		found, err := reader.Find(&image.Gray{Pix: grey.ToBytes(), Stride: grey.Cols(), Rect: image.Rect(0, 0, grey.Cols(), grey.Rows())}, budget)
		if err != nil {
			return a, err
		}
		if len(found) > 0 || time.Since(told) >= codesTold {
			told = time.Now()
			p := vision.CodesProgress{Frames: a.Frames + 1}
			for _, f := range found {
				p.Texts = append(p.Texts, f.Text)
			}
			if err := s.write(vision.Message{ID: id, Kind: vision.KindProgress}, p); err != nil {
				return a, err
			}
		}
		if !c.Kind.Recorded() {
			select {
			case <-pace.C:
			case <-ctx.Done():
			}
		}
	}
}
