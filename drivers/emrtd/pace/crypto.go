package pace

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/big"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// ErrKey says that the other side sent something that is no usable key, or one
// that an attacker would send.
var ErrKey = errors.New("pace: the other side's key is not usable")

var standardised = map[int]string{
	8: "P-192", 9: "brainpoolP192r1", 10: "P-224", 11: "brainpoolP224r1", 12: "P-256", 13: "brainpoolP256r1",
	14: "brainpoolP320r1", 15: "P-384", 16: "brainpoolP384r1", 17: "brainpoolP512r1", 18: "P-521",
}

// Params returns the curve of a standardised domain parameter, 8 to 18 (Doc
// 9303-11 §9.5.1).
func Params(id int) (*ec.Curve, error) {
	name, ok := standardised[id]
	if !ok {
		return nil, fmt.Errorf("pace: domain parameters %d are not a standardised curve", id)
	}
	return ec.ByName(name)
}

// PasswordKey returns K_pi (Doc 9303-11 §9.7.3). secret is the digits of the CAN
// as they are, or the SHA-1 of the MRZ information, all 20 bytes.
func PasswordKey(secret []byte, c sm.Cipher) []byte { return sm.KDF(secret, sm.CounterPassword, c) }

// EncryptNonce hides the chip's nonce: a whole number of blocks, 16 bytes.
func EncryptNonce(c sm.Cipher, key, nonce []byte) ([]byte, error) {
	return c.EncryptCBC(key, nil, nonce)
}

// DecryptNonce reads the chip's hidden nonce.
func DecryptNonce(c sm.Cipher, key, hidden []byte) ([]byte, error) {
	if len(hidden) == 0 || len(hidden) > 64 {
		return nil, fmt.Errorf("pace: a nonce of %d bytes", len(hidden))
	}
	return c.DecryptCBC(key, nil, hidden)
}

// Key is an ephemeral key pair over some generator.
type Key struct {
	Private *big.Int
	Public  ec.Point
}

// NewKey makes a key pair: Public = Private · generator.
func NewKey(random io.Reader, c *ec.Curve, generator ec.Point) (Key, error) {
	k, err := c.RandomScalar(random)
	if err != nil {
		return Key{}, err
	}
	return Key{Private: k, Public: c.Mult(generator, k)}, nil
}

// MapGeneric returns the session's generator s·G + H, where H is the secret point
// that private and peer's key share (Doc 9303-11 §4.4.3.3.1).
func MapGeneric(c *ec.Curve, nonce []byte, private *big.Int, peer ec.Point) (ec.Point, error) {
	h := c.Mult(peer, private)
	if h.IsInfinity() {
		return ec.Point{}, ErrKey
	}
	g := c.Add(c.Mult(c.G, new(big.Int).SetBytes(nonce)), h)
	if g.IsInfinity() {
		return ec.Point{}, ErrKey
	}
	return g, nil
}

// SharedSecret returns the x-coordinate of private · peer in the field's length.
func SharedSecret(c *ec.Curve, private *big.Int, peer ec.Point) ([]byte, error) {
	p := c.Mult(peer, private)
	if p.IsInfinity() {
		return nil, ErrKey
	}
	return c.FieldBytes(p.X), nil
}

// Token returns the 8-byte authentication token over public, the key of the one
// who will check the token: the reader's token is over the chip's key and the
// other way round (Doc 9303-11 §4.4.3.4).
func Token(p Protocol, kMac []byte, c *ec.Curve, public ec.Point) ([]byte, error) {
	return p.Cipher.MAC(kMac, tlv.Encode(0x7F49, tlv.Encode(asn.OID, p.Content()), tlv.Encode(0x86, c.Encode(public))))
}

// Token returns the 8-byte authentication token over public, the key of the one who
// will check the token: the reader's token is over the chip's key and the other way
// round (Doc 9303-11 §4.4.3.4). Keys of a curve stand in data object 86, numbers in 84.
func (d *Domain) Token(p Protocol, kMac, public []byte) ([]byte, error) {
	tag := uint32(0x86)
	if d.prime != nil {
		tag = 0x84
	}
	return p.Cipher.MAC(kMac, tlv.Encode(0x7F49, tlv.Encode(asn.OID, p.Content()), tlv.Encode(tag, public)))
}

// SessionKeys derives the keys of secure messaging from the shared secret.
func SessionKeys(secret []byte, c sm.Cipher) (kEnc, kMac []byte) {
	return sm.KDF(secret, sm.CounterEnc, c), sm.KDF(secret, sm.CounterMAC, c)
}

// DynamicData wraps value as the dynamic authentication data of GENERAL
// AUTHENTICATE: 7C { tag value }. With tag 0 it is empty, as in the first command.
func DynamicData(tag uint32, value []byte) []byte {
	if tag == 0 {
		return tlv.Encode(0x7C)
	}
	return tlv.Encode(0x7C, tlv.Encode(tag, value))
}

// FromDynamicData returns a copy of the value with tag inside 7C { … }.
func FromDynamicData(data []byte, tag uint32) ([]byte, error) {
	outer, _, err := tlv.Next(data)
	if err != nil {
		return nil, fmt.Errorf("pace: authentication data: %w", err)
	}
	if outer.Tag != 0x7C {
		return nil, fmt.Errorf("pace: authentication data with tag %X", outer.Tag)
	}
	parts, err := asn.Elements(outer.Value)
	if err != nil {
		return nil, fmt.Errorf("pace: authentication data: %w", err)
	}
	n, ok := tlv.Find(parts, tag)
	if !ok {
		return nil, fmt.Errorf("pace: authentication data without %X", tag)
	}
	return bytes.Clone(n.Value), nil
}
