package seal

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/cryptosigner"
)

// fileSigner signs with a key in memory. It prints as nothing.
type fileSigner struct{ key *ecdsa.PrivateKey }

func (s *fileSigner) Public() crypto.PublicKey { return s.key.Public() }

func (s *fileSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.key.Sign(rand.Reader, digest, opts)
}

// Format prints what it is, never the key.
func (*fileSigner) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "P-256 signing key") }

// LoadOrCreateSigner reads the device's key from its JWK file, or makes one when
// the file is not there, for what signs otherwise than by DeviceKey: TLS and
// certificate requests. A file that others may read is refused.
func LoadOrCreateSigner(path string) (crypto.Signer, error) {
	k, err := loadOrCreate(path, signing)
	if err != nil {
		return nil, fmt.Errorf("device key %s: %w", path, err)
	}
	return &fileSigner{k.key}, nil
}

// LoadSigner reads the device's key from a JWK file that must be there, with the
// same care for its mode unless others' reading is the file system's own matter.
func LoadSigner(path string, othersRead bool) (crypto.Signer, error) {
	b, err := readKeyFile(path)
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	if !othersRead && info.Mode().Perm()&(fs.ModePerm&0o077) != 0 {
		return nil, fmt.Errorf("device key %s: %w: mode %#o lets others read it, want 0600", path, ErrKey, info.Mode().Perm())
	}
	jwk, err := parseJWK(b, signing)
	if err != nil {
		return nil, fmt.Errorf("device key %s: %w", path, err)
	}
	return signerOf(jwk)
}

func signerOf(jwk *jose.JSONWebKey) (crypto.Signer, error) {
	key, ok := jwk.Key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: it holds the public half only", ErrKey)
	}
	return &fileSigner{key}, nil
}

// PublicKeyOf returns the public half of a device's signing key.
func PublicKeyOf(pub crypto.PublicKey) (*PublicKey, error) {
	return newPublic(pub, signing)
}

// Is reports whether k is this public key.
func (k *PublicKey) Is(pub crypto.PublicKey) bool {
	own, ok := k.jwk.Key.(*ecdsa.PublicKey)
	return ok && own.Equal(pub)
}

// maxStatement is the largest signed statement read, in bytes.
const maxStatement = 128 << 10

// SignStatement signs a payload with the device's key as a compact JWS (ES256)
// of the given typ: what a device states outside its records.
func SignStatement(signer crypto.Signer, typ string, payload []byte) (string, error) {
	pub, err := PublicKeyOf(signer.Public())
	if err != nil {
		return "", err
	}
	key := jose.SigningKey{Algorithm: jose.ES256, Key: cryptosigner.Opaque(signer)}
	s, err := jose.NewSigner(key, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)).WithHeader("kid", pub.KeyID()))
	if err != nil {
		return "", fmt.Errorf("prepare to sign: %w", err)
	}
	jws, err := s.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return jws.CompactSerialize()
}

// OpenStatement verifies a statement of the given typ and returns its payload.
func OpenStatement(key *PublicKey, typ, signed string) ([]byte, error) {
	if len(signed) > maxStatement {
		return nil, fmt.Errorf("statement: %w (at most %d bytes)", ErrTooLarge, maxStatement)
	}
	var h header
	if err := h.read(signed, 2); err != nil {
		return nil, err
	}
	if h.Alg != string(jose.ES256) || h.Enc != "" || h.Typ != typ || h.Epk != nil {
		return nil, fmt.Errorf("%w: signed in another way than ES256, %s", ErrSeal, typ)
	}
	if h.Kid != key.KeyID() {
		return nil, fmt.Errorf("%w: not the device's key", ErrUnknownKey)
	}
	jws, err := jose.ParseSignedCompact(signed, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, fmt.Errorf("%w: not a compact JWS", ErrSeal)
	}
	payload, err := jws.Verify(key.jwk.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: the signature does not match", ErrSeal)
	}
	return payload, nil
}
