package picture

import (
	"image"
	"math"
)

// draw draws the figure at t = 0..1 of its way; clock moves its legs.
//
//go:norace
func (w *walker) draw(img *image.RGBA, t, clock float64) {
	x, y, h := lerp(w.x0, w.x1, t), lerp(w.y0, w.y1, t), w.tall
	face := math.Copysign(1, w.x1-w.x0)
	swing := math.Sin(clock * w.gait * 0.55)
	dark(img, x, y+1, 0.20*h, 0.035*h)
	shoe := [3]byte{25, 22, 22}
	hip := y - 0.48*h
	for _, leg := range [2]float64{-1, 1} {
		foot := x + leg*swing*0.15*h
		lift := max(0, leg*math.Cos(clock*w.gait*0.55)) * 0.03 * h
		limb(img, x, hip, foot, y-0.04*h-lift, 0.060*h, 0.042*h, w.legs)
		limb(img, foot-0.01*h*face, y-0.02*h-lift, foot+0.06*h*face, y-0.015*h-lift, 0.025*h, 0.022*h, shoe)
	}
	back := shade(w.coat, 0.75)
	limb(img, x, y-0.78*h, x+swing*0.16*h, y-0.48*h, 0.040*h, 0.030*h, back)
	limb(img, x, y-0.78*h, x, y-0.50*h, 0.115*h, 0.095*h, w.coat)
	limb(img, x, y-0.78*h, x-swing*0.16*h, y-0.48*h, 0.042*h, 0.030*h, shade(w.coat, 1.12))
	limb(img, x, y-0.87*h, x, y-0.82*h, 0.035*h, 0.04*h, w.skin)
	limb(img, x+0.005*h*face, y-0.935*h, x+0.012*h*face, y-0.905*h, 0.058*h, 0.050*h, w.skin)
	limb(img, x-0.012*h*face, y-0.955*h, x-0.02*h*face, y-0.925*h, 0.056*h, 0.050*h, w.hair)
}

//go:norace
func shade(c [3]byte, k float64) [3]byte {
	for i := range c {
		c[i] = byte(min(255, float64(c[i])*k))
	}
	return c
}

// limb draws a tapered capsule from (x0, y0) to (x1, y1), shaded as if round.
//
//go:norace
func limb(img *image.RGBA, x0, y0, x1, y1, r0, r1 float64, c [3]byte) {
	r := max(r0, r1) + 1
	b := img.Rect
	dx, dy := x1-x0, y1-y0
	long := dx*dx + dy*dy
	for py := max(int(min(y0, y1)-r), b.Min.Y); py <= min(int(max(y0, y1)+r), b.Max.Y-1); py++ {
		for px := max(int(min(x0, x1)-r), b.Min.X); px <= min(int(max(x0, x1)+r), b.Max.X-1); px++ {
			fx, fy := float64(px)-x0, float64(py)-y0
			t := clamp((fx*dx+fy*dy)/max(long, 1e-9), 0, 1)
			ex, ey := fx-t*dx, fy-t*dy
			radius := lerp(r0, r1, t)
			d := math.Hypot(ex, ey)
			if a := clamp(radius-d+0.5, 0, 1); a > 0 {
				light := 1.06 - 0.30*pow(d/radius, 2) - 0.10*ex/radius
				blend(img, px, py, shade(c, light), a)
			}
		}
	}
}

// dark lays a soft shadow on the ground.
//
//go:norace
func dark(img *image.RGBA, cx, cy, rx, ry float64) {
	b := img.Rect
	for py := max(int(cy-ry), b.Min.Y); py <= min(int(cy+ry), b.Max.Y-1); py++ {
		for px := max(int(cx-rx), b.Min.X); px <= min(int(cx+rx), b.Max.X-1); px++ {
			u, v := (float64(px)-cx)/rx, (float64(py)-cy)/ry
			if d := u*u + v*v; d < 1 {
				blend(img, px, py, [3]byte{40, 40, 42}, 0.35*(1-d))
			}
		}
	}
}

//go:norace
func blend(img *image.RGBA, x, y int, c [3]byte, a float64) {
	o := img.PixOffset(x, y)
	for i := range 3 {
		img.Pix[o+i] = byte(float64(img.Pix[o+i])*(1-a) + float64(c[i])*a + 0.5)
	}
}
