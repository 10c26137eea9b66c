package ec

import (
	"fmt"
	"math/big"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/tlv"
)

const oidPrimeField = "1.2.840.10045.1.1"

// FromParameters returns the curve that ECParameters (RFC 3279 §2.3.5, RFC 5480 §2.1.1)
// name or spell out. Spelled out, they must be a known curve's in every number.
func FromParameters(der []byte) (*Curve, error) {
	n, _, err := tlv.Next(der)
	if err != nil {
		return nil, fmt.Errorf("ec: parameters: %w", err)
	}
	switch n.Tag {
	case asn.OID:
		return ByOID(asn.OIDString(n.Value))
	case asn.Sequence:
		return fromExplicit(n.Value)
	}
	return nil, fmt.Errorf("%w: parameters are neither named nor explicit", ErrCurve)
}

// fromExplicit reads SEQUENCE { version, fieldID, curve, base, order, cofactor? }.
func fromExplicit(body []byte) (*Curve, error) {
	bad := func(what string) (*Curve, error) {
		return nil, fmt.Errorf("%w: explicit parameters: %s", ErrCurve, what)
	}
	parts, err := asn.Elements(body)
	if err != nil || len(parts) < 5 || parts[1].Tag != asn.Sequence || parts[2].Tag != asn.Sequence ||
		parts[3].Tag != asn.OctetString || parts[4].Tag != asn.Integer {
		return bad("not of the form they must have")
	}
	field, err := asn.Elements(parts[1].Value)
	if err != nil || len(field) < 2 || asn.OIDString(field[0].Value) != oidPrimeField || field[1].Tag != asn.Integer {
		return bad("not over a prime field")
	}
	ab, err := asn.Elements(parts[2].Value)
	if err != nil || len(ab) < 2 {
		return bad("no coefficients")
	}
	unsigned := func(n tlv.Node) *big.Int { return new(big.Int).SetBytes(n.Value) }
	p, a, b, order := unsigned(field[1]), unsigned(ab[0]), unsigned(ab[1]), unsigned(parts[4])
	for _, c := range known() {
		if c.P.Cmp(p) != 0 || c.A.Cmp(a) != 0 || c.B.Cmp(b) != 0 || c.N.Cmp(order) != 0 {
			continue
		}
		if g, err := c.Decode(parts[3].Value); err != nil || !g.Equal(c.G) {
			return bad("another generator than the curve's")
		}
		if len(parts) > 5 && parts[5].Tag == asn.Integer && unsigned(parts[5]).Cmp(big.NewInt(1)) != 0 {
			return bad("another cofactor than the curve's")
		}
		return c, nil
	}
	return bad("not those of a known curve")
}
