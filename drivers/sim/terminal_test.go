package sim

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/hex"
	"testing"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// terminal drives a card with raw commands, step by step as the documents say.
type terminal struct {
	t       testing.TB
	card    *Card
	session *sm.Session
}

func newTerminal(t testing.TB, opt ...Option) *terminal {
	t.Helper()
	card, err := NewCard(DefaultCitizen(), sharedPKI(t), nil, opt...)
	if err != nil {
		t.Fatal(err)
	}
	return &terminal{t: t, card: card}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// raw sends a command as hexadecimal digits, in clear.
func (r *terminal) raw(command string) apdu.Response {
	r.t.Helper()
	answer, err := apdu.ParseResponse(r.card.Exchange(unhex(r.t, command)))
	if err != nil {
		r.t.Fatalf("%s: %v", command, err)
	}
	return answer
}

// send sends a command, under secure messaging where there is a session.
func (r *terminal) send(cmd apdu.Command) apdu.Response {
	r.t.Helper()
	if r.session == nil {
		return r.raw(hex.EncodeToString(cmd.Bytes()))
	}
	wrapped, err := r.session.WrapCommand(cmd)
	if err != nil {
		r.t.Fatal(err)
	}
	answer, err := apdu.ParseResponse(r.card.Exchange(wrapped.Bytes()))
	if err != nil {
		r.t.Fatal(err)
	}
	if answer, err = r.session.UnwrapResponse(answer); err != nil {
		r.t.Fatalf("%v: %v (status %04X)", cmd, err, answer.SW)
	}
	return answer
}

func (r *terminal) selectApplication() {
	r.t.Helper()
	if a := r.send(apdu.Command{INS: 0xA4, P1: 0x04, P2: 0x0C, Data: aid, Le: apdu.NoLe}); a.SW != swOK {
		r.t.Fatalf("SELECT application: %04X", a.SW)
	}
}

func (r *terminal) selectFile(file uint16) uint16 {
	r.t.Helper()
	return r.send(apdu.Command{INS: 0xA4, P1: 0x02, P2: 0x0C, Data: []byte{byte(file >> 8), byte(file)}, Le: apdu.NoLe}).SW
}

func (r *terminal) readAt(offset, le int, extended bool) apdu.Response {
	r.t.Helper()
	return r.send(apdu.Command{INS: 0xB0, P1: byte(offset >> 8), P2: byte(offset), Le: le, Extended: extended})
}

// readFile selects a file and reads it in pieces of n bytes.
func (r *terminal) readFile(file uint16, n int, extended bool) []byte {
	r.t.Helper()
	if sw := r.selectFile(file); sw != swOK {
		r.t.Fatalf("SELECT %04X: %04X", file, sw)
	}
	head := r.readAt(0, 8, false)
	h, err := tlv.ReadHeader(head.Data)
	if err != nil {
		r.t.Fatalf("file %04X: %v", file, err)
	}
	var out []byte
	for total := h.Size + h.Length; len(out) < total; {
		a := r.readAt(len(out), min(n, total-len(out)), extended)
		if a.SW != swOK || len(a.Data) == 0 {
			r.t.Fatalf("READ BINARY of %04X at %d: %d bytes, %04X", file, len(out), len(a.Data), a.SW)
		}
		out = append(out, a.Data...)
	}
	return out
}

func (r *terminal) generalAuthenticate(cla byte, data []byte) apdu.Response {
	r.t.Helper()
	return r.send(apdu.Command{CLA: cla, INS: 0x86, Data: data, Le: 256})
}

// pace runs PACE and returns the status word of its last step.
func (r *terminal) pace(protocol string, parameter int, reference byte, secret []byte) uint16 {
	r.t.Helper()
	p, _ := pace.ByName(protocol)
	curve, err := pace.Params(parameter)
	if err != nil {
		r.t.Fatal(err)
	}
	at := append(tlv.Encode(0x80, p.Content()), tlv.Encode(0x83, []byte{reference})...)
	at = append(at, tlv.Encode(0x84, []byte{byte(parameter)})...)
	if a := r.send(apdu.Command{INS: 0x22, P1: 0xC1, P2: 0xA4, Data: at, Le: apdu.NoLe}); a.SW != swOK {
		r.t.Fatalf("MSE:Set AT: %04X", a.SW)
	}
	step := func(cla byte, tag uint32, value []byte, want uint32) []byte {
		r.t.Helper()
		a := r.generalAuthenticate(cla, pace.DynamicData(tag, value))
		if a.SW != swOK {
			r.t.Fatalf("GENERAL AUTHENTICATE %02X: %04X", tag, a.SW)
		}
		v, err := pace.FromDynamicData(a.Data, want)
		if err != nil {
			r.t.Fatal(err)
		}
		return v
	}
	nonce, err := pace.DecryptNonce(p.Cipher, pace.PasswordKey(secret, p.Cipher), step(0x10, 0, nil, 0x80))
	if err != nil {
		r.t.Fatal(err)
	}
	mapping, _ := pace.NewKey(rand.Reader, curve, curve.G)
	theirs, err := curve.Decode(step(0x10, 0x81, curve.Encode(mapping.Public), 0x82))
	if err != nil {
		r.t.Fatal(err)
	}
	generator, err := pace.MapGeneric(curve, nonce, mapping.Private, theirs)
	if err != nil {
		r.t.Fatal(err)
	}
	mine, _ := pace.NewKey(rand.Reader, curve, generator)
	if theirs, err = curve.Decode(step(0x10, 0x83, curve.Encode(mine.Public), 0x84)); err != nil {
		r.t.Fatal(err)
	}
	shared, err := pace.SharedSecret(curve, mine.Private, theirs)
	if err != nil {
		r.t.Fatal(err)
	}
	kEnc, kMac := pace.SessionKeys(shared, p.Cipher)
	token, _ := pace.Token(p, kMac, curve, theirs)
	a := r.generalAuthenticate(0x00, pace.DynamicData(0x85, token))
	if a.SW != swOK {
		return a.SW
	}
	want, _ := pace.Token(p, kMac, curve, mine.Public)
	if got, err := pace.FromDynamicData(a.Data, 0x86); err != nil || !bytes.Equal(got, want) {
		r.t.Fatalf("the chip's token is %X, %v; want %X", got, err, want)
	}
	if r.session, err = sm.New(p.Cipher, kEnc, kMac, nil); err != nil {
		r.t.Fatal(err)
	}
	return a.SW
}

const vietnamesePACE = "id-PACE-ECDH-GM-AES-CBC-CMAC-128"

func (r *terminal) paceCAN(can string) uint16 {
	r.t.Helper()
	return r.pace(vietnamesePACE, 13, passwordCAN, []byte(can))
}

// open runs PACE with the right CAN and selects the application.
func (r *terminal) open() {
	r.t.Helper()
	if sw := r.paceCAN("000017"); sw != swOK {
		r.t.Fatalf("PACE with the right CAN: %04X", sw)
	}
	r.selectApplication()
}

// bac runs Basic Access Control and returns the status word of its last step.
func (r *terminal) bac(information string) uint16 {
	r.t.Helper()
	a := r.raw("0084000008")
	if a.SW != swOK || len(a.Data) != 8 {
		r.t.Fatalf("GET CHALLENGE: %d bytes, %04X", len(a.Data), a.SW)
	}
	sum := sha1.Sum([]byte(information))
	kEnc, kMac := sm.KDF(sum[:16], 1, sm.TDES), sm.KDF(sum[:16], 2, sm.TDES)
	own, secret := random(8), random(16)
	e, err := sm.TDES.EncryptCBC(kEnc, nil, bytes.Join([][]byte{own, a.Data, secret}, nil))
	if err != nil {
		r.t.Fatal(err)
	}
	mac, _ := sm.TDES.MAC(kMac, e)
	b := r.raw("0082000028" + hex.EncodeToString(append(e, mac...)) + "28")
	if b.SW != swOK {
		return b.SW
	}
	plain, err := sm.TDES.DecryptCBC(kEnc, nil, b.Data[:32])
	if err != nil || !bytes.Equal(plain[:8], a.Data) || !bytes.Equal(plain[8:16], own) {
		r.t.Fatalf("EXTERNAL AUTHENTICATE does not return both challenges: %v", err)
	}
	subtle.XORBytes(secret, secret, plain[16:])
	if r.session, err = sm.New(sm.TDES, sm.KDF(secret, 1, sm.TDES), sm.KDF(secret, 2, sm.TDES),
		append(bytes.Clone(a.Data[4:]), own[4:]...)); err != nil {
		r.t.Fatal(err)
	}
	return b.SW
}
