package ec

import "math/big"

// projective is a point (X : Y : Z); infinity is (0 : 1 : 0).
type projective struct{ x, y, z element }

// group computes on a curve of odd order with the complete addition formulas of
// Renes, Costello and Batina (EUROCRYPT 2016, algorithm 1), which know no special
// cases: one addition serves for doubling and infinity too.
type group struct {
	*field
	a, b3 element
}

func newGroup(c *Curve) *group {
	g := &group{field: newField(c.P)}
	g.a = g.from(c.A)
	b3 := new(big.Int).Mul(c.B, big.NewInt(3))
	g.b3 = g.from(b3.Mod(b3, c.P))
	return g
}

func (g *group) infinity() projective { return projective{y: g.one} }

func (g *group) enter(p Point) projective {
	return projective{g.from(p.X), g.from(p.Y), g.one}
}

func (g *group) leave(p *projective) Point {
	z := g.big(&p.z)
	if z.Sign() == 0 {
		return Point{}
	}
	z.ModInverse(z, g.modulus)
	x, y := g.big(&p.x), g.big(&p.y)
	x.Mul(x, z).Mod(x, g.modulus)
	y.Mul(y, z).Mod(y, g.modulus)
	return Point{x, y}
}

// plus sets r = p + q. r may be p or q.
func (g *group) plus(r, p, q *projective) {
	var t0, t1, t2, t3, t4, t5, x3, y3, z3 element
	g.mul(&t0, &p.x, &q.x)
	g.mul(&t1, &p.y, &q.y)
	g.mul(&t2, &p.z, &q.z)
	g.cross(&t3, &p.x, &p.y, &q.x, &q.y, &t0, &t1)
	g.cross(&t4, &p.x, &p.z, &q.x, &q.z, &t0, &t2)
	g.cross(&t5, &p.y, &p.z, &q.y, &q.z, &t1, &t2)
	g.mul(&z3, &g.a, &t4)
	g.mul(&x3, &g.b3, &t2)
	g.add(&z3, &x3, &z3)
	g.sub(&x3, &t1, &z3)
	g.add(&z3, &t1, &z3)
	g.mul(&y3, &x3, &z3)
	g.add(&t1, &t0, &t0)
	g.add(&t1, &t1, &t0)
	g.mul(&t2, &g.a, &t2)
	g.mul(&t4, &g.b3, &t4)
	g.add(&t1, &t1, &t2)
	g.sub(&t2, &t0, &t2)
	g.mul(&t2, &g.a, &t2)
	g.add(&t4, &t4, &t2)
	g.mul(&t0, &t1, &t4)
	g.add(&y3, &y3, &t0)
	g.mul(&t0, &t5, &t4)
	g.mul(&x3, &t3, &x3)
	g.sub(&x3, &x3, &t0)
	g.mul(&t0, &t3, &t1)
	g.mul(&z3, &t5, &z3)
	g.add(&z3, &z3, &t0)
	*r = projective{x3, y3, z3}
}

// cross sets z = (u1 + v1)(u2 + v2) − uu − vv, which is u1·v2 + u2·v1.
func (g *group) cross(z, u1, v1, u2, v2, uu, vv *element) {
	var s, t element
	g.add(&s, u1, v1)
	g.add(&t, u2, v2)
	g.mul(&s, &s, &t)
	g.add(&t, uu, vv)
	g.sub(z, &s, &t)
}

// table holds 0·P to 15·P.
type table [16]projective

func (g *group) multiples(p Point) *table {
	t := &table{g.infinity(), g.enter(p)}
	for i := 2; i < len(t); i++ {
		g.plus(&t[i], &t[i-1], &t[1])
	}
	return t
}

// pick returns entry i, looking at all of them.
func (t *table) pick(i byte) (p projective) {
	for j := range t {
		same := byte(j) ^ i
		mask := uint64(same)
		mask = (mask - 1) >> 63 * ^uint64(0) // all ones when j = i
		for k := range p.x {
			p.x[k] |= t[j].x[k] & mask
			p.y[k] |= t[j].y[k] & mask
			p.z[k] |= t[j].z[k] & mask
		}
	}
	return p
}

// sum returns Σ k·P for numbers of size bytes, by windows of four bits, all
// numbers in step.
func (g *group) sum(size int, terms ...term) Point {
	r := g.infinity()
	tables := make([]*table, len(terms))
	scalars := make([][]byte, len(terms))
	for i, t := range terms {
		tables[i], scalars[i] = g.multiples(t.p), t.k.FillBytes(make([]byte, size))
	}
	for digit := range 2 * size {
		if digit > 0 {
			for range 4 {
				g.plus(&r, &r, &r)
			}
		}
		for i, t := range tables {
			q := t.pick(scalars[i][digit/2] >> (4 * (1 - digit%2)) & 0x0F)
			g.plus(&r, &r, &q)
		}
	}
	return g.leave(&r)
}

type term struct {
	k *big.Int
	p Point
}
