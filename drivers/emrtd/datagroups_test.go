package emrtd_test

import (
	"encoding/binary"
	"errors"
	"maps"
	"testing"

	"tram/drivers/emrtd"
	"tram/drivers/emrtd/tlv"
)

func text(tag uint32, s string) []byte { return tlv.Encode(tag, []byte(s)) }

var aPicture = []byte{0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3, 4}

func details(t *testing.T, d emrtd.Details, err error, want map[string]string) {
	t.Helper()
	if err != nil || !maps.Equal(d.Reveal(), want) {
		t.Errorf("got %v, %v\nwant %v", d.Reveal(), err, want)
	}
}

func dg11() []byte {
	return tlv.Encode(0x6B, tlv.Encode(0x5C, []byte{0x5F, 0x0E}), text(0x5F0E, "MẪU<<VĂN<THỬ"), tlv.Encode(0xA0, []byte{2, 1, 2}, text(0x5F0F, "ONE<<TWO"), text(0x5F0F, "THREE")),
		text(0x5F10, "099099000017"), text(0x5F2B, "19990115"), text(0x5F11, "TỈNH MẪU<XÃ MẪU"), text(0x5F42, "1 STREET<TOWN"), text(0x5F12, "+84 00"), tlv.Encode(0x5F16, aPicture), text(0x5F13, ""), text(0x5F17, "A1<B2"))
}

func dg12() []byte {
	return tlv.Encode(0x6C, text(0x5F19, "TEST AUTHORITY"), tlv.Encode(0x5F26, []byte{0x20, 0x22, 0x03, 0x02}), text(0x5F1B, "none"), tlv.Encode(0x5F1D, aPicture), tlv.Encode(0x5F55, []byte{0x20, 0x22, 0x03, 0x02, 0x10, 0x20, 0x30}), text(0x5F56, "M<1"))
}

func dg16() []byte {
	return tlv.Encode(0x70, []byte{2, 1, 2}, tlv.Encode(0xA1, text(0x5F50, "20220302"), text(0x5F51, "MAU<<THI"), text(0x5F52, "00"), text(0x5F53, "X<Y")), tlv.Encode(0xA2, text(0x5F51, "ONLY")))
}

func TestTheGroupsWithDetailsAreRead(t *testing.T) {
	d, err := emrtd.ParseDG11(dg11())
	details(t, d, err, map[string]string{"fullName": "MẪU VĂN THỬ", "otherNames": "ONE TWO; THREE", "personalNumber": "099099000017", "dateOfBirth": "1999-01-15",
		"placeOfBirth": "TỈNH MẪU XÃ MẪU", "address": "1 STREET TOWN", "telephone": "+84 00", "proofOfCitizenship": "jpeg, 8 bytes", "otherDocuments": "A1 B2"})
	d, err = emrtd.ParseDG12(dg12())
	details(t, d, err, map[string]string{"issuingAuthority": "TEST AUTHORITY", "dateOfIssue": "2022-03-02", "endorsements": "none", "imageOfFront": "jpeg, 8 bytes", "personalizedAt": "2022-03-02T10:20:30", "personalizedBy": "M 1"})
	persons, err := emrtd.ParseDG16(dg16())
	if len(persons) != 2 {
		t.Fatalf("%d persons, %v", len(persons), err)
	}
	details(t, persons[0], err, map[string]string{"recorded": "2022-03-02", "name": "MAU THI", "telephone": "00", "address": "X Y"})
	for raw, want := range map[string]string{"1999<<<<": "1999", "19990100": "1999-01", "19990000": "1999", "?": "?"} {
		d, err := emrtd.ParseDG11(tlv.Encode(0x6B, text(0x5F2B, raw)))
		details(t, d, err, map[string]string{"dateOfBirth": want})
	}
	// Latin-1, from chips of the first years.
	d, err = emrtd.ParseDG11(tlv.Encode(0x6B, tlv.Encode(0x5F11, []byte{'M', 0xFC, 'n', 'c'})))
	details(t, d, err, map[string]string{"placeOfBirth": "Münc"})
	pictures, err := emrtd.ParseDG7(tlv.Encode(0x67, []byte{2, 1, 2}, tlv.Encode(0x5F43, aPicture), tlv.Encode(0x5F43, aPicture)))
	if err != nil || len(pictures) != 2 || pictures[0].Format != "jpeg" {
		t.Errorf("DG7: %d, %v", len(pictures), err)
	}
	for _, b := range [][]byte{nil, {0x61, 0}, {0x67, 0}, {0x67, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}, {0x67, 3, 2, 1, 0}} {
		if _, err := emrtd.ParseDG7(b); !errors.Is(err, emrtd.ErrGroup) {
			t.Errorf("DG7 of %X: %v", b, err)
		}
	}
}

// faceRecord is a record of ISO/IEC 19794-5 with faces of one picture each.
func faceRecord(pictures ...[]byte) []byte {
	var blocks []byte
	for _, p := range pictures {
		block := make([]byte, 20+8+12) // one feature point
		binary.BigEndian.PutUint32(block, uint32(len(block)+len(p)))
		block[5] = 1
		blocks = append(append(blocks, block...), p...)
	}
	head := append([]byte("FAC\x00010\x00"), 0, 0, 0, 0, 0, byte(len(pictures)))
	binary.BigEndian.PutUint32(head[8:], uint32(len(head)+len(blocks)))
	return append(head, blocks...)
}

func TestDG2MayHoldSeveralFaces(t *testing.T) {
	second := append([]byte{0xFF, 0xD8, 0xFF}, make([]byte, 40)...)
	one := faceRecord(aPicture, second)
	biometric := func(record []byte) []byte { return tlv.Encode(0x7F60, tlv.Encode(0xA1), tlv.Encode(0x5F2E, record)) }
	for name, b := range map[string][]byte{
		"in one record":    tlv.Encode(0x75, tlv.Encode(0x7F61, []byte{2, 1, 1}, biometric(one))),
		"in two records":   tlv.Encode(0x75, tlv.Encode(0x7F61, []byte{2, 1, 2}, biometric(faceRecord(aPicture)), biometric(faceRecord(second)))),
		"in a bare record": one,
	} {
		faces, err := emrtd.ParseFaces(b)
		if err != nil || len(faces) != 2 || string(faces[0].Data.Reveal()) != string(aPicture) || string(faces[1].Data.Reveal()) != string(second) {
			t.Errorf("%s: %d faces, %v", name, len(faces), err)
		}
	}
	lying := faceRecord(aPicture)
	lying[13] = 200
	if faces, err := emrtd.ParseFaces(lying); err != nil || len(faces) != 1 {
		t.Errorf("a record that claims 200 faces: %d, %v", len(faces), err)
	}
}

func FuzzParseGroups(f *testing.F) {
	for _, b := range [][]byte{dg11(), dg12(), dg16(), tlv.Encode(0x67, []byte{2, 1, 1}, tlv.Encode(0x5F43, aPicture)), faceRecord(aPicture, aPicture), {0x6B, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, parse := range []func([]byte) (emrtd.Details, error){emrtd.ParseDG11, emrtd.ParseDG12} {
			if d, err := parse(b); err == nil {
				for name, v := range d.Reveal() {
					if v == "" || len(v) > 8*len(b)+64 {
						t.Fatalf("%s has %d bytes of %d", name, len(v), len(b))
					}
				}
			}
		}
		if persons, err := emrtd.ParseDG16(b); err == nil && len(persons) > len(b) {
			t.Fatal("too many persons")
		}
		for _, parse := range []func([]byte) ([]emrtd.Portrait, error){emrtd.ParseDG7, emrtd.ParseFaces} {
			pictures, err := parse(b)
			total := 0
			for _, p := range pictures {
				total += len(p.Data.Reveal())
			}
			if err == nil && (len(pictures) == 0 || total > len(b)) {
				t.Fatalf("%d pictures of %d bytes in %d", len(pictures), total, len(b))
			}
		}
	})
}
