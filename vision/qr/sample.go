package qr

import "math"

// grid is a code sampled at its modules, with a margin of one module around it.
type grid struct {
	plan *layout
	side int       // size + 2
	v    []float64 // grey, light is high
}

// sample reads the modules' grey values; shift, when not nil, moves the sample of a
// module by some of its size.
func (s *scan) sample(q *pose, shift func(u, v float64) point) *grid {
	n := q.plan.size
	g := &grid{plan: q.plan, side: n + 2, v: make([]float64, (n+2)*(n+2))}
	module := q.q[0].distance(q.q[1]) / float64(n-7)
	for j := range g.side {
		for i := range g.side {
			u, v := float64(i)-0.5, float64(j)-0.5
			if shift != nil {
				d := shift(u, v)
				u, v = u+d.x, v+d.y
			}
			a := q.m.at(u, v)
			x := s.p.at(a.x, a.y)
			if module > 3.2 {
				b, c := q.m.at(u-0.22, v-0.22), q.m.at(u+0.22, v+0.22)
				d, e := q.m.at(u-0.22, v+0.22), q.m.at(u+0.22, v-0.22)
				x = (2*x + s.p.at(b.x, b.y) + s.p.at(c.x, c.y) + s.p.at(d.x, d.y) + s.p.at(e.x, e.y)) / 6
			}
			g.v[j*g.side+i] = x
		}
	}
	return g
}

// box returns the mean over (2r+1)² modules around each module, cut at the border.
//
//go:norace
func (g *grid) box(in []float64, r int) []float64 {
	n := g.side
	sum := make([]float64, (n+1)*(n+1))
	for j := range n {
		row := 0.0
		for i := range n {
			row += in[j*n+i]
			sum[(j+1)*(n+1)+i+1] = sum[j*(n+1)+i+1] + row
		}
	}
	out := make([]float64, n*n)
	for j := range n {
		y0, y1 := max(j-r, 0), min(j+r+1, n)
		for i := range n {
			x0, x1 := max(i-r, 0), min(i+r+1, n)
			t := sum[y1*(n+1)+x1] - sum[y0*(n+1)+x1] - sum[y1*(n+1)+x0] + sum[y0*(n+1)+x0]
			out[j*n+i] = t / float64((y1-y0)*(x1-x0))
		}
	}
	return out
}

// light returns, for each module, the grey level around it and how much the modules differ from it.
func (g *grid) light(r int) (mean, dev []float64) {
	mean = g.box(g.v, r)
	dev = make([]float64, len(g.v))
	for i, v := range g.v {
		dev[i] = abs(v - mean[i])
	}
	dev = g.box(dev, r)
	for i := range dev {
		dev[i] += 2 // where nothing differs
	}
	return mean, dev
}

// level returns the values relative to the light around them: about -1 for dark, 1 for light.
func (g *grid) level(r int) []float64 {
	mean, dev := g.light(r)
	for i, v := range g.v {
		dev[i] = (v - mean[i]) / dev[i]
	}
	return dev
}

// equalise undoes the blur between neighbouring modules: it learns from the modules
// that are known beforehand which mix of a module and its neighbours tells light from
// dark best (least squares), and returns that mix for every module.
//
//go:norace
func (g *grid) equalise(level []float64) []float64 {
	n := g.side
	const taps = 6 // itself, left and right, above and below, the two diagonals, a constant
	feature := func(i, j int, f []float64) {
		o := j*n + i
		f[0] = level[o]
		f[1] = level[o-1] + level[o+1]
		f[2] = level[o-n] + level[o+n]
		f[3] = level[o-n-1] + level[o+n+1]
		f[4] = level[o-n+1] + level[o+n-1]
		f[5] = 1
	}
	size := g.plan.size
	return g.mix(taps, 3, feature, func(i, j int) (value, weight float64) {
		k := g.plan.known[j*size+i]
		if o := j*size + i; k != 0 && i > 0 && i < size-1 && j > 0 && j < size-1 &&
			g.plan.known[o-1] == k && g.plan.known[o+1] == k && g.plan.known[o-size] == k && g.plan.known[o+size] == k {
			return float64(k), 0.3 // inside an area of one colour there is little to learn
		}
		return float64(k), abs(float64(k))
	})
}

// mix learns which sum of the features gives the wanted values, each of its weight, and returns it for every module.
// distrust keeps the features' shares small.
//
//go:norace
func (g *grid) mix(taps int, distrust float64, feature func(i, j int, f []float64), want func(i, j int) (value, weight float64)) []float64 {
	size, n := g.plan.size, g.side
	rows := make([][]float64, taps)
	for r := range rows {
		rows[r] = make([]float64, taps+1)
		rows[r][r] = distrust
	}
	f := make([]float64, taps)
	for j := range size {
		for i := range size {
			value, weight := want(i, j)
			if weight == 0 {
				continue
			}
			feature(i+1, j+1, f)
			for r, row := range rows {
				wf := weight * f[r]
				for c := r; c < taps; c++ {
					row[c] += wf * f[c]
				}
				row[taps] += wf * value
			}
		}
	}
	for r := range rows {
		for c := range r {
			rows[r][c] = rows[c][r]
		}
	}
	share := solve(rows)
	out := make([]float64, n*n)
	for j := 1; j < n-1; j++ {
		for i := 1; i < n-1; i++ {
			feature(i, j, f)
			for r := range f {
				out[j*n+i] += share[r] * f[r]
			}
		}
	}
	return out
}

// solve is Gaussian elimination with pivoting; the last column is the right side.
func solve(a [][]float64) []float64 {
	n := len(a)
	x := make([]float64, n)
	for c := range n {
		p := c
		for r := c + 1; r < n; r++ {
			if abs(a[r][c]) > abs(a[p][c]) {
				p = r
			}
		}
		a[c], a[p] = a[p], a[c]
		if a[c][c] == 0 || math.IsNaN(a[c][c]) {
			continue
		}
		for r := range n {
			if r == c {
				continue
			}
			k := a[r][c] / a[c][c]
			for i := c; i <= n; i++ {
				a[r][i] -= k * a[c][i]
			}
		}
	}
	for i := range n {
		if a[i][i] != 0 {
			x[i] = a[i][n] / a[i][i]
		}
	}
	return x
}
