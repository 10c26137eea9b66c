package qr

import "math"

// bend measures how far a card that is not flat, or a lens, moves the fixed patterns
// from where the pose puts them, and returns the shift for any module. nil: nothing moves.
func (s *scan) bend(q *pose) func(u, v float64) point {
	type pin struct{ at, by point }
	var pins []pin
	for i := range q.plan.groups {
		g := &q.plan.groups[i]
		if len(g.cells) < alignCells { // timing has no place of its own along its line
			continue
		}
		var c point
		for _, k := range g.cells {
			c = c.plus(point{k.u, k.v})
		}
		c = c.times(1 / float64(len(g.cells)))
		best, by := g.shifted(s.p, &q.m, point{}), point{}
		for _, step := range [...]float64{0.4, 0.2, 0.1} {
			from := by
			for dv := -2; dv <= 2; dv++ {
				for du := -2; du <= 2; du++ {
					d := from.plus(point{float64(du) * step, float64(dv) * step})
					if v := g.shifted(s.p, &q.m, d); v > best && d.length() < 1.5 {
						best, by = v, d
					}
				}
			}
		}
		pins = append(pins, pin{c, by})
	}
	if len(pins) < 4 {
		return nil
	}
	return func(u, v float64) point {
		var sum point
		var weight float64
		for _, p := range pins {
			d := math.Hypot(p.at.x-u, p.at.y-v)
			w := 1 / (d*d + 4)
			sum = sum.plus(p.by.times(w))
			weight += w
		}
		return sum.times(1 / weight)
	}
}

// shifted is the group's contrast when it lies by d modules beside its place.
//
//go:norace
func (g *group) shifted(p *plane, m *homography, d point) float64 {
	var light, dark float64
	for i := range g.cells {
		c := &g.cells[i]
		q := m.at(c.u+d.x, c.v+d.y)
		if v := p.at(q.x, q.y); c.light {
			light += v
		} else {
			dark += v
		}
	}
	return light/float64(g.light) - dark/float64(len(g.cells)-g.light)
}
