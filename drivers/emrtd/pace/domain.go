package pace

import (
	"fmt"
	"io"
	"math/big"

	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/sm"
)

// Domain is where two sides agree on a key: a group, an elliptic curve or numbers
// modulo a prime, and a generator of it. It does not change; a mapping returns
// another Domain, with the generator of the session.
//
// Public keys are bytes in the form in which they go over the link: an uncompressed
// point, or a number of the length of the prime.
type Domain struct {
	curve *ec.Curve
	point ec.Point // the generator on curve

	prime *prime
	g     *big.Int // the generator modulo prime
}

// DomainByID returns standardised domain parameters (Doc 9303-11 §9.5.1): 0 to 2 are
// groups modulo a prime, 8 to 18 curves.
func DomainByID(id int) (*Domain, error) {
	if p, ok := primes[id]; ok {
		return &Domain{prime: p, g: p.g}, nil
	}
	c, err := Params(id)
	if err != nil {
		return nil, err
	}
	return CurveDomain(c), nil
}

// CurveDomain returns the curve with its own generator.
func CurveDomain(c *ec.Curve) *Domain { return &Domain{curve: c, point: c.G} }

// Curve returns the elliptic curve, nil for numbers modulo a prime.
func (d *Domain) Curve() *ec.Curve { return d.curve }

// Agreement returns "ECDH" or "DH".
func (d *Domain) Agreement() string {
	if d.curve != nil {
		return "ECDH"
	}
	return "DH"
}

// Name returns the name of the curve or group.
func (d *Domain) Name() string {
	if d.curve != nil {
		return d.curve.Name
	}
	return d.prime.name
}

// Bits returns the length of the order of the generator.
func (d *Domain) Bits() int { return d.order().BitLen() }

func (d *Domain) order() *big.Int {
	if d.curve != nil {
		return d.curve.N
	}
	return d.prime.q
}

// Generator returns the generator as a public key.
func (d *Domain) Generator() []byte {
	if d.curve != nil {
		return d.curve.Encode(d.point)
	}
	return d.fixed(d.g)
}

func (d *Domain) fixed(v *big.Int) []byte { return v.FillBytes(make([]byte, d.prime.size)) }

// A KeyPair is an ephemeral or static key over the generator of a Domain.
type KeyPair struct {
	Private *big.Int
	Public  []byte
}

// NewKey makes a key pair.
func (d *Domain) NewKey(random io.Reader) (KeyPair, error) {
	k, err := (&ec.Curve{N: d.order()}).RandomScalar(random)
	if err != nil {
		return KeyPair{}, err
	}
	return d.KeyOf(k), nil
}

// KeyOf returns the key pair with this private number, 0 < private < order.
func (d *Domain) KeyOf(private *big.Int) KeyPair {
	if d.curve != nil {
		return KeyPair{private, d.curve.Encode(d.curve.Mult(d.point, private))}
	}
	return KeyPair{private, d.fixed(new(big.Int).Exp(d.g, private, d.prime.p))}
}

// Check reports, as ErrKey, that public is no element of the group or one that gives
// an attacker the secret.
func (d *Domain) Check(public []byte) error {
	if d.curve != nil {
		_, err := d.decodePoint(public)
		return err
	}
	_, err := d.decodeNumber(public)
	return err
}

func (d *Domain) decodePoint(public []byte) (ec.Point, error) {
	p, err := d.curve.Decode(public)
	if err != nil {
		return ec.Point{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return p, nil
}

// decodeNumber takes a number that lost its leading zeros, or has one too many, too.
func (d *Domain) decodeNumber(public []byte) (*big.Int, error) {
	if len(public) == 0 || len(public) > d.prime.size+1 {
		return nil, fmt.Errorf("%w: a number of %d bytes", ErrKey, len(public))
	}
	v := new(big.Int).SetBytes(public)
	if !d.prime.contains(v) {
		return nil, fmt.Errorf("%w: not of the group", ErrKey)
	}
	return v, nil
}

// Secret returns what private and the other side's key share, in its full length: the
// x-coordinate, or the number. A peer that is no usable key gives ErrKey.
func (d *Domain) Secret(private *big.Int, peer []byte) ([]byte, error) {
	if d.curve != nil {
		p, err := d.decodePoint(peer)
		if err != nil {
			return nil, err
		}
		return SharedSecret(d.curve, private, p)
	}
	v, err := d.decodeNumber(peer)
	if err != nil {
		return nil, err
	}
	s := v.Exp(v, private, d.prime.p)
	if s.Cmp(big.NewInt(1)) <= 0 {
		return nil, ErrKey
	}
	return d.fixed(s), nil
}

// MapGeneric returns the session's domain by generic mapping (Doc 9303-11 §4.4.3.3.1):
// its generator is s·G + H, or g^s · h modulo the prime, where H is what the mapping keys
// share. d must be the domain with its standard generator.
func (d *Domain) MapGeneric(nonce []byte, private *big.Int, peer []byte) (*Domain, error) {
	if d.curve != nil {
		p, err := d.decodePoint(peer)
		if err != nil {
			return nil, err
		}
		g, err := MapGeneric(d.curve, nonce, private, p)
		if err != nil {
			return nil, err
		}
		return &Domain{curve: d.curve, point: g}, nil
	}
	h, err := d.Secret(private, peer)
	if err != nil {
		return nil, err
	}
	g := new(big.Int).Exp(d.g, new(big.Int).SetBytes(nonce), d.prime.p)
	g.Mul(g, new(big.Int).SetBytes(h)).Mod(g, d.prime.p)
	return d.withNumber(g)
}

// MapIntegrated returns the session's domain by integrated mapping (§4.4.3.3.2): its
// generator comes from the chip's nonce and the reader's, without another exchange of
// keys. P-224 has no such mapping.
func (d *Domain) MapIntegrated(c sm.Cipher, nonce, readers []byte) (*Domain, error) {
	if d.curve != nil {
		u, err := integratedNumber(c, nonce, readers, d.curve.P)
		if err != nil {
			return nil, err
		}
		g, err := encodePoint(d.curve, u)
		if err != nil {
			return nil, err
		}
		return &Domain{curve: d.curve, point: g}, nil
	}
	u, err := integratedNumber(c, nonce, readers, d.prime.p)
	if err != nil {
		return nil, err
	}
	cofactor := new(big.Int).Sub(d.prime.p, big.NewInt(1))
	cofactor.Div(cofactor, d.prime.q)
	return d.withNumber(u.Exp(u, cofactor, d.prime.p))
}

func (d *Domain) withNumber(g *big.Int) (*Domain, error) {
	if g.Cmp(big.NewInt(1)) <= 0 {
		return nil, ErrKey
	}
	return &Domain{prime: d.prime, g: g}, nil
}
