package seal

import (
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// Format is the name of the one format that this package writes.
const Format = "tram1"

// Limits, in bytes.
const (
	MaxSealed = 2 << 20 // a sealed envelope
	MaxPlain  = 4 << 20 // what is inside, decompressed
)

// Errors that callers tell apart.
var (
	ErrSeal       = errors.New("the seal does not hold")
	ErrUnknownKey = errors.New("sealed with or for an unknown key")
	ErrTooLarge   = errors.New("too large")
)

// Sealer seals for one device and one hub. It may be used by several
// goroutines at once.
type Sealer struct {
	signer    jose.Signer
	encrypter jose.Encrypter
}

// NewSealer returns a Sealer that signs with the device's key and encrypts to
// the hub's.
func NewSealer(device *DeviceKey, hub *PublicKey) (*Sealer, error) {
	if hub.jwk.Use != encryption.use {
		return nil, fmt.Errorf("%w: the hub's key is not for encryption", ErrKey)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: device.jwk},
		(&jose.SignerOptions{}).WithType(Format))
	if err != nil {
		return nil, fmt.Errorf("prepare to sign: %w", err)
	}
	encrypter, err := jose.NewEncrypter(jose.A256GCM,
		jose.Recipient{Algorithm: jose.ECDH_ES, Key: hub.jwk.Key, KeyID: hub.KeyID()},
		(&jose.EncrypterOptions{}).WithType(Format))
	if err != nil {
		return nil, fmt.Errorf("prepare to encrypt: %w", err)
	}
	return &Sealer{signer: signer, encrypter: encrypter}, nil
}

// Seal compresses, signs and encrypts plain. The result is a compact JWE: ASCII
// without white space.
func (s *Sealer) Seal(plain []byte) ([]byte, error) {
	if len(plain) > MaxPlain {
		return nil, fmt.Errorf("seal %d bytes: %w (at most %d)", len(plain), ErrTooLarge, MaxPlain)
	}
	packed, err := deflate(plain)
	if err != nil {
		return nil, err
	}
	jws, err := s.signer.Sign(packed)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	signed, err := jws.CompactSerialize()
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	jwe, err := s.encrypter.Encrypt([]byte(signed))
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	sealed, err := jwe.CompactSerialize()
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	if len(sealed) > MaxSealed {
		return nil, fmt.Errorf("sealed into %d bytes: %w (at most %d)", len(sealed), ErrTooLarge, MaxSealed)
	}
	return []byte(sealed), nil
}
