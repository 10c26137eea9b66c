package cv

import (
	"context"
	"errors"
	"fmt"
	"image"
	"io"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/vision"
	"tram/vision/people/trial"
)

// maxHeldBytes bounds the frames that are held to be played in another order.
const maxHeldBytes = 384 << 20

// copyOf gives the frames of a recorded source as a variant of it. Those that are
// played backwards are held, as PNG, until the last one is there.
type copyOf struct {
	c *camera.Camera
	v trial.Variant

	read int      // frames of the source
	size [2]int   // of its pictures
	held [][]byte // in the source's order
	full bool     // all that is to be held is

	work gocv.Mat
	rng  uint64
}

func newCopy(c *camera.Camera, v trial.Variant) (*copyOf, error) {
	if err := v.Check(); err != nil {
		return nil, fmt.Errorf("%w: variant: %w", vision.ErrQuestion, err)
	}
	if !c.Kind.Recorded() {
		return nil, fmt.Errorf("%w: a variant of a live source", vision.ErrQuestion)
	}
	return &copyOf{c: c, v: v, work: gocv.NewMat(), rng: 1}, nil
}

func (s *copyOf) close() { _ = s.work.Close() }

// Next gives the next frame of the variant.
func (s *copyOf) Next(ctx context.Context, m *gocv.Mat) error {
	if !s.v.Backwards {
		if err := s.chosen(ctx, m); err != nil {
			return err
		}
		return s.change(m)
	}
	if err := s.hold(ctx, m); err != nil {
		return err
	}
	last := len(s.held) - 1
	if last < 0 {
		return io.EOF
	}
	one, err := gocv.IMDecode(s.held[last], gocv.IMReadColor)
	s.held = s.held[:last]
	if err != nil {
		return fmt.Errorf("read a frame that was held: %w", err)
	}
	one.CopyTo(m)
	_ = one.Close()
	return s.change(m)
}

// chosen gives the next frame of the source that the variant takes.
func (s *copyOf) chosen(ctx context.Context, m *gocv.Mat) error {
	for {
		if err := s.c.Next(ctx, m); err != nil {
			return err
		}
		at := s.read - s.v.From
		s.read++
		s.size = [2]int{m.Cols(), m.Rows()}
		if at >= 0 && at%max(1, s.v.Every) == 0 && (s.v.Frames == 0 || at < s.v.Frames) {
			return nil
		}
	}
}

// hold reads the source to its end.
func (s *copyOf) hold(ctx context.Context, m *gocv.Mat) error {
	size := 0
	for !s.full {
		err := s.chosen(ctx, m)
		if errors.Is(err, io.EOF) {
			s.full = true
			break
		}
		if err != nil {
			return err
		}
		b, err := gocv.IMEncode(gocv.PNGFileExt, *m)
		if err != nil {
			return fmt.Errorf("hold a frame: %w", err)
		}
		s.held = append(s.held, append([]byte(nil), b.GetBytes()...))
		size += b.Len()
		b.Close()
		if size > maxHeldBytes {
			return fmt.Errorf("%w: more than %d MiB of frames cannot be played backwards", vision.ErrQuestion, maxHeldBytes>>20)
		}
	}
	return nil
}

// change puts the changed frame into its place.
func (s *copyOf) change(frame *gocv.Mat) error {
	x, y, w, h := s.v.Window(frame.Cols(), frame.Rows())
	sw, sh := s.v.Size(frame.Cols(), frame.Rows())
	part := frame.Region(image.Rect(x, y, x+w, y+h))
	part.CopyTo(&s.work)
	_ = part.Close()
	if s.v.Mirror {
		gocv.Flip(s.work, &s.work, 1)
	}
	if sw != w || sh != h {
		how := gocv.InterpolationArea
		if sw > w {
			how = gocv.InterpolationLinear
		}
		gocv.Resize(s.work, &s.work, image.Pt(sw, sh), 0, 0, how)
	}
	if s.v.Gain > 0 {
		s.work.ConvertToWithParams(frame, gocv.MatTypeCV8UC3, float32(s.v.Gain), 0)
	} else {
		s.work.CopyTo(frame)
	}
	if s.v.Noise == 0 {
		return nil
	}
	return s.disturb(frame)
}

// disturb adds noise that is the same in each run: the sum of four even numbers
// is near enough to a normal one.
func (s *copyOf) disturb(frame *gocv.Mat) error {
	pixels, err := frame.DataPtrUint8()
	if err != nil {
		return fmt.Errorf("read a frame: %w", err)
	}
	k := s.v.Noise / 147.8 // the standard deviation of the sum of four bytes
	for i, p := range pixels {
		s.rng ^= s.rng << 13
		s.rng ^= s.rng >> 7
		s.rng ^= s.rng << 17
		sum := int(s.rng&255) + int(s.rng>>8&255) + int(s.rng>>16&255) + int(s.rng>>24&255)
		pixels[i] = uint8(max(0, min(255, float64(p)+k*(float64(sum)-510)+0.5)))
	}
	return nil
}
