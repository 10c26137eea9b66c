package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tram/sync/seal"
)

// DefaultReference names the key that a device has when nothing else is said.
const DefaultReference = "file:device.jwk"

// Errors that callers tell apart.
var (
	ErrReference = errors.New("not a reference to a key")
	ErrNotThere  = errors.New("the key, or what holds it, is not there")
	ErrKey       = errors.New("not a usable device key")
)

// Options says where to look.
type Options struct {
	State  string // folder that relative paths count from
	Create bool   // make the key when it is not there; a credential is never made
}

// Key is an open key. It may be used by several goroutines at once.
type Key struct {
	crypto.Signer
	Reference string
	close     func() error
}

// Close gives back what holds the key; a file needs none of it.
func (k *Key) Close() error {
	if k.close == nil {
		return nil
	}
	return k.close()
}

// Format prints the reference without what may follow a question mark.
func (k *Key) Format(f fmt.State, _ rune) {
	shown, _, _ := strings.Cut(k.Reference, "?")
	fmt.Fprint(f, "key "+shown)
}

// Public returns the public half.
func (k *Key) Public() crypto.PublicKey { return k.Signer.Public() }

// JWK returns the public half as a JWK of use "sig".
func (k *Key) JWK() ([]byte, error) {
	pub, err := seal.PublicKeyOf(k.Public())
	if err != nil {
		return nil, err
	}
	return pub.MarshalJSON()
}

// Open opens the key that a reference names; "" is DefaultReference.
func Open(reference string, o Options) (*Key, error) {
	if reference == "" {
		reference = DefaultReference
	}
	kind, rest, ok := strings.Cut(reference, ":")
	if !ok || rest == "" || len(reference) > 1024 {
		return nil, fmt.Errorf("%w: want file:PATH, credential:NAME, tpm:HANDLE or pkcs11:URI", ErrReference)
	}
	var k *Key
	var err error
	switch kind {
	case "file":
		k, err = openFile(rest, o)
	case "credential":
		k, err = openCredential(rest)
	case "tpm":
		k, err = openTPM(rest, o)
	case "pkcs11":
		k, err = openPKCS11(rest, o)
	default:
		return nil, fmt.Errorf("%w: kind %q, want file, credential, tpm or pkcs11", ErrReference, kind)
	}
	if err != nil {
		return nil, err
	}
	k.Reference = reference
	if pub, ok := k.Public().(*ecdsa.PublicKey); !ok || pub.Curve != elliptic.P256() {
		return nil, errors.Join(fmt.Errorf("%w: it is not on P-256", ErrKey), k.Close())
	}
	return k, nil
}

func openFile(path string, o Options) (*Key, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(o.State, path)
	}
	load := seal.LoadOrCreateSigner
	if !o.Create {
		load = func(path string) (crypto.Signer, error) { return seal.LoadSigner(path, false) }
	}
	s, err := load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNotThere, err)
	}
	if err != nil {
		return nil, err
	}
	return &Key{Signer: s}, nil
}

// credentialsEnv is set by systemd for a service with LoadCredential or
// LoadCredentialEncrypted.
const credentialsEnv = "CREDENTIALS_DIRECTORY"

func openCredential(name string) (*Key, error) {
	if name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return nil, fmt.Errorf("%w: a credential's name has no path", ErrReference)
	}
	dir := os.Getenv(credentialsEnv)
	if dir == "" {
		return nil, fmt.Errorf("credential %s: %w: systemd gave this process no credentials ($%s is not set)", name, ErrNotThere, credentialsEnv)
	}
	// The folder is the service's alone; systemd shows the files in it as 0440.
	s, err := seal.LoadSigner(filepath.Join(dir, name), true)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("credential %s: %w", name, ErrNotThere)
	}
	if err != nil {
		return nil, fmt.Errorf("credential %s: %w", name, err)
	}
	return &Key{Signer: s}, nil
}
