package emrtd_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"tram/drivers/emrtd"
	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/tlv"
)

// mrzInfo is the MRZ information of lineTD1, written out.
const mrzInfo = "099000017699011553901153"

func can(t testing.TB, s string) emrtd.Password {
	t.Helper()
	pw, err := emrtd.CAN(s)
	if err != nil {
		t.Fatal(err)
	}
	return pw
}

func mrz(t testing.TB) emrtd.Password {
	t.Helper()
	pw, err := emrtd.MRZLines(lineTD1)
	if err != nil {
		t.Fatal(err)
	}
	return pw
}

// offer builds EF.CardAccess of protocol names and parameters.
func offer(pairs ...any) []byte {
	var infos [][]byte
	for i := 0; i < len(pairs); i += 2 {
		p, ok := pace.ByName(pairs[i].(string))
		if !ok {
			panic(pairs[i])
		}
		infos = append(infos, tlv.Encode(0x30, tlv.Encode(6, p.Content()), []byte{2, 1, 2}, []byte{2, 1, byte(pairs[i+1].(int))}))
	}
	return tlv.Encode(0x31, infos...)
}

const aes128 = "id-PACE-ECDH-GM-AES-CBC-CMAC-128"

func group(n int, size int) []byte {
	tags := []uint32{0, 0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70}
	body := make([]byte, size)
	for i := range body {
		body[i] = byte(i * n)
	}
	return tlv.Encode(tags[n], body)
}

// newChip is a card like the Vietnamese one, without a SOD: COM lists its groups.
func newChip() *chip {
	emrtd.ForgetHabits()
	info := sha1.Sum([]byte(mrzInfo))
	com, _ := hex.DecodeString("60185F0104303130375F36063034303030305C066175636D6E6F")
	return &chip{
		can: "000017", mrz: info[:], access: offer(aes128, 13), mfStatus: 0x6D00,
		files: map[emrtd.FileID][]byte{
			emrtd.EFCOM: com, emrtd.DG1: dg1(lineTD1), emrtd.DG2: group(2, 20000), emrtd.DG13: group(13, 383),
			emrtd.DG14: group(14, 300), emrtd.DG15: group(15, 160),
		},
	}
}

func read(t *testing.T, c *chip, pw emrtd.Password, opt emrtd.Options) *emrtd.Document {
	t.Helper()
	doc, err := emrtd.Read(t.Context(), c, pw, opt)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	for id, want := range doc.Files {
		have := c.files[id]
		if id == emrtd.EFCardAccess {
			have = c.access
		}
		if !bytes.Equal(want, have) {
			t.Errorf("%v: %d bytes, want %d, or other ones", id, len(want), len(have))
		}
	}
	return doc
}

func TestReadBringsEveryReadableFileAndSaysWhatItSkipped(t *testing.T) {
	var order []string
	last := emrtd.Progress{}
	doc := read(t, newChip(), can(t, "000017"), emrtd.Options{Progress: func(p emrtd.Progress) {
		if p.File != "" && p.File != last.File {
			order = append(order, p.File)
		}
		if p.File != "" && p.File == last.File && p.Done <= last.Done {
			t.Errorf("progress of %s goes from %d to %d", p.File, last.Done, p.Done)
		}
		last = p
	}})
	if got, want := doc.Access, (emrtd.Access{Mechanism: "PACE", Protocol: aes128, Parameter: 13, Password: "CAN"}); got != want {
		t.Errorf("access: got %+v, want %+v", got, want)
	}
	if got, want := strings.Join(order, " "), "COM DG1 DG13 DG14 DG15 DG2"; got != want {
		t.Errorf("order: got %s, want %s", got, want)
	}
	if last.Done != last.Total || last.Total != 20004 {
		t.Errorf("last progress: %+v", last)
	}
	if got := fmt.Sprint(doc.Skipped); got != "[{SOD not on this chip (status 6A82)} {DG3 protected by Extended Access Control}]" {
		t.Errorf("skipped: %s", got)
	}
	if doc.Link.APDUs == 0 || doc.Link.BytesDown < 21000 || len(doc.Steps) != 8 {
		t.Errorf("link %+v, steps %v", doc.Link, doc.Steps)
	}
}

func TestEveryCipherAndParameterOpens(t *testing.T) {
	for id := 8; id <= 18; id++ {
		for i, name := range []string{"3DES-CBC-CBC", "AES-CBC-CMAC-128", "AES-CBC-CMAC-192", "AES-CBC-CMAC-256"} {
			if id%4 != i && id != 13 {
				continue // each parameter with one cipher, one with all
			}
			c := newChip()
			c.access = offer("id-PACE-ECDH-GM-"+name, id)
			doc := read(t, c, can(t, "000017"), emrtd.Options{Want: []emrtd.FileID{emrtd.DG1}})
			if doc.Access.Parameter != id || !strings.HasSuffix(doc.Access.Protocol, name) || doc.Files[emrtd.DG1] == nil {
				t.Errorf("%s over %d: got %+v", name, id, doc.Access)
			}
		}
	}
}

func TestLeadingZerosNeverCostARead(t *testing.T) {
	for range 20 { // one secret in two on P-521 begins with a zero byte
		c := newChip()
		c.access = offer("id-PACE-ECDH-GM-AES-CBC-CMAC-256", 18)
		read(t, c, can(t, "000017"), emrtd.Options{Want: []emrtd.FileID{}})
	}
}

func TestTheStrongestOfferIsTakenAndARefusedOnePassedOver(t *testing.T) {
	c := newChip()
	c.access = offer("id-PACE-ECDH-GM-3DES-CBC-CBC", 12, aes128, 13, "id-PACE-ECDH-GM-AES-CBC-CMAC-256", 16, "id-PACE-DH-GM-AES-CBC-CMAC-256", 2)
	if doc := read(t, c, can(t, "000017"), emrtd.Options{}); doc.Access.Parameter != 16 {
		t.Errorf("got %+v, want parameter 16", doc.Access)
	}
	c.refuse = []string{"id-PACE-ECDH-GM-AES-CBC-CMAC-256"}
	c.session, c.inApp = nil, false
	if doc := read(t, c, can(t, "000017"), emrtd.Options{}); doc.Access.Protocol != aes128 {
		t.Errorf("got %+v, want %s", doc.Access, aes128)
	}
}

// OpenSSL spells the parameters out; the chip offers them under a number of its own.
func TestDomainParametersMayBeSpelledOut(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl, which is not installed")
	}
	parameters, err := exec.Command(openssl, "ecparam", "-name", "brainpoolP384r1", "-param_enc", "explicit", "-outform", "DER").Output()
	if err != nil {
		t.Fatal(err)
	}
	key, mapping := asn.OIDContent("1.2.840.10045.2.1"), asn.OIDContent("0.4.0.127.0.7.2.2.4.2")
	domain := tlv.Encode(0x30, tlv.Encode(6, mapping), tlv.Encode(0x30, tlv.Encode(6, key), parameters), []byte{2, 1, 40})
	c := newChip()
	c.access = tlv.Encode(0x31, offer(aes128, 40)[2:], domain)
	if doc := read(t, c, can(t, "000017"), emrtd.Options{}); doc.Access.Parameter != 40 || doc.Files[emrtd.DG2] == nil {
		t.Errorf("got %+v, %v", doc.Access, doc.Files)
	}
}

func TestOddCardsAreReadAllTheSame(t *testing.T) {
	atr, _ := hex.DecodeString("3B8A80018031F873F741E082900075") // a German identity card
	for name, odd := range map[string]func(c *chip){
		"master file selected first":        func(c *chip) { c.needsMF, c.noSFI, c.mfStatus = true, true, 0 },
		"no short identifiers":              func(c *chip) { c.noSFI = true },
		"no short identifiers but in clear": func(c *chip) { c.noSFI = false; c.files[emrtd.EFSOD] = nil; delete(c.files, emrtd.EFSOD) },
		"CardAccess refused":                func(c *chip) { c.cardAccessSW = 0x6982 },
		"CardAccess 6D00":                   func(c *chip) { c.cardAccessSW = 0x6D00 },
		"CardAccess 6986":                   func(c *chip) { c.cardAccessSW = 0x6986 },
		"domain parameters must be named":   func(c *chip) { c.needs84 = true },
		"at most 192 bytes":                 func(c *chip) { c.maxRead = 192 },
		"at most 128 bytes, no past end":    func(c *chip) { c.maxRead, c.strictEnd = 128, true },
		"answers cut to 100 bytes":          func(c *chip) { c.cutTo = 100 },
		"no reading past the end":           func(c *chip) { c.strictEnd = true },
		"warning past the end":              func(c *chip) { c.endWarning = true },
		"wrong Le":                          func(c *chip) { c.wrongLe = true },
		"answers by GET RESPONSE":           func(c *chip) { c.getResponse = true },
		"left in its application":           func(c *chip) { c.inApp, c.mfStatus = true, 0 },
		"extended length":                   func(c *chip) { c.atr = atr },
		"extended length up to 2,048":       func(c *chip) { c.atr, c.maxRead = atr, 2048 },
		"extended announced, refused":       func(c *chip) { c.atr, c.maxRead = atr, 223 },
		"a reader of short commands only":   func(c *chip) { c.atr, c.shortReader, c.mfStatus = atr, true, 0 },
		"session dropped over identifiers":  func(c *chip) { c.atr, c.bareSFI, c.mfStatus = atr, true, 0 },
		"session dropped over the longest":  func(c *chip) { c.atr, c.wholeOnly, c.longInClear, c.mfStatus = atr, true, true, 0 },
		"and over both":                     func(c *chip) { c.atr, c.wholeOnly, c.longInClear, c.bareSFI, c.mfStatus = atr, true, true, true, 0 },
		"session dropped over one file":     func(c *chip) { c.bareError, c.mfStatus = emrtd.DG14, 0 },
	} {
		t.Run(name, func(t *testing.T) {
			c := newChip()
			c.files[emrtd.DG2] = group(2, 40000)
			odd(c)
			doc := read(t, c, can(t, "000017"), emrtd.Options{})
			for _, id := range []emrtd.FileID{emrtd.EFCOM, emrtd.DG1, emrtd.DG2, emrtd.DG13, emrtd.DG15} {
				if doc.Files[id] == nil {
					t.Errorf("%v is missing; skipped: %v", id, doc.Skipped)
				}
			}
			t.Logf("%d commands, %d sessions", doc.Link.APDUs, c.opened)
		})
	}
}

func TestExtendedLengthNeedsOneCommandForAFile(t *testing.T) {
	c := newChip()
	c.atr, _ = hex.DecodeString("3B8A80018031F873F741E082900075")
	doc := read(t, c, can(t, "000017"), emrtd.Options{})
	// CardAccess, 5 of PACE, the application, COM, SOD (not there), DG1, 13, 14, 15, 2.
	if got := doc.Link.APDUs; got != 14 {
		t.Errorf("got %d commands, want 14", got)
	}
}

func TestBACIsTheWayWithoutPACE(t *testing.T) {
	for name, odd := range map[string]func(c *chip){
		"no CardAccess":          func(c *chip) { c.access = nil },
		"only unknown protocols": func(c *chip) { c.access = offer(aes128, 77) },
		"PACE refused":           func(c *chip) { c.refuse = []string{aes128}; c.mfStatus = 0 },
	} {
		t.Run(name, func(t *testing.T) {
			c := newChip()
			odd(c)
			doc := read(t, c, mrz(t), emrtd.Options{})
			if doc.Access != (emrtd.Access{Mechanism: "BAC", Protocol: "BAC-3DES", Password: "MRZ"}) || doc.Files[emrtd.DG2] == nil {
				t.Errorf("got %+v, %v", doc.Access, doc.Files)
			}
		})
	}
	c := newChip()
	c.access, c.withoutBAC, c.openToAll = nil, true, true
	if doc := read(t, c, mrz(t), emrtd.Options{}); doc.Access.Mechanism != "none" || doc.Files[emrtd.DG2] == nil {
		t.Errorf("a chip without access control: %+v, %v", doc.Access, doc.Skipped)
	}
}

func TestPACEWithTheMRZIsPreferredToBAC(t *testing.T) {
	if doc := read(t, newChip(), mrz(t), emrtd.Options{}); doc.Access.Mechanism != "PACE" || doc.Access.Password != "MRZ" {
		t.Errorf("got %+v", doc.Access)
	}
}

func TestErrorsSayWhatWentWrong(t *testing.T) {
	wrongMRZ, err := emrtd.MRZ("099000018", "990115", "390115")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		odd  func(c *chip)
		pw   emrtd.Password
		want error
		text string
	}{
		{"wrong CAN", func(*chip) {}, can(t, "123456"), emrtd.ErrAccessDenied, "6300"},
		{"wrong MRZ by PACE", func(*chip) {}, wrongMRZ, emrtd.ErrAccessDenied, "PACE"},
		{"wrong MRZ by BAC", func(c *chip) { c.access = nil }, wrongMRZ, emrtd.ErrAccessDenied, "BAC"},
		{"CAN refused, no BAC", func(c *chip) { c.refuse = []string{aes128} }, can(t, "000017"), nil, "PACE: choose " + aes128},
		{"PACE's own error", func(c *chip) { c.refuse, c.withoutBAC = []string{aes128}, true }, mrz(t), nil, "PACE: choose"},
		{"nothing known", func(c *chip) { c.access = offer(aes128, 77) }, can(t, "000017"), emrtd.ErrNotSupported, "PACE"},
		{"wrong token of the chip", func(c *chip) { c.wrongChipToken = true }, can(t, "000017"), emrtd.ErrProtocol, "token"},
		{"a file of 4 GB", func(c *chip) { c.files[emrtd.DG2] = []byte{0x75, 0x84, 0xFF, 0xFF, 0xFF, 0xF0, 1, 2} }, can(t, "000017"), emrtd.ErrTooLarge, "DG2"},
		{"a file of 2 MB", func(c *chip) { c.files[emrtd.DG13] = []byte{0x6D, 0x83, 0x20, 0, 0, 1, 2} }, can(t, "000017"), emrtd.ErrTooLarge, "DG13"},
		{"no password", func(*chip) {}, emrtd.Password{}, emrtd.ErrPassword, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			card := newChip()
			c.odd(card)
			doc, err := emrtd.Read(t.Context(), card, c.pw, emrtd.Options{})
			if err == nil || doc != nil || (c.want != nil && !errors.Is(err, c.want)) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("got %v, want %v with %q", err, c.want, c.text)
			}
			if err != nil && (strings.Contains(err.Error(), "000017") || strings.Contains(err.Error(), "123456")) {
				t.Errorf("the password is in %v", err)
			}
		})
	}
}

type noPassport struct{}

func (noPassport) Transmit(context.Context, []byte) ([]byte, error) { return []byte{0x6A, 0x82}, nil }

func TestACardThatIsNoPassportIsNamedSo(t *testing.T) {
	if _, err := emrtd.Read(t.Context(), noPassport{}, mrz(t), emrtd.Options{}); !errors.Is(err, emrtd.ErrNoApplication) {
		t.Errorf("got %v", err)
	}
}

func TestAPulledCardEndsTheReadAtAnyMoment(t *testing.T) {
	for _, n := range []int{1, 2, 4, 6, 8, 20, 60} {
		c := newChip()
		c.goneAfter = n
		if doc, err := emrtd.Read(t.Context(), c, can(t, "000017"), emrtd.Options{}); !errors.Is(err, emrtd.ErrCardGone) || !errors.Is(err, errPulled) || doc != nil {
			t.Errorf("after %d commands: %v", n, err)
		}
	}
}

func TestACancelledReadEndsAtAnyMoment(t *testing.T) {
	for _, n := range []int{1, 3, 6, 9, 40} {
		ctx, cancel := context.WithCancel(t.Context())
		c := newChip()
		c.onCommand = func(i int) {
			if i == n {
				cancel()
			}
		}
		_, err := emrtd.Read(ctx, c, can(t, "000017"), emrtd.Options{})
		if !errors.Is(err, context.Canceled) || c.commands > n {
			t.Errorf("at command %d: %v after %d commands", n, err, c.commands)
		}
	}
}

// script answers every command with the next of fixed answers, without end.
type script struct {
	answers [][]byte
	i       int
}

func (s *script) Transmit(context.Context, []byte) ([]byte, error) {
	a := s.answers[s.i%len(s.answers)]
	s.i++
	return a, nil
}

func TestAHostileCardNeitherHangsNorFloodsTheReader(t *testing.T) {
	big := append(append([]byte{0x31, 0x84, 0x7F, 0xFF, 0xFF, 0xFF}, make([]byte, 65000)...), 0x90, 0)
	for name, answers := range map[string][][]byte{
		"GET RESPONSE for ever":       {{0x61, 0x10}},
		"data and more for ever":      {append(make([]byte, 256), 0x61, 0)},
		"wrong length for ever":       {{0x6C, 1}, {0x6C, 2}},
		"a huge CardAccess":           {big},
		"one byte at a time":          {{0x31, 0x90, 0}, {0x84, 0x90, 0}, {0x70, 0x90, 0}},
		"always fine, always nothing": {{0x90, 0}},
		"short":                       {{0x90}},
		"empty":                       {{}},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			s := &script{answers: answers}
			if _, err := emrtd.Read(t.Context(), s, mrz(t), emrtd.Options{}); err == nil {
				t.Error("a read of nonsense succeeded")
			}
			runtime.ReadMemStats(&after)
			if s.i > 2000 || after.TotalAlloc-before.TotalAlloc > 64<<20 {
				t.Errorf("%d commands, %d bytes allocated", s.i, after.TotalAlloc-before.TotalAlloc)
			}
		})
	}
}
