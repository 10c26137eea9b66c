package sm

import (
	"bytes"
	"crypto/subtle"
	"errors"
	"fmt"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/tlv"
)

// Errors of a session. After any of them the session's counter may no longer
// agree with the other side's: access control has to start anew.
var (
	// ErrUnprotected says that an answer came in clear: only its status word is known,
	// and nothing vouches for that.
	ErrUnprotected = errors.New("sm: the answer is not protected")
	// ErrMAC says that a checksum is wrong: the message was changed, or the two
	// sides have different keys or counters.
	ErrMAC = errors.New("sm: wrong checksum")
	// ErrFormat says that a protected message is not built as it must be.
	ErrFormat = errors.New("sm: malformed message")
)

// Data objects of secure messaging (Doc 9303-11 §9.8.4).
const (
	doCommandOdd = 0x85 // cryptogram of data objects (odd INS)
	doCryptogram = 0x87 // padding indicator and cryptogram
	doChecksum   = 0x8E
	doLe         = 0x97
	doStatus     = 0x99
)

// Session is one secure channel, seen from either side. It is not safe for use
// by several goroutines: the protocol itself is one command after another.
type Session struct {
	cipher     Cipher
	kEnc, kMac []byte
	ssc        []byte
	odd        bool // the last command had an odd INS
}

// New returns a session with the keys and the send sequence counter that access
// control agreed on. A nil ssc is zero, as after PACE and Chip Authentication.
func New(c Cipher, kEnc, kMac, ssc []byte) (*Session, error) {
	if ssc == nil {
		ssc = make([]byte, c.BlockSize())
	}
	if _, err := c.Block(kEnc); err != nil {
		return nil, err
	}
	if _, err := c.Block(kMac); err != nil {
		return nil, err
	}
	if len(ssc) != c.BlockSize() {
		return nil, fmt.Errorf("sm: a counter of %d bytes does not fit %v", len(ssc), c)
	}
	return &Session{cipher: c, kEnc: bytes.Clone(kEnc), kMac: bytes.Clone(kMac), ssc: bytes.Clone(ssc)}, nil
}

// Cipher returns the session's cipher.
func (s *Session) Cipher() Cipher { return s.cipher }

// MaxShortRead returns how many bytes an answer of at most 256 bytes can carry:
// 231 with 3DES, 223 with AES.
func (s *Session) MaxShortRead() int {
	const around = 3 + 1 + 4 + 10 // 87 81 LL 01, status object, checksum object
	return (256-around)/s.cipher.BlockSize()*s.cipher.BlockSize() - 1
}

// WrapCommand protects a command (reader's side).
func (s *Session) WrapCommand(c apdu.Command) (apdu.Command, error) {
	s.count()
	s.odd = c.INS&1 == 1
	var body []byte
	if len(c.Data) > 0 {
		do, err := s.encrypt(c.Data)
		if err != nil {
			return apdu.Command{}, err
		}
		body = do
	}
	extended := c.IsExtended()
	if c.Le >= 0 {
		le := []byte{byte(c.Le)}
		if extended {
			le = []byte{byte(c.Le >> 8), byte(c.Le)}
		}
		body = append(body, tlv.Encode(doLe, le)...)
	}
	out := apdu.Command{CLA: c.CLA | 0x0C, INS: c.INS, P1: c.P1, P2: c.P2}
	mac, err := s.commandMAC(out, body)
	if err != nil {
		return apdu.Command{}, err
	}
	out.Data = append(body, tlv.Encode(doChecksum, mac)...)
	out.Extended = extended || len(out.Data) > 255
	out.Le = 256
	if out.Extended {
		out.Le = 65536
	}
	return out, nil
}

// UnwrapCommand verifies and decrypts a command (card's side). CLA loses its
// secure messaging bits.
func (s *Session) UnwrapCommand(c apdu.Command) (apdu.Command, error) {
	s.count()
	s.odd = c.INS&1 == 1
	objects, protected, mac, err := split(c.Data)
	if err != nil {
		return apdu.Command{}, err
	}
	want, err := s.commandMAC(c, protected)
	if err != nil {
		return apdu.Command{}, err
	}
	if subtle.ConstantTimeCompare(want, mac) != 1 {
		return apdu.Command{}, ErrMAC
	}
	out := apdu.Command{CLA: c.CLA &^ 0x0C, INS: c.INS, P1: c.P1, P2: c.P2, Le: apdu.NoLe, Extended: c.Extended}
	for _, do := range objects {
		switch do.Tag {
		case doCommandOdd, doCryptogram:
			if out.Data, err = s.decrypt(do); err != nil {
				return apdu.Command{}, err
			}
		case doLe:
			if out.Le, err = le(do.Value); err != nil {
				return apdu.Command{}, err
			}
		}
	}
	return out, nil
}

func le(v []byte) (int, error) {
	switch len(v) {
	case 1:
		return (int(v[0])+255)%256 + 1, nil
	case 2:
		return ((int(v[0])<<8|int(v[1]))+65535)%65536 + 1, nil
	}
	return 0, fmt.Errorf("%w: Le of %d bytes", ErrFormat, len(v))
}

// WrapResponse protects an answer (card's side).
func (s *Session) WrapResponse(r apdu.Response) (apdu.Response, error) {
	s.count()
	var body []byte
	if len(r.Data) > 0 {
		do, err := s.encrypt(r.Data)
		if err != nil {
			return apdu.Response{}, err
		}
		body = do
	}
	body = append(body, tlv.Encode(doStatus, []byte{byte(r.SW >> 8), byte(r.SW)})...)
	mac, err := s.mac(s.ssc, body)
	if err != nil {
		return apdu.Response{}, err
	}
	return apdu.Response{Data: append(body, tlv.Encode(doChecksum, mac)...), SW: r.SW}, nil
}

// UnwrapResponse verifies and decrypts an answer (reader's side). The status
// word is the protected one; a card that sends none under the checksum is
// taken at the word of its trailer. With ErrUnprotected the answer's status
// word is returned all the same.
func (s *Session) UnwrapResponse(r apdu.Response) (apdu.Response, error) {
	s.count()
	if len(r.Data) == 0 {
		return apdu.Response{SW: r.SW}, ErrUnprotected
	}
	objects, protected, mac, err := split(r.Data)
	if err != nil {
		return apdu.Response{SW: r.SW}, err
	}
	want, err := s.mac(s.ssc, protected)
	if err != nil {
		return apdu.Response{SW: r.SW}, err
	}
	if subtle.ConstantTimeCompare(want, mac) != 1 {
		return apdu.Response{SW: r.SW}, ErrMAC
	}
	out := apdu.Response{SW: r.SW}
	for _, do := range objects {
		switch do.Tag {
		case doCommandOdd, doCryptogram:
			if out.Data, err = s.decrypt(do); err != nil {
				return apdu.Response{SW: r.SW}, err
			}
		case doStatus:
			if len(do.Value) != 2 {
				return apdu.Response{SW: r.SW}, fmt.Errorf("%w: status of %d bytes", ErrFormat, len(do.Value))
			}
			out.SW = uint16(do.Value[0])<<8 | uint16(do.Value[1])
		}
	}
	return out, nil
}

// split cuts a protected body into its objects, the bytes under the checksum,
// and the checksum, which must come last and but once. Each kind of object may
// stand there once.
func split(body []byte) (objects []tlv.Node, protected, mac []byte, err error) {
	seen := map[uint32]bool{}
	for rest := body; len(rest) > 0; {
		do, after, err := tlv.Next(rest)
		if err != nil {
			return nil, nil, nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		kind := do.Tag
		if kind == doCommandOdd {
			kind = doCryptogram
		}
		if seen[kind] {
			return nil, nil, nil, fmt.Errorf("%w: object %X twice", ErrFormat, do.Tag)
		}
		seen[kind] = true
		if do.Tag == doChecksum {
			if len(after) > 0 || len(do.Value) != 8 {
				return nil, nil, nil, fmt.Errorf("%w: checksum of %d bytes, %d after it", ErrFormat, len(do.Value), len(after))
			}
			return objects, body[:len(body)-len(rest)], do.Value, nil
		}
		objects = append(objects, do)
		rest = after
	}
	return nil, nil, nil, fmt.Errorf("%w: no checksum", ErrFormat)
}

// count moves the send sequence counter on; it does so before every message.
func (s *Session) count() {
	for i := len(s.ssc) - 1; i >= 0; i-- {
		if s.ssc[i]++; s.ssc[i] != 0 {
			return
		}
	}
}

func (s *Session) commandMAC(c apdu.Command, body []byte) ([]byte, error) {
	header := Pad([]byte{c.CLA, c.INS, c.P1, c.P2}, s.cipher.BlockSize())
	return s.mac(append(bytes.Clone(s.ssc), header...), body)
}

// mac is the checksum over before and body with padding, which the retail MAC
// brings with it and CMAC does not.
func (s *Session) mac(before, body []byte) ([]byte, error) {
	m := append(bytes.Clone(before), body...)
	if s.cipher != TDES {
		m = Pad(m, s.cipher.BlockSize())
	}
	return s.cipher.MAC(s.kMac, m)
}

// iv is zero for 3DES and the encrypted counter for AES (Doc 9303-11 §9.8.7.1).
func (s *Session) iv() ([]byte, error) {
	if s.cipher == TDES {
		return nil, nil
	}
	return s.cipher.EncryptCBC(s.kEnc, nil, s.ssc)
}

func (s *Session) encrypt(data []byte) ([]byte, error) {
	iv, err := s.iv()
	if err != nil {
		return nil, err
	}
	out, err := s.cipher.EncryptCBC(s.kEnc, iv, Pad(data, s.cipher.BlockSize()))
	if err != nil {
		return nil, err
	}
	if s.odd {
		return tlv.Encode(doCommandOdd, out), nil
	}
	return tlv.Encode(doCryptogram, []byte{0x01}, out), nil
}

func (s *Session) decrypt(do tlv.Node) ([]byte, error) {
	data := do.Value
	if do.Tag == doCryptogram {
		if len(data) == 0 || data[0] != 0x01 {
			return nil, fmt.Errorf("%w: padding indicator", ErrFormat)
		}
		data = data[1:]
	}
	iv, err := s.iv()
	if err != nil {
		return nil, err
	}
	plain, err := s.cipher.DecryptCBC(s.kEnc, iv, data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return Unpad(plain)
}
