package seal

import (
	"crypto/hpke"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/go-jose/go-jose/v4"
)

// HubKeysFile is the file of a hub's private keys in its data folder, a JWKS.
const HubKeysFile = "hub.jwk"

// keptKeys is how many keys of each use a rotation leaves.
const keptKeys = 4

// HubKey is a hub's private key for encryption.
type HubKey struct {
	privateKey
	hpke hpke.PrivateKey
}

func newHubKey(k privateKey) (*HubKey, error) {
	ecdhKey, err := k.key.ECDH()
	if err != nil {
		return nil, fmt.Errorf("%w: not on P-256", ErrKey)
	}
	private, err := hpke.NewDHKEMPrivateKey(ecdhKey)
	if err != nil {
		return nil, fmt.Errorf("%w: not on P-256", ErrKey)
	}
	return &HubKey{k, private}, nil
}

// HubKeys are a hub's keys: to decrypt with, and to sign with. Old ones stay
// while devices change over.
type HubKeys struct {
	path    string
	enc     []*HubKey    // newest first
	signers []privateKey // the one in use, the next one, then older ones
}

// LoadOrCreateHubKeys reads the keys in a hub's data folder, or makes them.
func LoadOrCreateHubKeys(dir string) (*HubKeys, error) {
	k := &HubKeys{path: filepath.Join(dir, HubKeysFile)}
	b, err := readPrivate(k.path)
	if err == nil {
		err = k.parse(b)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("hub keys %s: %w", k.path, err)
	}
	if len(k.enc) > 0 && len(k.signers) > 1 {
		return k, nil
	}
	if err := k.complete(); err != nil {
		return nil, fmt.Errorf("hub keys %s: %w", k.path, err)
	}
	return k, nil
}

// complete makes the keys that are missing.
func (k *HubKeys) complete() error {
	for len(k.enc) == 0 {
		if err := k.addEncryption(); err != nil {
			return err
		}
	}
	for len(k.signers) < 2 {
		s, err := generate(signing)
		if err != nil {
			return err
		}
		k.signers = append(k.signers, s)
	}
	return k.write()
}

func (k *HubKeys) addEncryption() error {
	made, err := generate(encryption)
	if err != nil {
		return err
	}
	key, err := newHubKey(made)
	if err != nil {
		return err
	}
	k.enc = append([]*HubKey{key}, k.enc...)
	return nil
}

// Rotate makes a new key for encryption, which devices use as soon as they know
// it, and begins to sign with the key that was published as the next one.
// Everything older stays valid for three more rotations.
func (k *HubKeys) Rotate() error {
	next := &HubKeys{path: k.path, enc: k.enc}
	if err := next.addEncryption(); err != nil {
		return fmt.Errorf("rotate the hub's keys: %w", err)
	}
	fresh, err := generate(signing)
	if err != nil {
		return fmt.Errorf("rotate the hub's keys: %w", err)
	}
	next.signers = append([]privateKey{k.signers[1], fresh, k.signers[0]}, k.signers[2:]...)
	next.enc = next.enc[:min(len(next.enc), keptKeys)]
	next.signers = next.signers[:min(len(next.signers), keptKeys)]
	if err := next.write(); err != nil {
		return fmt.Errorf("rotate the hub's keys: %w", err)
	}
	*k = *next
	return nil
}

// Encryption returns the private keys that envelopes may be sealed to, newest
// first; for NewOpener.
func (k *HubKeys) Encryption() []*HubKey { return k.enc }

// Opener returns an Opener for all of the hub's keys.
func (k *HubKeys) Opener(lookup Lookup) *Opener { return NewOpener(k.enc[0], lookup, k.enc[1:]...) }

// Public returns the public keys as a JWKS, which devices keep.
func (k *HubKeys) Public() []byte {
	var set jose.JSONWebKeySet
	for _, e := range k.enc {
		set.Keys = append(set.Keys, e.public.jwk)
	}
	for _, s := range k.signers {
		set.Keys = append(set.Keys, s.public.jwk)
	}
	return append(must(json.Marshal(set)), '\n')
}

// WritePublic writes Public, readable by everyone.
func (k *HubKeys) WritePublic(path string) error { return WriteFile(path, k.Public(), 0o644) }

func (k *HubKeys) write() error {
	var set jose.JSONWebKeySet
	for _, e := range k.enc {
		set.Keys = append(set.Keys, e.jwk())
	}
	for _, s := range k.signers {
		set.Keys = append(set.Keys, s.jwk())
	}
	b, err := json.Marshal(set)
	if err != nil {
		return fmt.Errorf("encode the keys: %w", err)
	}
	return WriteFile(k.path, append(b, '\n'), 0o600)
}

// parse reads a JWKS of private keys, or a single one for encryption.
func (k *HubKeys) parse(b []byte) error {
	list, err := splitKeys(b)
	if err != nil {
		return err
	}
	for _, raw := range list {
		jwk, want, err := parseEither(raw)
		if err != nil {
			return err
		}
		private, err := newPrivate(jwk, want)
		if err != nil {
			return err
		}
		if want == signing {
			k.signers = append(k.signers, private)
			continue
		}
		key, err := newHubKey(private)
		if err != nil {
			return err
		}
		k.enc = append(k.enc, key)
	}
	return nil
}

// maxKeys is how many keys a JWKS may hold.
const maxKeys = 32

// splitKeys returns the keys of a JWKS, or the one JWK that b is.
func splitKeys(b []byte) ([]json.RawMessage, error) {
	if len(b) > maxKey {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrKey, len(b), maxKey)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(b, &set); err != nil {
		return nil, fmt.Errorf("%w: not a JWK or JWKS", ErrKey)
	}
	if set.Keys == nil {
		return []json.RawMessage{b}, nil
	}
	if len(set.Keys) == 0 || len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%w: a JWKS of %d keys, want 1 to %d", ErrKey, len(set.Keys), maxKeys)
	}
	return set.Keys, nil
}

// parseEither reads a JWK of either use; one that does not say is for
// encryption.
func parseEither(raw []byte) (*jose.JSONWebKey, use, error) {
	var head struct {
		Use string `json:"use"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return nil, use{}, fmt.Errorf("%w: not a JWK", ErrKey)
	}
	want := encryption
	if head.Use == signing.use {
		want = signing
	}
	jwk, err := parseJWK(raw, want)
	return jwk, want, err
}

// HubPublic is what a device knows of its hub: keys to encrypt to, and keys
// that the hub signs with.
type HubPublic struct {
	enc, sig []*PublicKey
}

// LoadHubKeys reads a hub's public keys from a file: a JWKS, or the one JWK
// for encryption.
func LoadHubKeys(path string) (*HubPublic, error) {
	b, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	h, err := ParseHubKeys(b)
	if err != nil {
		return nil, fmt.Errorf("read the hub's public keys %s: %w", path, err)
	}
	return h, nil
}

// ParseHubKeys reads a hub's public keys. There is at least one for encryption.
func ParseHubKeys(b []byte) (*HubPublic, error) {
	list, err := splitKeys(b)
	if err != nil {
		return nil, err
	}
	h := new(HubPublic)
	for _, raw := range list {
		jwk, want, err := parseEither(raw)
		if err != nil {
			return nil, err
		}
		if !jwk.IsPublic() {
			return nil, fmt.Errorf("%w: it is a private key; a private key never leaves its machine", ErrKey)
		}
		k, err := named(*jwk, want)
		if err != nil {
			return nil, err
		}
		if want == signing {
			h.sig = append(h.sig, k)
		} else {
			h.enc = append(h.enc, k)
		}
	}
	if len(h.enc) == 0 {
		return nil, fmt.Errorf("%w: no key for encryption among %d", ErrKey, len(list))
	}
	return h, nil
}

// Encryption returns the key to encrypt to.
func (h *HubPublic) Encryption() *PublicKey { return h.enc[0] }

// Signs reports whether the hub's signing keys are known, so that what it says
// must be signed.
func (h *HubPublic) Signs() bool { return h != nil && len(h.sig) > 0 }

// signer returns the signing key with an id, or nil.
func (h *HubPublic) signer(id string) *PublicKey {
	for _, k := range h.sig {
		if k.KeyID() == id {
			return k
		}
	}
	return nil
}
