package picture

import "math"

// rgb is a colour in linear 0..1 units as painted, not gamma-coded: the error
// against real light is not seen at the size of a portrait.
type rgb struct{ r, g, b float64 }

//go:norace
func (a rgb) mul(k float64) rgb { return rgb{a.r * k, a.g * k, a.b * k} }

//go:norace
func (a rgb) times(b rgb) rgb { return rgb{a.r * b.r, a.g * b.g, a.b * b.b} }

//go:norace
func (a rgb) plus(b rgb) rgb { return rgb{a.r + b.r, a.g + b.g, a.b + b.b} }

//go:norace
func mix(a, b rgb, t float64) rgb { return a.mul(1 - t).plus(b.mul(t)) }

//go:norace
func lerp(a, b, t float64) float64 { return a + (b-a)*t }

//go:norace
func clamp(v, lo, hi float64) float64 { return max(lo, min(hi, v)) }

// step rises smoothly from 0 at a to 1 at b; a may be above b.
//
//go:norace
func step(a, b, v float64) float64 {
	t := clamp((v-a)/(b-a), 0, 1)
	return t * t * (3 - 2*t)
}

// bell is a Gaussian hill of height 1 at (cx, cy).
//
//go:norace
func bell(x, y, cx, cy, sx, sy float64) float64 {
	dx, dy := (x-cx)/sx, (y-cy)/sy
	d := dx*dx + dy*dy
	if d > 60 { // below 1e-13: most of the picture is far from most hills
		return 0
	}
	return math.Exp(-d / 2)
}

// oval is below 0 inside the ellipse, about the distance outside.
//
//go:norace
func oval(x, y, cx, cy, rx, ry float64) float64 {
	dx, dy := (x-cx)/rx, (y-cy)/ry
	return (math.Sqrt(dx*dx+dy*dy) - 1) * min(rx, ry)
}

// grain is a fixed pseudo-random number in 0..1 for a lattice point.
//
//go:norace
func grain(x, y int, seed uint64) float64 {
	h := uint64(uint32(x))*0x9E3779B97F4A7C15 ^ uint64(uint32(y))*0xC2B2AE3D27D4EB4F ^ seed*0x165667B19E3779F9
	h ^= h >> 29
	h *= 0xBF58476D1CE4E5B9
	h ^= h >> 32
	h *= 0x94D049BB133111EB
	h ^= h >> 31
	return float64(h>>11) / (1 << 53)
}

// noise is smooth value noise in 0..1 with one feature per unit.
//
//go:norace
func noise(x, y float64, seed uint64) float64 {
	fx, fy := math.Floor(x), math.Floor(y)
	ix, iy := int(fx), int(fy)
	tx, ty := x-fx, y-fy
	tx, ty = tx*tx*(3-2*tx), ty*ty*(3-2*ty)
	top := lerp(grain(ix, iy, seed), grain(ix+1, iy, seed), tx)
	low := lerp(grain(ix, iy+1, seed), grain(ix+1, iy+1, seed), tx)
	return lerp(top, low, ty)
}
