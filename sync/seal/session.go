package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hpke"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// A session ends after so many seals or so much time. Whoever reads a running
// device's memory can open what it sealed in this session, and nothing older.
const (
	sessionSeals = 1024
	sessionTime  = time.Hour
)

// Labels of RFC 9052 and of draft-ietf-cose-hpke, and one of ours.
const (
	labelAlgorithm = 1
	labelKeyID     = 4
	labelPartialIV = 6
	labelEnc       = -4 // HPKE's encapsulated key
	labelDevice    = "device"
	algA256GCM     = 3
)

// ivLength is that of a Partial IV here: always four bytes.
const ivLength = 4

// protected is an envelope's protected header. It is the same for all
// envelopes of a session.
type protected struct {
	Algorithm int    `cbor:"1,keyasint"`
	Hub       []byte `cbor:"4,keyasint"`  // thumbprint of the hub's key
	Enc       []byte `cbor:"-4,keyasint"` // HPKE's encapsulated key
	Device    []byte `cbor:"device"`      // thumbprint of the device's key
}

// unprotected is an envelope's unprotected header: its number in the session.
type unprotected struct {
	PartialIV []byte `cbor:"6,keyasint"`
}

// encrypt0 is a COSE_Encrypt0 (RFC 9052 §5.2).
type encrypt0 struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected unprotected
	Ciphertext  []byte
}

// encStructure is what the encryption authenticates (RFC 9052 §5.3).
type encStructure struct {
	_         struct{} `cbor:",toarray"`
	Context   string
	Protected []byte
	External  []byte
}

var (
	encoding = must(cbor.CoreDetEncOptions().EncMode())
	decoding = must(cbor.DecOptions{
		DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden, TagsMd: cbor.TagsForbidden,
		MaxNestedLevels: 4, MaxArrayElements: 16, MaxMapPairs: 16, ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // the options are constants
	}
	return v
}

// session is one HPKE key agreement and what it yields: RFC 9180, base mode,
// DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, export only.
type session struct {
	protected []byte // encoded
	aad       []byte
	aead      cipher.AEAD
	iv        [12]byte
}

// info binds a session to the format and to the device.
func info(device []byte) []byte { return append([]byte(Format+" "), device...) }

// exporter is what both ends of an HPKE context can do.
type exporter interface {
	Export(context string, length int) ([]byte, error)
}

func newSession(x exporter, header []byte) (*session, error) {
	s := &session{protected: header}
	key, err := x.Export("key", 32)
	if err != nil {
		return nil, err
	}
	iv, err := x.Export("iv", len(s.iv))
	if err != nil {
		return nil, err
	}
	copy(s.iv[:], iv)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if s.aead, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	s.aad, err = encoding.Marshal(encStructure{Context: "Encrypt0", Protected: header, External: []byte{}})
	return s, err
}

// nonce is the session's IV, XORed with the Partial IV (RFC 9052 §3.1).
func (s *session) nonce(partial []byte) []byte {
	nonce := s.iv
	for i, b := range partial {
		nonce[len(nonce)-len(partial)+i] ^= b
	}
	return nonce[:]
}

// seal encrypts the n-th message of the session. No n comes twice.
func (s *session) seal(n uint32, plain []byte) []byte {
	partial := binary.BigEndian.AppendUint32(nil, n)
	e := encrypt0{Protected: s.protected, Unprotected: unprotected{partial}, Ciphertext: s.aead.Seal(nil, s.nonce(partial), plain, s.aad)}
	return must(encoding.Marshal(e))
}

// open decrypts what seal made.
func (s *session) open(partial, ciphertext []byte) ([]byte, error) {
	return s.aead.Open(nil, s.nonce(partial), ciphertext, s.aad)
}

// sessions hands out numbers of one session after the other.
type sessions struct {
	mu    sync.Mutex
	now   *session
	n     uint32
	since time.Time
}

// next returns a session and a number that nobody else gets.
func (s *sessions) next(hub, device *PublicKey) (*session, uint32, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil || s.n >= sessionSeals || time.Since(s.since) >= sessionTime {
		fresh, err := begin(hub, device)
		if err != nil {
			return nil, 0, err
		}
		s.now, s.n, s.since = fresh, 0, time.Now()
	}
	s.n++
	return s.now, s.n - 1, nil
}

// begin makes a session from a device to a hub.
func begin(hub, device *PublicKey) (*session, error) {
	ecdhKey, err := hub.ecdsa().ECDH()
	if err != nil {
		return nil, fmt.Errorf("%w: not on P-256", ErrKey)
	}
	to, err := hpke.NewDHKEMPublicKey(ecdhKey)
	if err != nil {
		return nil, err
	}
	enc, sender, err := hpke.NewSender(to, hpke.HKDFSHA256(), hpke.ExportOnly(), info(device.thumbprint[:]))
	if err != nil {
		return nil, err
	}
	header, err := encoding.Marshal(protected{algA256GCM, hub.thumbprint[:], enc, device.thumbprint[:]})
	if err != nil {
		return nil, err
	}
	return newSession(sender, header)
}
