package seal

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"

	"github.com/go-jose/go-jose/v4"
)

// maxKey is the largest key file read, in bytes.
const maxKey = 16 << 10

// ErrKey is returned for a file that is not a key of the kind it should be.
var ErrKey = errors.New("not a usable key")

// PublicKey is a device's or a hub's public key on P-256.
type PublicKey struct {
	jwk        jose.JSONWebKey
	thumbprint [32]byte
}

// KeyID returns the key's RFC 7638 thumbprint, base64url.
func (k *PublicKey) KeyID() string { return k.jwk.KeyID }

// MarshalJSON returns the key as a JWK.
func (k *PublicKey) MarshalJSON() ([]byte, error) { return k.jwk.MarshalJSON() }

// Use returns "sig" or "enc".
func (k *PublicKey) Use() string { return k.jwk.Use }

// ecdsa returns the point; parsing has checked that there is one.
func (k *PublicKey) ecdsa() *ecdsa.PublicKey { return k.jwk.Key.(*ecdsa.PublicKey) }

// newPublic names a key for its use.
func newPublic(key crypto.PublicKey, want use) (*PublicKey, error) {
	return named(jose.JSONWebKey{Key: key}, want)
}

// named checks the curve and sets use, algorithm and id.
func named(jwk jose.JSONWebKey, want use) (*PublicKey, error) {
	pub, ok := jwk.Key.(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: not on P-256", ErrKey)
	}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("%w: no thumbprint", ErrKey)
	}
	k := &PublicKey{jwk: jwk, thumbprint: [32]byte(sum)}
	k.jwk.KeyID, k.jwk.Use, k.jwk.Algorithm = base64.RawURLEncoding.EncodeToString(sum), want.use, want.alg
	return k, nil
}

// use is a JWK's "use" member and the algorithm that goes with it.
type use struct{ use, alg string }

var (
	signing    = use{"sig", string(jose.ES256)}
	encryption = use{"enc", string(jose.ECDH_ES)}
)

// ParseDevicePublic reads a device's public JWK.
func ParseDevicePublic(b []byte) (*PublicKey, error) { return parsePublic(b, signing) }

// ParseHubPublic reads a hub's public JWK.
func ParseHubPublic(b []byte) (*PublicKey, error) { return parsePublic(b, encryption) }

func parsePublic(b []byte, want use) (*PublicKey, error) {
	jwk, err := parseJWK(b, want)
	if err != nil {
		return nil, err
	}
	if !jwk.IsPublic() {
		return nil, fmt.Errorf("%w: it is a private key; a private key never leaves its machine", ErrKey)
	}
	return named(*jwk, want)
}

// parseJWK reads a JWK for the wanted use.
func parseJWK(b []byte, want use) (*jose.JSONWebKey, error) {
	if len(b) > maxKey {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrKey, len(b), maxKey)
	}
	var head struct {
		Kty string          `json:"kty"`
		X5c json.RawMessage `json:"x5c"`
	}
	if err := json.Unmarshal(b, &head); err != nil || head.Kty != "EC" || head.X5c != nil {
		return nil, fmt.Errorf("%w: not a JWK on P-256", ErrKey)
	}
	jwk := new(jose.JSONWebKey)
	if err := jwk.UnmarshalJSON(b); err != nil || !jwk.Valid() {
		return nil, fmt.Errorf("%w: not a valid JWK", ErrKey)
	}
	if jwk.Use != "" && jwk.Use != want.use {
		return nil, fmt.Errorf("%w: a JWK of use %q, want %q", ErrKey, jwk.Use, want.use)
	}
	return jwk, nil
}

// privateKey is what all private keys share. It prints as its key id.
type privateKey struct {
	public *PublicKey
	key    *ecdsa.PrivateKey
}

func newPrivate(jwk *jose.JSONWebKey, want use) (privateKey, error) {
	key, ok := jwk.Key.(*ecdsa.PrivateKey)
	if !ok {
		return privateKey{}, fmt.Errorf("%w: it holds the public half only", ErrKey)
	}
	public, err := newPublic(&key.PublicKey, want)
	return privateKey{public, key}, err
}

// generate makes a key pair.
func generate(want use) (privateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return privateKey{}, fmt.Errorf("make a key: %w", err)
	}
	return newPrivate(&jose.JSONWebKey{Key: key}, want)
}

// jwk returns the private key as a JWK, for its file.
func (k *privateKey) jwk() jose.JSONWebKey {
	jwk := k.public.jwk
	jwk.Key = k.key
	return jwk
}

// Public returns the public half.
func (k *privateKey) Public() *PublicKey { return k.public }

// WritePublic writes the public half as a JWK, readable by everyone.
func (k *privateKey) WritePublic(path string) error { return writePublic(path, k.public) }

// KeyID returns the key's RFC 7638 thumbprint.
func (k *privateKey) KeyID() string { return k.public.KeyID() }

// Format prints the key id, never the key.
func (k privateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "key "+k.public.KeyID()) }

// LogValue logs the key id.
func (k privateKey) LogValue() slog.Value { return slog.StringValue(k.public.KeyID()) }

// MarshalJSON encodes the key id, never the key.
func (k privateKey) MarshalJSON() ([]byte, error) { return json.Marshal(k.public.KeyID()) }

func writePublic(path string, k *PublicKey) error {
	b, err := k.MarshalJSON()
	if err != nil {
		return fmt.Errorf("encode the public key: %w", err)
	}
	return WriteFile(path, append(b, '\n'), 0o644)
}

// loadOrCreate reads a private key's file, or makes both.
func loadOrCreate(path string, want use) (privateKey, error) {
	b, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(path, want)
	}
	if err != nil {
		return privateKey{}, err
	}
	jwk, err := parseJWK(b, want)
	if err != nil {
		return privateKey{}, err
	}
	return newPrivate(jwk, want)
}

func create(path string, want use) (privateKey, error) {
	k, err := generate(want)
	if err != nil {
		return privateKey{}, err
	}
	jwk := k.jwk()
	b, err := jwk.MarshalJSON()
	if err != nil {
		return privateKey{}, fmt.Errorf("encode the new key: %w", err)
	}
	return k, WriteFile(path, append(b, '\n'), 0o600)
}

// readPrivate reads a key's file that nobody else may read.
func readPrivate(path string) ([]byte, error) {
	b, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: mode %#o lets others read it, want 0600", ErrKey, info.Mode().Perm())
	}
	return b, nil
}

// readKeyFile reads at most maxKey bytes of a regular file.
func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxKey+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxKey {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrKey, maxKey)
	}
	return b, nil
}
