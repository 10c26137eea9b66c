package emrtd

import (
	"bytes"
	"context"
	"testing"
	"time"

	"tram/drivers/emrtd/apdu"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

// opened is a card that was opened, and from then on gives pieces of fuzzed bytes under
// right checksums: what a forged card can say.
type opened struct {
	session *sm.Session
	b       []byte
	n       int
}

func (o *opened) Transmit(_ context.Context, raw []byte) ([]byte, error) {
	if o.n++; o.n > 300 || len(o.b) < 3 {
		return []byte{0x6F, 0x00}, nil
	}
	size := int(o.b[0])<<3 | int(o.b[1])>>5
	status := []uint16{0x9000, 0x6282, 0x6700, 0x6A82, 0x6982, 0x6C10, 0x6B00, 0x9000}[o.b[1]&7]
	o.b = o.b[2:]
	data := o.b[:min(size, len(o.b))]
	o.b = o.b[len(data):]
	cmd, err := apdu.Parse(raw)
	if err != nil {
		return []byte{0x67, 0x00}, nil
	}
	if cmd.CLA&0x0C == 0 || o.session == nil {
		return apdu.Response{Data: data, SW: status}.Bytes(), nil
	}
	if _, err := o.session.UnwrapCommand(cmd); err != nil {
		o.session = nil
		return []byte{0x69, 0x88}, nil
	}
	answer, err := o.session.WrapResponse(apdu.Response{Data: data, SW: status})
	return answer.Bytes(), err
}

// said is the answer data of a status 9000 as opened reads it.
func said(data []byte) []byte {
	return append([]byte{byte(len(data) >> 3), byte(len(data)) << 5}, data...)
}

// FuzzProtectedRead reads files and lets the chip prove its keys over a session that
// holds: only what the card says is hostile.
func FuzzProtectedRead(f *testing.F) {
	pw, _ := MRZ("L898902C<", "690806", "940623")
	com := []byte{0x60, 0x07, 0x5C, 0x05, 0x61, 0x75, 0x6D, 0x6E, 0x6F}
	f.Add(bytes.Join([][]byte{said(com), said(seedSOD()), said([]byte{0x61, 0}), said([]byte{0x6D, 0})}, nil), false)
	f.Add(bytes.Join([][]byte{said(com), said([]byte{0x77, 0}), said([]byte{0x61, 0x84, 0xFF, 0xFF, 0xFF, 0xFF})}, nil), true)
	f.Add(said([]byte{0x60, 0x85, 1, 1, 1, 1, 1}), true)
	f.Fuzz(func(t *testing.T, b []byte, extended bool) {
		key := make([]byte, 16)
		theirs, err := sm.New(sm.AES128, key, key, nil)
		if err != nil {
			t.Fatal(err)
		}
		r := newReader(&opened{session: theirs, b: b}, pw, Options{MaxFile: 4096}, bytes.NewReader(make([]byte, 1<<16)))
		r.session, _ = sm.New(sm.AES128, key, key, nil)
		r.extended, r.sfi = extended, len(b)%2 == 0
		for _, id := range []FileID{EFCOM, EFSOD, DG1, DG2, DG14, DG15} {
			if r.fetch(t.Context(), id) != nil {
				break
			}
		}
		_ = r.prove(t.Context())
		for id, file := range r.doc.Files {
			if len(file) > 4096 {
				t.Fatalf("%v has %d bytes", id, len(file))
			}
		}
		if v := VerifyDocument(r.doc, nil, time.Unix(0, 0)); v.ChipAuthentication == OK || v.Assurance() != None {
			t.Fatalf("a made-up chip is genuine: %+v", v)
		}
	})
}

func FuzzLengths(f *testing.F) {
	f.Add([]byte{0x47, 3, 0, 0, 0xC0, 0x7F, 0x66, 8, 2, 2, 0x10, 0, 2, 2, 0x10, 0}, []byte{0x3B, 0x8A, 0x80, 0x01, 0x80, 0x31, 0xF8, 0x73, 0xF7, 0x41, 0xE0, 0x82, 0x90, 0, 0x75})
	f.Add([]byte{0x7F, 0x66, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}, []byte{0x3B, 0xFF})
	f.Fuzz(func(t *testing.T, info, atr []byte) {
		if _, largest, _ := lengthsInInfo(info); largest < 0 || largest > extendedSizes[0] {
			t.Fatalf("%d bytes at once", largest)
		}
		lengthsInATR(atr)
	})
}

func FuzzCardSecurity(f *testing.F) {
	sod, _ := tlv.ReadHeader(seedSOD())
	f.Add(seedSOD()[sod.Size:])
	f.Add([]byte{0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		infos, err := parseCardSecurity(b)
		if err == nil && len(infos.keys) > maxChipKeys {
			t.Fatalf("%d keys", len(infos.keys))
		}
		v := Verification{SODSignature: OK}
		p := ChipProof{security: b, Result: OK}
		if answer, _ := v.vouchedBySecurity(p, Files{EFSOD: seedSOD()}, nil, time.Unix(0, 0)); answer == OK {
			t.Fatal("a made-up EF.CardSecurity is vouched for")
		}
	})
}
