package sim

import (
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"

	"tram/drivers/emrtd/ec"
)

// group is what PACE and Chip Authentication compute in: the points of a curve,
// or the numbers modulo a prime. Elements are bytes as they go over the link.
// An element from outside is checked where it is used.
type group interface {
	order() *big.Int
	base() []byte
	multiply(element []byte, k *big.Int) ([]byte, error) // k times, or to the power of k
	combine(a, b []byte) ([]byte, error)
	integrated(random []byte) ([]byte, error) // the generator of integrated mapping
	secret(element []byte) []byte             // what keys are derived from
	field() int                               // bits of the field
	tag() uint32                              // of a public key in an authentication token
}

var errElement = errors.New("not an element of the group")

// curveGroup is an elliptic curve.
type curveGroup struct{ curve *ec.Curve }

func (g curveGroup) order() *big.Int { return g.curve.N }
func (g curveGroup) base() []byte    { return g.curve.Encode(g.curve.G) }
func (g curveGroup) field() int      { return g.curve.P.BitLen() }
func (g curveGroup) tag() uint32     { return 0x86 }

// point takes the uncompressed form only: that is what Doc 9303 has.
func (g curveGroup) point(b []byte) (ec.Point, error) {
	if len(b) != 1+2*g.curve.Size {
		return ec.Point{}, errElement
	}
	return g.curve.Decode(b)
}

func (g curveGroup) encode(p ec.Point) ([]byte, error) {
	if p.IsInfinity() {
		return nil, errElement
	}
	return g.curve.Encode(p), nil
}

func (g curveGroup) multiply(element []byte, k *big.Int) ([]byte, error) {
	p, err := g.point(element)
	if err != nil {
		return nil, err
	}
	return g.encode(g.curve.Mult(p, k))
}

func (g curveGroup) combine(a, b []byte) ([]byte, error) {
	p, err := g.point(a)
	if err != nil {
		return nil, err
	}
	q, err := g.point(b)
	if err != nil {
		return nil, err
	}
	return g.encode(g.curve.Add(p, q))
}

func (g curveGroup) secret(element []byte) []byte { return element[1 : 1+g.curve.Size] }

// integrated turns a number into a point (Doc 9303-11 §4.4.3.3.2, the simplified
// encoding for p ≡ 3 mod 4, in affine coordinates).
func (g curveGroup) integrated(random []byte) ([]byte, error) {
	p, a, b := g.curve.P, g.curve.A, g.curve.B
	mod := func(v *big.Int) *big.Int { return v.Mod(v, p) }
	mul := func(x, y *big.Int) *big.Int { return mod(new(big.Int).Mul(x, y)) }
	right := func(x *big.Int) *big.Int { // x³ + ax + b
		return mod(new(big.Int).Add(mul(new(big.Int).Add(mul(x, x), a), x), b))
	}
	if p.Bit(1) != 1 {
		return nil, fmt.Errorf("integrated mapping is not defined over %s", g.curve.Name)
	}
	t := mod(new(big.Int).SetBytes(random))
	alpha := mod(new(big.Int).Neg(mul(t, t)))
	sum := mod(new(big.Int).Add(alpha, mul(alpha, alpha)))
	if sum.Sign() == 0 {
		return nil, errElement
	}
	x2 := mul(mod(new(big.Int).Neg(b)), new(big.Int).ModInverse(a, p))
	x2 = mul(x2, new(big.Int).Add(big.NewInt(1), new(big.Int).ModInverse(sum, p)))
	x3 := mul(alpha, x2)
	h2 := right(x2)
	u := mul(mul(mul(t, t), t), h2)
	e := new(big.Int).Add(p, big.NewInt(1)) // p − 1 − (p+1)/4
	e.Sub(new(big.Int).Sub(p, big.NewInt(1)), e.Rsh(e, 2))
	root := new(big.Int).Exp(h2, e, p)
	point := ec.Point{X: x3, Y: mul(root, u)}
	if mul(mul(root, root), h2).Cmp(big.NewInt(1)) == 0 {
		point = ec.Point{X: x2, Y: mul(root, h2)}
	}
	if !g.curve.Contains(point) {
		return nil, errElement
	}
	return g.encode(point)
}

// primeGroup is the subgroup of order q of the numbers modulo p.
type primeGroup struct{ p, g, q *big.Int }

func (g primeGroup) order() *big.Int         { return g.q }
func (g primeGroup) base() []byte            { return g.bytes(g.g) }
func (g primeGroup) field() int              { return g.p.BitLen() }
func (g primeGroup) tag() uint32             { return 0x84 }
func (g primeGroup) secret(e []byte) []byte  { return g.bytes(new(big.Int).SetBytes(e)) }
func (g primeGroup) bytes(v *big.Int) []byte { return v.FillBytes(make([]byte, (g.p.BitLen()+7)/8)) }

// number reads an element of order q: 1 < v < p − 1 and v^q = 1.
func (g primeGroup) number(b []byte) (*big.Int, error) {
	v := new(big.Int).SetBytes(b)
	one := big.NewInt(1)
	if len(b) > (g.p.BitLen()+7)/8 || v.Cmp(one) <= 0 || v.Cmp(new(big.Int).Sub(g.p, one)) >= 0 || new(big.Int).Exp(v, g.q, g.p).Cmp(one) != 0 {
		return nil, errElement
	}
	return v, nil
}

func (g primeGroup) multiply(element []byte, k *big.Int) ([]byte, error) {
	v, err := g.number(element)
	if err != nil {
		return nil, err
	}
	return g.bytes(v.Exp(v, k, g.p)), nil
}

func (g primeGroup) combine(a, b []byte) ([]byte, error) {
	v, err := g.number(a)
	if err != nil {
		return nil, err
	}
	w, err := g.number(b)
	if err != nil {
		return nil, err
	}
	return g.bytes(v.Mul(v, w).Mod(v, g.p)), nil
}

func (g primeGroup) integrated(random []byte) ([]byte, error) {
	cofactor := new(big.Int).Div(new(big.Int).Sub(g.p, big.NewInt(1)), g.q)
	v := new(big.Int).SetBytes(random)
	v.Exp(v.Mod(v, g.p), cofactor, g.p)
	if v.Cmp(big.NewInt(1)) <= 0 {
		return nil, errElement
	}
	return g.bytes(v), nil
}

// newPair makes a private number and the public element over a generator. A
// number modulo p never begins with a zero byte here: those who write it in the
// field's length and those who write it as short as it goes then agree.
func newPair(g group, generator []byte, scalar func(*big.Int) *big.Int) (private *big.Int, public []byte, err error) {
	for {
		private = scalar(g.order())
		if public, err = g.multiply(generator, private); err != nil || public[0] != 0 {
			return private, public, err
		}
	}
}

// randomScalar returns a number from 1 to n − 1.
func randomScalar(n *big.Int) *big.Int {
	k, _ := rand.Int(rand.Reader, new(big.Int).Sub(n, big.NewInt(1))) // never fails
	return k.Add(k, big.NewInt(1))
}

// standardised names the domain parameters of Doc 9303-11 §9.5.1.
var standardised = map[int]string{
	8: "P-192", 9: "brainpoolP192r1", 10: "P-224", 11: "brainpoolP224r1", 12: "P-256", 13: "brainpoolP256r1",
	14: "brainpoolP320r1", 15: "P-384", 16: "brainpoolP384r1", 17: "brainpoolP512r1", 18: "P-521",
}

// standardisedGroup returns the group of a standardised domain parameter.
func standardisedGroup(parameter int) (group, error) {
	if parameter >= 0 && parameter < 3 {
		return primeGroups()[parameter], nil
	}
	name, ok := standardised[parameter]
	if !ok {
		return nil, fmt.Errorf("domain parameters %d are not standardised: 0 to 2 and 8 to 18 are", parameter)
	}
	curve, err := ec.ByName(name)
	return curveGroup{curve}, err
}

// primeGroups are the groups of RFC 5114 §2.1 to §2.3, as OpenSSL prints them.
var primeGroups = sync.OnceValue(func() [3]primeGroup {
	number := func(s string) *big.Int {
		return new(big.Int).SetBytes(fromHex(strings.Join(strings.Fields(s), "")))
	}
	var out [3]primeGroup
	for i, n := range rfc5114 {
		out[i] = primeGroup{p: number(n[0]), g: number(n[1]), q: number(n[2])}
	}
	return out
})
