package cv

import (
	"image"
	"image/color"
	"math"

	"gocv.io/x/gocv"

	"tram/vision"
	"tram/vision/people"
)

// unaided is the detector that needs no file: where the picture differs from the
// background it looks for the outlines of people, as high as people are there.
// How high that is it learns from the outlines that it is sure of. What moves and
// shows no outline is told by its size alone.
type unaided struct {
	*motion
	outlines *hog
	padded   gocv.Mat
	tall     heightModel  // of the outlines, in pixels of the frame
	last     []people.Box // outlines of the last look: who stands still is looked for there again
	turn     int          // where the next look begins when the budget does not do for all
}

func newUnaided() (*unaided, error) {
	h, err := newHOG()
	if err != nil {
		return nil, err
	}
	return &unaided{motion: newMotion(), outlines: h, padded: gocv.NewMat()}, nil
}

func (d *unaided) name() string          { return "default" }
func (d *unaided) model() vision.ModelID { return vision.ModelID{} }

func (d *unaided) close() {
	d.motion.close()
	d.outlines.close()
	_ = d.padded.Close()
}

// learnt reports whether it is known how high people are.
func (d *unaided) learnt() bool { return d.tall.known() || d.size.known() }

const (
	leastTall   = 24.0    // pixels; whose outline is lower is told by size alone
	sizeStep    = 1.12    // from one height that is looked for to the next
	sizeSpread  = 1.2     // people at one place are that much higher or lower than the mean
	lookPixels  = 800_000 // that the outlines of a frame may cost, after scaling
	wholeEvery  = 10      // frames from one look at all of the picture for people larger than so far to the next
	movesEnough = 0.08    // of a box differs from the background where somebody moves
	warmUp      = 40      // frames until the background is known
)

func (d *unaided) detect(frame gocv.Mat) ([]people.Detection, error) {
	blobs, err := d.motion.blobs(frame)
	if err != nil {
		return nil, err
	}
	if d.seen < 2 {
		return nil, nil
	}
	windows, err := d.look(frame, blobs)
	if err != nil {
		return nil, err
	}
	found := d.judge(frame, gathered(windows))
	rest, err := d.rest(found)
	return append(found, rest...), err
}

// look looks for outlines where something moves and where somebody was.
func (d *unaided) look(frame gocv.Mat, blobs []people.Box) ([]outline, error) {
	pad := frame.Rows() / 8
	gocv.CopyMakeBorder(frame, &d.padded, pad, pad, pad, pad, gocv.BorderReplicate, color.RGBA{})
	all := image.Rect(-pad, -pad, frame.Cols()+pad, frame.Rows()+pad)
	places := d.affordable(d.places(all, blobs, frame))
	if d.tall.known() && d.seen%wholeEvery == 0 {
		// Beside the budget: where the camera was moved people may be larger than all so far.
		rows := float64(frame.Rows())
		whole := newSearch(all)
		whole.add(people.Box{W: float64(frame.Cols()), H: rows}, 0.4*rows, 0.9*rows)
		places = append(places, whole.places...)
	}
	var windows []outline
	for _, p := range places {
		found, err := d.outlines.look(d.padded, p.Add(image.Pt(pad, pad)), p.tall)
		if err != nil {
			return nil, err
		}
		for _, o := range found {
			o.X, o.Y = o.X-float64(pad), o.Y-float64(pad)
			windows = append(windows, o)
		}
	}
	return windows, nil
}

// judge says how sure each outline is a person.
func (d *unaided) judge(frame gocv.Mat, outlines []outline) []people.Detection {
	var found []people.Detection
	outlines = withoutParts(outlines)
	last := d.last
	d.last = nil
	for _, o := range outlines {
		moving := d.foreground(o.Box)
		stays := false
		for _, b := range last {
			stays = stays || b.IoU(o.Box) > 0.6
		}
		large := o.H > 0.25*float64(frame.Rows()) && d.seen < warmUp
		if moving < movesEnough && !(stays && o.worth > 0.2) && !(large && o.worth > 0.2) {
			continue
		}
		score := math.Min(0.95, 0.45+0.8*o.worth)
		if moving > 0.3 {
			score = math.Min(0.95, score+0.1)
		}
		if o.worth > 0.3 && moving > movesEnough {
			d.tall.learn(o.Y+o.H, o.H)
		}
		if d.tall.known() {
			if want := d.tall.at(o.Y + o.H); o.H < 0.6*want || o.H > 1.6*want {
				continue
			}
		}
		if o.worth > 0.1 {
			d.last = append(d.last, o.Box)
		}
		found = append(found, people.Detection{Box: o.Box, Score: math.Max(0.05, score)})
	}
	return found
}

// rest are the people told by the size of what moves alone. Where outlines are
// known they only carry on those who were seen before: a bag or a shadow is as
// large as a person, too.
func (d *unaided) rest(known []people.Detection) ([]people.Detection, error) {
	moving, err := d.bySize()
	if err != nil {
		return nil, err
	}
	var found []people.Detection
next:
	for _, m := range moving {
		if d.tall.known() {
			want := d.tall.at(m.Y + m.H)
			if m.H > 1.3*want || m.H < 0.5*want {
				continue
			}
			m.Score = math.Min(m.Score, 0.4)
		}
		for _, o := range known {
			if m.Inside(o.Box) > 0.4 || o.Inside(m.Box) > 0.4 {
				continue next
			}
		}
		found = append(found, m)
	}
	return found, nil
}

// withoutParts leaves out what is the part of a larger outline.
func withoutParts(all []outline) []outline {
	var out []outline
next:
	for _, o := range all {
		for _, larger := range all {
			if larger.H > 1.3*o.H && larger.worth > 0.1 && larger.worth > 0.5*o.worth && o.Inside(larger.Box) > 0.8 {
				continue next
			}
		}
		out = append(out, o)
	}
	return out
}
