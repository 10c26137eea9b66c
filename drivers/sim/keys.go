package sim

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"     //nolint:gosec // the form of a key identifier is given by RFC 5280
	_ "crypto/sha256" // the hashes that sign uses
	_ "crypto/sha512"
	"fmt"
	"math/big"
	"strconv"
	"strings"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/tlv"
)

// KeySpec says what a signing key is and how it signs.
type KeySpec struct {
	Key      string `yaml:"key"`      // "brainpoolP384r1", "P-256", "RSA-2048", …
	Hash     string `yaml:"hash"`     // "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"
	PSS      bool   `yaml:"pss"`      // RSA signs with PSS, not with PKCS #1
	Explicit bool   `yaml:"explicit"` // the curve is spelled out in all its numbers
}

// hashes are the hashes of a card, by their names.
var hashes = map[string]crypto.Hash{
	"SHA-1": crypto.SHA1, "SHA-224": crypto.SHA224, "SHA-256": crypto.SHA256, "SHA-384": crypto.SHA384, "SHA-512": crypto.SHA512,
}

func hashByName(name string) (crypto.Hash, error) {
	h, ok := hashes[strings.ToUpper(name)]
	if !ok {
		return 0, fmt.Errorf("%q is none of SHA-1, SHA-224, SHA-256, SHA-384, SHA-512", name)
	}
	return h, nil
}

// rsaBits reads "RSA-2048"; 0 for another kind of key.
func rsaBits(name string) (int, error) {
	digits, ok := strings.CutPrefix(strings.ToUpper(name), "RSA-")
	if !ok {
		return 0, nil
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1024 || n > 4096 || n%8 != 0 {
		return 0, fmt.Errorf("%q is no RSA key: RSA-1024 to RSA-4096", name)
	}
	return n, nil
}

// check reports what is wrong with s without making a key.
func (s KeySpec) check() error {
	if _, err := hashByName(s.Hash); err != nil {
		return err
	}
	if n, err := rsaBits(s.Key); n > 0 || err != nil {
		return err
	}
	if s.PSS {
		return fmt.Errorf("PSS goes with RSA keys, not with %s", s.Key)
	}
	_, err := ec.ByName(s.Key)
	return err
}

// key is a signing key: on an elliptic curve, or RSA.
type key struct {
	spec    KeySpec
	hash    crypto.Hash
	private *ecdsa.PrivateKey
	curve   *ec.Curve
	rsa     *rsa.PrivateKey // nil on a curve
}

func newKey(spec KeySpec) (*key, error) {
	if err := spec.check(); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	hash, _ := hashByName(spec.Hash)
	k := &key{spec: spec, hash: hash}
	bits, err := rsaBits(spec.Key)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if bits > 0 {
		if k.rsa, err = rsa.GenerateKey(rand.Reader, bits); err != nil {
			return nil, fmt.Errorf("make a key: %w", err)
		}
		return k, nil
	}
	if k.curve, err = ec.ByName(spec.Key); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	d := randomScalar(k.curve.N)
	public := k.curve.Mult(k.curve.G, d)
	//lint:ignore SA1019 the standard library makes no key on a Brainpool curve; Sign below does without it
	k.private = &ecdsa.PrivateKey{D: d, PublicKey: ecdsa.PublicKey{Curve: k.curve.Elliptic(), X: public.X, Y: public.Y}}
	return k, nil
}

func (k *key) digest(message []byte) []byte {
	h := k.hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// sign returns a signature over message as certificates and CMS have it.
func (k *key) sign(message []byte) (sig []byte, err error) {
	switch {
	case k.rsa != nil && k.spec.PSS:
		sig, err = rsa.SignPSS(rand.Reader, k.rsa, k.hash, k.digest(message), &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	case k.rsa != nil:
		sig, err = rsa.SignPKCS1v15(rand.Reader, k.rsa, k.hash, k.digest(message))
	default:
		r, s := k.signECDSA(k.digest(message))
		sig = sequence(bigInteger(r), bigInteger(s))
	}
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	return sig, nil
}

// signECDSA signs a digest (FIPS 186-4 §6.4). The standard library does not
// sign with keys on P-192 or Brainpool curves at every build's settings.
func (k *key) signECDSA(digest []byte) (r, s *big.Int) {
	n := k.curve.N
	e := new(big.Int).SetBytes(digest)
	if extra := 8*len(digest) - n.BitLen(); extra > 0 {
		e.Rsh(e, uint(extra))
	}
	for {
		once := randomScalar(n)
		r = new(big.Int).Mod(k.curve.Mult(k.curve.G, once).X, n)
		//lint:ignore SA1019 see newKey
		s = new(big.Int).Mul(r, k.private.D)
		s.Add(s, e).Mul(s, new(big.Int).ModInverse(once, n)).Mod(s, n)
		if r.Sign() > 0 && s.Sign() > 0 {
			return r, s
		}
	}
}

// trailers of ISO/IEC 9796-2 by hash (ISO/IEC 10118-3); SHA-1 has the short one.
var trailers = map[crypto.Hash][]byte{
	crypto.SHA1: {0xBC}, crypto.SHA224: {0x38, 0xCC}, crypto.SHA256: {0x34, 0xCC}, crypto.SHA384: {0x36, 0xCC}, crypto.SHA512: {0x35, 0xCC},
}

// signChallenge signs as Active Authentication asks: with a curve r and s side
// by side (TR-03111 §5.2.1), with RSA by ISO/IEC 9796-2 digital signature scheme
// 1, in which the chip's own random number is recovered (Doc 9303-11 §6.1).
func (k *key) signChallenge(challenge []byte, random func(int) []byte) ([]byte, error) {
	if k.rsa == nil {
		r, s := k.signECDSA(k.digest(challenge))
		n := (k.curve.N.BitLen() + 7) / 8
		return append(r.FillBytes(make([]byte, n)), s.FillBytes(make([]byte, n))...), nil
	}
	f, err := k.representative(challenge, random)
	if err != nil {
		return nil, err
	}
	s := new(big.Int).Exp(new(big.Int).SetBytes(f), k.rsa.D, k.rsa.N)
	if other := new(big.Int).Sub(k.rsa.N, s); other.Cmp(s) < 0 {
		s = other // the smaller of both, as ISO/IEC 9796-2 has it
	}
	return s.FillBytes(make([]byte, k.rsa.Size())), nil
}

// representative returns 6A, the chip's own random number, the hash over that and
// the challenge, and the trailer.
func (k *key) representative(challenge []byte, random func(int) []byte) ([]byte, error) {
	trailer := trailers[k.hash]
	nonce := k.rsa.Size() - 1 - k.hash.Size() - len(trailer)
	if nonce < 8 {
		return nil, fmt.Errorf("a key of %d bits is too short for %v", k.rsa.N.BitLen(), k.hash)
	}
	own := random(nonce)
	f := append([]byte{0x6A}, own...)
	f = append(f, k.digest(append(append([]byte{}, own...), challenge...))...)
	return append(f, trailer...), nil
}

// point returns the public key as an uncompressed point of fixed length.
func (k *key) point() []byte {
	return k.curve.Encode(ec.Point{X: k.private.X, Y: k.private.Y})
}

// publicBits returns the content of the BIT STRING of SubjectPublicKeyInfo.
func (k *key) publicBits() []byte {
	if k.rsa != nil {
		return sequence(bigInteger(k.rsa.N), integer(int64(k.rsa.E)))
	}
	return k.point()
}

// identifier returns the key identifier of RFC 5280 §4.2.1.2.
func (k *key) identifier() []byte {
	sum := sha1.Sum(k.publicBits()) //nolint:gosec // see import
	return sum[:]
}

func (k *key) publicKeyInfo() []byte {
	if k.rsa != nil {
		return sequence(sequence(oid(1, 2, 840, 113549, 1, 1, 1), null()), bitString(k.publicBits()))
	}
	return publicKeyInfo(k.curve, k.point(), k.spec.Explicit)
}

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

// signatureAlgorithm returns the AlgorithmIdentifier of the key's signatures.
func (k *key) signatureAlgorithm() []byte {
	switch {
	case k.rsa != nil && k.spec.PSS:
		return sequence(oid(1, 2, 840, 113549, 1, 1, 10), sequence(
			tagged(0, digestAlgorithm(k.hash)),
			tagged(1, sequence(oid(1, 2, 840, 113549, 1, 1, 8), digestAlgorithm(k.hash))),
			tagged(2, integer(int64(k.hash.Size())))))
	case k.rsa != nil:
		n := map[crypto.Hash]int{crypto.SHA1: 5, crypto.SHA224: 14, crypto.SHA256: 11, crypto.SHA384: 12, crypto.SHA512: 13}[k.hash]
		return sequence(oid(1, 2, 840, 113549, 1, 1, n), null())
	case k.hash == crypto.SHA1:
		return sequence(oid(1, 2, 840, 10045, 4, 1))
	}
	n := map[crypto.Hash]int{crypto.SHA224: 1, crypto.SHA256: 2, crypto.SHA384: 3, crypto.SHA512: 4}[k.hash]
	return sequence(oid(1, 2, 840, 10045, 4, 3, n))
}

// digestAlgorithm returns the AlgorithmIdentifier of a hash.
func digestAlgorithm(h crypto.Hash) []byte {
	if h == crypto.SHA1 {
		return sequence(oid(1, 3, 14, 3, 2, 26), null())
	}
	n := map[crypto.Hash]int{crypto.SHA256: 1, crypto.SHA384: 2, crypto.SHA512: 3, crypto.SHA224: 4}[h]
	return sequence(oid(2, 16, 840, 1, 101, 3, 4, 2, n))
}
