package sm_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/sm"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ToLower(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func equal(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if g := strings.ToUpper(hex.EncodeToString(got)); g != strings.ToUpper(want) {
		t.Errorf("%s:\n got %s\nwant %s", what, g, want)
	}
}

// Doc 9303-11 appendix D.1, D.2 and the AES keys of appendix G.1.
func TestKDFAgreesWithDoc9303(t *testing.T) {
	seed := unhex(t, "239AB9CB282DAF66231DC5A4DF6BFBAE")
	equal(t, "K_Enc", sm.KDF(seed, sm.CounterEnc, sm.TDES), "AB94FDECF2674FDFB9B391F85D7F76F2")
	equal(t, "K_MAC", sm.KDF(seed, sm.CounterMAC, sm.TDES), "7962D9ECE03D1ACD4C76089DCE131543")
	secret := unhex(t, "28768D20701247DAE81804C9E780EDE582A9996DB4A315020B2733197DB84925")
	equal(t, "KS_Enc", sm.KDF(secret, sm.CounterEnc, sm.AES128), "F5F0E35C0D7161EE6724EE513A0D9A7F")
	equal(t, "KS_MAC", sm.KDF(secret, sm.CounterMAC, sm.AES128), "FE251C7858B356B24514B3BD5F4297D1")
}

// Doc 9303-11 appendix D.4: SELECT EF.COM and two READ BINARY, both sides.
func TestWorkedExampleOfDoc9303(t *testing.T) {
	reader, card := pair(t, sm.TDES, unhex(t, "979EC13B1CBFE9DCD01AB0FED307EAE5"),
		unhex(t, "F1CB1F1FB5ADF208806B89DC579DC1F8"), unhex(t, "887022120C06C226"))
	for _, step := range []struct {
		cmd                    apdu.Command
		wrapped, answer, plain string
	}{
		{apdu.Command{INS: 0xA4, P1: 2, P2: 0x0C, Data: []byte{1, 0x1E}, Le: apdu.NoLe},
			"0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800",
			"990290008E08FA855A5D4C50A8ED9000", ""},
		{apdu.Command{INS: 0xB0, Le: 4},
			"0CB000000D9701048E08ED6705417E96BA5500",
			"8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000", "60145F01"},
		{apdu.Command{INS: 0xB0, P2: 4, Le: 0x12},
			"0CB000040D9701128E082EA28A70F3C7B53500",
			"871901FB9235F4E4037F2327DCC8964F1F9B8C30F42C8E2FFF224A990290008E08C8B2787EAEA07D749000",
			"04303130365F36063034303030305C026175"},
	} {
		w, err := reader.WrapCommand(step.cmd)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "command", w.Bytes(), step.wrapped)
		c, err := card.UnwrapCommand(w)
		if err != nil || !bytes.Equal(c.Bytes(), step.cmd.Bytes()) {
			t.Errorf("card reads %v, %v; want %v", c, err, step.cmd)
		}
		a, err := card.WrapResponse(apdu.Response{Data: unhex(t, step.plain), SW: 0x9000})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "answer", a.Bytes(), step.answer)
		r, err := reader.UnwrapResponse(a)
		if err != nil || r.SW != 0x9000 {
			t.Fatalf("answer: %v, %v", r, err)
		}
		equal(t, "plain", r.Data, step.plain)
	}
}

func pair(t testing.TB, c sm.Cipher, kEnc, kMac, ssc []byte) (reader, card *sm.Session) {
	t.Helper()
	reader, err := sm.New(c, kEnc, kMac, ssc)
	if err != nil {
		t.Fatal(err)
	}
	card, err = sm.New(c, kEnc, kMac, ssc)
	if err != nil {
		t.Fatal(err)
	}
	return reader, card
}

var ciphers = []sm.Cipher{sm.TDES, sm.AES128, sm.AES192, sm.AES256}

func fresh(t testing.TB, c sm.Cipher) (reader, card *sm.Session) {
	secret := []byte("a secret of any length")
	return pair(t, c, sm.KDF(secret, sm.CounterEnc, c), sm.KDF(secret, sm.CounterMAC, c), nil)
}

func TestBothSidesAgreeForEveryCipherAndForm(t *testing.T) {
	for _, c := range ciphers {
		reader, card := fresh(t, c)
		for i, cmd := range []apdu.Command{
			{INS: 0xA4, P1: 4, P2: 0x0C, Data: unhex(t, "A0000002471001"), Le: apdu.NoLe},
			{INS: 0xB0, Le: 256},
			{INS: 0xB0, Le: 65536, Extended: true},
			{INS: 0xB0, Le: 1000, Extended: true},
			{INS: 0xB1, Data: unhex(t, "54028000"), Le: 224},
			{INS: 0x86, Data: make([]byte, 600), Le: 256},
			{INS: 0x84, Le: apdu.NoLe},
		} {
			name := fmt.Sprintf("%v, command %d", c, i)
			w, err := reader.WrapCommand(cmd)
			if err != nil {
				t.Fatal(name, err)
			}
			onWire, err := apdu.Parse(w.Bytes())
			if err != nil {
				t.Fatal(name, err)
			}
			got, err := card.UnwrapCommand(onWire)
			if err != nil || got.Le != cmd.Le || !bytes.Equal(got.Data, cmd.Data) || got.INS != cmd.INS || got.CLA != 0 {
				t.Errorf("%s: card reads %v, %v", name, got, err)
			}
			data := bytes.Repeat([]byte{0x80, 0}, i*50)
			a, err := card.WrapResponse(apdu.Response{Data: data, SW: 0x6282})
			if err != nil {
				t.Fatal(name, err)
			}
			r, err := reader.UnwrapResponse(a)
			if err != nil || r.SW != 0x6282 || !bytes.Equal(r.Data, data) {
				t.Errorf("%s: reader reads %v, %v", name, r, err)
			}
		}
	}
}

func TestMaxShortReadFillsAnAnswerOf256Bytes(t *testing.T) {
	for _, c := range ciphers {
		reader, card := fresh(t, c)
		for extra := range 2 {
			if _, err := reader.WrapCommand(apdu.Command{INS: 0xB0, Le: 256}); err != nil {
				t.Fatal(err)
			}
			a, err := card.WrapResponse(apdu.Response{Data: make([]byte, reader.MaxShortRead()+extra), SW: 0x9000})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(a.Data) <= 256; got != (extra == 0) {
				t.Errorf("%v: %d bytes become an answer of %d", c, reader.MaxShortRead()+extra, len(a.Data))
			}
		}
	}
}

func TestEveryChangedBitOfAnAnswerIsNoticed(t *testing.T) {
	for _, c := range ciphers {
		for bit := 0; ; bit++ {
			reader, card := fresh(t, c)
			reader.WrapCommand(apdu.Command{INS: 0xB0, Le: 256})
			card.UnwrapCommand(apdu.Command{})
			a, err := card.WrapResponse(apdu.Response{Data: []byte("data"), SW: 0x9000})
			if err != nil {
				t.Fatal(err)
			}
			if bit == len(a.Data)*8 {
				break
			}
			a.Data[bit/8] ^= 1 << (bit % 8)
			if r, err := reader.UnwrapResponse(a); err == nil {
				t.Fatalf("%v: bit %d changed, got %v", c, bit, r)
			}
		}
	}
}

func TestAnAnswerInClearIsNamedAsSuch(t *testing.T) {
	reader, _ := fresh(t, sm.AES128)
	reader.WrapCommand(apdu.Command{INS: 0xB0, Le: 256})
	r, err := reader.UnwrapResponse(apdu.Response{SW: 0x6982})
	if !errors.Is(err, sm.ErrUnprotected) || r.SW != 0x6982 {
		t.Errorf("got %v, %v", r, err)
	}
}

func TestACardThatSendsOnlyAChecksumIsUnderstood(t *testing.T) {
	c := sm.AES128
	secret := []byte("a secret of any length")
	kMac := sm.KDF(secret, sm.CounterMAC, c)
	reader, _ := fresh(t, c)
	reader.WrapCommand(apdu.Command{INS: 0xA4, Le: apdu.NoLe})
	ssc := append(make([]byte, 15), 2)
	mac, err := c.MAC(kMac, sm.Pad(ssc, 16))
	if err != nil {
		t.Fatal(err)
	}
	r, err := reader.UnwrapResponse(apdu.Response{Data: append([]byte{0x8E, 8}, mac...), SW: 0x9000})
	if err != nil || r.SW != 0x9000 || len(r.Data) != 0 {
		t.Errorf("got %v, %v", r, err)
	}
}

func FuzzUnwrapResponse(f *testing.F) {
	f.Add(unhex(f, "8709019FF0EC34F9922651990290008E08AD55CC17140B2DED9000"), uint8(0))
	f.Add(unhex(f, "990290008E08FA855A5D4C50A8ED9000"), uint8(1))
	f.Add(unhex(f, "8E08FA855A5D4C50A8ED6982"), uint8(2))
	f.Add(unhex(f, "87820100"), uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, which uint8) {
		c := ciphers[int(which)%len(ciphers)]
		reader, _ := fresh(t, c)
		r, err := apdu.ParseResponse(b)
		if err != nil {
			return
		}
		if got, err := reader.UnwrapResponse(r); err == nil {
			t.Fatalf("accepted without the key: %v", got)
		}
		// Past the checksum: the same bytes with a right one must not break it either.
		reader, _ = fresh(t, c)
		mac := macOf(t, c, r.Data)
		reader.UnwrapResponse(apdu.Response{Data: append(bytes.Clone(r.Data), append([]byte{0x8E, 8}, mac...)...), SW: r.SW})
	})
}

func macOf(t testing.TB, c sm.Cipher, body []byte) []byte {
	t.Helper()
	m := append(append(make([]byte, c.BlockSize()-1), 1), body...)
	if c != sm.TDES {
		m = sm.Pad(m, 16)
	}
	mac, err := c.MAC(sm.KDF([]byte("a secret of any length"), sm.CounterMAC, c), m)
	if err != nil {
		t.Fatal(err)
	}
	return mac
}

func FuzzUnwrapCommand(f *testing.F) {
	f.Add(byte(0xB0), []byte{0x97, 0x01, 0x04, 0x8E, 0x08, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add(byte(0xA4), []byte{0x87, 0x84, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, ins byte, data []byte) {
		for _, c := range []sm.Cipher{sm.TDES, sm.AES128, sm.AES192, sm.AES256} {
			key := make([]byte, c.KeySize())
			s, err := sm.New(c, key, key, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.UnwrapCommand(apdu.Command{CLA: 0x0C, INS: ins, Data: data}); err == nil {
				t.Fatal("a made-up checksum fits")
			}
		}
	})
}
