package qr

import (
	"cmp"
	"image"
	"math"
	"slices"
)

// triple is three finders that may be the corners of one code.
type triple struct {
	tl, tr, bl finder
	cost       float64 // how far they are from the corners of a square
}

// smallModule is, in pixels, where a code begins to be hard to read.
const smallModule = 1.6

// usualLegs is how long the two legs together are in a code of version 14, in modules: few are larger.
const usualLegs = 130

// triples lists the likely corners, best first, at most most of them.
func (s *scan) triples(found []finder, most int) []triple {
	var out []triple
	for i := range found {
		for j := i + 1; j < len(found); j++ {
			for k := j + 1; k < len(found); k++ {
				if t, ok := corners(found[i], found[j], found[k]); ok {
					out = append(out, t)
				}
			}
		}
	}
	byCost := func(a, b triple) int { return cmp.Compare(a.cost, b.cost) }
	slices.SortFunc(out, byCost)
	out = out[:min(len(out), mostRanked)]
	if len(out) > 1 {
		// The corners of two codes beside each other make squares too, but with no dotted lines along their sides.
		for i := range out {
			out[i].cost -= s.dotted(&out[i])
		}
		slices.SortStableFunc(out, byCost)
	}
	return out[:min(len(out), most)]
}

// dotted is how clearly the timing patterns run between the corners, from 0 to 1.
func (s *scan) dotted(t *triple) float64 {
	best := 0.0
	versions := s.versions(t)
	for _, v := range versions[:min(len(versions), mostVersions)] {
		l := layouts[v]()
		q := quad{t.tl.point(), t.tr.point(), t.bl.point()}
		q[3] = q[1].plus(q[2]).minus(q[0])
		m := q.homography(l)
		var sum, lines float64
		for i := 3; i < len(l.groups) && len(l.groups[i].cells) < alignCells; i++ {
			sum += l.groups[i].contrast(s.p, &m)
			lines++
		}
		best = max(best, sum/lines/min(t.tl.score, t.tr.score, t.bl.score))
	}
	return min(best, 1)
}

func (f *finder) point() point { return point{f.x, f.y} }

// corners orders three finders so that the first is between the other two and they
// turn clockwise on the screen.
func corners(a, b, c finder) (triple, bool) {
	if a.light != b.light || a.light != c.light {
		return triple{}, false
	}
	small, large := min(a.module(), b.module(), c.module()), max(a.module(), b.module(), c.module())
	if large > 2.2*small {
		return triple{}, false
	}
	ab, bc, ca := a.point().distance(b.point()), b.point().distance(c.point()), c.point().distance(a.point())
	switch {
	case bc >= ab && bc >= ca: // a is the corner
	case ca >= ab && ca >= bc:
		a, b = b, a
	default:
		a, c = c, a
	}
	u, v := b.point().minus(a.point()), c.point().minus(a.point())
	if u.cross(v) < 0 {
		b, c, u, v = c, b, v, u
	}
	lu, lv := u.length(), v.length()
	mean := (small + large) / 2
	if lu < 8*small || lv < 8*small || lu > 190*large || lv > 190*large {
		return triple{}, false
	}
	cos := abs(u.dot(v)) / (lu * lv)
	legs := max(lu, lv)/min(lu, lv) - 1
	if cos > 0.6 || legs > 1.2 {
		return triple{}, false
	}
	cost := cos + legs + 1.5*(large/small-1)
	// Large codes first when the rest is equal: squares inside a code's data look like
	// finders now and then, but lie close together.
	cost -= 0.002 * min((lu+lv)/mean, usualLegs)
	// Print is as dark in one corner as in the others, but for a shadow or glare on one.
	faint, strong := min(a.score, b.score, c.score), max(a.score, b.score, c.score)
	cost += 0.2*math.Log2(strong/faint) - 0.15*math.Log2(faint)
	// What is made of single pixels is noise more often than a code.
	cost += max(0, smallModule-small)
	return triple{a, b, c, cost}, true
}

// across measures a finder's pixels a module along dir, a unit vector.
func (s *scan) across(f *finder, dir point) (float64, bool) {
	m := f.module()
	step := max(0.5, m/4)
	reach := int(8*m/step) + 2
	n := 2*reach + 1
	if n > 256 {
		return 0, false
	}
	var buf [256]int16
	for i := range n {
		t := float64(i-reach) * step
		buf[i] = int16(s.p.at(f.x+t*dir.x, f.y+t*dir.y) + 0.5)
	}
	var store [64]edge
	e := edges(buf[:n], store[:0])
	centre := float32(reach) + 0.5
	for i := 0; i+5 < len(e); i++ {
		if e[i].dark == f.light || e[i+2].pos > centre || e[i+3].pos < centre {
			continue
		}
		if w, ok := finderRun(e[i : i+6]); ok {
			return float64(w) * step, true
		}
	}
	return 0, false
}

// leg is how many modules lie between the centres of two finders, as the finders
// themselves measure it, and how much larger they are at the first than at the other.
func (s *scan) leg(a, b *finder) (modules, shrinks float64) {
	d := b.point().minus(a.point())
	l := d.length()
	dir := d.times(1 / l)
	// Where it cannot be measured along the leg: along the axes, which cut a turned square
	// longer than its side.
	turn := max(abs(dir.x), abs(dir.y))
	ma, oka := s.across(a, dir)
	mb, okb := s.across(b, dir)
	if !oka {
		ma = a.module() * turn
	}
	if !okb {
		mb = b.module() * turn
	}
	// Seen at a slant modules shrink along the leg; over one that lies in a plane their mean is the geometric one.
	return l / math.Sqrt(ma*mb), ma / mb
}

// versions lists the versions that the corners may have, likeliest first.
func (s *scan) versions(t *triple) []int {
	lu, _ := s.leg(&t.tl, &t.tr)
	lv, _ := s.leg(&t.tl, &t.bl)
	size := (lu+lv)/2 + 7
	v := (size - 17) / 4
	var out []int
	for n := int(math.Round(v - 2)); n <= int(math.Round(v+2)); n++ {
		if n >= 1 && n <= maxVersion && abs(float64(n)-v) < 0.9+0.07*v {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b int) int { return cmp.Compare(abs(float64(a)-v), abs(float64(b)-v)) })
	return out
}

// quad is the image of a code: where the centres of its finders lie, and the fourth
// point that makes them a square.
type quad [4]point // tl, tr, bl, br

func (q *quad) homography(l *layout) homography {
	return through(3.5, float64(l.size)-3.5, q[0], q[1], q[2], q[3])
}

// pose is a quad with how well the layout fits there.
type pose struct {
	q    quad
	m    homography
	fit  float64
	plan *layout
}

// corners are the outer corners of the code, clockwise from the one between the finders.
func (p *pose) corners() (out [4]image.Point) {
	n := float64(p.plan.size)
	for i, c := range [4]point{{0, 0}, {n, 0}, {n, n}, {0, n}} {
		at := p.m.at(c.x, c.y)
		out[i] = image.Pt(int(math.Round(at.x)), int(math.Round(at.y)))
	}
	return out
}

// likely tells whether what lies between the finders is there too: the timing patterns
// and the alignment patterns, in about the contrast of the finders.
func (p *pose) likely(pl *plane) bool {
	var finders, timing, aligns float64
	lines, pins := 0.0, 0.0
	for i := range p.plan.groups {
		g := &p.plan.groups[i]
		c := g.contrast(pl, &p.m)
		switch {
		case i < 3:
			finders += c / 3
		case len(g.cells) == alignCells:
			aligns += c
			pins++
		default:
			timing += c
			lines++
		}
	}
	timing /= lines
	if pins == 0 {
		return timing > 0.3*finders
	}
	return timing+aligns/pins > 0.8*finders
}

const (
	// leastFinders is the part of the finders' own contrast that their pattern must show where three corners put
	// it, before anything else is looked for: of the codes that are read the least shows 0.54, of what print and
	// texture put there nineteen of twenty show less than this.
	leastFinders = 0.4
	// leastFit is that part for the whole layout, before it is moved about: codes show 0.28 and more.
	leastFit = 0.2
)

// poses finds where a code of the version may lie between the corners, best first.
func (s *scan) poses(t *triple, version int) []pose {
	l := layouts[version]()
	q := quad{t.tl.point(), t.tr.point(), t.bl.point()}
	q[3] = q[1].plus(q[2]).minus(q[0])
	slanted := s.slanted(t)
	if far := slanted.distance(q[3]); far < 0.03*q[1].distance(q[2]) {
		slanted = q[3]
	}
	if version == 1 {
		q[3] = slanted
		return []pose{s.refine(l, q)}
	}
	stands := (t.tl.score + t.tr.score + t.bl.score) / 3
	flat, tilted := q.homography(l), (&quad{q[0], q[1], q[2], slanted}).homography(l)
	if max(l.finders(s.p, &flat), l.finders(s.p, &tilted)) < leastFinders*stands {
		return nil
	}
	corners := s.fourth(l, q)
	if slanted != q[3] {
		q[3] = slanted
		corners = append(corners, s.fourth(l, q)...)
	}
	var out []pose
	for _, br := range corners {
		at := q
		at[3] = br
		m := at.homography(l)
		out = append(out, pose{at, m, l.fit(s.p, &m), l})
	}
	slices.SortFunc(out, func(a, b pose) int { return cmp.Compare(b.fit, a.fit) })
	// The best, and the next best place that is another one.
	kept := out[:1]
	for _, p := range out[1:] {
		if p.fit > 0.6*out[0].fit && p.q[3].distance(out[0].q[3])*float64(l.size-7) > 1.5*q[0].distance(q[1]) {
			kept = append(kept, p)
			break
		}
	}
	out = nil
	for _, p := range kept {
		if p.fit > leastFit*stands {
			out = append(out, s.refine(l, p.q))
		}
	}
	slices.SortFunc(out, func(a, b pose) int { return cmp.Compare(b.fit, a.fit) })
	return out
}

// slanted is where the fourth point lies when the finders' sizes come from the slant at which the code is seen.
func (s *scan) slanted(t *triple) point {
	// In a picture of a plane the size along a line goes with the square of the distance's inverse.
	_, right := s.leg(&t.tl, &t.tr)
	_, down := s.leg(&t.tl, &t.bl)
	wr, wd := min(max(math.Sqrt(right), 0.6), 1.7), min(max(math.Sqrt(down), 0.6), 1.7)
	w := max(wr+wd-1, 0.4)
	return t.tr.point().times(wr).plus(t.bl.point().times(wd)).minus(t.tl.point()).times(1 / w)
}

// fourth looks for the alignment pattern at the corner without a finder, and returns
// the places of the fourth point where it fits best.
func (s *scan) fourth(l *layout, q quad) []point {
	n := float64(l.size - 7)
	ux, uy := q[1].minus(q[0]).times(1/n), q[2].minus(q[0]).times(1/n)
	g := &l.groups[len(l.groups)-1]
	reach := min(max(0.11*float64(l.size), 2), 8)
	steps := int(2 * reach)
	side := 2*steps + 1
	score := make([]float64, side*side)
	where := func(i, j int) point {
		return q[3].plus(ux.times(float64(i-steps) / 2)).plus(uy.times(float64(j-steps) / 2))
	}
	at := q
	for j := range side {
		for i := range side {
			at[3] = where(i, j)
			m := at.homography(l)
			score[j*side+i] = g.contrast(s.p, &m)
		}
	}
	type peak struct {
		p point
		v float64
	}
	var peaks []peak
	for j := range side {
		for i := range side {
			v := score[j*side+i]
			top := v > 0
			for dj := max(j-1, 0); top && dj <= min(j+1, side-1); dj++ {
				for di := max(i-1, 0); di <= min(i+1, side-1); di++ {
					if score[dj*side+di] > v {
						top = false
						break
					}
				}
			}
			if top {
				peaks = append(peaks, peak{where(i, j), v - 0.3*math.Hypot(float64(i-steps), float64(j-steps))})
			}
		}
	}
	slices.SortFunc(peaks, func(a, b peak) int { return cmp.Compare(b.v, a.v) })
	out := []point{}
	for _, p := range peaks[:min(len(peaks), 6)] {
		out = append(out, p.p)
	}
	if len(out) == 0 {
		out = append(out, q[3])
	}
	return out
}

// refine moves the four points until the layout fits best.
func (s *scan) refine(l *layout, q quad) pose {
	module := q[0].distance(q[1]) / float64(l.size-7)
	m := q.homography(l)
	best := l.fit(s.p, &m)
	for _, step := range [...]float64{0.6, 0.3, 0.15, 0.08} {
		d := step * module
		for range 3 {
			moved := false
			for k := range q {
				// The fourth point hangs on its alignment pattern only.
				for _, by := range [...]point{{d, 0}, {-d, 0}, {0, d}, {0, -d}} {
					at := q
					at[k] = q[k].plus(by)
					n := at.homography(l)
					if v := l.fit(s.p, &n); v > best {
						best, q, m, moved = v, at, n, true
					}
				}
			}
			if !moved {
				break
			}
		}
	}
	return pose{q, m, best, l}
}
