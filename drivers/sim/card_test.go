package sim

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/big"
	"sync"
	"testing"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

var onePKI = sync.OnceValues(NewPKI)

// sharedPKI returns one test PKI for all tests of this package.
func sharedPKI(t testing.TB) *PKI {
	t.Helper()
	p, err := onePKI()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const vietnameseCardAccess = "3134" + "300D060804007F0007020202020101" +
	"300F060A04007F00070202030202020101" + "3012060A04007F0007020204020202010202010D"

func TestCardPlaysTheOrderOfTheVietnameseCard(t *testing.T) {
	r := newTerminal(t)
	for _, x := range []struct {
		what, command string
		sw            uint16
		data          string
	}{
		{"SELECT MF", "00A4000C023F00", 0x6D00, ""},
		{"SELECT MF without a name", "00A4000C", 0x6D00, ""},
		{"SELECT EF.DIR", "00A4020C022F00", 0x6A82, ""},
		{"SELECT DG1 without access", "00A4020C020101", 0x6982, ""},
		{"READ BINARY of nothing", "00B0000000", 0x6986, ""},
		{"SELECT EF.CardAccess", "00A4020C02011C", 0x9000, ""},
		{"READ BINARY", "00B0000000", 0x9000, vietnameseCardAccess},
		{"READ BINARY to the end", "00B0000036", 0x9000, vietnameseCardAccess},
		{"READ BINARY beyond the end", "00B0003010", 0x6282, vietnameseCardAccess[2*0x30:]},
		{"READ BINARY at the end", "00B0003600", 0x6B00, ""},
		{"READ BINARY after the end", "00B0010000", 0x6B00, ""},
		{"READ BINARY extended", "00B00000000000", 0x9000, vietnameseCardAccess},
		{"READ BINARY by short identifier", "00B09C0000", 0x9000, vietnameseCardAccess},
		{"READ BINARY by short identifier with offset", "00B09C0202", 0x9000, "300D"},
		{"READ BINARY of DG1 without access", "00B0810000", 0x6982, ""},
		{"READ BINARY without Le", "00B00000", 0x6700, ""},
		{"GET CHALLENGE before the application", "0084000008", 0x6985, ""},
		{"unknown class", "FFCA000000", 0x6E00, ""},
		{"other channel", "01B0000000", 0x6881, ""},
		{"unknown instruction", "00D6000000", 0x6D00, ""},
		{"a command that is none", "00B0", 0x6700, ""},
		{"secure messaging without keys", "0CB0000000", 0x6988, ""},
		{"MSE:Set AT with another protocol", "0022C1A40F800A04007F0007020204020483010200", 0x6A80, ""},
		{"MSE:Set AT with the PIN", "0022C1A40F800A04007F00070202040202830103", 0x6A88, ""},
		{"GENERAL AUTHENTICATE out of turn", "10860000027C0000", 0x6985, ""},
	} {
		a := r.raw(x.command)
		if want := unhex(t, x.data); a.SW != x.sw || !bytes.Equal(a.Data, want) {
			t.Errorf("%s (%s) = %X %04X, want %s %04X", x.what, x.command, a.Data, a.SW, x.data, x.sw)
		}
	}
	if sw := r.paceCAN("000017"); sw != swOK {
		t.Fatalf("PACE with the right CAN: %04X", sw)
	}
	if sw := r.selectFile(FileDG1); sw != swNotFound {
		t.Errorf("SELECT DG1 before the application: %04X, want 6A82", sw)
	}
	r.selectApplication()
	c := DefaultCitizen()
	if got := r.readFile(FileCOM, 223, false); !bytes.Equal(got, unhex(t, "60185F0104303130375F36063034303030305C066175636D6E6F")) {
		t.Errorf("EF.COM = %X", got)
	}
	if got := r.readFile(FileDG1, 223, false); !bytes.Equal(got, c.DG1()) {
		t.Errorf("EF.DG1 = %X, want %X", got, c.DG1())
	}
	if got := r.readFile(FileDG13, 223, false); !bytes.Equal(got, c.DG13()) {
		t.Errorf("EF.DG13 = %X, want %X", got, c.DG13())
	}
	for _, file := range []uint16{FileSOD, FileDG2, FileDG14, FileDG15} {
		short, long := r.readFile(file, 223, false), r.readFile(file, 65536, true)
		if !bytes.Equal(short, long) {
			t.Errorf("file %04X read with short and with extended lengths differs", file)
		}
	}
	for file, want := range map[uint16]uint16{FileDG3: 0x6982, FileDIR: 0x6A82, 0x0104: 0x6A82} {
		if sw := r.selectFile(file); sw != want {
			t.Errorf("SELECT %04X = %04X, want %04X", file, sw, want)
		}
	}
	if a := r.send(apdu.Command{INS: 0xA4, P1: 0, P2: 0x0C, Data: []byte{0x3F, 0}, Le: apdu.NoLe}); a.SW != swUnknownINS {
		t.Errorf("SELECT MF under secure messaging = %04X, want 6D00", a.SW)
	}
	if a := r.send(apdu.Command{INS: 0xB1, Data: unhex(t, "54020005"), Le: 12}); a.SW != swOK || a.Data[0] != 0x53 {
		t.Errorf("READ BINARY with the offset in an object = %X %04X", a.Data, a.SW)
	}
}

func TestPACEWithTheMRZ(t *testing.T) {
	r := newTerminal(t)
	sum := sha1.Sum([]byte("099000017699011553901153"))
	if sw := r.pace(vietnamesePACE, 13, passwordMRZ, sum[:]); sw != swOK {
		t.Fatalf("PACE with the MRZ: %04X", sw)
	}
	r.selectApplication()
	if got := r.readFile(FileDG1, 223, false); !bytes.Equal(got, DefaultCitizen().DG1()) {
		t.Errorf("EF.DG1 = %X", got)
	}
}

func TestWrongPasswordsAreRefusedAtTheLastStep(t *testing.T) {
	r := newTerminal(t)
	for range 3 {
		if sw := r.paceCAN("000018"); sw != swWrongPassword {
			t.Errorf("PACE with a wrong CAN: %04X, want 6300", sw)
		}
	}
	if sw := r.selectFile(FileDG1); sw != swSecurity {
		t.Errorf("SELECT DG1 after a wrong CAN: %04X, want 6982", sw)
	}
	r.selectApplication()
	if sw := r.bac("099000018799011553901153"); sw != swWrongPassword {
		t.Errorf("BAC with a wrong MRZ: %04X, want 6300", sw)
	}
	if a := r.raw("0082000028" + hex.EncodeToString(make([]byte, 40)) + "28"); a.SW != swConditions {
		t.Errorf("a challenge used twice: %04X, want 6985", a.SW)
	}
}

func TestBasicAccessControlOpensTheFiles(t *testing.T) {
	r := newTerminal(t)
	r.selectApplication()
	if sw := r.bac("099000017699011553901153"); sw != swOK {
		t.Fatalf("BAC with the right MRZ: %04X", sw)
	}
	if got := r.readFile(FileDG13, 231, false); !bytes.Equal(got, DefaultCitizen().DG13()) {
		t.Errorf("EF.DG13 = %X", got)
	}
	if sw := r.selectFile(FileCardAccess); sw != swSecurity {
		t.Errorf("SELECT EF.CardAccess inside the application: %04X, want 6982", sw)
	}
}

func TestEveryCurveAndCipherOfGenericMapping(t *testing.T) {
	for parameter := 8; parameter <= 18; parameter++ {
		protocol := [...]string{"3DES-CBC-CBC", "AES-CBC-CMAC-128", "AES-CBC-CMAC-192", "AES-CBC-CMAC-256"}[parameter%4]
		protocol = "id-PACE-ECDH-GM-" + protocol
		r := newTerminal(t, WithPACE(protocol, parameter))
		info, err := pace.ParseCardAccess(r.raw("00B09C0000").Data)
		if err != nil || len(info.PACE) != 1 || info.PACE[0].Protocol.Name != protocol || info.PACE[0].Parameter != parameter {
			t.Errorf("EF.CardAccess offers %+v, %v; want %s with %d", info.PACE, err, protocol, parameter)
			continue
		}
		if sw := r.pace(protocol, parameter, passwordCAN, []byte("000017")); sw != swOK {
			t.Errorf("%s with parameter %d: %04X", protocol, parameter, sw)
			continue
		}
		r.selectApplication()
		if got := r.readFile(FileDG1, 200, false); !bytes.Equal(got, DefaultCitizen().DG1()) {
			t.Errorf("%s with parameter %d: EF.DG1 = %X", protocol, parameter, got)
		}
	}
	if _, err := NewCard(DefaultCitizen(), sharedPKI(t), nil, WithPACE("id-PACE-DH-GM-3DES-CBC-CBC", 13)); err == nil {
		t.Error("NewCard took a PACE that it cannot play")
	}
}

func TestSecureMessagingEndsWithTheFirstError(t *testing.T) {
	for _, x := range []struct {
		what, command string
		sw            uint16
	}{
		{"a command in clear", "00B0000000", swNoFile},
		{"no checksum", "0CB000000397010400", swSMMissing},
		{"wrong checksum", "0CB000000D9701048E08000000000000000000", swSMWrong},
	} {
		r := newTerminal(t)
		r.open()
		if a := r.raw(x.command); a.SW != x.sw || len(a.Data) != 0 {
			t.Errorf("%s = %X %04X, want %04X", x.what, a.Data, a.SW, x.sw)
		}
		wrapped, err := r.session.WrapCommand(apdu.Command{INS: 0xB0, P1: 0x81, Le: 4})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.card.Exchange(wrapped.Bytes()); !bytes.Equal(got, []byte{0x69, 0x88}) {
			t.Errorf("after %s the old keys still work: %X", x.what, got)
		}
		if sw := (&terminal{t: t, card: r.card}).selectFile(FileDG1); sw != swSecurity {
			t.Errorf("after %s DG1 is open: %04X", x.what, sw)
		}
	}
}

func TestResetClosesTheCard(t *testing.T) {
	for what, reset := range map[string]func(*Card){"PowerOn": (*Card).PowerOn, "PowerOff": (*Card).PowerOff, "Reset": (*Card).Reset} {
		r := newTerminal(t)
		r.open()
		reset(r.card)
		r.session = nil
		if sw := r.selectFile(FileDG1); sw != swSecurity {
			t.Errorf("SELECT DG1 after %s: %04X, want 6982", what, sw)
		}
		if sw := r.selectFile(FileCardAccess); sw != swOK {
			t.Errorf("SELECT EF.CardAccess after %s: %04X, want 9000", what, sw)
		}
	}
}

// chipAuthentication runs Chip Authentication version 1 with the key of DG14
// and reports whether the new keys work.
func (r *terminal) chipAuthentication() bool {
	r.t.Helper()
	dg14, _, err := tlv.Parse(r.readFile(FileDG14, 223, false), tlv.Limits{})
	if err != nil {
		r.t.Fatal(err)
	}
	curve, _ := pace.Params(13)
	var chip []byte
	for _, info := range dg14[0].Children[0].Children {
		if len(info.Children) == 2 && info.Children[1].Tag == tagSequence {
			chip = info.Children[1].Children[1].Value[1:]
		}
	}
	point, err := curve.Decode(chip)
	if err != nil {
		r.t.Fatalf("the key in DG14: %v", err)
	}
	own, _ := pace.NewKey(rand.Reader, curve, curve.G)
	at := apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA4, Data: tlv.Encode(0x80, unhex(r.t, "04007F00070202030202")), Le: apdu.NoLe}
	if a := r.send(at); a.SW != swOK {
		r.t.Fatalf("MSE:Set AT: %04X", a.SW)
	}
	if a := r.generalAuthenticate(0, pace.DynamicData(0x80, curve.Encode(own.Public))); a.SW != swOK {
		r.t.Fatalf("GENERAL AUTHENTICATE: %04X", a.SW)
	}
	secret, err := pace.SharedSecret(curve, own.Private, point)
	if err != nil {
		r.t.Fatal(err)
	}
	kEnc, kMac := pace.SessionKeys(secret, sm.AES128)
	s, err := sm.New(sm.AES128, kEnc, kMac, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	wrapped, _ := s.WrapCommand(apdu.Command{INS: 0xB0, P1: 0x81, Le: 4})
	answer, _ := apdu.ParseResponse(r.card.Exchange(wrapped.Bytes()))
	answer, err = s.UnwrapResponse(answer)
	return err == nil && answer.SW == swOK && bytes.Equal(answer.Data, []byte{0x61, 0x5D, 0x5F, 0x1F})
}

// activeAuthentication reports whether the chip signs with the key of DG15.
func (r *terminal) activeAuthentication() bool {
	r.t.Helper()
	dg15, _, err := tlv.Parse(r.readFile(FileDG15, 223, false), tlv.Limits{})
	if err != nil {
		r.t.Fatal(err)
	}
	curve, _ := pace.Params(13)
	point, err := curve.Decode(dg15[0].Children[0].Children[1].Value[1:])
	if err != nil {
		r.t.Fatal(err)
	}
	challenge := random(8)
	a := r.send(apdu.Command{INS: 0x88, Data: challenge, Le: 256})
	if a.SW != swOK || len(a.Data) != 64 {
		r.t.Fatalf("INTERNAL AUTHENTICATE: %d bytes, %04X", len(a.Data), a.SW)
	}
	digest := sha256.Sum256(challenge)
	public := ecdsa.PublicKey{Curve: curve.Elliptic()}
	public.X, public.Y = point.X, point.Y //lint:ignore SA1019 the standard library has no other way to a Brainpool key
	return ecdsa.Verify(&public, digest[:], new(big.Int).SetBytes(a.Data[:32]), new(big.Int).SetBytes(a.Data[32:]))
}

func TestAGenuineChipHasItsKeysAndACloneHasNot(t *testing.T) {
	r := newTerminal(t)
	r.open()
	if !r.activeAuthentication() {
		t.Error("the chip fails Active Authentication")
	}
	if !r.chipAuthentication() {
		t.Error("the chip fails Chip Authentication")
	}
	r = newTerminal(t, ClonedChip())
	r.open()
	if r.activeAuthentication() {
		t.Error("a clone passes Active Authentication")
	}
	if r.chipAuthentication() {
		t.Error("a clone passes Chip Authentication")
	}
}

func TestPortraitIsFramedAndBounded(t *testing.T) {
	picture, err := greyPortrait()
	if err != nil {
		t.Fatal(err)
	}
	dg2, err := DG2(picture)
	if err != nil {
		t.Fatal(err)
	}
	nodes, rest, err := tlv.Parse(dg2, tlv.Limits{})
	if err != nil || len(rest) != 0 {
		t.Fatalf("DG2: %v, %d bytes after it", err, len(rest))
	}
	record, ok := tlv.Find(nodes, 0x75, 0x7F61, 0x7F60, 0x5F2E)
	if !ok || !bytes.HasPrefix(record.Value, []byte("FAC\x00010\x00")) || !bytes.Equal(record.Value[46:], picture) {
		t.Errorf("DG2 does not hold the picture in a facial record")
	}
	if got, want := record.Value[36:40], []byte{0, 240, 1, 64}; !bytes.Equal(got, want) {
		t.Errorf("the record says the picture is %v, want %v", got, want)
	}
	for what, bad := range map[string][]byte{"no picture": []byte("GIF89a"), "too large": append(picture, make([]byte, maxPortrait)...), "cut": picture[:20], "empty": {}} {
		if _, err := NewCard(DefaultCitizen(), sharedPKI(t), bad); err == nil {
			t.Errorf("NewCard took a portrait that is %s", what)
		}
	}
	if _, err := NewCard(DefaultCitizen(), nil, nil); err == nil {
		t.Error("NewCard took no PKI")
	}
}

func FuzzCardExchange(f *testing.F) {
	for _, seed := range []string{"", "00", "00A4000C023F00", "00A4020C02011C", "00B0000000", "00B09C0000", "0084000008",
		"00A4040C07A0000002471001", "0022C1A40F800A04007F00070202040202830102", "10860000027C0000", "0CB000000D9701048E08000000000000000000",
		"00B10000045401000000", "0082000028" + "00", "00B00000000000", "FFCA000000", "0088000008000102030405060700"} {
		b, err := hex.DecodeString(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, []byte{0x00, 0xB0, 0x00, 0x00, 0x00})
	}
	card := newTerminal(f, HostileLength(FileCardAccess)).card
	f.Fuzz(func(t *testing.T, first, second []byte) {
		for _, command := range [][]byte{first, second, first} {
			if n := len(card.Exchange(command)); n < 2 || n > maxFrame {
				t.Errorf("%X was answered by %d bytes, want 2 to %d", command, n, maxFrame)
			}
		}
	})
}

// FuzzCardUnderSecureMessaging sends well-protected nonsense.
func FuzzCardUnderSecureMessaging(f *testing.F) {
	f.Add([]byte{0x00, 0xB0, 0x81, 0x00, 0x00})
	f.Add([]byte{0x00, 0xA4, 0x02, 0x0C, 0x02, 0x01, 0x02})
	f.Add([]byte{0x00, 0x22, 0x41, 0xA4, 0x00})
	f.Add([]byte{0x00, 0x86, 0x00, 0x00, 0x04, 0x7C, 0x02, 0x80, 0x00, 0x00})
	card := newTerminal(f).card
	f.Fuzz(func(t *testing.T, command []byte) {
		cmd, err := apdu.Parse(command)
		if err != nil {
			return
		}
		key := make([]byte, 16)
		card.Reset()
		card.session, _ = sm.New(sm.AES128, key, key, nil)
		card.application = true
		session, _ := sm.New(sm.AES128, key, key, nil)
		wrapped, err := session.WrapCommand(cmd)
		if err != nil {
			return
		}
		answer, err := apdu.ParseResponse(card.Exchange(wrapped.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := session.UnwrapResponse(answer); err != nil && !errors.Is(err, sm.ErrUnprotected) {
			t.Errorf("the answer to a protected command: %v", err)
		}
	})
}
