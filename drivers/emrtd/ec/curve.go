package ec

import (
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"

	"github.com/osanderson/brainpool"
)

// Errors of this package.
var (
	ErrPoint = errors.New("ec: not a usable point of the curve")
	ErrCurve = errors.New("ec: unknown curve")
)

// Curve is a short Weierstrass curve y² = x³ + ax + b over the prime field P.
type Curve struct {
	Name       string // "brainpoolP256r1", "P-256"
	OID        string // dotted
	P, A, B, N *big.Int
	G          Point
	Size       int // bytes of a coordinate

	impl  elliptic.Curve
	group *group // nil where the standard library computes
}

// Point is a point of a curve. The zero Point and (0, 0) stand for infinity.
type Point struct{ X, Y *big.Int }

// IsInfinity reports whether p is the neutral element.
func (p Point) IsInfinity() bool {
	return p.X == nil || p.Y == nil || (p.X.Sign() == 0 && p.Y.Sign() == 0)
}

// Equal reports whether p and q are the same point.
func (p Point) Equal(q Point) bool {
	if p.IsInfinity() || q.IsInfinity() {
		return p.IsInfinity() == q.IsInfinity()
	}
	return p.X.Cmp(q.X) == 0 && p.Y.Cmp(q.Y) == 0
}

var known = sync.OnceValue(func() []*Curve {
	return []*Curve{
		newCurve("P-192", "1.2.840.10045.3.1.1", p192()),
		newCurve("P-224", "1.3.132.0.33", elliptic.P224()),
		newCurve("P-256", "1.2.840.10045.3.1.7", elliptic.P256()),
		newCurve("P-384", "1.3.132.0.34", elliptic.P384()),
		newCurve("P-521", "1.3.132.0.35", elliptic.P521()),
		newCurve("brainpoolP160r1", "1.3.36.3.3.2.8.1.1.1", brainpool.P160r1()),
		newCurve("brainpoolP160t1", "1.3.36.3.3.2.8.1.1.2", brainpool.P160t1()),
		newCurve("brainpoolP192r1", "1.3.36.3.3.2.8.1.1.3", brainpool.P192r1()),
		newCurve("brainpoolP192t1", "1.3.36.3.3.2.8.1.1.4", brainpool.P192t1()),
		newCurve("brainpoolP224r1", "1.3.36.3.3.2.8.1.1.5", brainpool.P224r1()),
		newCurve("brainpoolP224t1", "1.3.36.3.3.2.8.1.1.6", brainpool.P224t1()),
		newCurve("brainpoolP256r1", "1.3.36.3.3.2.8.1.1.7", brainpool.P256r1()),
		newCurve("brainpoolP256t1", "1.3.36.3.3.2.8.1.1.8", brainpool.P256t1()),
		newCurve("brainpoolP320r1", "1.3.36.3.3.2.8.1.1.9", brainpool.P320r1()),
		newCurve("brainpoolP320t1", "1.3.36.3.3.2.8.1.1.10", brainpool.P320t1()),
		newCurve("brainpoolP384r1", "1.3.36.3.3.2.8.1.1.11", brainpool.P384r1()),
		newCurve("brainpoolP384t1", "1.3.36.3.3.2.8.1.1.12", brainpool.P384t1()),
		newCurve("brainpoolP512r1", "1.3.36.3.3.2.8.1.1.13", brainpool.P512r1()),
		newCurve("brainpoolP512t1", "1.3.36.3.3.2.8.1.1.14", brainpool.P512t1()),
	}
})

func p192() elliptic.Curve {
	n := func(hex string) *big.Int { v, _ := new(big.Int).SetString(hex, 16); return v }
	return &elliptic.CurveParams{
		Name: "P-192", BitSize: 192,
		P:  n("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFFFFFFFFFF"),
		N:  n("FFFFFFFFFFFFFFFFFFFFFFFF99DEF836146BC9B1B4D22831"),
		B:  n("64210519E59C80E70FA7E9AB72243049FEB8DEECC146B9B1"),
		Gx: n("188DA80EB03090F67CBF20EB43A18800F4FF0AFD82FF1012"),
		Gy: n("07192B95FFC8DA78631011ED6B24CDD573F977A11E794811"),
	}
}

// newCurve works out a and b from the generator and its double, because the
// implementations know them in different forms or not at all.
func newCurve(name, oid string, impl elliptic.Curve) *Curve {
	q := impl.Params()
	c := &Curve{Name: name, OID: oid, P: q.P, N: q.N, G: Point{q.Gx, q.Gy}, Size: (q.P.BitLen() + 7) / 8, impl: impl}
	d := c.Add(c.G, c.G)
	rest := func(p Point) *big.Int { // y² − x³ = ax + b
		v := new(big.Int).Mul(p.Y, p.Y)
		return v.Sub(v, new(big.Int).Exp(p.X, big.NewInt(3), nil))
	}
	dx := new(big.Int).Sub(c.G.X, d.X)
	c.A = new(big.Int).Sub(rest(c.G), rest(d))
	c.A.Mul(c.A, dx.ModInverse(dx.Mod(dx, c.P), c.P)).Mod(c.A, c.P)
	c.B = new(big.Int).Sub(rest(c.G), new(big.Int).Mul(c.A, c.G.X))
	c.B.Mod(c.B, c.P)
	switch name {
	case "P-224", "P-256", "P-384", "P-521": // the standard library's are made for speed
	default:
		c.group = newGroup(c)
	}
	return c
}

// All returns every known curve.
func All() []*Curve { return known() }

// ByName returns the curve of that name.
func ByName(name string) (*Curve, error) {
	for _, c := range known() {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrCurve, name)
}

// ByOID returns the curve with that dotted object identifier.
func ByOID(oid string) (*Curve, error) {
	for _, c := range known() {
		if c.OID == oid {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrCurve, oid)
}

// Elliptic returns the curve for crypto/ecdsa.
func (c *Curve) Elliptic() elliptic.Curve { return c.impl }

// Contains reports whether p is a point of the curve other than infinity, with
// coordinates in range.
func (c *Curve) Contains(p Point) bool {
	if p.IsInfinity() || p.X.Sign() < 0 || p.Y.Sign() < 0 || p.X.Cmp(c.P) >= 0 || p.Y.Cmp(c.P) >= 0 {
		return false
	}
	if c.A == nil { // while the curve is being made
		return true
	}
	right := new(big.Int).Mul(p.X, p.X)
	right.Add(right, c.A).Mul(right, p.X).Add(right, c.B).Mod(right, c.P)
	left := new(big.Int).Mul(p.Y, p.Y)
	return left.Mod(left, c.P).Cmp(right) == 0
}

// Add returns p + q. Points that are not of the curve give infinity.
func (c *Curve) Add(p, q Point) Point {
	switch {
	case p.IsInfinity():
		return q
	case q.IsInfinity():
		return p
	case !c.Contains(p) || !c.Contains(q):
		return Point{}
	case p.Equal(q):
		//lint:ignore SA1019 no other way to a session's own generator
		x, y := c.impl.Double(p.X, p.Y)
		return Point{x, y}
	}
	//lint:ignore SA1019 no other way to a session's own generator
	x, y := c.impl.Add(p.X, p.Y, q.X, q.Y)
	return Point{x, y}
}

// Mult returns k·p. A point that is not of the curve gives infinity.
func (c *Curve) Mult(p Point, k *big.Int) Point {
	if !c.Contains(p) {
		return Point{}
	}
	k = new(big.Int).Mod(k, c.N)
	if k.Sign() == 0 {
		return Point{}
	}
	if c.group != nil {
		return c.group.sum((c.N.BitLen()+7)/8, term{k, p})
	}
	//lint:ignore SA1019 no other way to a session's own generator
	x, y := c.impl.ScalarMult(p.X, p.Y, k.Bytes())
	return Point{x, y}
}

// MultAdd returns k·G + l·p, as the check of a signature needs it.
func (c *Curve) MultAdd(k *big.Int, p Point, l *big.Int) Point {
	if c.group == nil {
		return c.Add(c.Mult(c.G, k), c.Mult(p, l))
	}
	if !c.Contains(p) {
		return Point{}
	}
	k, l = new(big.Int).Mod(k, c.N), new(big.Int).Mod(l, c.N)
	return c.group.sum((c.N.BitLen()+7)/8, term{k, c.G}, term{l, p})
}

// RandomScalar returns a number from 1 to N−1.
func (c *Curve) RandomScalar(random io.Reader) (*big.Int, error) {
	k, err := rand.Int(random, new(big.Int).Sub(c.N, big.NewInt(1)))
	if err != nil {
		return nil, fmt.Errorf("ec: random number: %w", err)
	}
	return k.Add(k, big.NewInt(1)), nil
}

// FieldBytes returns v, a coordinate, in the field's length, leading zeros kept.
func (c *Curve) FieldBytes(v *big.Int) []byte { return v.FillBytes(make([]byte, c.Size)) }

// Encode returns p uncompressed: 04, x, y. It must not be infinity.
func (c *Curve) Encode(p Point) []byte {
	out := append(make([]byte, 0, 1+2*c.Size), 4)
	return append(append(out, c.FieldBytes(p.X)...), c.FieldBytes(p.Y)...)
}

// Decode reads a point, uncompressed or compressed, and makes sure that it is
// one of the curve. Infinity is refused. All curves here have cofactor 1, so
// that a point of the curve has the full order.
func (c *Curve) Decode(b []byte) (Point, error) {
	switch {
	case len(b) == 1+2*c.Size && b[0] == 4:
		p := Point{new(big.Int).SetBytes(b[1 : 1+c.Size]), new(big.Int).SetBytes(b[1+c.Size:])}
		if !c.Contains(p) {
			return Point{}, ErrPoint
		}
		return p, nil
	case len(b) == 1+c.Size && (b[0] == 2 || b[0] == 3):
		return c.decompress(new(big.Int).SetBytes(b[1:]), uint(b[0]&1))
	}
	return Point{}, ErrPoint
}

func (c *Curve) decompress(x *big.Int, odd uint) (Point, error) {
	if x.Cmp(c.P) >= 0 {
		return Point{}, ErrPoint
	}
	y := new(big.Int).Mul(x, x)
	y.Add(y, c.A).Mul(y, x).Add(y, c.B).Mod(y, c.P)
	if y.ModSqrt(y, c.P) == nil {
		return Point{}, ErrPoint
	}
	if y.Bit(0) != odd {
		y.Sub(c.P, y)
	}
	p := Point{x, y}
	if !c.Contains(p) {
		return Point{}, ErrPoint
	}
	return p, nil
}
