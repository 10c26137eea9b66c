package qr

import "math"

// point is a place in the picture, in pixels, or in a code, in modules.
type point struct{ x, y float64 }

func (a point) plus(b point) point       { return point{a.x + b.x, a.y + b.y} }
func (a point) minus(b point) point      { return point{a.x - b.x, a.y - b.y} }
func (a point) times(k float64) point    { return point{a.x * k, a.y * k} }
func (a point) cross(b point) float64    { return a.x*b.y - a.y*b.x }
func (a point) dot(b point) float64      { return a.x*b.x + a.y*b.y }
func (a point) length() float64          { return math.Hypot(a.x, a.y) }
func (a point) distance(b point) float64 { return math.Hypot(a.x-b.x, a.y-b.y) }

// homography takes modules to pixels.
type homography struct{ a, b, c, d, e, f, g, h float64 }

// through returns the homography that takes the corners (n, n), (s, n), (n, s), (s, s)
// with n = near and s = far, in modules, to tl, tr, bl, br.
//
//go:norace
func through(near, far float64, tl, tr, bl, br point) homography {
	// The unit square to a quadrilateral (Heckbert 1989, §2.2.3), after a scaling.
	sx, sy := tl.x-tr.x+br.x-bl.x, tl.y-tr.y+br.y-bl.y
	dx1, dy1 := tr.x-br.x, tr.y-br.y
	dx2, dy2 := bl.x-br.x, bl.y-br.y
	den := dx1*dy2 - dx2*dy1
	var g, h float64
	if den != 0 {
		g = (sx*dy2 - dx2*sy) / den
		h = (dx1*sy - sx*dy1) / den
	}
	a, b, c := tr.x-tl.x+g*tr.x, bl.x-tl.x+h*bl.x, tl.x
	d, e, f := tr.y-tl.y+g*tr.y, bl.y-tl.y+h*bl.y, tl.y
	k := 1 / (far - near)
	a, b, d, e, g, h = a*k, b*k, d*k, e*k, g*k, h*k
	// (u, v) → (u-near, v-near)
	w := 1 - g*near - h*near
	return homography{a, b, c - a*near - b*near, d, e, f - d*near - e*near, g, h}.over(w)
}

//go:norace
func (m homography) over(w float64) homography {
	k := 1 / w
	return homography{m.a * k, m.b * k, m.c * k, m.d * k, m.e * k, m.f * k, m.g * k, m.h * k}
}

// at returns the pixel of module position (u, v).
//
//go:norace
func (m *homography) at(u, v float64) point {
	k := 1 / (m.g*u + m.h*v + 1)
	return point{(m.a*u + m.b*v + m.c) * k, (m.d*u + m.e*v + m.f) * k}
}
