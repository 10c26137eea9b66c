package asn_test

import (
	"bytes"
	"encoding/asn1"
	"testing"
	"time"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/tlv"
)

func TestObjectIdentifiersGoBothWays(t *testing.T) {
	for _, s := range []string{"0.4.0.127.0.7.2.2.4.2.2", "1.2.840.113549.1.1.10", "2.23.136.1.1.1", "2.999.3", "1.0.10646.1.0.8"} {
		content := asn.OIDContent(s)
		if got := asn.OIDString(content); got != s {
			t.Errorf("got %s, want %s", got, s)
		}
		var other asn1.ObjectIdentifier
		if _, err := asn1.Unmarshal(tlv.Encode(asn.OID, content), &other); err != nil || other.String() != s {
			t.Errorf("encoding/asn1 reads %v, %v; want %s", other, err, s)
		}
	}
	for _, b := range [][]byte{nil, {0x80}, bytes.Repeat([]byte{0xFF}, 70)} {
		if got := asn.OIDString(b); got != "" {
			t.Errorf("%X: got %s", b, got)
		}
	}
}

func TestTimesOfBothKindsAreRead(t *testing.T) {
	want := time.Date(2031, 5, 6, 7, 8, 9, 0, time.UTC)
	for tag, list := range map[uint32][]string{
		asn.UTCTime:         {"310506070809Z", "310506090809+0200"},
		asn.GeneralizedTime: {"20310506070809Z", "20310506090809+0200", "20310506070809"},
	} {
		for _, s := range list {
			if got, err := asn.Time(tlv.Node{Tag: tag, Value: []byte(s)}); err != nil || !got.Equal(want) {
				t.Errorf("%s: got %v, %v", s, got, err)
			}
		}
	}
	if got, err := asn.Time(tlv.Node{Tag: asn.UTCTime, Value: []byte("990101000000Z")}); err != nil || got.Year() != 1999 {
		t.Errorf("99: got %v, %v", got, err)
	}
}

func TestSmallIntegersKeepTheirSign(t *testing.T) {
	for want, b := range map[int][]byte{0: {0}, 13: {13}, -1: {0xFF}, 255: {0, 255}, 65537: {1, 0, 1}} {
		if got, err := asn.Int(tlv.Node{Tag: asn.Integer, Value: b}); err != nil || got != want {
			t.Errorf("%X: got %d, %v, want %d", b, got, err, want)
		}
	}
}
