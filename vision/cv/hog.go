package cv

// #cgo pkg-config: opencv4
// #cgo CXXFLAGS: -std=c++11
// #include "hog_people.h"
import "C"

import (
	"errors"
	"fmt"
	"image"
	"math"
	"sort"
	"unsafe"

	"gocv.io/x/gocv"

	"tram/vision"
	"tram/vision/people"
)

// hog finds people by the gradients of their outline: Dalal and Triggs, Histograms
// of Oriented Gradients for Human Detection, 2005, with OpenCV's own coefficients.
// gocv's own binding gives no weights, and its coefficients lie in memory that is
// free already.
type hog struct {
	c     *C.hog_people
	small gocv.Mat
	out   []C.float
}

func newHOG() (*hog, error) {
	c := C.hog_people_new()
	if c == nil {
		return nil, errors.New("OpenCV does not give its detector of people")
	}
	return &hog{c: c, small: gocv.NewMat(), out: make([]C.float, 3*hogRoom)}, nil
}

func (d *hog) close() {
	C.hog_people_free(d.c)
	_ = d.small.Close()
}

const (
	hogTall   = 97.0  // pixels of the person in a window of 128
	hogMiddle = 62    // the person's, not the window's: at 64 feet come out 2 % of the height too low
	hogWide   = 0.42  // of its height is the person's width
	hogLeast  = -0.35 // windows worth less are not looked at
	hogAlike  = 0.45  // overlap of two windows on one person
	hogRoom   = 4096  // windows at one size
)

// outline is a window that a person is in.
type outline struct {
	people.Box
	worth float64 // above 0 is a person
}

// look finds the people about tall pixels high in a part of the frame.
func (d *hog) look(frame gocv.Mat, part image.Rectangle, tall float64) ([]outline, error) {
	k := hogTall / tall
	w, h := int(math.Round(float64(part.Dx())*k)), int(math.Round(float64(part.Dy())*k))
	if w < 64 || h < 128 {
		return nil, nil // no window fits
	}
	view := frame.Region(part)
	defer view.Close()
	how := gocv.InterpolationArea
	if k > 1 {
		how = gocv.InterpolationLinear
	}
	gocv.Resize(view, &d.small, image.Pt(w, h), 0, 0, how)
	pixels, err := d.small.DataPtrUint8()
	if err != nil {
		return nil, fmt.Errorf("read a frame: %w", err)
	}
	n := int(C.hog_people_look(d.c, (*C.uchar)(unsafe.Pointer(&pixels[0])), C.int(w), C.int(h), C.long(3*w), hogLeast, &d.out[0], hogRoom))
	if n < 0 {
		return nil, fmt.Errorf("%w: OpenCV's detector of people", vision.ErrFailed)
	}
	found := make([]outline, 0, n)
	for i := range n {
		x, y := float64(d.out[3*i])+32, float64(d.out[3*i+1])+hogMiddle
		found = append(found, outline{people.Box{
			X: float64(part.Min.X) + (x-hogTall*hogWide/2)/k, Y: float64(part.Min.Y) + (y-hogTall/2)/k, W: hogTall * hogWide / k, H: hogTall / k,
		}, float64(d.out[3*i+2])})
	}
	return found, nil
}

// gathered puts the windows on one person together, the best first; each counts by its worth.
func gathered(windows []outline) []outline {
	sort.SliceStable(windows, func(i, j int) bool { return windows[i].worth > windows[j].worth })
	type sum struct{ n, x, y, w, h float64 }
	var best []outline
	var sums []sum
next:
	for _, o := range windows {
		n := o.worth - hogLeast + 0.05
		for i := range best {
			if best[i].IoU(o.Box) > hogAlike {
				s := &sums[i]
				s.n, s.x, s.y, s.w, s.h = s.n+n, s.x+n*o.X, s.y+n*o.Y, s.w+n*o.W, s.h+n*o.H
				continue next
			}
		}
		best = append(best, o)
		sums = append(sums, sum{n, n * o.X, n * o.Y, n * o.W, n * o.H})
	}
	for i, s := range sums {
		best[i].Box = people.Box{X: s.x / s.n, Y: s.y / s.n, W: s.w / s.n, H: s.h / s.n}
	}
	return best
}
