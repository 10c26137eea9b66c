package cv

import (
	"image"

	"gocv.io/x/gocv"

	"tram/vision/face"
)

// pyramid is a picture and its halves, each made when it is first wanted. Halving
// averages 2×2 pixels, which OpenCV does many times faster than any other
// shrinking, and nothing that is finer than the result is left to disturb it.
// The memory is used again for the next picture: to ask for a megabyte of fresh
// memory costs as much as to fill it.
type pyramid struct {
	levels []gocv.Mat // the first is the caller's
	made   int        // of levels, those of this picture
	small  gocv.Mat   // what the detector looks at
	field  gocv.Mat   // the same as its input
}

func newPyramid() *pyramid {
	return &pyramid{levels: make([]gocv.Mat, 1), small: gocv.NewMat(), field: gocv.NewMat()}
}

// show takes the next picture, which stays the caller's.
func (p *pyramid) show(m gocv.Mat) { p.levels[0], p.made = m, 1 }

// level is the picture at 2^−i of its size.
func (p *pyramid) level(i int) gocv.Mat {
	for ; p.made <= i; p.made++ {
		if len(p.levels) == p.made {
			p.levels = append(p.levels, gocv.NewMat())
		}
		last := &p.levels[p.made-1]
		gocv.Resize(*last, &p.levels[p.made], image.Pt(max(1, last.Cols()/2), max(1, last.Rows()/2)), 0, 0, gocv.InterpolationArea)
	}
	return p.levels[i]
}

// close overwrites whatever shows the last picture, or one before.
func (p *pyramid) close() {
	for i := range p.levels[1:] {
		wipe(&p.levels[1+i])
	}
	wipe(&p.small)
	wipe(&p.field)
}

// within is the picture with its longer side at most side pixels, and its scale.
func (p *pyramid) within(side int) (k float64, small gocv.Mat) {
	whole := max(p.levels[0].Cols(), p.levels[0].Rows())
	i := 0
	for whole>>(i+1) >= side {
		i++
	}
	near := p.level(i)
	longer := max(near.Cols(), near.Rows())
	if longer <= side {
		return float64(longer) / float64(whole), near
	}
	k = float64(side) / float64(longer)
	gocv.Resize(near, &p.small, image.Pt(max(1, int(float64(near.Cols())*k)), max(1, int(float64(near.Rows())*k))), 0, 0, gocv.InterpolationArea)
	return float64(side) / float64(whole), p.small
}

// blind is why no face may have been found in the picture: in the dark and against
// the sun there is none to be seen, whoever stands there.
func (p *pyramid) blind() face.Guide {
	mean := p.levels[p.made-1].Mean()
	switch light := 0.114*mean.Val1 + 0.587*mean.Val2 + 0.299*mean.Val3; {
	case light < 0.5*face.LeastLight:
		return face.TooDark
	case light > face.MostLight:
		return face.TooBright
	}
	return face.NoFace
}

// upright is the picture turned, shrunk and shifted by a (of face.Align) into w×h
// pixels. It is taken from the half, the quarter and so on that is nearest above
// that size: a warp takes four pixels of many, and noise and moiré of those between.
func (p *pyramid) upright(a [6]float64, w, h int) gocv.Mat {
	i := 0
	for k := face.ScaleOf(a); 2*k <= 1 && min(p.levels[0].Cols(), p.levels[0].Rows())>>i >= 2; k *= 2 {
		i++
	}
	from := p.level(i)
	// Pixel centres: x of the whole picture is (x+½)/2^i−½ of the level.
	n := float64(int(1) << i)
	t := gocv.NewMatWithSize(2, 3, gocv.MatTypeCV64F)
	defer t.Close()
	for row := range 2 {
		x, y, c := a[3*row], a[3*row+1], a[3*row+2]
		t.SetDoubleAt(row, 0, x*n)
		t.SetDoubleAt(row, 1, y*n)
		t.SetDoubleAt(row, 2, c+(x+y)*(n-1)/2)
	}
	out := gocv.NewMat()
	gocv.WarpAffine(from, &out, t, image.Pt(w, h))
	return out
}

// align cuts f out, upright, face.Side pixels square. The caller closes it.
func (p *pyramid) align(f face.Face) (gocv.Mat, error) {
	a, err := face.Align(f.Points)
	if err != nil {
		return gocv.Mat{}, err
	}
	return p.upright(a, face.Side, face.Side), nil
}
