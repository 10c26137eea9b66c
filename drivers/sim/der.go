package sim

import (
	"bytes"
	"encoding/asn1"
	"math/big"
	"slices"
	"time"

	"tram/drivers/emrtd/tlv"
)

// The helpers below write DER. crypto/x509 can write neither certificates on
// Brainpool curves nor CMS, both of which the cards use.

func sequence(parts ...[]byte) []byte { return tlv.Encode(tagSequence, parts...) }

// set returns a DER SET OF: the parts in the order of their bytes.
func set(parts ...[]byte) []byte {
	parts = slices.Clone(parts)
	slices.SortFunc(parts, bytes.Compare)
	return tlv.Encode(tagSet, parts...)
}

// tagged returns an explicitly tagged value: [n].
func tagged(n uint32, parts ...[]byte) []byte { return tlv.Encode(0xA0+n, parts...) }

func octets(b []byte) []byte { return tlv.Encode(0x04, b) }

func bitString(b []byte) []byte { return tlv.Encode(0x03, []byte{0}, b) }

func null() []byte { return tlv.Encode(0x05) }

func boolean() []byte { return tlv.Encode(0x01, []byte{0xFF}) }

// marshal encodes what encoding/asn1 encodes for certain: numbers, object
// identifiers, times.
func marshal(v any) []byte {
	b, err := asn1.Marshal(v)
	if err != nil {
		panic("sim: " + err.Error()) // only constants and times of this package come here
	}
	return b
}

func integer(n int64) []byte { return marshal(n) }

func bigInteger(n *big.Int) []byte { return marshal(n) }

func oid(numbers ...int) []byte { return marshal(asn1.ObjectIdentifier(numbers)) }

// moment returns a UTCTime, or a GeneralizedTime from 2050 on.
func moment(t time.Time) []byte { return marshal(t.UTC().Truncate(time.Second)) }
