package cv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/drivers/camera/spec"
	"tram/vision"
	"tram/vision/people"
)

// detector finds people in a frame.
type detector interface {
	detect(frame gocv.Mat) ([]people.Detection, error)
	name() string
	model() vision.ModelID
	close()
}

// count counts people over a line until the source ends or ctx does.
func (s *server) count(ctx context.Context, id uint64, q vision.CountQuestion) (vision.CountAnswer, error) {
	line := people.Line{X1: q.Line[0], Y1: q.Line[1], X2: q.Line[2], Y2: q.Line[3]}
	if err := line.Check(); err != nil {
		return vision.CountAnswer{}, fmt.Errorf("%w: %w", vision.ErrQuestion, err)
	}
	d, err := s.detectorNamed(q.Detector)
	if err != nil {
		return vision.CountAnswer{}, err
	}
	defer d.close()
	c, err := camera.Open(ctx, q.Source, cameraOf(q))
	if err != nil {
		return vision.CountAnswer{}, err
	}
	r := &counting{
		s: s, id: id, q: q, camera: c, detector: d, began: time.Now(), told: time.Now(),
		tracker: people.NewTracker(people.TrackerOptions{}), counter: people.NewCounter(line),
	}
	defer r.close()
	err = r.run(ctx)
	if errors.Is(err, io.EOF) || ctx.Err() != nil {
		err = nil // the end of the source, or of the caller's interest
	}
	return r.answer(), err
}

// counting is one count on its way.
type counting struct {
	s        *server
	id       uint64
	q        vision.CountQuestion
	camera   *camera.Camera
	detector detector
	tracker  *people.Tracker
	counter  *people.Counter
	film     *film

	began, told  time.Time
	frames, gaps int
	detecting    time.Duration
}

func (r *counting) close() {
	r.camera.Close()
	if r.film != nil {
		r.film.close()
	}
}

func (r *counting) run(ctx context.Context) error {
	frame := gocv.NewMat()
	defer func() { _ = frame.Close() }()
	for r.q.Frames == 0 || r.frames < r.q.Frames {
		if err := r.next(ctx, &frame); err != nil {
			return err
		}
		if err := r.see(frame); err != nil {
			return err
		}
		if !r.q.Boxes && time.Since(r.told) >= time.Second {
			if err := r.tell(); err != nil {
				return err
			}
		}
	}
	return nil
}

// cameraOf is how a count opens its source.
func cameraOf(q vision.CountQuestion) camera.Options {
	return camera.Options{Rate: q.Rate, Loop: q.Loop, Ask: q.Ask, Reconnect: q.Follow, Watch: true}
}

// next gets a frame. A stream that falls silent is waited for when the question
// says so; the camera itself opens it again. A device that was unplugged ends the
// count: when it is back it is another file, which this process may not open, and
// whoever asked begins anew in a process that may.
func (r *counting) next(ctx context.Context, frame *gocv.Mat) error {
	for {
		asked := time.Now()
		err := r.camera.Next(ctx, frame)
		if err == nil && time.Since(asked) > time.Second {
			r.gaps++
		}
		if !errors.Is(err, camera.ErrNoCamera) || !r.q.Follow || r.camera.Kind != spec.Stream || ctx.Err() != nil {
			return err
		}
		r.gaps++
		if err := r.tell(); err != nil {
			return err
		}
	}
}

func (r *counting) see(frame gocv.Mat) error {
	began := time.Now()
	found, err := r.detector.detect(frame)
	r.detecting += time.Since(began)
	if err != nil {
		return err
	}
	r.frames++
	tracks := r.tracker.Next(found)
	r.counter.See(tracks)
	if r.q.Boxes {
		if err := r.tell(found...); err != nil {
			return err
		}
	}
	if r.q.Video == "" {
		return nil
	}
	if r.film == nil {
		if r.film, err = newFilm(r.q.Video, frame, r.q.Rate); err != nil {
			return err
		}
	}
	r.film.draw(frame, r.counter, found, tracks)
	return nil
}

func (r *counting) fps() float64 {
	return float64(r.frames) / max(1e-6, time.Since(r.began).Seconds())
}

// tell reports what was seen so far and, when they were asked for, the boxes of this frame.
func (r *counting) tell(found ...people.Detection) error {
	r.told = time.Now()
	report := r.camera.Report()
	p := vision.CountProgress{Frames: r.frames, In: r.counter.In, Out: r.counter.Out, FPS: r.fps(), Gaps: r.gaps, Camera: &report}
	if r.q.Boxes {
		boxes := make([][5]float64, 0, len(found))
		for _, d := range found {
			boxes = append(boxes, [5]float64{d.X, d.Y, d.W, d.H, d.Score})
		}
		p.Found = &boxes
	}
	return r.s.write(vision.Message{ID: r.id, Kind: vision.KindProgress}, p)
}

func (r *counting) answer() vision.CountAnswer {
	return vision.CountAnswer{
		Frames: r.frames, In: r.counter.In, Out: r.counter.Out, FPS: r.fps(), MS: ms(time.Since(r.began)), Gaps: r.gaps,
		DetectMS: ms(r.detecting) / float64(max(1, r.frames)), Detector: r.detector.name(), Model: r.detector.model(),
	}
}
