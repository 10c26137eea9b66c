package qr

// sharpen undoes more of the blur than equalise, at twenty times the cost: it looks between the modules too, and
// learns from what was read so far of all modules, not only from the few that are known beforehand. v is what was
// read, and what it returns is better where most of v was right.
func (s *scan) sharpen(q *pose, g *grid, shift func(u, v float64) point, v []float64) []float64 {
	fine := s.halves(q, shift)
	mean, dev := g.light(5)
	size, n, width := g.plan.size, g.side, 2*g.plan.size+5
	const reach = 2 // halves of a module to each side
	const taps = (2*reach+1)*(2*reach+1) + 1
	feature := func(i, j int, f []float64) {
		o := j*n + i
		k, scale := 0, 1/dev[o]
		for y := 2*j + 1 - reach; y <= 2*j+1+reach; y++ {
			for x := 2*i + 1 - reach; x <= 2*i+1+reach; x++ {
				if x >= 0 && y >= 0 && x < width && y < width {
					f[k] = (fine[y*width+x] - mean[o]) * scale
				} else {
					f[k] = 0
				}
				k++
			}
		}
		f[k] = 1
	}
	for range 2 {
		v = g.mix(taps, 6, feature, func(i, j int) (value, weight float64) {
			if k := g.plan.known[j*size+i]; k != 0 {
				return float64(k), 1
			}
			read := v[(j+1)*n+i+1]
			sure := min(abs(read), 1) - 0.2
			if sure <= 0 {
				return 0, 0
			}
			if read < 0 {
				return -1, sure
			}
			return 1, sure
		})
	}
	return v
}

// halves samples the code at every half module, from one module before it to one beyond it.
//
//go:norace
func (s *scan) halves(q *pose, shift func(u, v float64) point) []float64 {
	width := 2*q.plan.size + 5
	out := make([]float64, width*width)
	for j := range width {
		for i := range width {
			u, v := float64(i)/2-1, float64(j)/2-1
			if shift != nil {
				d := shift(u, v)
				u, v = u+d.x, v+d.y
			}
			a := q.m.at(u, v)
			out[j*width+i] = s.p.at(a.x, a.y)
		}
	}
	return out
}
