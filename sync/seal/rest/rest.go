// Package rest encrypts what a device keeps on its own disk: commands, rosters,
// allow lists. Its key is made on the device, lies in a file of its own with mode
// 0600 and never leaves; without it what was kept is noise, so deleting the key
// deletes all of it. Backups of a state folder without the key hold nothing of a
// person.
//
// The format is JWE in compact serialisation (RFC 7516) with direct encryption,
// A256GCM, and the label as a protected header member.
package rest

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"

	"tram/sync/seal"
)

// MaxPlain is the most that is sealed at once, in bytes.
const MaxPlain = 8 << 20

// labelHeader is the protected member that holds the label.
const labelHeader = "tram-rest"

const keyBytes = 32

// Errors that callers tell apart.
var (
	ErrKey    = errors.New("not a usable key")
	ErrSealed = errors.New("it does not open with this device's key")
)

// Box seals and opens. It may be used by several goroutines at once.
type Box struct{ key []byte }

// LoadOrCreate reads the key file, or makes it.
func LoadOrCreate(path string) (*Box, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return create(path)
	case err != nil:
		return nil, fmt.Errorf("read the key for what is kept: %w", err)
	case info.Mode().Perm()&0o077 != 0 || info.Size() > 4<<10:
		return nil, fmt.Errorf("%w: %s must be a small file of mode 0600", ErrKey, path)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the key for what is kept: %w", err)
	}
	var jwk jose.JSONWebKey
	err = json.Unmarshal(b, &jwk)
	key, ok := jwk.Key.([]byte)
	if err != nil || !ok || len(key) != keyBytes {
		return nil, fmt.Errorf("%w: %s is no 256-bit JWK", ErrKey, path)
	}
	return &Box{key}, nil
}

func create(path string) (*Box, error) {
	key := make([]byte, keyBytes)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	b, err := jose.JSONWebKey{Key: key, Algorithm: string(jose.A256GCM), Use: "enc"}.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	if err := seal.WriteFile(path, append(b, '\n'), 0o600); err != nil {
		return nil, fmt.Errorf("keep the new key: %w", err)
	}
	return &Box{key}, nil
}

// Seal encrypts plain under a label.
func (b *Box) Seal(label string, plain []byte) ([]byte, error) {
	if len(plain) > MaxPlain {
		return nil, fmt.Errorf("encrypt %s: %d bytes, at most %d", label, len(plain), MaxPlain)
	}
	e, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.DIRECT, Key: b.key},
		(&jose.EncrypterOptions{}).WithHeader(labelHeader, label))
	if err != nil {
		return nil, fmt.Errorf("encrypt %s: %w", label, err)
	}
	jwe, err := e.Encrypt(plain)
	if err != nil {
		return nil, fmt.Errorf("encrypt %s: %w", label, err)
	}
	text, err := jwe.CompactSerialize()
	if err != nil {
		return nil, fmt.Errorf("encrypt %s: %w", label, err)
	}
	return []byte(text), nil
}

// Open decrypts what Seal made under the same label.
func (b *Box) Open(label string, sealed []byte) ([]byte, error) {
	if len(sealed) > 2*MaxPlain {
		return nil, fmt.Errorf("decrypt %s: %w: %d bytes", label, ErrSealed, len(sealed))
	}
	jwe, err := jose.ParseEncryptedCompact(string(sealed), []jose.KeyAlgorithm{jose.DIRECT}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, fmt.Errorf("decrypt %s: %w", label, ErrSealed)
	}
	if got, _ := jwe.Header.ExtraHeaders[labelHeader].(string); got != label {
		return nil, fmt.Errorf("decrypt %s: %w: it is something else", label, ErrSealed)
	}
	plain, err := jwe.Decrypt(b.key)
	if err != nil {
		return nil, fmt.Errorf("decrypt %s: %w", label, ErrSealed)
	}
	return plain, nil
}
