package sim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha1"     //nolint:gosec // the form of a key identifier is given by RFC 5280
	_ "crypto/sha256" // the hashes that sign uses
	_ "crypto/sha512"
	"fmt"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/tlv"
)

// key is a signing key on an elliptic curve.
type key struct {
	private  *ecdsa.PrivateKey
	curve    *ec.Curve
	explicit bool // certificates spell the curve out, as Doc 9303-12 asks
	hash     crypto.Hash
}

func newKey(curveName string, hash crypto.Hash, explicit bool) (*key, error) {
	curve, err := ec.ByName(curveName)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	k, err := ecdsa.GenerateKey(curve.Elliptic(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return &key{private: k, curve: curve, hash: hash, explicit: explicit}, nil
}

// sign returns an ECDSA signature over message, in DER.
func (k *key) sign(message []byte) ([]byte, error) {
	h := k.hash.New()
	h.Write(message)
	sig, err := ecdsa.SignASN1(rand.Reader, k.private, h.Sum(nil))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return sig, nil
}

// point returns the public key as an uncompressed point of fixed length.
func (k *key) point() []byte {
	return k.curve.Encode(ec.Point{X: k.private.X, Y: k.private.Y})
}

// identifier returns the key identifier of RFC 5280 §4.2.1.2.
func (k *key) identifier() []byte {
	sum := sha1.Sum(k.point()) //nolint:gosec // see import
	return sum[:]
}

func (k *key) publicKeyInfo() []byte { return publicKeyInfo(k.curve, k.point(), k.explicit) }

// publicKeyInfo returns a SubjectPublicKeyInfo.
func publicKeyInfo(curve *ec.Curve, point []byte, explicit bool) []byte {
	parameters := tlv.Encode(tagOID, asn.OIDContent(curve.OID))
	if explicit {
		parameters = explicitCurve(curve)
	}
	return sequence(sequence(oid(1, 2, 840, 10045, 2, 1), parameters), bitString(point))
}

// explicitCurve returns the ECParameters of a curve over a prime field with all
// its numbers (RFC 3279 §2.3.5), which Doc 9303-12 prefers to a name.
func explicitCurve(c *ec.Curve) []byte {
	return sequence(
		integer(1),
		sequence(oid(1, 2, 840, 10045, 1, 1), bigInteger(c.P)),
		sequence(octets(c.FieldBytes(c.A)), octets(c.FieldBytes(c.B))),
		octets(c.Encode(c.G)),
		bigInteger(c.N),
		integer(1))
}

// signatureAlgorithm returns the AlgorithmIdentifier of ecdsa-with-SHA….
func (k *key) signatureAlgorithm() []byte {
	n := map[crypto.Hash]int{crypto.SHA256: 2, crypto.SHA384: 3, crypto.SHA512: 4}[k.hash]
	return sequence(oid(1, 2, 840, 10045, 4, 3, n))
}

// digestAlgorithm returns the AlgorithmIdentifier of SHA-….
func digestAlgorithm(h crypto.Hash) []byte {
	n := map[crypto.Hash]int{crypto.SHA256: 1, crypto.SHA384: 2, crypto.SHA512: 3}[h]
	return sequence(oid(2, 16, 840, 1, 101, 3, 4, 2, n))
}
