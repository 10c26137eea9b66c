package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// What a hub signs for a device.
const (
	Ack      = "ack"
	Command  = "command"
	Response = "response"
)

// hubType is the typ of what a hub signs and encrypts.
const hubType = "tram-hub1"

// MaxHubMessage is the largest message from a hub that is opened, in bytes.
const MaxHubMessage = 2 << 20

// Errors of OpenHubMessage beside ErrSeal, ErrUnknownKey and ErrTooLarge.
var (
	ErrUnsigned  = errors.New("not signed by the hub")
	ErrAddressee = errors.New("meant for another device or purpose")
)

// hubMessage is how a hub's message travels.
type hubMessage struct {
	V      int    `json:"v"`
	Signed string `json:"signed,omitempty"` // compact JWS
	Sealed string `json:"sealed,omitempty"` // compact JWE around a compact JWS
}

// HubSigner signs what a hub says to its devices. It may be used by several
// goroutines at once.
type HubSigner struct {
	signer jose.Signer
}

// Signer returns what signs with the hub's key in use.
func (k *HubKeys) Signer() *HubSigner {
	key := k.signers[0]
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key.jwk()}, (&jose.SignerOptions{}).WithType(hubType)))
	return &HubSigner{signer}
}

// Sign returns the message for the wire, signed for one device and one purpose:
// Ack, Command or Response. message is a JSON object.
func (s *HubSigner) Sign(kind, device string, message []byte) ([]byte, error) {
	signed, err := s.sign(kind, device, message)
	if err != nil {
		return nil, err
	}
	return json.Marshal(hubMessage{V: 1, Signed: signed})
}

// Seal is Sign, and only the device can read it: it is encrypted to its box.
func (s *HubSigner) Seal(kind, device string, message []byte, box *PublicKey) ([]byte, error) {
	signed, err := s.sign(kind, device, message)
	if err != nil {
		return nil, err
	}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: box.jwk.Key, KeyID: box.KeyID()},
		(&jose.EncrypterOptions{}).WithType(hubType))
	if err != nil {
		return nil, fmt.Errorf("encrypt to the device: %w", err)
	}
	jwe, err := encrypter.Encrypt([]byte(signed))
	if err != nil {
		return nil, fmt.Errorf("encrypt to the device: %w", err)
	}
	sealed, err := jwe.CompactSerialize()
	if err != nil {
		return nil, fmt.Errorf("encrypt to the device: %w", err)
	}
	return json.Marshal(hubMessage{V: 1, Sealed: sealed})
}

// address is what a signed message says about itself.
type address struct {
	Kind   string `json:"kind"`
	Device string `json:"device"`
}

func (s *HubSigner) sign(kind, device string, message []byte) (string, error) {
	body, ok := bytes.CutPrefix(bytes.TrimSpace(message), []byte("{"))
	if !ok || !json.Valid(message) {
		return "", errors.New("sign for a device: the message is no JSON object")
	}
	head := must(json.Marshal(address{kind, device}))
	head = head[:len(head)-1]
	if body[0] != '}' {
		head = append(head, ',')
	}
	jws, err := s.signer.Sign(append(head, body...))
	if err != nil {
		return "", fmt.Errorf("sign for a device: %w", err)
	}
	return jws.CompactSerialize()
}

// OpenHubMessage returns what the hub said to a device, and whether it was
// signed. When hub's signing keys are known, everything else than a message
// signed by one of them for this device and purpose is an error. hub and box
// may be nil.
func OpenHubMessage(kind, device string, payload []byte, hub *HubPublic, box *DeviceBox) (message []byte, signed bool, err error) {
	if len(payload) > MaxHubMessage {
		return nil, false, fmt.Errorf("open %d bytes from the hub: %w (at most %d)", len(payload), ErrTooLarge, MaxHubMessage)
	}
	var m hubMessage
	if err := json.Unmarshal(payload, &m); err != nil {
		return nil, false, fmt.Errorf("%w: not a JSON object", ErrSeal)
	}
	if m.Sealed != "" {
		if m.Signed, err = box.decrypt(m.Sealed); err != nil {
			return nil, false, err
		}
	}
	if m.Signed == "" {
		if hub.Signs() {
			return nil, false, fmt.Errorf("%s: %w", kind, ErrUnsigned)
		}
		return payload, false, nil
	}
	if !hub.Signs() {
		return nil, false, fmt.Errorf("%w: no signing key of the hub is known", ErrUnknownKey)
	}
	message, err = hub.verify(m.Signed)
	if err != nil {
		return nil, false, err
	}
	var a address
	if err := json.Unmarshal(message, &a); err != nil || a.Kind != kind || a.Device != device {
		return nil, false, ErrAddressee
	}
	return message, true, nil
}

// decrypt opens a compact JWE to this box.
func (k *DeviceBox) decrypt(sealed string) (string, error) {
	var h header
	if err := h.read(sealed, 4); err != nil {
		return "", err
	}
	if h.Alg != string(jose.ECDH_ES) || h.Enc != string(jose.A256GCM) || h.Typ != hubType || h.Epk == nil {
		return "", fmt.Errorf("%w: encrypted in another way than ECDH-ES, A256GCM, %s", ErrSeal, hubType)
	}
	if k == nil || h.Kid != k.KeyID() {
		return "", fmt.Errorf("%w: encrypted to another device", ErrUnknownKey)
	}
	jwe, err := jose.ParseEncryptedCompact(sealed, []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return "", fmt.Errorf("%w: not a compact JWE", ErrSeal)
	}
	plain, err := jwe.Decrypt(k.key)
	if err != nil {
		return "", fmt.Errorf("%w: it does not decrypt", ErrSeal)
	}
	return string(plain), nil
}

// verify checks a compact JWS by one of the hub's signing keys.
func (h *HubPublic) verify(signed string) ([]byte, error) {
	var head header
	if err := head.read(signed, 2); err != nil {
		return nil, err
	}
	if head.Alg != string(jose.ES256) || head.Enc != "" || head.Typ != hubType || head.Epk != nil {
		return nil, fmt.Errorf("%w: signed in another way than ES256, %s", ErrSeal, hubType)
	}
	key := h.signer(head.Kid)
	if key == nil {
		return nil, fmt.Errorf("%w: signed by another hub", ErrUnknownKey)
	}
	jws, err := jose.ParseSignedCompact(signed, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, fmt.Errorf("%w: not a compact JWS", ErrSeal)
	}
	message, err := jws.Verify(key.jwk.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: the hub's signature does not match", ErrSeal)
	}
	return message, nil
}
