package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// maxHeader is the largest protected header, base64url, in bytes.
const maxHeader = 1024

// Lookup returns the public key with the given id of a device, or an error.
type Lookup func(device, keyID string) (*PublicKey, error)

// Opener opens what devices sealed for a hub. It may be used by several
// goroutines at once.
type Opener struct {
	hub    map[string]*HubKey
	lookup Lookup
}

// NewOpener returns an Opener for the hub's key; older keys of the hub may
// follow while devices change over.
func NewOpener(hub *HubKey, lookup Lookup, older ...*HubKey) *Opener {
	o := &Opener{hub: map[string]*HubKey{hub.KeyID(): hub}, lookup: lookup}
	for _, k := range older {
		o.hub[k.KeyID()] = k
	}
	return o
}

// Open decrypts a sealed envelope, verifies that the named device signed it,
// and returns what is inside. The caller holds the name against the source of
// the records.
func (o *Opener) Open(device string, sealed []byte) ([]byte, error) {
	if len(sealed) > MaxSealed {
		return nil, fmt.Errorf("open %d bytes: %w (at most %d)", len(sealed), ErrTooLarge, MaxSealed)
	}
	signed, err := o.decrypt(string(sealed))
	if err != nil {
		return nil, err
	}
	packed, err := o.verify(device, string(signed))
	if err != nil {
		return nil, err
	}
	return inflate(packed, MaxPlain)
}

func (o *Opener) decrypt(sealed string) ([]byte, error) {
	var h header
	if err := h.read(sealed, 4); err != nil {
		return nil, err
	}
	if h.Alg != string(jose.ECDH_ES) || h.Enc != string(jose.A256GCM) || h.Typ != Format || h.Epk == nil {
		return nil, fmt.Errorf("%w: encrypted in another way than ECDH-ES, A256GCM, %s", ErrSeal, Format)
	}
	key, ok := o.hub[h.Kid]
	if !ok {
		return nil, fmt.Errorf("%w: encrypted to another hub", ErrUnknownKey)
	}
	jwe, err := jose.ParseEncryptedCompact(sealed, []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return nil, fmt.Errorf("%w: not a compact JWE", ErrSeal)
	}
	signed, err := jwe.Decrypt(key.jwk.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: it does not decrypt", ErrSeal)
	}
	return signed, nil
}

func (o *Opener) verify(device, signed string) ([]byte, error) {
	var h header
	if err := h.read(signed, 2); err != nil {
		return nil, err
	}
	if h.Alg != string(jose.ES256) || h.Enc != "" || h.Typ != Format || h.Epk != nil {
		return nil, fmt.Errorf("%w: signed in another way than ES256, %s", ErrSeal, Format)
	}
	pub, err := o.lookup(device, h.Kid)
	if err != nil {
		return nil, err
	}
	if pub == nil || pub.KeyID() != h.Kid {
		return nil, fmt.Errorf("%w: not the key of device %s", ErrUnknownKey, device)
	}
	jws, err := jose.ParseSignedCompact(signed, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, fmt.Errorf("%w: not a compact JWS", ErrSeal)
	}
	packed, err := jws.Verify(pub.jwk.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: the signature of device %s does not match", ErrSeal, device)
	}
	return packed, nil
}

// header holds the only members that format tram1 allows.
type header struct {
	Alg string          `json:"alg"`
	Enc string          `json:"enc"`
	Kid string          `json:"kid"`
	Typ string          `json:"typ"`
	Epk json.RawMessage `json:"epk"`
}

// read decodes the protected header of a compact serialisation that has the
// given number of dots.
func (h *header) read(compact string, dots int) error {
	if n := strings.Count(compact, "."); n != dots {
		return fmt.Errorf("%w: %d parts, want %d", ErrSeal, n+1, dots+1)
	}
	first, _, _ := strings.Cut(compact, ".")
	if len(first) > maxHeader {
		return fmt.Errorf("header: %w (at most %d bytes)", ErrTooLarge, maxHeader)
	}
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return fmt.Errorf("%w: header is not base64url", ErrSeal)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(h); err != nil {
		return fmt.Errorf("%w: header has other members than alg, enc, kid, typ, epk", ErrSeal)
	}
	return nil
}
