package cv

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/drivers/camera/condition"
	"tram/drivers/camera/spec"
	"tram/vision"
	"tram/vision/people"
)

// leastPeople is how many pixels high people must be to be told well.
const leastPeople = 25

// detector finds people in a frame.
type detector interface {
	detect(frame gocv.Mat) ([]people.Detection, error)
	name() string
	model() vision.ModelID
	close()
}

// count counts people over a line until the source ends or ctx does.
func (s *server) count(ctx context.Context, id uint64, q vision.CountQuestion) (vision.CountAnswer, error) {
	places, err := sceneOf(q)
	if err != nil {
		return vision.CountAnswer{}, err
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
		scene: places, ways: trails{},
	}
	defer r.close()
	if q.Variant != nil {
		if r.variant, err = newCopy(c, *q.Variant); err != nil {
			return vision.CountAnswer{}, err
		}
		defer r.variant.close()
	}
	err = r.run(ctx)
	if errors.Is(err, io.EOF) || ctx.Err() != nil {
		err = nil // the end of the source, or of the caller's interest
	}
	if !q.Boxes { // what came since the last word, for whoever keeps periods
		if terr := r.tell(); err == nil {
			err = terr
		}
	}
	return r.answer(), err
}

// counting is one count on its way.
type counting struct {
	s        *server
	id       uint64
	q        vision.CountQuestion
	camera   *camera.Camera
	variant  *copyOf // of what the camera gives; nil: count in that itself
	detector detector
	tracker  *people.Tracker
	scene    *scene
	ways     trails
	film     *film
	found    []people.Detection // where the detector looked last

	began, told  time.Time
	frames, gaps int
	gapsTold     int
	faults       []condition.Code // of the pictures, whenever they were seen
	tracks       int              // people followed now
	looked       int              // frames that the detector looked at
	detecting    time.Duration
	inNet        time.Duration
	size         [2]int  // of the frames
	heights      float64 // mean of what was found lately, in heights of the frame; 0 is not known
	rows         int
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
		err := r.frame(ctx, frame)
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

// frame gets the next frame of the source, or of the variant of it.
func (r *counting) frame(ctx context.Context, m *gocv.Mat) error {
	if r.variant != nil {
		return r.variant.Next(ctx, m)
	}
	return r.camera.Next(ctx, m)
}

func (r *counting) see(frame gocv.Mat) error {
	tracks, err := r.follow(frame)
	if err != nil {
		return err
	}
	r.frames++
	r.tracks = 0
	for _, k := range tracks {
		if k.Confirmed {
			r.tracks++
		}
	}
	r.scene.see(tracks)
	r.ways.see(tracks)
	if r.q.Boxes {
		if err := r.tell(r.found...); err != nil {
			return err
		}
	}
	if r.s.look.CompareAndSwap(r.id, 0) {
		if err := r.show(frame, tracks); err != nil {
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
	r.film.add(frame, r.scene, r.found, tracks, r.ways)
	return nil
}

// follow looks for the people in a frame, or lets them walk on where the
// detector leaves this frame out.
func (r *counting) follow(frame gocv.Mat) ([]*people.Track, error) {
	if r.tracker == nil {
		r.tracker = people.NewTracker(people.TrackerOptions{Every: r.q.Every, Width: float64(frame.Cols()), Height: float64(frame.Rows())})
	}
	if r.q.Every > 1 && r.frames%r.q.Every != 0 {
		r.found = nil
		return r.tracker.Skip(), nil
	}
	began := time.Now()
	found, err := r.detector.detect(frame)
	if err != nil {
		return nil, err
	}
	r.detecting += time.Since(began)
	if n, ok := r.detector.(*netDetector); ok {
		r.inNet += n.net.take().spent
	}
	r.looked++
	r.found, r.rows, r.size = found, frame.Rows(), [2]int{frame.Cols(), frame.Rows()}
	for _, d := range found {
		if h := d.H / float64(frame.Rows()); r.heights == 0 {
			r.heights = h
		} else {
			r.heights += 0.02 * (h - r.heights)
		}
	}
	return r.tracker.Next(found), nil
}

// show gives the picture that was asked for.
func (r *counting) show(frame gocv.Mat, tracks []*people.Track) error {
	jpeg, err := veiled(frame, r.scene, r.found, tracks, r.ways)
	if err != nil {
		return err
	}
	return r.s.write(vision.Message{ID: r.id, Kind: vision.KindProgress, Blobs: [][]byte{jpeg}}, nil)
}

func (r *counting) fps() float64 {
	return float64(r.frames) / max(1e-6, time.Since(r.began).Seconds())
}

// tell reports what was seen so far and, when they were asked for, the boxes of this frame.
func (r *counting) tell(found ...people.Detection) error {
	r.told = time.Now()
	report := r.camera.Report()
	in, out := r.scene.sum()
	faults := faultsOf(report)
	for _, f := range faults {
		if !slices.Contains(r.faults, f) {
			r.faults = append(r.faults, f)
		}
	}
	health := r.health(r.gaps-r.gapsTold, faults)
	r.gapsTold = r.gaps
	p := vision.CountProgress{
		Frames: r.frames, In: in, Out: out, Lines: r.scene.lineCounts(), Zones: r.scene.zoneCounts(), FPS: r.fps(), Gaps: r.gaps,
		Health: health, Camera: &report, Tracks: r.tracks,
	}
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
	in, out := r.scene.sum()
	a := vision.CountAnswer{
		Frames: r.frames, In: in, Out: out, Lines: r.scene.lineCounts(), Zones: r.scene.zoneCounts(),
		FPS: r.fps(), MS: ms(time.Since(r.began)), Gaps: r.gaps, Looked: r.looked,
		DetectMS: ms(r.detecting) / float64(max(1, r.looked)), NetMS: ms(r.inNet) / float64(max(1, r.looked)), Detector: r.detector.name(), Model: r.detector.model(), Health: r.health(r.gaps, r.faults), Read: r.frames, Size: r.size,
	}
	if r.variant != nil {
		a.Read, a.Size = r.variant.read, r.variant.size
	}
	return a
}

// faultsOf are what is wrong with the pictures.
func faultsOf(r condition.Report) []condition.Code {
	switch {
	case !r.Bad():
		return nil
	case len(r.Codes) > 0:
		return r.Codes
	}
	return []condition.Code{r.Code}
}

// health says how far the count may be believed over a time in which there were
// so many gaps and such faults of the pictures: since the last word, or over all.
// A lens that is free again at the end has been covered, and what happened
// yesterday is nothing against this minute.
func (r *counting) health(gaps int, faults []condition.Code) vision.CountHealth {
	h := vision.CountHealth{Confidence: "good", Notes: []string{}}
	note := func(poor bool, text string) {
		h.Notes = append(h.Notes, text)
		if poor {
			h.Confidence = "poor"
		} else if h.Confidence == "good" {
			h.Confidence = "fair"
		}
	}
	own, isPlain := r.detector.(*unaided)
	switch {
	case r.frames == 0:
		note(true, vision.NoteNothing)
	case isPlain && !own.learnt():
		note(true, vision.NoteLearning)
	}
	if isPlain && r.heights > 0.25 {
		note(false, vision.NoteTooLarge) // they hide each other, and much of the picture is never background
	}
	switch {
	case r.rows > 0 && r.rows < leastPeople:
		note(true, vision.NoteTooSmall) // whoever is in such a picture
	case r.heights > 0 && r.heights*float64(r.rows) < leastPeople:
		note(false, vision.NoteTooSmall)
	}
	if !r.camera.Kind.Recorded() && r.frames > 20 && r.fps()/float64(max(1, r.q.Every)) < 4 {
		note(false, vision.NoteSlow)
	}
	if gaps > 0 {
		note(false, vision.NoteGaps)
	}
	if len(faults) > 0 {
		note(true, vision.NoteCamera)
	}
	for _, f := range faults {
		note(true, vision.NoteCamera+"_"+string(f))
	}
	return h
}
