package qr

// edge is a change between light and dark along a line.
type edge struct {
	pos  float32 // where it is half done, in samples with the first's centre at 0.5
	dark bool    // what comes after it
}

// leastContrast is the smallest change that counts as an edge, in grey levels.
const leastContrast = 12

// edges appends the changes along v to out. A change counts when it is larger than
// the noise and than a fifth of the changes just before it: each edge is found at half
// the height between the extremes at its sides, so blur and uneven light shift it little.
//
//go:norace
func edges(v []int16, out []edge) []edge {
	if len(v) < 3 {
		return out
	}
	lo, hi := v[0], v[0]
	loAt, hiAt := 0, 0
	rising := false // looking for the next maximum; settled by the first change
	settled := false
	need := int16(leastContrast)
	last := int16(leastContrast)
	for i := 1; i < len(v); i++ {
		c := v[i]
		if !settled {
			if c < lo {
				lo, loAt = c, i
			}
			if c > hi {
				hi, hiAt = c, i
			}
			if hi-lo >= need {
				settled = true
				rising = hiAt > loAt
			}
			continue
		}
		if rising {
			if c > hi {
				hi, hiAt = c, i
			} else if hi-c >= need {
				// The way from the minimum up to this maximum is over.
				out = append(out, edge{cross(v, loAt, hiAt, (int(lo)+int(hi))/2), false})
				last = hi - lo
				need = max(leastContrast, last/5)
				rising = false
				lo, loAt = c, i
			}
		} else {
			if c < lo {
				lo, loAt = c, i
			} else if c-lo >= need {
				out = append(out, edge{cross(v, hiAt, loAt, (int(lo)+int(hi))/2), true})
				last = hi - lo
				need = max(leastContrast, last/5)
				rising = true
				hi, hiAt = c, i
			}
		}
		if i&15 == 0 && need > leastContrast {
			need -= need / 8 // far from the last edge, weak ones count again
		}
	}
	if settled {
		if rising {
			out = append(out, edge{cross(v, loAt, hiAt, (int(lo)+int(hi))/2), false})
		} else {
			out = append(out, edge{cross(v, hiAt, loAt, (int(lo)+int(hi))/2), true})
		}
	}
	return out
}

// cross returns where v passes level between a and b.
//
//go:norace
func cross(v []int16, a, b, level int) float32 {
	up := v[b] > v[a]
	for i := a; i < b; i++ {
		p, q := int(v[i]), int(v[i+1])
		if up && p <= level && q > level || !up && p >= level && q < level {
			return float32(i) + 0.5 + float32(level-p)/float32(q-p)
		}
	}
	return float32(a+b)/2 + 0.5
}

// finderRun tells whether five runs between six edges have the widths 1:1:3:1:1 of a
// finder pattern, and how wide one module is.
//
//go:norace
func finderRun(e []edge) (module float32, ok bool) {
	total := e[5].pos - e[0].pos
	m := total / 7
	if m < 0.9 {
		return 0, false
	}
	tol := m*0.5 + 0.35
	a, b, c, d, f := e[1].pos-e[0].pos, e[2].pos-e[1].pos, e[3].pos-e[2].pos, e[4].pos-e[3].pos, e[5].pos-e[4].pos
	if abs(c-3*m) > 1.6*tol || abs(a-m) > tol || abs(b-m) > tol || abs(d-m) > tol || abs(f-m) > tol {
		return 0, false
	}
	return m, true
}

func abs[T int | float32 | float64](v T) T {
	if v < 0 {
		return -v
	}
	return v
}
