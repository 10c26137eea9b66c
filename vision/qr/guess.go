package qr

import (
	"cmp"
	"math"
	"slices"
)

const (
	mostPairs   = 3
	mostGuesses = 4
	leastGuess  = 0.25 // of the contrast of the finders that were found
)

// guesses lists corners of which one was not found, because a finger covers a part of it or its lines are
// smeared: for two good finders, where the third stands out most.
func (s *scan) guesses(found []finder) []triple {
	found = best(found, mostPairs)
	strongest := 0.0
	for i := range found {
		strongest = max(strongest, found[i].score)
	}
	// Of a finder that stands on its corner one row may meet all that there is.
	good := func(f *finder) bool { return f.seen > 1 || f.score > 0.7*strongest }
	var out []triple
	for i := range found {
		for j := range i {
			a, b := &found[i], &found[j]
			if !good(a) || !good(b) || max(a.module(), b.module()) > 1.3*min(a.module(), b.module()) || max(a.score, b.score) > 2*min(a.score, b.score) {
				continue
			}
			out = append(out, s.thirds(a, b)...)
		}
	}
	slices.SortFunc(out, func(a, b triple) int { return cmp.Compare(a.cost, b.cost) })
	return out[:min(len(out), mostGuesses)]
}

// thirds lists the squares on two finders where something like a third is.
func (s *scan) thirds(a, b *finder) []triple {
	pa, pb := a.point(), b.point()
	d := pb.minus(pa)
	right := point{-d.y, d.x} // d turned clockwise on the screen
	half := right.plus(d).times(0.5)
	var out []triple
	for _, g := range [...]struct {
		third point
		from  [3]int // which is the corner between the others, which follow clockwise: 0 a, 1 b, 2 the third
	}{
		{pa.plus(right), [3]int{0, 1, 2}},
		{pb.minus(right), [3]int{1, 0, 2}},
		{pa.minus(right), [3]int{0, 2, 1}},
		{pb.plus(right), [3]int{1, 2, 0}},
		{pa.plus(half), [3]int{2, 0, 1}},
		{pb.minus(half), [3]int{2, 1, 0}},
	} {
		corner := [3]point{pa, pb, g.third}
		tl := corner[g.from[0]]
		u, v := corner[g.from[1]].minus(tl), corner[g.from[2]].minus(tl)
		module := math.Sqrt(a.module() * b.module())
		// A square that stands on its corner is cut longer by the axes than its side.
		module *= max(abs(u.x), abs(u.y)) / u.length()
		modules := u.length() / module
		if modules < 12 || modules > 100 {
			continue
		}
		u, v = u.times(1/modules), v.times(1/modules)
		place, contrast := s.template(g.third, u, v, 2+0.08*modules)
		if contrast < leastGuess*min(a.score, b.score) {
			continue
		}
		f := [3]finder{*a, *b}
		f[2] = finder{x: place.x, y: place.y, mx: a.mx, my: a.my, score: contrast}
		out = append(out, triple{tl: f[g.from[0]], tr: f[g.from[1]], bl: f[g.from[2]], cost: -contrast})
	}
	return out
}

// template looks around a place for a finder pattern whose modules lie along u and v.
//
//go:norace
func (s *scan) template(at, u, v point, reach float64) (place point, best float64) {
	g := &layouts[1]().groups[0] // the upper left finder, its centre at (3.5, 3.5)
	steps := int(2 * reach)
	for j := -steps; j <= steps; j++ {
		for i := -steps; i <= steps; i++ {
			p := at.plus(u.times(float64(i) / 2)).plus(v.times(float64(j) / 2))
			var light, dark float64
			for k := range g.cells {
				c := &g.cells[k]
				x, y := c.u-3.5, c.v-3.5
				if grey := s.p.at(p.x+u.x*x+v.x*y, p.y+u.y*x+v.y*y); c.light {
					light += grey
				} else {
					dark += grey
				}
			}
			if c := light/float64(g.light) - dark/float64(len(g.cells)-g.light); c > best {
				place, best = p, c
			}
		}
	}
	return place, best
}
