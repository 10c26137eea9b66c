package pace

import (
	"encoding/hex"
	"fmt"
	"math/big"

	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/sm"
)

// The constants c0 and c1 of the pseudo-random function (Doc 9303-11 §4.4.3.3.2), for
// blocks of 128 and of 256 bits.
var (
	short0 = constant("a668892a7c41e3ca739f40b057d85904")
	short1 = constant("a4e136ac725f738b01c1f60217c188ad")
	long0  = constant("d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676")
	long1  = constant("54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517")
)

func constant(s string) []byte { b, _ := hex.DecodeString(s); return b }

// ReadersNonceSize returns how many bytes the reader's nonce t of integrated mapping has:
// as many as a key of the cipher.
func ReadersNonceSize(c sm.Cipher) int { return c.KeySize() }

// NonceSize returns how many bytes the chip's nonce s has: the fewest whole blocks that
// are no shorter than a key (§4.4.3.3).
func NonceSize(c sm.Cipher) int {
	if c.KeySize() > 16 {
		return 32
	}
	return 16
}

// integratedNumber is R_p(s, t): the pseudo-random number that the two nonces give,
// modulo p. Its bits outnumber those of p by 64 or more.
func integratedNumber(c sm.Cipher, nonce, readers []byte, p *big.Int) (*big.Int, error) {
	if len(readers) != c.KeySize() || len(nonce) < c.KeySize() || len(nonce) > 64 {
		return nil, fmt.Errorf("pace: nonces of %d and %d bytes do not fit %v", len(nonce), len(readers), c)
	}
	c0, c1 := short0, short1
	if c.KeySize() > 16 {
		c0, c1 = long0, long1
	}
	key, err := c.EncryptCBC(readers, nil, nonce)
	if err != nil {
		return nil, err
	}
	var out []byte
	for 8*len(out) < p.BitLen()+64 {
		key = key[:c.KeySize()] // of 256 bits AES-192 takes the first
		x, err := c.EncryptCBC(key, nil, c1)
		if err != nil {
			return nil, err
		}
		out = append(out, x...)
		if key, err = c.EncryptCBC(key, nil, c0); err != nil {
			return nil, err
		}
	}
	v := new(big.Int).SetBytes(out)
	return v.Mod(v, p), nil
}

// encodePoint maps a number of the field to a point of the curve (Doc 9303-11 appendix
// B.2). It needs p ≡ 3 modulo 4, which all standardised curves but P-224 have.
func encodePoint(c *ec.Curve, t *big.Int) (ec.Point, error) {
	p := c.P
	if p.Bit(0) == 0 || p.Bit(1) == 0 {
		return ec.Point{}, fmt.Errorf("pace: %s has no integrated mapping", c.Name)
	}
	one := big.NewInt(1)
	mul := func(a, b *big.Int) *big.Int { v := new(big.Int).Mul(a, b); return v.Mod(v, p) }
	add := func(a, b *big.Int) *big.Int { v := new(big.Int).Add(a, b); return v.Mod(v, p) }
	neg := func(a *big.Int) *big.Int { v := new(big.Int).Neg(a); return v.Mod(v, p) }

	alpha := neg(mul(t, t))
	sum := add(alpha, mul(alpha, alpha))
	if sum.Sign() == 0 { // 0, 1 and −1, which chance does not bring
		return ec.Point{}, ErrKey
	}
	inverse := new(big.Int).ModInverse(sum, p)
	x2 := neg(mul(mul(c.B, new(big.Int).ModInverse(c.A, p)), add(one, inverse)))
	x3 := mul(alpha, x2)
	h2 := add(add(mul(mul(x2, x2), x2), mul(c.A, x2)), c.B)
	u := mul(mul(mul(t, t), t), h2)
	// A = h2^(p − 1 − (p+1)/4): the inverse of a square root of h2, if h2 is a square.
	e := new(big.Int).Add(p, one)
	e.Rsh(e, 2)
	e.Sub(new(big.Int).Sub(p, one), e)
	a := new(big.Int).Exp(h2, e, p)
	point := ec.Point{X: x3, Y: mul(a, u)}
	if mul(mul(a, a), h2).Cmp(one) == 0 {
		point = ec.Point{X: x2, Y: mul(a, h2)}
	}
	if !c.Contains(point) {
		return ec.Point{}, ErrKey
	}
	return point, nil
}
