package seal

import (
	"encoding/base64"
	"fmt"
	"sync"

	"crypto/hpke"

	"github.com/veraison/go-cose"
)

// Lookup returns the public key with the given id of a device, or an error.
type Lookup func(device, keyID string) (*PublicKey, error)

// Limits of an Opener.
const (
	maxHeader   = 512  // bytes of an envelope's protected header
	maxSessions = 4096 // sessions remembered; each saves a key agreement
)

// Opener opens what devices sealed for a hub. It may be used by several
// goroutines at once.
type Opener struct {
	hub    map[[32]byte]*HubKey
	lookup Lookup

	mu       sync.Mutex
	sessions map[string]*session // by protected header
}

// NewOpener returns an Opener for the hub's key; older keys of the hub may
// follow while devices change over.
func NewOpener(hub *HubKey, lookup Lookup, older ...*HubKey) *Opener {
	o := &Opener{hub: map[[32]byte]*HubKey{hub.public.thumbprint: hub}, lookup: lookup, sessions: map[string]*session{}}
	for _, k := range older {
		o.hub[k.public.thumbprint] = k
	}
	return o
}

// Open decrypts sealed records, verifies that the named device signed them,
// and returns what is inside. The caller holds the name against the source of
// the records.
func (o *Opener) Open(device string, sealed []byte) ([]byte, error) {
	return o.OpenAs(Records, device, sealed)
}

// OpenAs opens what SealAs sealed for the same purpose.
func (o *Opener) OpenAs(kind, device string, sealed []byte) ([]byte, error) {
	if len(sealed) > MaxSealed {
		return nil, fmt.Errorf("open %d bytes: %w (at most %d)", len(sealed), ErrTooLarge, MaxSealed)
	}
	var e encrypt0
	if err := decoding.Unmarshal(sealed, &e); err != nil {
		return nil, fmt.Errorf("%w: not a COSE_Encrypt0", ErrSeal)
	}
	if len(e.Protected) > maxHeader || len(e.Unprotected.PartialIV) != ivLength {
		return nil, fmt.Errorf("%w: not a header of %s", ErrSeal, Format)
	}
	var h protected
	if err := decoding.Unmarshal(e.Protected, &h); err != nil {
		return nil, fmt.Errorf("%w: header has other members than %s has", ErrSeal, Format)
	}
	if h.Algorithm != algA256GCM || len(h.Hub) != 32 || len(h.Device) != 32 {
		return nil, fmt.Errorf("%w: encrypted in another way than %s", ErrSeal, Format)
	}
	hub, ok := o.hub[[32]byte(h.Hub)]
	if !ok {
		return nil, fmt.Errorf("%w: encrypted to another hub", ErrUnknownKey)
	}
	id := base64.RawURLEncoding.EncodeToString(h.Device)
	pub, err := o.lookup(device, id)
	if err != nil {
		return nil, err
	}
	if pub == nil || pub.KeyID() != id {
		return nil, fmt.Errorf("%w: not the key of device %s", ErrUnknownKey, device)
	}
	signed, err := o.decrypt(hub, &h, &e)
	if err != nil {
		return nil, err
	}
	packed, err := verify(kind, device, signed, pub, hub.Public())
	if err != nil {
		return nil, err
	}
	return inflate(packed, MaxPlain)
}

func (o *Opener) decrypt(hub *HubKey, h *protected, e *encrypt0) ([]byte, error) {
	o.mu.Lock()
	s := o.sessions[string(e.Protected)]
	o.mu.Unlock()
	known := s != nil
	if !known {
		recipient, err := hpke.NewRecipient(h.Enc, hub.hpke, hpke.HKDFSHA256(), hpke.ExportOnly(), info(h.Device))
		if err != nil {
			return nil, fmt.Errorf("%w: its key agreement fails", ErrSeal)
		}
		if s, err = newSession(recipient, e.Protected); err != nil {
			return nil, fmt.Errorf("%w: its key agreement fails", ErrSeal)
		}
	}
	signed, err := s.open(e.Unprotected.PartialIV, e.Ciphertext)
	if err != nil {
		return nil, fmt.Errorf("%w: it does not decrypt", ErrSeal)
	}
	if !known {
		o.remember(s)
	}
	return signed, nil
}

// remember keeps a session that decrypted something.
func (o *Opener) remember(s *session) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for header := range o.sessions {
		if len(o.sessions) < maxSessions {
			break
		}
		delete(o.sessions, header) // any: the loser costs a key agreement
	}
	o.sessions[string(s.protected)] = s
}

func verify(kind, device string, signed []byte, pub, hub *PublicKey) ([]byte, error) {
	var m cose.UntaggedSign1Message
	if err := m.UnmarshalCBOR(signed); err != nil {
		return nil, fmt.Errorf("%w: not a COSE_Sign1", ErrSeal)
	}
	if alg, err := m.Headers.Protected.Algorithm(); err != nil || alg != cose.AlgorithmES256 || len(m.Headers.Protected) != 1 || len(m.Headers.Unprotected) != 0 {
		return nil, fmt.Errorf("%w: signed in another way than %s", ErrSeal, Format)
	}
	verifier, err := cose.NewVerifier(cose.AlgorithmES256, pub.ecdsa())
	if err != nil {
		return nil, fmt.Errorf("%w: key of device %s", ErrKey, device)
	}
	if err := m.Verify(purpose(kind, hub), verifier); err != nil {
		return nil, fmt.Errorf("%w: the signature of device %s does not match", ErrSeal, device)
	}
	return m.Payload, nil
}
