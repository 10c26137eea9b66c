package emrtd_test

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"tram/drivers/emrtd"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

func TestEveryWayOfPACEOpensTheChip(t *testing.T) {
	atr, _ := hex.DecodeString("3B8A80018031F873F741E082900075")
	for _, p := range pace.Protocols() {
		for _, id := range []int{0, 1, 2, 8, 10, 13, 14, 15, 17, 18} {
			d, err := pace.DomainByID(id)
			if err != nil {
				t.Fatal(err)
			}
			// The cipher makes no difference to the group: all groups with one, a few with the others.
			if !(pace.Info{Protocol: p, Domain: d, Curve: d.Curve()}).Supported() || p.Cipher != sm.AES128 && id != 2 && id != 13 && id != 18 {
				continue
			}
			lay := func() *chip {
				c := newChip()
				c.access, c.atr = offer(p.Name, id), atr
				return c
			}
			for _, pw := range []emrtd.Password{can(t, "000017"), mrz(t)} {
				doc := read(t, lay(), pw, emrtd.Options{Want: []emrtd.FileID{emrtd.DG1}})
				if want := (emrtd.Access{Mechanism: "PACE", Protocol: p.Name, Parameter: id, Password: pw.Kind()}); doc.Access != want || doc.Files[emrtd.DG1] == nil {
					t.Errorf("got %+v, want %+v", doc.Access, want)
				}
			}
			if _, err := emrtd.Read(t.Context(), lay(), can(t, "123456"), emrtd.Options{}); !errors.Is(err, emrtd.ErrAccessDenied) {
				t.Errorf("%s with %s and a wrong CAN: %v", p.Name, d.Name(), err)
			}
		}
	}
}

// A secret or a coordinate begins with a zero byte in one session of two on P-521.
func TestP521SixtyTimes(t *testing.T) {
	for range 60 {
		c := newChip()
		c.access = offer("id-PACE-ECDH-GM-AES-CBC-CMAC-256", 18)
		read(t, c, can(t, "000017"), emrtd.Options{Want: []emrtd.FileID{emrtd.DG1}})
	}
}

func TestAnOfferThatFailsInTheMiddleIsPassedOver(t *testing.T) {
	const integrated = "id-PACE-ECDH-IM-AES-CBC-CMAC-256"
	c := newChip()
	c.access, c.mfStatus = offer(integrated, 13, aes128, 13), 0
	if doc := read(t, c, can(t, "000017"), emrtd.Options{}); doc.Access.Protocol != integrated {
		t.Errorf("got %+v", doc.Access)
	}
	c.failMapping = integrated
	if doc := read(t, c, can(t, "000017"), emrtd.Options{}); doc.Access.Protocol != aes128 {
		t.Errorf("got %+v", doc.Access)
	}
}

func TestACANWithAnMRZAsTheSecondWay(t *testing.T) {
	wrong, err := emrtd.MRZ("099000018", "990115", "390115")
	if err != nil {
		t.Fatal(err)
	}
	right := can(t, "000017")
	for name, x := range map[string]struct {
		odd  func(c *chip)
		pw   emrtd.Password
		want emrtd.Access
	}{
		"PACE with the CAN":         {func(*chip) {}, emrtd.CANOrMRZ(right, mrz(t)), emrtd.Access{Mechanism: "PACE", Protocol: aes128, Parameter: 13, Password: "CAN"}},
		"a wrong MRZ does not harm": {func(*chip) {}, emrtd.CANOrMRZ(right, wrong), emrtd.Access{Mechanism: "PACE", Protocol: aes128, Parameter: 13, Password: "CAN"}},
		"a wrong CAN":               {func(*chip) {}, emrtd.CANOrMRZ(can(t, "123456"), mrz(t)), emrtd.Access{Mechanism: "PACE", Protocol: aes128, Parameter: 13, Password: "MRZ"}},
		"no PACE":                   {func(c *chip) { c.access = nil }, emrtd.CANOrMRZ(right, mrz(t)), emrtd.Access{Mechanism: "BAC", Protocol: "BAC-3DES", Password: "MRZ"}},
		"unreadable CardAccess":     {func(c *chip) { c.cardAccessSW = 0x6982 }, emrtd.CANOrMRZ(right, mrz(t)), emrtd.Access{Mechanism: "PACE", Protocol: aes128, Parameter: 13, Password: "CAN"}},
		"PACE refused":              {func(c *chip) { c.refuse = []string{aes128} }, emrtd.CANOrMRZ(right, mrz(t)), emrtd.Access{Mechanism: "BAC", Protocol: "BAC-3DES", Password: "MRZ"}},
		"several expiries":          {func(c *chip) { c.access = nil }, emrtd.CANOrMRZ(right, wrong, mrz(t)), emrtd.Access{Mechanism: "BAC", Protocol: "BAC-3DES", Password: "MRZ"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChip()
			x.odd(c)
			if doc := read(t, c, x.pw, emrtd.Options{}); doc.Access != x.want || doc.Files[emrtd.DG2] == nil {
				t.Errorf("got %+v, want %+v", doc.Access, x.want)
			}
		})
	}
	c := newChip()
	c.cardAccessSW, c.refuse = 0x6982, []string{aes128} // says nothing of PACE, and has none
	if _, err := emrtd.Read(t.Context(), c, emrtd.CANOrMRZ(right, wrong), emrtd.Options{}); !errors.Is(err, emrtd.ErrAccessDenied) || !strings.Contains(err.Error(), "BAC") {
		t.Errorf("no PACE and a wrong MRZ: got %v, want BAC's refusal", err)
	}
	c = newChip()
	if _, err := emrtd.Read(t.Context(), c, emrtd.CANOrMRZ(can(t, "123456"), wrong), emrtd.Options{}); !errors.Is(err, emrtd.ErrAccessDenied) || !bytes.Contains([]byte(err.Error()), []byte("PACE")) {
		t.Errorf("neither: got %v, want PACE's own refusal", err)
	}
}

// Over a reader that knows short commands only, a number of 2048 bits does not get through:
// the next offer is taken, or BAC.
func TestAGroupTooLongForTheReaderIsPassedOver(t *testing.T) {
	const prime = "id-PACE-DH-GM-AES-CBC-CMAC-256"
	for _, x := range []struct {
		access []byte
		pw     emrtd.Password
		want   string
	}{
		{offer(prime, 2, "id-PACE-DH-GM-AES-CBC-CMAC-128", 0), can(t, "000017"), "id-PACE-DH-GM-AES-CBC-CMAC-128"},
		{offer(prime, 2), mrz(t), "BAC-3DES"},
		{offer(prime, 2), emrtd.CANOrMRZ(can(t, "000017"), mrz(t)), "BAC-3DES"},
	} {
		c := newChip()
		c.access, c.shortReader, c.mfStatus = x.access, true, 0
		if doc := read(t, c, x.pw, emrtd.Options{}); doc.Access.Protocol != x.want {
			t.Errorf("got %+v, want %s", doc.Access, x.want)
		}
	}
}

func TestARefusalOfExtendedLengthIsPutToTheTestAgain(t *testing.T) {
	c := newChip()
	c.atr, _ = hex.DecodeString("3B8A80018031F873F741E082900075")
	c.shortReader, c.mfStatus = true, 0
	counts := map[int]int{}
	for range 30 {
		c.reset()
		counts[read(t, c, can(t, "000017"), emrtd.Options{}).Link.APDUs]++
		c.shortReader = false // it was one bad card, or a loose contact
	}
	if counts[14] < 5 || counts[105] < 10 {
		t.Errorf("reads by number of commands: %v, want some of 105 and then of 14", counts)
	}
}

// A card that is taken away over the first long command says nothing of its kind.
func TestACardTakenAwayTeachesNothing(t *testing.T) {
	c := newChip()
	c.atr, _ = hex.DecodeString("3B8A80018031F873F741E082900075")
	c.goneAfter = 7 // the next is the first extended command
	if _, err := emrtd.Read(t.Context(), c, can(t, "000017"), emrtd.Options{}); !errors.Is(err, emrtd.ErrCardGone) {
		t.Fatalf("got %v, want ErrCardGone", err)
	}
	c.goneAfter = 0
	c.reset()
	if doc := read(t, c, can(t, "000017"), emrtd.Options{}); doc.Link.APDUs != 14 {
		t.Errorf("then %d commands, want 14", doc.Link.APDUs)
	}
}

// camChip is a chip that proves a key on brainpoolP256r1 by PACE; DG14 has the key with
// the SOD's word for it.
func camChip(t *testing.T) (*chip, *emrtd.Trust, pace.KeyPair, *chipKeys) {
	t.Helper()
	d, err := pace.DomainByID(13)
	if err != nil {
		t.Fatal(err)
	}
	static, err := d.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := newChipKeys(t)
	c, tr := k.lay(camKey(static), k.ecdsa("prime256v1", "sha256", true))
	c.access, c.static = offer("id-PACE-ECDH-CAM-AES-CBC-CMAC-128", 13), &static
	return c, tr, static, k
}

// camKey is the ChipAuthenticationPublicKeyInfo of a key on brainpoolP256r1.
func camKey(k pace.KeyPair) []byte {
	return entry(dotted(oidChipKey+"2"),
		entry(entry(dotted("0.4.0.127.0.7.1.2"), []byte{2, 1, 13}), tlv.Encode(0x03, []byte{0}, k.Public)), []byte{2, 1, 13})
}

func TestChipAuthenticationMappingProvesTheKeyInDG14(t *testing.T) {
	c, tr, _, k := camChip(t)
	got, doc, v := proved(t, c, tr)
	if got != "ok ok chip-genuine" || doc.Proofs.ChipAuthentication.Protocol != "id-PACE-ECDH-CAM-AES-CBC-CMAC-128" {
		t.Errorf("got %s by %s; %v", got, doc.Proofs.ChipAuthentication.Protocol, v.Detail)
	}
	if v := emrtd.VerifyDocument(doc, nil, time.Now()); v.ChipAuthentication != emrtd.OK || v.Assurance() != emrtd.Chip {
		t.Errorf("a signer nobody knows: %v %v; %v", v.ChipAuthentication, v.Assurance(), v.Detail)
	}
	k.refuse[0x22] = 0x6D00 // there is no other way of Chip Authentication
	d, _ := pace.DomainByID(13)
	other, _ := d.NewKey(rand.Reader)
	c.static = &other // a copy: right files, another key
	if got, _, v := proved(t, c, tr); got != "failed ok none" {
		t.Errorf("a copy: got %s; %v", got, v.Detail)
	}
	c.static = nil
	if got, _, v := proved(t, c, tr); got != "failed ok none" {
		t.Errorf("a chip that says nothing of its key: got %s; %v", got, v.Detail)
	}
}

// EF.CardSecurity is signed like a SOD: by the same signer it counts, by another it does not.
func TestChipAuthenticationMappingProvesTheKeyInCardSecurity(t *testing.T) {
	d, _ := pace.DomainByID(13)
	static, err := d.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k := newChipKeys(t)
	c, tr, ca := k.layWith(nil, k.ecdsa("prime256v1", "sha256", true))
	c.access, c.static = offer("id-PACE-ECDH-CAM-AES-CBC-CMAC-128", 13), &static
	if got, _, v := proved(t, c, tr); got != "not_supported ok chip-genuine" {
		t.Errorf("no EF.CardSecurity: got %s; %v", got, v.Detail)
	}
	infos := tlv.Encode(0x31, camKey(static))
	c.security = ca.signedData(oidSecurityObject, infos)
	if got, _, v := proved(t, c, tr); got != "ok ok chip-genuine" || !strings.Contains(v.Detail["chipAuthentication"], "CardSecurity") {
		t.Errorf("got %s; %v", got, v.Detail)
	}
	if got, _, v := proved(t, c, nil); got != "ok ok chip" {
		t.Errorf("a signer nobody knows: got %s; %v", got, v.Detail)
	}
	good := c.security
	c.security = bytes.Clone(good)
	at := bytes.Index(c.security, static.Public)
	c.security[at+len(static.Public)-1] ^= 1
	if got, _, v := proved(t, c, tr); got == "ok ok chip-genuine" {
		t.Errorf("changed: got %s; %v", got, v.Detail)
	}
	c.security = newIssuer(t, ecKind("prime256v1", "named_curve", "sha256")).authority().signedData(oidSecurityObject, infos)
	if got, _, v := proved(t, c, tr); got != "not_done ok chip-genuine" {
		t.Errorf("signed by another: got %s; %v", got, v.Detail)
	}
}

// signedData has the signer of SODs sign something else.
func (i *issuer) signedData(oid string, content []byte) []byte {
	i.t.Helper()
	i.write("content.der", content)
	i.openssl("cms", "-sign", "-binary", "-nodetach", "-econtent_type", oid, "-in", "content.der", "-outform", "DER",
		"-out", "signed.der", "-signer", "ds.pem", "-inkey", "ds.key", "-md", i.kind.hash, "-nosmimecap")
	return i.read("signed.der")
}

const oidSecurityObject = "0.4.0.127.0.7.3.2.1"

func fromHex(s string) []byte { b, _ := hex.DecodeString(s); return b }

func TestExtendedLengthIsLearned(t *testing.T) {
	said, _ := hex.DecodeString("3B8A80018031F873F741E082900075")
	silent, _ := hex.DecodeString("3B88800100000000000000000009")
	for name, x := range map[string]struct {
		odd         func(c *chip)
		first, next int // commands of a read, the most
		long        bool
	}{
		"the ATR says it":               {func(c *chip) { c.atr = said }, 14, 14, true},
		"only Le = 0000":                {func(c *chip) { c.atr, c.wholeOnly = said, true }, 15, 14, true},
		"only Le = 0000, said in clear": {func(c *chip) { c.atr, c.wholeOnly, c.longInClear, c.mfStatus = said, true, true, 0 }, 40, 14, true},
		"at most 2,048":                 {func(c *chip) { c.atr, c.maxRead = said, 2048 }, 40, 30, true},
		"EF.ATR/INFO says it":           {func(c *chip) { c.atr, c.info2F01 = silent, fromHex("43010147030000C07F66080202100002021000") }, 25, 23, true},
		"EF.ATR/INFO says no":           {func(c *chip) { c.atr, c.info2F01 = silent, fromHex("4703000080") }, 120, 118, false},
		"nobody says it":                {func(c *chip) { c.atr = silent }, 16, 14, true},
		"nobody says it, refused":       {func(c *chip) { c.atr, c.maxRead = silent, 223 }, 120, 118, true},
		"nobody says it, one mistake":   {func(c *chip) { c.atr, c.noLong, c.mfStatus = silent, true, 0 }, 125, 118, true},
		"nobody says it, no reader":     {func(c *chip) { c.atr, c.shortReader, c.mfStatus = silent, true, 0 }, 130, 118, false},
		"said, refused":                 {func(c *chip) { c.atr, c.maxRead = said, 223 }, 130, 118, true},
		"said, the reader cannot":       {func(c *chip) { c.atr, c.shortReader, c.mfStatus = said, true, 0 }, 130, 118, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChip()
			c.mfStatus = 0
			x.odd(c)
			for _, most := range []int{x.first, x.next, x.next} {
				c.reset()
				doc := read(t, c, can(t, "000017"), emrtd.Options{})
				if doc.Files[emrtd.DG2] == nil || doc.Link.APDUs > most {
					t.Errorf("%d commands, want at most %d; skipped %v", doc.Link.APDUs, most, doc.Skipped)
				}
				t.Logf("%d commands", doc.Link.APDUs)
			}
			if (c.longCommands > 0) != x.long {
				t.Errorf("%d extended commands", c.longCommands)
			}
		})
	}
}

// A card without EF.CardAccess does not show before BAC that it reads by short identifiers; one
// that knows no SELECT by identifier is read all the same.
func TestACardOfShortIdentifiersOnlyIsReadAfterBAC(t *testing.T) {
	c := newChip()
	c.access, c.noSelect = nil, true
	doc := read(t, c, mrz(t), emrtd.Options{})
	if doc.Access.Mechanism != "BAC" || doc.Files[emrtd.DG1] == nil || doc.Files[emrtd.DG2] == nil {
		t.Errorf("got %+v, files %v, skipped %v", doc.Access, doc.Files, doc.Skipped)
	}
}
