package apdu_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"tram/drivers/emrtd/apdu"
)

func TestCommandsOfAllCasesGoOutAndComeBack(t *testing.T) {
	long := make([]byte, 300)
	for _, c := range []struct {
		name string
		cmd  apdu.Command
		hex  string
	}{
		{"case 1", apdu.Command{INS: 0xA4, P1: 4, P2: 0x0C, Le: apdu.NoLe}, "00a4040c"},
		{"case 2S", apdu.Command{INS: 0x84, Le: 8}, "0084000008"},
		{"case 2S, 256", apdu.Command{INS: 0xB0, P1: 0x9C, Le: 256}, "00b09c0000"},
		{"case 3S", apdu.Command{INS: 0xA4, P1: 2, P2: 0x0C, Data: []byte{1, 0x1C}, Le: apdu.NoLe}, "00a4020c02011c"},
		{"case 4S", apdu.Command{CLA: 0x10, INS: 0x86, Data: []byte{0x7C, 0}, Le: 256}, "10860000027c0000"},
		{"case 2E", apdu.Command{INS: 0xB0, Le: 65536, Extended: true}, "00b00000000000"},
		{"case 2E, small", apdu.Command{INS: 0xB0, Le: 4, Extended: true}, "00b00000000004"},
		{"case 3E", apdu.Command{INS: 0x82, Data: long, Le: apdu.NoLe, Extended: true}, "0082000000012c" + strings.Repeat("00", 300)},
		{"case 4E", apdu.Command{INS: 0x82, Data: long, Le: 65536, Extended: true}, "0082000000012c" + strings.Repeat("00", 302)},
	} {
		if got := hex.EncodeToString(c.cmd.Bytes()); got != c.hex {
			t.Errorf("%s: got %s, want %s", c.name, got, c.hex)
			continue
		}
		back, err := apdu.Parse(c.cmd.Bytes())
		if err != nil || back.Le != c.cmd.Le || !bytes.Equal(back.Data, c.cmd.Data) || back.Extended != c.cmd.Extended {
			t.Errorf("%s: parsed as %v %v", c.name, back, err)
		}
	}
}

func TestBrokenCommandsAndAnswersAreRefused(t *testing.T) {
	for _, s := range []string{"", "00a404", "00a4040c0201", "00a4040c0001", "00a4040c0000050102", "00a4040c000000aabb"} {
		b, _ := hex.DecodeString(s)
		if c, err := apdu.Parse(b); err == nil {
			t.Errorf("%s: parsed as %v", s, c)
		}
	}
	if _, err := apdu.ParseResponse([]byte{0x90}); err == nil {
		t.Error("one byte passed as an answer")
	}
	if got := (apdu.Command{Data: make([]byte, 70000)}).Bytes(); got != nil {
		t.Errorf("70,000 bytes of data: got %d bytes", len(got))
	}
}

func TestNothingOfTheDataIsPrinted(t *testing.T) {
	c := apdu.Command{INS: 0xA4, Data: []byte("NGUYEN"), Le: apdu.NoLe}
	r := apdu.Response{Data: []byte("NGUYEN"), SW: 0x9000}
	if s := c.String() + r.String(); strings.Contains(s, "NGUYEN") || strings.Contains(s, "4E47") {
		t.Errorf("data in %q", s)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"00a4040c", "0084000008", "00b00000000000", "0082000000012c", "10860000027c0000"} {
		b, _ := hex.DecodeString(s)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := apdu.Parse(b)
		if err != nil {
			return
		}
		back, err := apdu.Parse(c.Bytes())
		if err != nil || back.Le != c.Le || !bytes.Equal(back.Data, c.Data) {
			t.Fatalf("%X: %v became %v (%v)", b, c, back, err)
		}
	})
}

func FuzzParseResponse(f *testing.F) {
	f.Add([]byte{0x90, 0x00})
	f.Add([]byte{0x6A})
	f.Add([]byte{1, 2, 3, 0x61, 0x10})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := apdu.ParseResponse(b)
		if (err == nil) != (len(b) >= 2) {
			t.Fatalf("%d bytes: %v", len(b), err)
		}
		if err == nil && !bytes.Equal(r.Bytes(), b) {
			t.Fatalf("got %X back, want %X", r.Bytes(), b)
		}
	})
}
