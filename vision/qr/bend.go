package qr

// pin is a fixed pattern with a place of its own, and how far from there it was found, in modules.
type pin struct{ at, by point }

// bend measures how far a card that is not flat, or a lens, moves the fixed patterns
// from where the pose puts them, and returns the shift for any module. nil: nothing moves.
func (s *scan) bend(q *pose) func(u, v float64) point {
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
		// A bent card moves neighbours alike, the finders in the corners least.
		by := between(pins, c)
		best := g.shifted(s.p, &q.m, by)
		for _, step := range [...]float64{0.5, 0.25, 0.1} {
			from := by
			for dv := -2; dv <= 2; dv++ {
				for du := -2; du <= 2; du++ {
					d := from.plus(point{float64(du) * step, float64(dv) * step})
					if v := g.shifted(s.p, &q.m, d); v > best {
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
	curve := curveOf(pins, float64(q.plan.size))
	for i := range pins {
		pins[i].by = pins[i].by.minus(curve(pins[i].at.x, pins[i].at.y))
	}
	return func(u, v float64) point { return curve(u, v).plus(between(pins, point{u, v})) }
}

// between is the shift at a place between pins, the nearest counting most.
//
//go:norace
func between(pins []pin, at point) point {
	var sum point
	weight := 1e-9 // no pins: no shift
	for i := range pins {
		p := &pins[i]
		x, y := p.at.x-at.x, p.at.y-at.y
		w := 1 / (x*x + y*y + 4)
		sum.x += p.by.x * w
		sum.y += p.by.y * w
		weight += w
	}
	return sum.times(1 / weight)
}

// leastCurved is how many pins a curve of the second degree needs to be more than a guess.
const leastCurved = 8

// curveOf returns the smooth bend that explains the pins' shifts best: a polynomial of
// the second degree, which a card bent round a finger nearly is.
func curveOf(pins []pin, size float64) func(u, v float64) point {
	if len(pins) < leastCurved {
		return func(float64, float64) point { return point{} }
	}
	terms := func(u, v float64) [6]float64 {
		u, v = 2*u/size-1, 2*v/size-1
		return [6]float64{1, u, v, u * u, u * v, v * v}
	}
	var share [2][]float64
	for axis := range share {
		rows := make([][]float64, 6)
		for r := range rows {
			rows[r] = make([]float64, 7)
			rows[r][r] = 0.02
		}
		for _, p := range pins {
			t, value := terms(p.at.x, p.at.y), p.by.x
			if axis == 1 {
				value = p.by.y
			}
			for r := range rows {
				for c := range t {
					rows[r][c] += t[r] * t[c]
				}
				rows[r][6] += t[r] * value
			}
		}
		share[axis] = solve(rows)
	}
	return func(u, v float64) (by point) {
		for i, t := range terms(u, v) {
			by.x += share[0][i] * t
			by.y += share[1][i] * t
		}
		return by
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
