package seal

import (
	"crypto"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// DeviceKey is a device's ES256 signing key, wherever it lives. It prints as
// its key id.
type DeviceKey struct {
	signer crypto.Signer
	public *PublicKey
}

// NewDeviceKey returns a device key for a signer on P-256: a key in memory, in
// a TPM, behind PKCS#11.
func NewDeviceKey(signer crypto.Signer) (*DeviceKey, error) {
	public, err := newPublic(signer.Public(), signing)
	if err != nil {
		return nil, fmt.Errorf("device key: %w", err)
	}
	return &DeviceKey{signer, public}, nil
}

// LoadOrCreateDeviceKey reads the device's key, or makes one when the file is
// not there. A file that others may read is refused.
func LoadOrCreateDeviceKey(path string) (*DeviceKey, error) {
	k, err := loadOrCreate(path, signing)
	if err != nil {
		return nil, fmt.Errorf("device key %s: %w", path, err)
	}
	return &DeviceKey{k.key, k.public}, nil
}

// Signer returns what signs, for a certificate request and for TLS.
func (k *DeviceKey) Signer() crypto.Signer { return k.signer }

// Public returns the public half.
func (k *DeviceKey) Public() *PublicKey { return k.public }

// KeyID returns the key's RFC 7638 thumbprint.
func (k *DeviceKey) KeyID() string { return k.public.KeyID() }

// WritePublic writes the public half as a JWK, readable by everyone.
func (k *DeviceKey) WritePublic(path string) error { return writePublic(path, k.public) }

// Format prints the key id, never the key.
func (k DeviceKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "key "+k.public.KeyID()) }

// LogValue logs the key id.
func (k DeviceKey) LogValue() slog.Value { return slog.StringValue(k.public.KeyID()) }

// MarshalJSON encodes the key id, never the key.
func (k DeviceKey) MarshalJSON() ([]byte, error) { return json.Marshal(k.public.KeyID()) }

// DeviceBox is a device's second key, to which the hub encrypts commands and
// answers with a person's data.
type DeviceBox struct{ privateKey }

// LoadOrCreateDeviceBox reads the device's box key, or makes one when the file
// is not there. A file that others may read is refused.
func LoadOrCreateDeviceBox(path string) (*DeviceBox, error) {
	k, err := loadOrCreate(path, encryption)
	if err != nil {
		return nil, fmt.Errorf("device's box key %s: %w", path, err)
	}
	return &DeviceBox{k}, nil
}
