package cv

// #cgo pkg-config: opencv4
// #cgo CXXFLAGS: -std=c++11
// #include "hog_people.h"
import "C"

import (
	"encoding/binary"
	"fmt"
	"image"
	"math"
	"sort"

	"gocv.io/x/gocv"

	"tram/vision/people"
)

// hogSize is how many coefficients a detector for windows of 64×128 pixels has:
// 7×15 blocks of 36, and one.
const hogSize = 7*15*36 + 1

// hog finds people who fill much of the picture by the gradients of their
// outline: Dalal and Triggs, Histograms of Oriented Gradients for Human
// Detection, 2005, with OpenCV's own coefficients.
type hog struct {
	descriptor gocv.HOGDescriptor
	small      gocv.Mat
}

// newHOG takes the coefficients from OpenCV itself: gocv's function for it hands
// out memory that is free already.
func newHOG() (*hog, error) {
	var all [hogSize]C.float
	if n := C.hog_people(&all[0], hogSize); n != hogSize {
		return nil, fmt.Errorf("OpenCV's detector of people has %d coefficients, want %d", int(n), hogSize)
	}
	raw := make([]byte, 0, 4*hogSize)
	for _, c := range all {
		raw = binary.NativeEndian.AppendUint32(raw, math.Float32bits(float32(c)))
	}
	m, err := gocv.NewMatFromBytes(hogSize, 1, gocv.MatTypeCV32F, raw)
	if err != nil {
		return nil, fmt.Errorf("take over OpenCV's detector of people: %w", err)
	}
	defer m.Close()
	d := &hog{descriptor: gocv.NewHOGDescriptor(), small: gocv.NewMat()}
	if err := d.descriptor.SetSVMDetector(m); err != nil {
		d.close()
		return nil, fmt.Errorf("take over OpenCV's detector of people: %w", err)
	}
	return d, nil
}

func (d *hog) close() {
	_ = d.descriptor.Close()
	_ = d.small.Close()
}

const (
	hogPixels = 400 * 300 // the frame is shrunk to so many: people are then 96 pixels high or more
	hogScale  = 1.15      // from one size that is looked for to the next
	hogPad    = 16        // pixels beside the picture
	hogAlike  = 0.45      // overlap of two hits on one person
)

// outline is a person that was found, with how many neighbouring windows said so.
type outline struct {
	people.Box
	hits float64
}

// detect returns the people found, the surest first.
func (d *hog) detect(frame gocv.Mat) []outline {
	k := min(1, math.Sqrt(hogPixels/float64(frame.Cols()*frame.Rows())))
	w, h := int(float64(frame.Cols())*k), int(float64(frame.Rows())*k)
	if w+2*hogPad < 64 || h+2*hogPad < 128 {
		return nil // no window fits
	}
	gocv.Resize(frame, &d.small, image.Pt(w, h), 0, 0, gocv.InterpolationArea)
	windows := d.descriptor.DetectMultiScaleWithParams(d.small, 0, image.Pt(8, 8), image.Pt(hogPad, hogPad), hogScale, 0, false)
	var found []outline
next:
	for _, r := range windows {
		b := people.Box{X: float64(r.Min.X), Y: float64(r.Min.Y), W: float64(r.Dx()), H: float64(r.Dy())}
		for i := range found {
			if o := &found[i]; o.IoU(b) > hogAlike {
				mean := func(a, b float64) float64 { return (a*o.hits + b) / (o.hits + 1) }
				o.Box = people.Box{X: mean(o.X, b.X), Y: mean(o.Y, b.Y), W: mean(o.W, b.W), H: mean(o.H, b.H)}
				o.hits++
				continue next
			}
		}
		found = append(found, outline{b, 1})
	}
	for i := range found { // a window has a margin around the person
		b := found[i].Box
		found[i].Box = people.Box{X: (b.X + 0.14*b.W) / k, Y: (b.Y + 0.08*b.H) / k, W: 0.72 * b.W / k, H: 0.84 * b.H / k}
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].hits > found[j].hits })
	return found
}

// unaided is the detector that needs no file. People who are small in the picture
// are told by what differs from the background; parts of people who fill it would
// then be taken for people, so these are told by their outline.
type unaided struct {
	*motion
	outlines *hog
	large    bool   // people fill the picture
	votes    []bool // of the last looks: there were such people
}

func newUnaided() (*unaided, error) {
	h, err := newHOG()
	if err != nil {
		return nil, err
	}
	return &unaided{motion: newMotion(), outlines: h}, nil
}

func (d *unaided) close() {
	d.motion.close()
	d.outlines.close()
}

const (
	firstLooks  = 12  // frames at the beginning in which both are asked
	lookEvery   = 10  // and later each so many-th
	votesKept   = 8   // looks
	votesNeeded = 5   // of them
	firstNeeded = 3   // in the first ones, before the background is known
	largeHeight = 0.3 // of the picture
	sureHits    = 4
)

func (d *unaided) detect(frame gocv.Mat) ([]people.Detection, error) {
	small, err := d.motion.detect(frame)
	if err != nil {
		return nil, err
	}
	look := d.seen > 1 && (d.seen < firstLooks || d.seen%lookEvery == 0)
	if !look && !d.large {
		return small, nil
	}
	outlines := d.outlines.detect(frame)
	if look {
		d.vote(frame, outlines, len(small) > 0)
	}
	if !d.large && (d.seen >= firstLooks || d.yes() == 0) {
		return small, nil
	}
	found := make([]people.Detection, 0, len(outlines))
	for _, o := range outlines {
		found = append(found, people.Detection{Box: o.Box, Score: min(0.95, 0.35+0.1*o.hits)})
	}
	return found, nil
}

func (d *unaided) yes() (n int) {
	for _, v := range d.votes {
		if v {
			n++
		}
	}
	return n
}

// vote decides by the last looks how people are told from now on. While nobody
// is there nothing changes.
func (d *unaided) vote(frame gocv.Mat, outlines []outline, anybody bool) {
	there := false
	for _, o := range outlines {
		there = there || o.hits >= sureHits && o.H >= largeHeight*float64(frame.Rows()) && (d.seen < firstLooks || d.moves(o.Box, frame))
	}
	if !there && !anybody {
		return
	}
	d.votes = append(d.votes, there)
	d.votes = d.votes[max(0, len(d.votes)-votesKept):]
	switch n := d.yes(); {
	case n >= votesNeeded, n >= firstNeeded && d.seen < firstLooks:
		d.large = true
	case n == 0 && len(d.votes) == votesKept:
		d.large = false
	}
}

// moves reports whether some of a box differs from the background: a poster does
// not. Of a large person in one colour, little does at first.
func (d *unaided) moves(b people.Box, frame gocv.Mat) bool {
	k := float64(d.mask.Cols()) / float64(frame.Cols())
	r := rect(people.Box{X: b.X * k, Y: b.Y * k, W: b.W * k, H: b.H * k}).Intersect(image.Rect(0, 0, d.mask.Cols(), d.mask.Rows()))
	if r.Empty() {
		return false
	}
	part := d.mask.Region(r)
	defer part.Close()
	return gocv.CountNonZero(part)*25 >= r.Dx()*r.Dy()
}
