package emrtd

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha1" // documents of the first years are signed with it
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/tlv"
)

// Errors of a signature's check.
var (
	errSignature = errors.New("the signature does not fit")
	errAlgorithm = errors.New("unknown algorithm")
)

// hashAlgorithm is one of SHA-1 to SHA-512.
type hashAlgorithm struct{ crypto.Hash }

func (h hashAlgorithm) sum(b []byte) []byte {
	d := h.New()
	d.Write(b)
	return d.Sum(nil)
}

var hashes = map[string]crypto.Hash{
	"1.3.14.3.2.26":          crypto.SHA1,
	"2.16.840.1.101.3.4.2.4": crypto.SHA224,
	"2.16.840.1.101.3.4.2.1": crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

// hashOf reads the AlgorithmIdentifier of a hash.
func hashOf(n tlv.Node) (hashAlgorithm, error) {
	parts, err := asn.Inside(n, asn.Sequence)
	if err != nil || len(parts) == 0 {
		return hashAlgorithm{}, errors.Join(asn.ErrForm, err)
	}
	oid := asn.OIDString(parts[0].Value)
	if h, ok := hashes[oid]; ok {
		return hashAlgorithm{h}, nil
	}
	return hashAlgorithm{}, fmt.Errorf("%w: hash %s", errAlgorithm, oid)
}

// scheme is how a signature is made.
type scheme struct {
	kind string // "pkcs1", "pss", "ecdsa", "plain-ecdsa"
	hash hashAlgorithm
	mgf  hashAlgorithm // pss
	salt int           // pss
}

// schemes lists signature algorithms. Without a hash the signer's digest algorithm counts.
var schemes = map[string]struct {
	kind string
	hash crypto.Hash
}{
	"1.2.840.113549.1.1.1":    {"pkcs1", 0},
	"1.2.840.113549.1.1.5":    {"pkcs1", crypto.SHA1},
	"1.2.840.113549.1.1.14":   {"pkcs1", crypto.SHA224},
	"1.2.840.113549.1.1.11":   {"pkcs1", crypto.SHA256},
	"1.2.840.113549.1.1.12":   {"pkcs1", crypto.SHA384},
	"1.2.840.113549.1.1.13":   {"pkcs1", crypto.SHA512},
	"1.2.840.113549.1.1.10":   {"pss", 0},
	"1.2.840.10045.2.1":       {"ecdsa", 0},
	"1.2.840.10045.4.1":       {"ecdsa", crypto.SHA1},
	"1.2.840.10045.4.3.1":     {"ecdsa", crypto.SHA224},
	"1.2.840.10045.4.3.2":     {"ecdsa", crypto.SHA256},
	"1.2.840.10045.4.3.3":     {"ecdsa", crypto.SHA384},
	"1.2.840.10045.4.3.4":     {"ecdsa", crypto.SHA512},
	"0.4.0.127.0.7.1.1.4.1.1": {"plain-ecdsa", crypto.SHA1},
	"0.4.0.127.0.7.1.1.4.1.2": {"plain-ecdsa", crypto.SHA224},
	"0.4.0.127.0.7.1.1.4.1.3": {"plain-ecdsa", crypto.SHA256},
	"0.4.0.127.0.7.1.1.4.1.4": {"plain-ecdsa", crypto.SHA384},
	"0.4.0.127.0.7.1.1.4.1.5": {"plain-ecdsa", crypto.SHA512},
}

// schemeOf reads the AlgorithmIdentifier of a signature. digest is the hash to
// take where the identifier names none; zero for none.
func schemeOf(n tlv.Node, digest hashAlgorithm) (scheme, error) {
	parts, err := asn.Inside(n, asn.Sequence)
	if err != nil || len(parts) == 0 {
		return scheme{}, errors.Join(asn.ErrForm, err)
	}
	oid := asn.OIDString(parts[0].Value)
	known, ok := schemes[oid]
	if !ok {
		return scheme{}, fmt.Errorf("%w: signature %s", errAlgorithm, oid)
	}
	s := scheme{kind: known.kind, hash: hashAlgorithm{known.hash}}
	if s.kind == "pss" {
		return pssScheme(parts[1:])
	}
	if s.hash.Hash == 0 {
		s.hash = digest
	}
	if s.hash.Hash == 0 {
		return scheme{}, fmt.Errorf("%w: signature %s names no hash", errAlgorithm, oid)
	}
	return s, nil
}

// pssScheme reads RSASSA-PSS-params (RFC 4055 §3.1), whose defaults are SHA-1 and 20.
func pssScheme(parameters []tlv.Node) (scheme, error) {
	s := scheme{kind: "pss", hash: hashAlgorithm{crypto.SHA1}, mgf: hashAlgorithm{crypto.SHA1}, salt: 20}
	if len(parameters) == 0 || parameters[0].Tag == asn.Null {
		return s, nil
	}
	parts, err := asn.Inside(parameters[0], asn.Sequence)
	if err != nil {
		return scheme{}, err
	}
	for _, p := range parts {
		inner, _, err := tlv.Next(p.Value)
		if err != nil {
			return scheme{}, err
		}
		switch p.Tag {
		case 0xA0:
			s.hash, err = hashOf(inner)
		case 0xA1:
			var mgf []tlv.Node
			if mgf, err = asn.Inside(inner, asn.Sequence); err == nil && len(mgf) > 1 {
				s.mgf, err = hashOf(mgf[1])
			}
		case 0xA2:
			s.salt, err = asn.Int(inner)
		}
		if err != nil {
			return scheme{}, err
		}
	}
	if s.salt < 0 || s.salt > 512 {
		return scheme{}, fmt.Errorf("%w: salt of %d bytes", errAlgorithm, s.salt)
	}
	return s, nil
}

// publicKey is an RSA key or a point of a curve.
type publicKey struct {
	rsa   *rsa.PublicKey
	curve *ec.Curve
	point ec.Point
}

// parsePublicKey reads SubjectPublicKeyInfo.
func parsePublicKey(n tlv.Node) (publicKey, error) {
	parts, err := asn.Inside(n, asn.Sequence)
	if err != nil || len(parts) < 2 {
		return publicKey{}, errors.Join(asn.ErrForm, err)
	}
	algorithm, err := asn.Inside(parts[0], asn.Sequence)
	if err != nil || len(algorithm) == 0 {
		return publicKey{}, errors.Join(asn.ErrForm, err)
	}
	bits, err := asn.Bits(parts[1])
	if err != nil {
		return publicKey{}, err
	}
	switch oid := asn.OIDString(algorithm[0].Value); oid {
	case "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.7":
		return parseRSA(bits)
	case "1.2.840.10045.2.1", "1.3.132.1.12":
		if len(algorithm) < 2 {
			return publicKey{}, fmt.Errorf("%w: a key without its curve", errAlgorithm)
		}
		c, err := ec.FromParameters(algorithm[1].Raw)
		if err != nil {
			return publicKey{}, err
		}
		p, err := c.Decode(bits)
		return publicKey{curve: c, point: p}, err
	default:
		return publicKey{}, fmt.Errorf("%w: key %s", errAlgorithm, oid)
	}
}

func parseRSA(der []byte) (publicKey, error) {
	seq, err := asn.One(der, asn.Sequence)
	if err != nil {
		return publicKey{}, err
	}
	parts, err := asn.Elements(seq.Value)
	if err != nil || len(parts) < 2 {
		return publicKey{}, errors.Join(asn.ErrForm, err)
	}
	n, err := asn.Unsigned(parts[0])
	if err != nil {
		return publicKey{}, err
	}
	e, err := asn.Unsigned(parts[1])
	if err != nil {
		return publicKey{}, err
	}
	if n.BitLen() < 1024 || n.BitLen() > 8192 || e.BitLen() > 31 || e.Bit(0) == 0 || e.Cmp(big.NewInt(3)) < 0 {
		return publicKey{}, fmt.Errorf("%w: RSA key of %d bits, exponent of %d bits", errAlgorithm, n.BitLen(), e.BitLen())
	}
	return publicKey{rsa: &rsa.PublicKey{N: n, E: int(e.Int64())}}, nil
}

// verify checks a signature over message.
func (k publicKey) verify(s scheme, message, signature []byte) error {
	digest := s.hash.sum(message)
	switch {
	case k.rsa != nil && s.kind == "pkcs1":
		if rsa.VerifyPKCS1v15(k.rsa, s.hash.Hash, digest, signature) != nil {
			return errSignature
		}
		return nil
	case k.rsa != nil && s.kind == "pss":
		return verifyPSS(k.rsa, s, digest, signature)
	case k.curve != nil && (s.kind == "ecdsa" || s.kind == "plain-ecdsa"):
		r, t, err := k.halves(s.kind, signature)
		if err != nil {
			return err
		}
		return k.verifyECDSA(digest, r, t)
	}
	return fmt.Errorf("%w: a signature of kind %s with a key of another", errAlgorithm, s.kind)
}

// halves reads r and s: a SEQUENCE of two integers, or one after the other.
func (k publicKey) halves(kind string, signature []byte) (r, s *big.Int, err error) {
	if kind == "plain-ecdsa" {
		n := len(signature) / 2
		if n == 0 || len(signature)%2 != 0 {
			return nil, nil, errSignature
		}
		return new(big.Int).SetBytes(signature[:n]), new(big.Int).SetBytes(signature[n:]), nil
	}
	seq, err := asn.One(signature, asn.Sequence)
	if err != nil {
		return nil, nil, errSignature
	}
	parts, err := asn.Elements(seq.Value)
	if err != nil || len(parts) != 2 || parts[0].Tag != asn.Integer || parts[1].Tag != asn.Integer {
		return nil, nil, errSignature
	}
	return new(big.Int).SetBytes(parts[0].Value), new(big.Int).SetBytes(parts[1].Value), nil
}

// verifyECDSA follows FIPS 186-5 §6.4.2. The standard library does the curves that
// it has; the others have no secrets here and need no constant time.
func (k publicKey) verifyECDSA(digest []byte, r, s *big.Int) error {
	c := k.curve
	if r.Sign() <= 0 || s.Sign() <= 0 || r.Cmp(c.N) >= 0 || s.Cmp(c.N) >= 0 {
		return errSignature
	}
	switch c.Name {
	case "P-224", "P-256", "P-384", "P-521":
		pub, err := ecdsa.ParseUncompressedPublicKey(c.Elliptic(), c.Encode(k.point))
		if err != nil || !ecdsa.Verify(pub, digest, r, s) {
			return errSignature
		}
		return nil
	}
	e := new(big.Int).SetBytes(digest)
	if over := len(digest)*8 - c.N.BitLen(); over > 0 {
		e.Rsh(e, uint(over))
	}
	w := new(big.Int).ModInverse(s, c.N)
	u1 := new(big.Int).Mul(e, w)
	u2 := new(big.Int).Mul(r, w)
	p := c.MultAdd(u1, k.point, u2)
	if p.IsInfinity() || new(big.Int).Mod(p.X, c.N).Cmp(r) != 0 {
		return errSignature
	}
	return nil
}

// verifyPSS is EMSA-PSS (RFC 8017 §8.1.2). crypto/rsa knows only one hash for
// message and mask; issuers use two.
func verifyPSS(key *rsa.PublicKey, s scheme, digest, signature []byte) error {
	if s.hash == s.mgf {
		if rsa.VerifyPSS(key, s.hash.Hash, digest, signature, &rsa.PSSOptions{SaltLength: s.salt}) != nil {
			return errSignature
		}
		return nil
	}
	v := new(big.Int).SetBytes(signature)
	if len(signature) != key.Size() || v.Cmp(key.N) >= 0 {
		return errSignature
	}
	bits := key.N.BitLen() - 1
	m := new(big.Int).Exp(v, big.NewInt(int64(key.E)), key.N)
	if m.BitLen() > bits {
		return errSignature
	}
	em := m.FillBytes(make([]byte, (bits+7)/8))
	n := len(em) - len(digest) - 1
	if n < s.salt+1 || em[len(em)-1] != 0xBC {
		return errSignature
	}
	db, h := bytes.Clone(em[:n]), em[n:len(em)-1]
	for i, b := range mgf1(s.mgf, h, n) {
		db[i] ^= b
	}
	db[0] &= 0xFF >> (8*len(em) - bits)
	lead := n - s.salt - 1
	if !bytes.Equal(db[:lead], make([]byte, lead)) || db[lead] != 1 {
		return errSignature
	}
	again := append(append(make([]byte, 8), digest...), db[lead+1:]...)
	if !bytes.Equal(s.hash.sum(again), h) {
		return errSignature
	}
	return nil
}

func mgf1(h hashAlgorithm, seed []byte, n int) []byte {
	var out []byte
	for i := uint32(0); len(out) < n; i++ {
		out = append(out, h.sum(binary.BigEndian.AppendUint32(bytes.Clone(seed), i))...)
	}
	return out[:n]
}
