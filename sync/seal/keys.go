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
	jwk jose.JSONWebKey
}

// KeyID returns the key's RFC 7638 thumbprint.
func (k *PublicKey) KeyID() string { return k.jwk.KeyID }

// MarshalJSON returns the key as a JWK.
func (k *PublicKey) MarshalJSON() ([]byte, error) { return k.jwk.MarshalJSON() }

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

// LoadHubKey reads a hub's public key from a file.
func LoadHubKey(path string) (*PublicKey, error) {
	b, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	k, err := ParseHubPublic(b)
	if err != nil {
		return nil, fmt.Errorf("read the hub's public key %s: %w", path, err)
	}
	return k, nil
}

func parsePublic(b []byte, want use) (*PublicKey, error) {
	jwk, err := parseJWK(b, want)
	if err != nil {
		return nil, err
	}
	if !jwk.IsPublic() {
		return nil, fmt.Errorf("%w: it is a private key; a private key never leaves its machine", ErrKey)
	}
	return &PublicKey{jwk: *jwk}, nil
}

// parseJWK reads a P-256 JWK for the wanted use and gives it its thumbprint as id.
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
	return finish(jwk, want)
}

// finish checks the curve, and sets use, algorithm and id.
func finish(jwk *jose.JSONWebKey, want use) (*jose.JSONWebKey, error) {
	pub, ok := jwk.Public().Key.(*ecdsa.PublicKey)
	if !ok || pub.Curve != elliptic.P256() {
		return nil, fmt.Errorf("%w: not on P-256", ErrKey)
	}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("%w: no thumbprint", ErrKey)
	}
	jwk.KeyID, jwk.Use, jwk.Algorithm = base64.RawURLEncoding.EncodeToString(sum), want.use, want.alg
	return jwk, nil
}

// privateKey is what DeviceKey and HubKey share. It prints as its key id.
type privateKey struct {
	jwk jose.JSONWebKey
}

// Public returns the public half.
func (k *privateKey) Public() *PublicKey { return &PublicKey{jwk: k.jwk.Public()} }

// WritePublic writes the public half as a JWK, readable by everyone.
func (k *privateKey) WritePublic(path string) error {
	b, err := k.Public().MarshalJSON()
	if err != nil {
		return fmt.Errorf("encode the public key: %w", err)
	}
	return WriteFile(path, append(b, '\n'), 0o644)
}

// KeyID returns the key's RFC 7638 thumbprint.
func (k *privateKey) KeyID() string { return k.jwk.KeyID }

// Format prints the key id, never the key.
func (k privateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "key "+k.jwk.KeyID) }

// LogValue logs the key id.
func (k privateKey) LogValue() slog.Value { return slog.StringValue(k.jwk.KeyID) }

// MarshalJSON encodes the key id, never the key.
func (k privateKey) MarshalJSON() ([]byte, error) { return json.Marshal(k.jwk.KeyID) }

// DeviceKey is a device's ES256 signing key.
type DeviceKey struct{ privateKey }

// HubKey is a hub's ECDH-ES private key.
type HubKey struct{ privateKey }

// LoadOrCreateDeviceKey reads the device's key, or makes one when the file is
// not there. A file that others may read is refused.
func LoadOrCreateDeviceKey(path string) (*DeviceKey, error) {
	jwk, err := loadOrCreate(path, signing)
	if err != nil {
		return nil, fmt.Errorf("device key %s: %w", path, err)
	}
	return &DeviceKey{privateKey{*jwk}}, nil
}

// LoadOrCreateHubKey reads the hub's key, or makes one when the file is not
// there. A file that others may read is refused.
func LoadOrCreateHubKey(path string) (*HubKey, error) {
	jwk, err := loadOrCreate(path, encryption)
	if err != nil {
		return nil, fmt.Errorf("hub key %s: %w", path, err)
	}
	return &HubKey{privateKey{*jwk}}, nil
}

func loadOrCreate(path string, want use) (*jose.JSONWebKey, error) {
	b, err := readKeyFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(path, want)
	}
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
	jwk, err := parseJWK(b, want)
	if err != nil {
		return nil, err
	}
	if jwk.IsPublic() {
		return nil, fmt.Errorf("%w: it holds the public half only", ErrKey)
	}
	return jwk, nil
}

func create(path string, want use) (*jose.JSONWebKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	jwk, err := finish(&jose.JSONWebKey{Key: key}, want)
	if err != nil {
		return nil, err
	}
	b, err := jwk.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encode the new key: %w", err)
	}
	if err := WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return nil, err
	}
	return jwk, nil
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
