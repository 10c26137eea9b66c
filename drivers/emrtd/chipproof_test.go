package emrtd_test

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tram/drivers/emrtd"
)

// proved reads the card and returns the two answers and the assurance.
func proved(t *testing.T, c *chip, tr *emrtd.Trust) (string, *emrtd.Document, emrtd.Verification) {
	t.Helper()
	c.reset()
	doc, err := emrtd.Read(t.Context(), c, can(t, "000017"), emrtd.Options{})
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	for _, id := range []emrtd.FileID{emrtd.DG1, emrtd.DG2, emrtd.DG13, emrtd.EFSOD} {
		if doc.Files[id] == nil {
			t.Errorf("%v is missing; skipped: %v", id, doc.Skipped)
		}
	}
	v := emrtd.VerifyDocument(doc, tr, time.Now())
	return fmt.Sprint(v.ChipAuthentication, " ", v.ActiveAuthentication, " ", v.Assurance()), doc, v
}

func dhGroup(name string) []string { return []string{"-algorithm", "DH", "-pkeyopt", name} }

func TestChipAuthenticationOfEveryKindOfKey(t *testing.T) {
	ecKey := func(curve, form string) []string { return ecKind(curve, form, "").key }
	for name, x := range map[string]struct {
		family, cipher string
		key            []string
		id             int
		without        bool // no ChipAuthenticationInfo
		kat            bool
		protocol       string
	}{
		"P-256, AES-128":                     {"2", "2", ecKey("prime256v1", "named_curve"), -1, false, false, "id-CA-ECDH-AES-CBC-CMAC-128"},
		"brainpoolP256r1, AES-128, a number": {"2", "2", ecKey("brainpoolP256r1", "named_curve"), 13, false, false, "id-CA-ECDH-AES-CBC-CMAC-128"},
		"brainpoolP384r1 spelled out":        {"2", "3", ecKey("brainpoolP384r1", "explicit"), -1, false, false, "id-CA-ECDH-AES-CBC-CMAC-192"},
		"P-521, AES-256":                     {"2", "4", ecKey("secp521r1", "named_curve"), 1, false, false, "id-CA-ECDH-AES-CBC-CMAC-256"},
		"P-224, 3DES":                        {"2", "1", ecKey("secp224r1", "explicit"), -1, false, true, "id-CA-ECDH-3DES-CBC-CBC"},
		"3DES without MSE:Set KAT":           {"2", "1", ecKey("prime256v1", "named_curve"), 2, false, false, "id-CA-ECDH-3DES-CBC-CBC"},
		"from before ChipAuthenticationInfo": {"2", "1", ecKey("brainpoolP256r1", "explicit"), -1, true, true, "id-CA-ECDH-3DES-CBC-CBC"},
		"DH of RFC 5114":                     {"1", "2", dhGroup("dh_rfc5114:3"), -1, false, false, "id-CA-DH-AES-CBC-CMAC-128"},
		"DH of PKCS #3, 3DES":                {"1", "1", dhGroup("group:modp_1536"), -1, true, true, "id-CA-DH-3DES-CBC-CBC"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newChipKeys(t)
			k.kat = x.kat
			c, tr := k.lay(k.agreement(x.family, x.cipher, !x.without, x.id, x.key...), nil)
			got, doc, v := proved(t, c, tr)
			if got != "ok not_supported chip-genuine" || doc.Proofs.ChipAuthentication.Protocol != x.protocol {
				t.Errorf("got %s by %s; %v", got, doc.Proofs.ChipAuthentication.Protocol, v.Detail)
			}
			k.copied = true
			if got, _, v := proved(t, c, tr); got != "failed not_supported none" {
				t.Errorf("a copy: got %s; %v", got, v.Detail)
			}
		})
	}
}

// One secret in two on P-521 begins with a zero byte.
func TestLeadingZerosNeverFailAGenuineChip(t *testing.T) {
	k := newChipKeys(t)
	c, tr := k.lay(k.agreement("2", "4", true, -1, ecKind("secp521r1", "named_curve", "").key...), nil)
	for range 12 {
		if got, _, v := proved(t, c, tr); got != "ok not_supported chip-genuine" {
			t.Fatalf("got %s; %v", got, v.Detail)
		}
	}
}

func TestActiveAuthenticationOfEveryKindOfKey(t *testing.T) {
	extended, _ := hex.DecodeString("3B8A80018031F873F741E082900075")
	active := func(arc string) []byte { return entry(dotted(oidActiveInfo), versionOne, dotted(oidPlain+arc)) }
	rsaOf := func(r recovery) func(k *chipKeys) []byte { return func(k *chipKeys) []byte { return k.rsa(r) } }
	for name, x := range map[string]struct {
		key   func(k *chipKeys) []byte
		infos []byte
		how   string
	}{
		"RSA, SHA-1":            {rsaOf(recovery{bits: 1024, hash: crypto.SHA1, trailer: []byte{0xBC}}), nil, "RSA of 1024 bits with SHA-1"},
		"RSA, SHA-1 named":      {rsaOf(recovery{bits: 1024, hash: crypto.SHA1, trailer: []byte{0x33, 0xCC}}), nil, "RSA of 1024 bits with SHA-1"},
		"RSA, SHA-224":          {rsaOf(recovery{bits: 1280, hash: crypto.SHA224, trailer: []byte{0x38, 0xCC}}), nil, "RSA of 1280 bits with SHA-224"},
		"RSA, SHA-256":          {rsaOf(recovery{bits: 2048, hash: crypto.SHA256, trailer: []byte{0x34, 0xCC}}), nil, "RSA of 2048 bits with SHA-256"},
		"RSA, SHA-384":          {rsaOf(recovery{bits: 2048, hash: crypto.SHA384, trailer: []byte{0x36, 0xCC}}), nil, "RSA of 2048 bits with SHA-384"},
		"RSA, SHA-512":          {rsaOf(recovery{bits: 1536, hash: crypto.SHA512, trailer: []byte{0x35, 0xCC}}), nil, "RSA of 1536 bits with SHA-512"},
		"RSA, padded":           {rsaOf(recovery{bits: 1024, hash: crypto.SHA256, trailer: []byte{0x34, 0xCC}, header: []byte{0x6B, 0xBB, 0xBB, 0xBA}}), nil, "SHA-256"},
		"RSA, n − s":            {rsaOf(recovery{bits: 1024, hash: crypto.SHA1, trailer: []byte{0xBC}, smaller: true}), nil, "SHA-1"},
		"P-256":                 {func(k *chipKeys) []byte { return k.ecdsa("prime256v1", "sha256", true) }, active("3"), "P-256 with SHA-256"},
		"brainpoolP384r1":       {func(k *chipKeys) []byte { return k.ecdsa("brainpoolP384r1", "sha384", true) }, active("4"), "brainpoolP384r1 with SHA-384"},
		"P-521, longer hash":    {func(k *chipKeys) []byte { return k.ecdsa("prime256v1", "sha512", true) }, active("5"), "P-256 with SHA-512"},
		"no hash in DG14":       {func(k *chipKeys) []byte { return k.ecdsa("secp521r1", "sha224", true) }, nil, "P-521 with SHA-224"},
		"signature in DER form": {func(k *chipKeys) []byte { return k.ecdsa("prime256v1", "sha1", false) }, active("1"), "P-256 with SHA-1"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newChipKeys(t)
			c, tr := k.lay(x.infos, x.key(k))
			c.atr = extended
			got, doc, v := proved(t, c, tr)
			if got != "not_supported ok chip-genuine" || !strings.Contains(v.Detail["activeAuthentication"], x.how) {
				t.Errorf("got %s; %v", got, v.Detail)
			}
			once := doc.Proofs.ActiveAuthentication.Signature.Reveal()
			changed, ones := slices.Clone(once), bytes.Repeat([]byte{0xFF}, len(once))
			changed[len(once)/2] ^= 1
			for what, signature := range map[string][]byte{
				"from another read": once, "with a bit changed": changed, "cut short": once[:len(once)-1], "all ones": ones, "one byte": {0x30},
			} {
				k.sign = func([]byte) []byte { return signature }
				if got, _, v := proved(t, c, tr); got != "not_supported failed none" {
					t.Errorf("%s: got %s; %v", what, got, v.Detail)
				}
			}
		})
	}
}

// Such a signature is over what it holds itself, and says nothing about the challenge.
func TestASignatureThatHoldsItsWholeMessageIsRefused(t *testing.T) {
	k := newChipKeys(t)
	c, tr := k.lay(nil, k.rsa(recovery{bits: 1024, hash: crypto.SHA1, trailer: []byte{0xBC}, header: []byte{0x4A}}))
	if got, _, v := proved(t, c, tr); got != "not_supported failed none" {
		t.Errorf("got %s; %v", got, v.Detail)
	}
}

func TestAChipThatRefusesToProveItselfIsReadAllTheSame(t *testing.T) {
	for name, x := range map[string]struct {
		odd    func(k *chipKeys)
		want   string
		detail string
	}{
		"nothing odd":                {func(*chipKeys) {}, "ok ok chip-genuine", "the key in DG14: id-CA"},
		"no such instruction":        {func(k *chipKeys) { k.refuse[0x22] = 0x6D00 }, "not_done ok chip-genuine", "6D00"},
		"no such key":                {func(k *chipKeys) { k.reference = []byte{9} }, "not_done ok chip-genuine", "6A88"},
		"no agreement":               {func(k *chipKeys) { k.refuse[0x86] = 0x6300 }, "not_done ok chip-genuine", "6300"},
		"session dropped at MSE":     {func(k *chipKeys) { k.refuse[0x22] = bare }, "not_done ok chip-genuine", "6F00"},
		"session dropped at the key": {func(k *chipKeys) { k.refuse[0x86] = bare }, "not_done ok chip-genuine", "6F00"},
		"no signature":               {func(k *chipKeys) { k.refuse[0x88] = 0x6985 }, "ok not_done chip-genuine", "6985"},
		"session dropped over it":    {func(k *chipKeys) { k.refuse[0x88] = bare }, "ok not_done chip-genuine", "6F00"},
		"neither":                    {func(k *chipKeys) { k.refuse[0x22], k.refuse[0x88] = 0x6D00, 0x6D00 }, "not_done not_done chip-trusted", "as a copy would"},
		"a copy":                     {func(k *chipKeys) { k.copied = true }, "failed ok none", "could not prove"},
	} {
		t.Run(name, func(t *testing.T) {
			k := newChipKeys(t)
			infos := k.agreement("2", "2", true, -1, ecKind("brainpoolP256r1", "named_curve", "").key...)
			c, tr := k.lay(infos, k.ecdsa("prime256v1", "sha256", true))
			x.odd(k)
			got, _, v := proved(t, c, tr)
			if why := v.Detail["chipAuthentication"] + v.Detail["activeAuthentication"]; got != x.want || !strings.Contains(why, x.detail) {
				t.Errorf("got %s, want %s with %q; %v", got, x.want, x.detail, v.Detail)
			}
		})
	}
}

// A key of 2048 bits takes extended length, or a chain of short commands.
func TestALongKeyGoesInAChainWhereTheReaderKnowsShortCommandsOnly(t *testing.T) {
	extended, _ := hex.DecodeString("3B8A80018031F873F741E082900075")
	for name, kat := range map[string]bool{"AES": false, "3DES": true} {
		k := newChipKeys(t)
		k.kat = kat
		c, tr := k.lay(k.agreement("1", map[bool]string{false: "2", true: "1"}[kat], true, -1, dhGroup("dh_rfc5114:3")...), k.ecdsa("prime256v1", "sha256", true))
		for what, odd := range map[string]func(){
			"a reader that says so": func() { c.shortReader = true }, "a card that says otherwise": func() { c.atr = extended }, "chains are not known": func() { c.shortReader, c.atr, c.noChains = false, nil, true },
		} {
			emrtd.ForgetHabits()
			c.atr = nil
			odd()
			if got, _, v := proved(t, c, tr); got != "ok ok chip-genuine" {
				t.Errorf("%s, %s: got %s; %v", name, what, got, v.Detail)
			}
			c.noChains, c.shortReader = false, false
		}
		c.noChains, c.shortReader, c.atr = true, true, nil
		if got, _, v := proved(t, c, tr); got != "not_done ok chip-genuine" || !strings.Contains(v.Detail["chipAuthentication"], "too long") {
			t.Errorf("neither: got %s; %v", got, v.Detail)
		}
	}
}

func TestALongSignatureComesByGetResponseWhereTheReaderKnowsShortCommandsOnly(t *testing.T) {
	k := newChipKeys(t)
	c, tr := k.lay(nil, k.rsa(recovery{bits: 4096, hash: crypto.SHA256, trailer: []byte{0x34, 0xCC}}))
	c.shortReader = true
	if got, _, v := proved(t, c, tr); got != "not_supported not_done chip-trusted" || !strings.Contains(v.Detail["activeAuthentication"], "too long") {
		t.Errorf("a card that gives it in one piece only: got %s; %v", got, v.Detail)
	}
	k.getResponse = true
	if got, _, v := proved(t, c, tr); got != "not_supported ok chip-genuine" {
		t.Errorf("got %s; %v", got, v.Detail)
	}
}

// DG14 and DG15 that the SOD does not vouch for prove nothing.
func TestAProofCountsOnlyWithTheSOD(t *testing.T) {
	k := newChipKeys(t)
	infos := k.agreement("2", "2", true, -1, ecKind("prime256v1", "named_curve", "").key...)
	c, tr := k.lay(infos, k.ecdsa("prime256v1", "sha256", true))
	mine := *c
	signed := mine.files[emrtd.EFSOD]
	other := newChipKeys(t)
	odd, _ := other.lay(other.agreement("2", "2", true, -1, ecKind("prime256v1", "named_curve", "").key...), other.ecdsa("prime256v1", "sha256", true))
	odd.files[emrtd.EFSOD] = signed // a card with its own keys and someone else's SOD
	if got, _, v := proved(t, odd, tr); got != "failed failed none" || !strings.Contains(v.Detail["chipAuthentication"], "changed") {
		t.Errorf("other keys than the SOD's: got %s; %v", got, v.Detail)
	}
	bad := append([]byte{}, signed...)
	bad[len(bad)-1] ^= 1
	c.files[emrtd.EFSOD] = bad
	if got, _, v := proved(t, c, tr); got != "not_done not_done none" {
		t.Errorf("a SOD that does not verify: got %s; %v", got, v.Detail)
	}
	if got, _, v := proved(t, c, nil); got != "not_done not_done none" {
		t.Errorf("without a store: got %s; %v", got, v.Detail)
	}
	c.files[emrtd.EFSOD] = signed
	if got, _, v := proved(t, c, nil); got != "ok ok chip" {
		t.Errorf("a signer nobody knows: got %s; %v", got, v.Detail)
	}
}
