package emrtd

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/tlv"
)

// canary stands for a person's data: it must not come back in any error or detail.
const canary = "KENARIENVOGEL"

// Every parser of files is fed the canary in every place, broken in every place. What
// comes back as an error, or as the detail of an answer, must not sing.
func TestNothingOfACardIsInErrors(t *testing.T) {
	lines := "P<UTO" + canary + "<<" + canary + strings.Repeat("<", 44-7-2*len(canary)) + "L898902C36UTO7408122F1204159ZE184226B<<<<<10"
	text := func(tag uint32) []byte { return tlv.Encode(tag, []byte(canary+"<<"+canary)) }
	face := append([]byte("FAC\x00010\x00\x00\x00\x00\x00\x00\x01"), make([]byte, 32)...)
	seeds := map[string][]byte{
		"DG1":  tlv.Encode(0x61, tlv.Encode(0x5F1F, []byte(lines))),
		"DG2":  tlv.Encode(0x75, tlv.Encode(0x7F61, tlv.Encode(0x7F60, tlv.Encode(0x5F2E, face, []byte(canary))))),
		"DG7":  tlv.Encode(0x67, tlv.Encode(0x5F43, []byte(canary))),
		"DG11": tlv.Encode(0x6B, text(0x5F0E), text(0x5F2B), text(0x5F16)),
		"DG12": tlv.Encode(0x6C, text(0x5F19), text(0x5F26)),
		"DG14": tlv.Encode(0x6E, tlv.Encode(asn.Set, tlv.Encode(asn.Sequence, text(asn.OID), text(asn.Integer)))),
		"DG15": tlv.Encode(0x6F, tlv.Encode(asn.Sequence, text(asn.OID), text(asn.BitString))),
		"DG16": tlv.Encode(0x70, tlv.Encode(0xA1, text(0x5F51))),
		"SOD":  bytes.ReplaceAll(seedSOD(), make([]byte, 32), []byte((canary + canary + canary)[:32])),
		"MRZ":  []byte(lines),
	}
	for name, seed := range seeds {
		for i := range seed {
			for _, change := range []func([]byte) []byte{
				func(b []byte) []byte { return b[:i] },
				func(b []byte) []byte { b[i] ^= 0x80; return b },
				func(b []byte) []byte { b[i] = 0x80; return b },
				func(b []byte) []byte { b[i]++; return b },
			} {
				for _, said := range saidOf(change(bytes.Clone(seed))) {
					if strings.Contains(strings.ToUpper(said), canary[:6]) {
						t.Fatalf("%s, byte %d: the canary sings", name, i)
					}
				}
			}
		}
	}
}

// saidOf collects what the parsers say of a file, in words.
func saidOf(b []byte) []string {
	var out []string
	add := func(v any, err error) {
		if err != nil {
			out = append(out, err.Error(), fmt.Sprintf("%+v", err))
		}
		out = append(out, fmt.Sprintf("%v %+v", v, v))
	}
	m, err := ParseDG1(b)
	add(nil, err)
	out = append(out, fmt.Sprint(m.Surname, m.GivenNames, m.Lines))
	_, err = ParseMRZ(string(b))
	add(nil, err)
	_, err = MRZLines(string(b))
	add(nil, err)
	_, err = CAN(string(b))
	add(nil, err)
	faces, err := ParseFaces(b)
	add(faces, err)
	pictures, err := ParseDG7(b)
	add(pictures, err)
	for _, parse := range []func([]byte) (Details, error){ParseDG11, ParseDG12} {
		d, err := parse(b)
		add(d, err)
	}
	persons, err := ParseDG16(b)
	add(persons, err)
	files := Files{DG1: b, DG2: b, DG14: b, DG15: b, EFSOD: b, EFCOM: b}
	add(files, nil)
	add(Verify(files, nil, time.Unix(0, 0)), nil)
	keys := ParseChipKeys(files)
	add(keys, nil)
	return out
}

func FuzzTrustImport(f *testing.F) {
	sod, _ := parseSOD(seedSOD())
	cert := sod.certificates[0].raw
	f.Add(cert)
	f.Add([]byte("version: 1\n\ndn: c=UT\ncACertificate;binary:: MIIB\n AAAA\n"))
	f.Add(seedList(cert))
	f.Add(seedRevocations())
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := takeApart(b)
		if err != nil {
			return
		}
		for _, m := range p.lists {
			if _, err := m.verify(&Trust{}, &Trust{}, time.Unix(1700000000, 0)); err == nil {
				t.Fatal("a made-up master list verifies")
			}
		}
		for _, l := range p.revocations {
			_ = l.info()
		}
		for _, c := range p.certificates {
			if info := c.info(); len(info.ID) != 64 {
				t.Fatal(info)
			}
		}
	})
}

// seedList is a small master list with a certificate, valid in form only.
func seedList(cert []byte) []byte {
	seq := func(v ...[]byte) []byte { return tlv.Encode(asn.Sequence, v...) }
	oid := func(s string) []byte { return tlv.Encode(asn.OID, asn.OIDContent(s)) }
	content := seq([]byte{2, 1, 0}, tlv.Encode(asn.Set, cert))
	info := seq(oid(oidMasterList), tlv.Encode(0xA0, tlv.Encode(asn.OctetString, content)))
	sha, ecdsa := seq(oid("2.16.840.1.101.3.4.2.1")), seq(oid("1.2.840.10045.4.3.2"))
	signer := seq([]byte{2, 1, 3}, tlv.Encode(0x80, []byte{1, 2}), sha, ecdsa, tlv.Encode(asn.OctetString, []byte{0x30, 6, 2, 1, 1, 2, 1, 1}))
	return seq(oid(oidSignedData), tlv.Encode(0xA0, seq([]byte{2, 1, 3}, tlv.Encode(asn.Set, sha), info, tlv.Encode(0xA0, cert), tlv.Encode(asn.Set, signer))))
}

func seedRevocations() []byte {
	algorithm := tlv.Encode(asn.Sequence, tlv.Encode(asn.OID, asn.OIDContent("1.2.840.10045.4.3.2")))
	when := tlv.Encode(asn.UTCTime, []byte("300101000000Z"))
	entry := tlv.Encode(asn.Sequence, []byte{2, 1, 5}, when)
	number := tlv.Encode(asn.Sequence, tlv.Encode(asn.OID, asn.OIDContent("2.5.29.20")), tlv.Encode(asn.OctetString, []byte{2, 1, 7}))
	tbs := tlv.Encode(asn.Sequence, []byte{2, 1, 1}, algorithm, tlv.Encode(asn.Sequence), when, when, tlv.Encode(asn.Sequence, entry), tlv.Encode(0xA0, tlv.Encode(asn.Sequence, number)))
	return tlv.Encode(asn.Sequence, tbs, algorithm, tlv.Encode(asn.BitString, make([]byte, 9)))
}

func TestTheSeedsHaveTheForm(t *testing.T) {
	sod, err := parseSOD(seedSOD())
	if err != nil {
		t.Fatal(err)
	}
	if m, err := parseMasterList(seedList(sod.certificates[0].raw)); err != nil || len(m.certificates) != 1 {
		t.Errorf("master list: %v", err)
	}
	l, err := parseRevocationList(seedRevocations())
	if err != nil || len(l.serials) != 1 || l.number == nil || l.number.Int64() != 7 || l.nextUpdate.IsZero() {
		t.Errorf("got %+v, %v", l, err)
	}
}
