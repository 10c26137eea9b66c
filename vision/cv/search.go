package cv

import (
	"image"
	"math"

	"gocv.io/x/gocv"

	"tram/vision/people"
)

// places are where to look in this frame: around what moves, or everywhere where
// that costs less.
func (d *unaided) places(all image.Rectangle, blobs []people.Box, frame gocv.Mat) []place {
	rows := float64(frame.Rows())
	some := newSearch(all)
	whole := people.Box{W: float64(frame.Cols()), H: rows}
	for _, b := range blobs {
		d.around(some, b, rows)
	}
	for _, b := range d.last {
		some.add(b, b.H/sizeSpread, b.H*sizeSpread)
	}
	if !d.tall.known() {
		// While nothing moves before a known background there is nobody to learn from.
		if d.seen < warmUp || len(blobs) > 0 || d.seen%wholeEvery == 0 {
			some.add(whole, 0.3*rows, 0.9*rows)
		}
		return some.places
	}
	every := newSearch(all)
	from, to := d.tall.heights()
	for _, tall := range levels(from, to) {
		top, low := rows*1.1, 0.0 // of the feet of people about so high
		for y := 0.2 * rows; y <= 1.1*rows; y += rows / 50 {
			if want := d.tall.at(y); want > tall/sizeStep && want < tall*sizeStep {
				top, low = math.Min(top, y), math.Max(low, y)
			}
		}
		if low > 0 {
			every.add(people.Box{W: whole.W, Y: top - tall, H: low - top + tall}, tall, tall)
		}
	}
	if every.cost() < some.cost() {
		some = every
	}
	return some.places
}

// affordable are as many of the places as the time of a frame allows; where that
// is not all, the next frame begins with the others.
func (d *unaided) affordable(places []place) []place {
	budget := lookPixels
	if !d.tall.known() {
		budget *= 2
	}
	for i := range places {
		first := d.turn % len(places)
		if budget -= places[(first+i)%len(places)].cost(); budget < 0 && i > 0 {
			d.turn = (first + i) % len(places)
			return append(places[first:len(places):len(places)], places[:first]...)[:i]
		}
	}
	return places
}

// around looks for the people that a blob may be a part of.
func (d *unaided) around(s *search, b people.Box, rows float64) {
	if !d.tall.known() {
		s.add(b, 0.7*b.H, 1.3*b.H)
		return
	}
	low := b.Y + b.H
	want := d.tall.at(low)
	if b.W*b.H < 0.02*want*want {
		return
	}
	if b.H > 0.6*want {
		s.add(b, want/sizeSpread, want*sizeSpread)
		return
	}
	// A part: the feet are at its lower edge, or as far below it as fits under its upper one.
	far := low
	for far < rows*1.1 && far-1.05*d.tall.at(far) < b.Y {
		far += 0.1 * want
	}
	s.add(people.Box{X: b.X, Y: b.Y, W: b.W, H: far - b.Y}, want/sizeStep, d.tall.at(far)*sizeSpread)
}

// place is a part of the picture, and how high the people are who are looked for in it.
type place struct {
	image.Rectangle
	tall float64
}

func (p place) cost() (pixels int) {
	k := hogTall / p.tall
	return int(float64(p.Dx()) * k * float64(p.Dy()) * k)
}

// search are the places to look at in a frame.
type search struct {
	all    image.Rectangle
	places []place
}

func (s *search) cost() (pixels int) {
	for _, p := range s.places {
		pixels += p.cost()
	}
	return pixels
}

func newSearch(all image.Rectangle) *search { return &search{all: all} }

// levels are the heights that are looked for to find all between two. They are
// always of the same few, so that places can be put together.
func levels(from, to float64) (out []float64) {
	nearest := func(h float64) int {
		return int(math.Round(math.Log(math.Max(h, leastTall)/leastTall) / math.Log(sizeStep)))
	}
	for i := nearest(from); i <= nearest(to); i++ {
		out = append(out, leastTall*math.Pow(sizeStep, float64(i)))
	}
	return out
}

// add looks for people whose height is between from and to in a box.
func (s *search) add(b people.Box, from, to float64) {
	for _, tall := range levels(from, to) {
		// A window is a third higher than the person, and two thirds as wide as high.
		m := 0.33 * tall
		s.put(place{rect(people.Box{X: b.X - m, Y: b.Y - m, W: b.W + 2*m, H: b.H + 2*m}).Intersect(s.all), tall})
	}
}

func (s *search) put(p place) {
	for i := 0; i < len(s.places); i++ {
		o := s.places[i]
		if math.Abs(o.tall-p.tall) > 0.01*p.tall {
			continue
		}
		u := o.Union(p.Rectangle)
		if u.Dx()*u.Dy() <= o.Dx()*o.Dy()+p.Dx()*p.Dy() {
			s.places = append(s.places[:i], s.places[i+1:]...)
			s.put(place{u, p.tall})
			return
		}
	}
	s.places = append(s.places, p)
}
