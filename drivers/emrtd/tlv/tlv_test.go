package tlv_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"tram/drivers/emrtd/tlv"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseFindsNestedObjectsAndLeavesPadding(t *testing.T) {
	com := unhex(t, "60185F0104303130375F36063034303030305C066175636D6E6F"+"0000")
	nodes, rest, err := tlv.Parse(com, tlv.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(rest, []byte{0, 0}) {
		t.Errorf("rest: got %X, want 0000", rest)
	}
	list, ok := tlv.Find(nodes, 0x60, 0x5C)
	if !ok || hex.EncodeToString(list.Value) != "6175636d6e6f" {
		t.Errorf("60/5C: got %X %v", list.Value, ok)
	}
	if _, ok := tlv.Find(nodes, 0x60, 0x5F37); ok {
		t.Error("found an object that is not there")
	}
	if got := nodes[0].Raw; len(got) != len(com)-2 {
		t.Errorf("raw: got %d bytes, want %d", len(got), len(com)-2)
	}
}

func TestEncodeUsesTheShortestLengthThatParseReads(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 255, 256, 65535, 65536, 70000} {
		for _, tag := range []uint32{0x04, 0x5F1F, 0x7F60, 0x5FDF01} {
			if tlv.Constructed(tag) {
				continue
			}
			b := tlv.Encode(tag, make([]byte, n/2), make([]byte, n-n/2))
			h, err := tlv.ReadHeader(b)
			if err != nil || h.Tag != tag || h.Length != n || h.Size+n != len(b) {
				t.Errorf("tag %X length %d: got %+v, %v", tag, n, h, err)
			}
		}
	}
}

func TestHostileLengthsAreRefusedBeforeAnythingIsAllocated(t *testing.T) {
	for _, c := range []struct {
		hex  string
		want error
	}{
		{"", nil},
		{"61", tlv.ErrTruncated},
		{"5F", tlv.ErrTruncated},
		{"6182", tlv.ErrTruncated},
		{"6103AABB", tlv.ErrTruncated},
		{"0484FFFFFFFF00", tlv.ErrLimit},
		{"04847FFFFFFF00", tlv.ErrTruncated},
		{"04850000000001AA", tlv.ErrInvalid},
		{"308000", tlv.ErrInvalid},
		{"5F81818100", tlv.ErrInvalid},
	} {
		_, _, err := tlv.Parse(unhex(t, c.hex), tlv.Limits{})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.hex, err, c.want)
		}
	}
}

func TestDepthAndCountAreBounded(t *testing.T) {
	deep := []byte{}
	for range 40 {
		deep = tlv.Encode(0x30, deep)
	}
	if _, _, err := tlv.Parse(deep, tlv.Limits{}); !errors.Is(err, tlv.ErrLimit) {
		t.Errorf("40 levels: got %v, want %v", err, tlv.ErrLimit)
	}
	if _, _, err := tlv.Parse(bytes.Repeat([]byte{4, 0}, 5000), tlv.Limits{}); !errors.Is(err, tlv.ErrLimit) {
		t.Errorf("5000 objects: got %v, want %v", err, tlv.ErrLimit)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"60185F0104303130375F36063034303030305C066175636D6E6F", "0484FFFFFFFF", "30803030", "7F4E00", "5F1F"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		nodes, rest, err := tlv.Parse(b, tlv.Limits{})
		if err != nil {
			return
		}
		n := len(rest)
		for _, node := range nodes {
			n += len(node.Raw)
		}
		if n != len(b) {
			t.Fatalf("%d of %d bytes accounted for", n, len(b))
		}
	})
}
