package seal

import (
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/veraison/go-cose"
)

// Format is the name of the one format that this package writes.
const Format = "tram2"

// Limits, in bytes.
const (
	MaxSealed = 2 << 20 // a sealed envelope
	MaxPlain  = 4 << 20 // what is inside, decompressed
)

// What a seal is about. It is signed, so that nothing sealed for one purpose
// passes for another.
const (
	Records = "records" // a CloudEvents batch
	Reply   = "reply"   // the answer to a command
	Request = "request" // an online question
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
	signer   cose.Signer
	device   *PublicKey
	hub      *PublicKey
	sessions sessions
}

// NewSealer returns a Sealer that signs with the device's key and encrypts to
// the hub's.
func NewSealer(device *DeviceKey, hub *PublicKey) (*Sealer, error) {
	if hub.jwk.Use != encryption.use {
		return nil, fmt.Errorf("%w: the hub's key is not for encryption", ErrKey)
	}
	signer, err := cose.NewSigner(cose.AlgorithmES256, device.signer)
	if err != nil {
		return nil, fmt.Errorf("prepare to sign: %w", err)
	}
	s := &Sealer{signer: signer, device: device.Public(), hub: hub}
	if _, _, err := s.sessions.next(s.hub, s.device); err != nil {
		return nil, fmt.Errorf("prepare to encrypt: %w", err)
	}
	return s, nil
}

// Seal compresses, signs and encrypts records. The result is binary.
func (s *Sealer) Seal(plain []byte) ([]byte, error) { return s.SealAs(Records, plain) }

// SealAs compresses, signs and encrypts what is not a batch of records: kind
// is Reply or Request.
func (s *Sealer) SealAs(kind string, plain []byte) ([]byte, error) {
	if len(plain) > MaxPlain {
		return nil, fmt.Errorf("seal %d bytes: %w (at most %d)", len(plain), ErrTooLarge, MaxPlain)
	}
	packed, err := deflate(plain)
	if err != nil {
		return nil, err
	}
	signed, err := cose.Sign1Untagged(rand.Reader, s.signer, signHeaders, packed, purpose(kind, s.hub))
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	session, n, err := s.sessions.next(s.hub, s.device)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	sealed := session.seal(n, signed)
	if len(sealed) > MaxSealed {
		return nil, fmt.Errorf("sealed into %d bytes: %w (at most %d)", len(sealed), ErrTooLarge, MaxSealed)
	}
	return sealed, nil
}

// signHeaders are those of every signature: ES256 and nothing else. Whose it
// is stands in the envelope's header.
var signHeaders = cose.Headers{Protected: cose.ProtectedHeader{cose.HeaderLabelAlgorithm: cose.AlgorithmES256}}

// purpose is what a signature covers beside the payload: what it is about and
// which hub it is for, so that a hub cannot pass it on to another as its own.
func purpose(kind string, hub *PublicKey) []byte {
	return append([]byte(Format+" "+kind+" "), hub.thumbprint[:]...)
}
