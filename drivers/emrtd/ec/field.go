package ec

import (
	"math/big"
	"math/bits"
)

// maxLimbs holds 512 bits, the largest field that is computed here.
const maxLimbs = 8

// element is a number below p in Montgomery form, least significant limb first.
type element [maxLimbs]uint64

// field computes modulo an odd prime of up to 512 bits. Its operations take the
// same steps for all values.
type field struct {
	n       int // limbs
	p       element
	modulus *big.Int
	inverse uint64 // −p⁻¹ modulo 2⁶⁴
	square  element
	one     element
}

func newField(p *big.Int) *field {
	f := &field{n: (p.BitLen() + 63) / 64, modulus: p}
	f.p = limbs(p)
	f.inverse = 1
	for range 6 { // Newton: each step doubles the right bits
		f.inverse *= 2 - f.p[0]*f.inverse
	}
	f.inverse = -f.inverse
	r := new(big.Int).Lsh(big.NewInt(1), uint(64*f.n))
	f.one = limbs(new(big.Int).Mod(r, p))
	f.square = limbs(r.Mul(r, r).Mod(r, p))
	return f
}

func limbs(v *big.Int) (e element) {
	b := v.FillBytes(make([]byte, 8*maxLimbs))
	for i := range e {
		for _, x := range b[8*(maxLimbs-1-i) : 8*(maxLimbs-i)] {
			e[i] = e[i]<<8 | uint64(x)
		}
	}
	return e
}

// from returns v, 0 ≤ v < p, in Montgomery form.
func (f *field) from(v *big.Int) (e element) {
	x := limbs(v)
	f.mul(&e, &x, &f.square)
	return e
}

// big returns the number.
func (f *field) big(e *element) *big.Int {
	var plain element
	f.mul(&plain, e, &element{1})
	b := make([]byte, 8*maxLimbs)
	for i, x := range plain {
		for j := range 8 {
			b[8*(maxLimbs-i)-1-j] = byte(x >> (8 * j))
		}
	}
	return new(big.Int).SetBytes(b)
}

// mul sets z = x·y/2^(64n) mod p (Montgomery multiplication, coarsely integrated
// operand scanning). z may be x or y.
func (f *field) mul(z, x, y *element) {
	var t [maxLimbs + 2]uint64
	n := f.n
	for i := 0; i < n; i++ {
		var carry, c uint64
		for j := 0; j < n; j++ {
			hi, lo := bits.Mul64(x[j], y[i])
			lo, c = bits.Add64(lo, t[j], 0)
			hi += c
			lo, c = bits.Add64(lo, carry, 0)
			t[j], carry = lo, hi+c
		}
		t[n], c = bits.Add64(t[n], carry, 0)
		t[n+1] = c
		m := t[0] * f.inverse
		hi, lo := bits.Mul64(m, f.p[0])
		_, c = bits.Add64(lo, t[0], 0)
		carry = hi + c
		for j := 1; j < n; j++ {
			hi, lo := bits.Mul64(m, f.p[j])
			lo, c = bits.Add64(lo, t[j], 0)
			hi += c
			lo, c = bits.Add64(lo, carry, 0)
			t[j-1], carry = lo, hi+c
		}
		t[n-1], c = bits.Add64(t[n], carry, 0)
		t[n] = t[n+1] + c
	}
	f.reduce(z, (*element)(t[:maxLimbs]), overflow(t[:], n))
}

// overflow takes the limb above the number out of t and leaves zeros there.
func overflow(t []uint64, n int) uint64 {
	top := t[n]
	t[n], t[n+1] = 0, 0
	return top
}

// reduce sets z to x with the limb top above it, minus p if it is not below p.
func (f *field) reduce(z, x *element, top uint64) {
	var less element
	var borrow uint64
	for i := 0; i < f.n; i++ {
		less[i], borrow = bits.Sub64(x[i], f.p[i], borrow)
	}
	_, borrow = bits.Sub64(top, 0, borrow)
	keep := -borrow // all ones when x < p
	for i := range z {
		z[i] = x[i]&keep | less[i]&^keep
	}
}

func (f *field) add(z, x, y *element) {
	var sum element
	var carry uint64
	for i := 0; i < f.n; i++ {
		sum[i], carry = bits.Add64(x[i], y[i], carry)
	}
	f.reduce(z, &sum, carry)
}

func (f *field) sub(z, x, y *element) {
	var d element
	var borrow, carry uint64
	for i := 0; i < f.n; i++ {
		d[i], borrow = bits.Sub64(x[i], y[i], borrow)
	}
	for i := 0; i < f.n; i++ {
		d[i], carry = bits.Add64(d[i], f.p[i]&-borrow, carry)
	}
	*z = d
}
