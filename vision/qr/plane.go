package qr

import (
	"bytes"
	"image"
)

// plane is a grey picture, rows without gaps.
type plane struct {
	pix  []byte
	w, h int
}

func planeOf(img *image.Gray) *plane {
	b := img.Bounds()
	p := &plane{w: b.Dx(), h: b.Dy()}
	if img.Stride == p.w {
		p.pix = img.Pix[img.PixOffset(b.Min.X, b.Min.Y):][:p.w*p.h]
		return p
	}
	p.pix = make([]byte, p.w*p.h)
	for y := range p.h {
		copy(p.pix[y*p.w:(y+1)*p.w], img.Pix[img.PixOffset(b.Min.X, b.Min.Y+y):])
	}
	return p
}

// at is the grey value at (x, y), in pixels with the centre of the first at
// (0.5, 0.5), between pixels by two lines; outside it is the border's.
//
//go:norace
func (p *plane) at(x, y float64) float64 {
	x, y = x-0.5, y-0.5
	if x < 0 || y < 0 || x >= float64(p.w-1) || y >= float64(p.h-1) {
		x, y = min(max(x, 0), float64(p.w-1)), min(max(y, 0), float64(p.h-1))
	}
	ix, iy := min(int(x), p.w-2), min(int(y), p.h-2)
	fx, fy := x-float64(ix), y-float64(iy)
	o := iy*p.w + ix
	a, b := float64(p.pix[o]), float64(p.pix[o+1])
	c, d := float64(p.pix[o+p.w]), float64(p.pix[o+p.w+1])
	top, low := a+(b-a)*fx, c+(d-c)*fx
	return top + (low-top)*fy
}

// halved is the picture at half size, each pixel the mean of four.
//
//go:norace
func (p *plane) halved() *plane {
	q := &plane{w: p.w / 2, h: p.h / 2}
	q.pix = make([]byte, q.w*q.h)
	for y := range q.h {
		a, b := p.pix[2*y*p.w:][:2*q.w], p.pix[(2*y+1)*p.w:][:2*q.w]
		out := q.pix[y*q.w:][:q.w]
		for x := range out {
			out[x] = byte((int(a[2*x]) + int(a[2*x+1]) + int(b[2*x]) + int(b[2*x+1]) + 2) / 4)
		}
	}
	return q
}

// framed is the picture with a light margin of n pixels.
func (p *plane) framed(n int) *plane {
	q := &plane{w: p.w + 2*n, h: p.h + 2*n}
	q.pix = bytes.Repeat([]byte{255}, q.w*q.h)
	for y := range p.h {
		copy(q.pix[(y+n)*q.w+n:], p.pix[y*p.w:(y+1)*p.w])
	}
	return q
}

// doubled is the picture at twice the size, between pixels by two lines.
//
//go:norace
func (p *plane) doubled() *plane {
	q := &plane{w: 2 * p.w, h: 2 * p.h}
	q.pix = make([]byte, q.w*q.h)
	for y := range q.h {
		for x := range q.w {
			q.pix[y*q.w+x] = byte(p.at((float64(x)+0.5)/2, (float64(y)+0.5)/2) + 0.5)
		}
	}
	return q
}

func (p *plane) inverted() *plane {
	q := &plane{w: p.w, h: p.h, pix: make([]byte, len(p.pix))}
	for i, v := range p.pix {
		q.pix[i] = 255 - v
	}
	return q
}

const (
	dullRange  = 110 // between the darkest and the lightest of a picture, but for one pixel in a thousand: less is stretched
	wholeRange = 210
	mostGain   = 4 // noise grows with it
)

// lit is the picture with its greys stretched, when it was taken in the dark or through haze: finders are looked
// for by changes that would be noise in another picture.
//
//go:norace
func (p *plane) lit() *plane {
	var counts [256]int
	n := 0
	for i := 0; i < len(p.pix); i += 7 { // no width is a multiple of it that matters
		counts[p.pix[i]]++
		n++
	}
	at := func(part int) (grey int) {
		for sum := counts[0]; sum <= part; sum += counts[grey] {
			grey++
		}
		return grey
	}
	dark, light := at(n/1000), at(n-1-n/1000)
	if light-dark >= dullRange || light == dark {
		return p
	}
	gain := min(float64(wholeRange)/float64(light-dark), mostGain)
	var to [256]byte
	for grey := range to {
		to[grey] = byte(min(max(float64(grey-dark)*gain+20, 0), 255))
	}
	q := &plane{w: p.w, h: p.h, pix: make([]byte, len(p.pix))}
	for i, v := range p.pix {
		q.pix[i] = to[v]
	}
	return q
}
