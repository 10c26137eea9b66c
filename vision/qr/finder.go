package qr

import (
	"cmp"
	"math"
	"slices"
)

// finder is one of the three squares in a code's corners.
type finder struct {
	x, y   float64 // centre, pixels
	mx, my float64 // pixels a module, measured along x and along y
	light  bool    // an inverted code's: light where others are dark
	seen   int     // rows that met it
	score  float64 // contrast between its rings
}

func (f *finder) module() float64 { return math.Sqrt(f.mx * f.my) }

// scan finds finder patterns along every step-th row of p.
type scan struct {
	p     *plane
	line  []int16
	edges []edge
	found []finder
}

//go:norace
func (s *scan) rows(step int) {
	p := s.p
	s.line = slices.Grow(s.line[:0], max(p.w, p.h))
	for y := step / 2; y < p.h-1; y += step {
		v := s.line[:p.w]
		a, b := p.pix[y*p.w:][:p.w], p.pix[(y+1)*p.w:][:p.w]
		for x := range v {
			v[x] = (int16(a[x]) + int16(b[x])) >> 1
		}
		s.edges = edges(v, s.edges[:0])
		for i := 0; i+5 < len(s.edges); i++ {
			if m, ok := finderRun(s.edges[i : i+6]); ok {
				e := s.edges[i : i+6]
				s.consider(float64(e[0].pos+e[5].pos+e[2].pos+e[3].pos)/4, float64(y)+1, float64(m), !e[0].dark)
			}
		}
	}
}

// consider follows up what a row found at (x, y).
func (s *scan) consider(x, y, m float64, light bool) {
	for i := range s.found {
		f := &s.found[i]
		if f.light == light && abs(f.x-x) < 2*f.mx && abs(f.y-y) < 2.5*f.my {
			f.seen++
			return
		}
	}
	cy, my, ok := s.along(x, y, 0, 1, m, light)
	if !ok {
		return
	}
	cx, mx, ok := s.along(x, cy, 1, 0, m, light)
	if !ok || abs(cx-x) > 2*m {
		return
	}
	cy, my2, ok := s.along(cx, cy, 0, 1, my, light)
	if !ok {
		return
	}
	f := finder{x: cx, y: cy, mx: mx, my: my2, light: light, seen: 1}
	if f.mx > 2.2*f.my || f.my > 2.2*f.mx {
		return
	}
	if f.score = s.p.rings(&f); f.score <= 0 {
		return
	}
	for i := range s.found {
		g := &s.found[i]
		if g.light == light && abs(g.x-cx) < 2*g.mx && abs(g.y-cy) < 2*g.my {
			g.seen++
			return
		}
	}
	s.found = append(s.found, f)
}

// along looks for the finder's runs on the line through (x, y) in direction (dx, dy),
// one of the axes, and returns the middle and the pixels a module.
//
//go:norace
func (s *scan) along(x, y, dx, dy, m float64, light bool) (mid, module float64, ok bool) {
	p := s.p
	reach := min(int(9*m)+3, 255)
	var buf [511]int16
	v := buf[:2*reach+1]
	// The line lies between two rows or columns of pixels.
	ix, iy := int(max(x-0.5, 0)), int(max(y-0.5, 0))
	next, step, first, last, part := p.w, 1, ix, p.w-1, y-0.5-float64(iy)
	if dy != 0 {
		next, step, first, last, part = 1, p.w, iy, p.h-1, x-0.5-float64(ix)
	}
	if ix > p.w-2 || iy > p.h-2 {
		return 0, 0, false
	}
	base := iy*p.w + ix - first*step
	share := int(min(max(part, 0), 1) * 256)
	for i := range v {
		o := base + min(max(first+i-reach, 0), last)*step
		if o+next >= len(p.pix) {
			o -= next
		}
		v[i] = int16((int(p.pix[o])*(256-share) + int(p.pix[o+next])*share) >> 8) //nolint:gosec // a grey level
	}
	var store [64]edge
	e := edges(v, store[:0])
	best := math.Inf(1)
	begin := float64(first - reach) // where v begins
	centre := x*dx + y*dy - begin
	for i := 0; i+5 < len(e); i++ {
		if e[i].dark == light {
			continue
		}
		w, fits := finderRun(e[i : i+6])
		c := float64(e[i].pos+e[i+5].pos+e[i+2].pos+e[i+3].pos) / 4
		if d := abs(c - centre); fits && float64(e[i+2].pos)-1 <= centre && float64(e[i+3].pos)+1 >= centre && d < best && float64(w) < 2.5*m && float64(w) > 0.4*m {
			best, mid, module, ok = d, c+begin, float64(w), true
		}
	}
	return mid, module, ok
}

// turns are the sizes of a finder's side, seen along the axes, when it is upright, turned a little, and standing
// on its corner.
var turns = [...]float64{1, 0.86, 0.73}

// rings measures how much the light ring of a finder differs from its middle, in grey levels, where it shows
// best; 0 or less: it is none.
func (p *plane) rings(f *finder) float64 {
	best := 0.0
	for _, k := range turns {
		best = max(best, p.ring(f, 2.25*k))
	}
	return best
}

// ring is that at a distance of r modules from the middle.
//
//go:norace
func (p *plane) ring(f *finder, r float64) float64 {
	var mid, ring float64
	sign := 1.0
	if f.light {
		sign = -1
	}
	for i := range 8 {
		a := float64(i) * math.Pi / 4
		c, d := math.Cos(a), math.Sin(a)
		mid += p.at(f.x+0.35*r*f.mx*c, f.y+0.35*r*f.my*d)
	}
	mid /= 8
	below := 0
	const n = 16
	for i := range n {
		a := (float64(i) + 0.5) * 2 * math.Pi / n
		v := sign * (p.at(f.x+r*f.mx*math.Cos(a), f.y+r*f.my*math.Sin(a)) - mid)
		ring += v
		if v < leastContrast/2 {
			below++
		}
	}
	if below > 5 {
		return 0
	}
	return ring / n
}

// best keeps the n finders that most rows met and that stand out most.
func best(found []finder, n int) []finder {
	found = slices.Clone(found)
	weight := func(f *finder) float64 { return f.score * float64(min(f.seen, 4)) }
	slices.SortStableFunc(found, func(a, b finder) int { return cmp.Compare(weight(&b), weight(&a)) })
	return found[:min(len(found), n)]
}
