package pace_test

import (
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"tram/drivers/emrtd/ec"
	"tram/drivers/emrtd/pace"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ToLower(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func number(t testing.TB, s string) *big.Int { return new(big.Int).SetBytes(unhex(t, s)) }

func equal(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if g := strings.ToUpper(hex.EncodeToString(got)); g != strings.ToUpper(want) {
		t.Errorf("%s:\n got %s\nwant %s", what, g, want)
	}
}

// Doc 9303-11 appendix G.1: PACE with generic mapping, brainpoolP256r1, AES-128,
// password from the MRZ; every intermediate value, from both sides.
func TestWorkedExampleOfDoc9303(t *testing.T) {
	access, err := pace.ParseCardAccess(unhex(t, "31143012060A04007F0007020204020202010202010D"))
	if err != nil || len(access.PACE) != 1 {
		t.Fatalf("EF.CardAccess: %+v, %v", access, err)
	}
	info := access.PACE[0]
	if info.Protocol.Name != "id-PACE-ECDH-GM-AES-CBC-CMAC-128" || info.Version != 2 || info.Parameter != 13 || !info.Supported() {
		t.Fatalf("got %+v", info)
	}
	c := info.Curve
	const (
		mapIFD = "7F4EF07B9EA82FD78AD689B38D0BC78CF21F249D953BC46F4C6E19259C010F99"
		mapIC  = "498FF49756F2DC1587840041839A85982BE7761D14715FB091EFA7BCE9058560"
		dhIFD  = "A73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762595"
		dhIC   = "107CF58696EF6155053340FD633392BA81909DF7B9706F226F32086C7AFF974A"
	)
	key := pace.PasswordKey(unhex(t, "7E2D2A41C74EA0B38CD36F863939BFA8E9032AAD"), sm.AES128)
	equal(t, "K_pi", key, "89DED1B26624EC1E634C1989302849DD")
	nonce, err := pace.DecryptNonce(sm.AES128, key, unhex(t, "95A3A016522EE98D01E76CB6B98B42C3"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "nonce", nonce, "3F00C4D39D153F2B2A214A078D899B22")
	hidden, err := pace.EncryptNonce(sm.AES128, key, nonce)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "hidden nonce", hidden, "95A3A016522EE98D01E76CB6B98B42C3")

	pubIFD, pubIC := c.Mult(c.G, number(t, mapIFD)), c.Mult(c.G, number(t, mapIC))
	equal(t, "mapping key of the reader", c.Encode(pubIFD), "047ACF3EFC982EC45565A4B155129EFBC74650DCBFA6362D896FC70262E0C2CC5E544552DCB6725218799115B55C9BAA6D9F6BC3A9618E70C25AF71777A9C4922D")
	equal(t, "mapping key of the chip", c.Encode(pubIC), "04824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F5730D8C879AAA9C9F73991E61B58F4D52EB87A0A0C709A49DC63719363CCD13C54")
	equal(t, "H", c.Encode(c.Mult(pubIC, number(t, mapIFD))), "0460332EF2450B5D247EF6D3868397D398852ED6E8CAF6FFEEF6BF85CA57057FD50840CA7415BAF3E43BD414D35AA4608B93A2CAF3A4E3EA4E82C9C13D03EB7181")
	const mapped = "048CED63C91426D4F0EB1435E7CB1D74A46723A0AF21C89634F65A9AE87A9265E28C879506743F8611AC33645C5B985C80B5F09A0B83407C1B6A4D857AE76FE522"
	g, err := pace.MapGeneric(c, nonce, number(t, mapIFD), pubIC)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "generator, reader", c.Encode(g), mapped)
	if g, err = pace.MapGeneric(c, nonce, number(t, mapIC), pubIFD); err != nil {
		t.Fatal(err)
	}
	equal(t, "generator, chip", c.Encode(g), mapped)

	keyIFD, keyIC := c.Mult(g, number(t, dhIFD)), c.Mult(g, number(t, dhIC))
	equal(t, "key of the reader", c.Encode(keyIFD), "042DB7A64C0355044EC9DF190514C625CBA2CEA48754887122F3A5EF0D5EDD301C3556F3B3B186DF10B857B58F6A7EB80F20BA5DC7BE1D43D9BF850149FBB36462")
	equal(t, "key of the chip", c.Encode(keyIC), "049E880F842905B8B3181F7AF7CAA9F0EFB743847F44A306D2D28C1D9EC65DF6DB7764B22277A2EDDC3C265A9F018F9CB852E111B768B326904B59A0193776F094")
	secret, err := pace.SharedSecret(c, number(t, dhIFD), keyIC)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "K", secret, "28768D20701247DAE81804C9E780EDE582A9996DB4A315020B2733197DB84925")
	kEnc, kMac := pace.SessionKeys(secret, sm.AES128)
	equal(t, "KS_Enc", kEnc, "F5F0E35C0D7161EE6724EE513A0D9A7F")
	equal(t, "KS_MAC", kMac, "FE251C7858B356B24514B3BD5F4297D1")
	for who, v := range map[string]struct {
		over ec.Point
		want string
	}{"T_IFD": {keyIC, "C2B0BD78D94BA866"}, "T_IC": {keyIFD, "3ABB9674BCE93C08"}} {
		token, err := pace.Token(info.Protocol, kMac, c, v.over)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, who, token, v.want)
	}
	equal(t, "GENERAL AUTHENTICATE 4", pace.DynamicData(0x85, unhex(t, "C2B0BD78D94BA866")), "7C0A8508C2B0BD78D94BA866")
}

func TestEveryParameterSetAgreesAndKeepsLeadingZeros(t *testing.T) {
	for id := 8; id <= 18; id++ {
		c, err := pace.Params(id)
		if err != nil {
			t.Fatal(err)
		}
		// One secret in two on P-521 begins with a zero byte: go on until some did.
		zeros, rounds := 0, 2
		if id == 18 {
			rounds = 60
		}
		for i := 0; i < rounds && zeros < 5; i++ {
			nonce := make([]byte, 16)
			rand.Read(nonce)
			a, _ := pace.NewKey(rand.Reader, c, c.G)
			b, _ := pace.NewKey(rand.Reader, c, c.G)
			g1, err1 := pace.MapGeneric(c, nonce, a.Private, b.Public)
			g2, err2 := pace.MapGeneric(c, nonce, b.Private, a.Public)
			if err1 != nil || err2 != nil || !g1.Equal(g2) {
				t.Fatalf("parameters %d: generators differ (%v, %v)", id, err1, err2)
			}
			x, _ := pace.NewKey(rand.Reader, c, g1)
			y, _ := pace.NewKey(rand.Reader, c, g2)
			s1, err1 := pace.SharedSecret(c, x.Private, y.Public)
			s2, err2 := pace.SharedSecret(c, y.Private, x.Public)
			if err1 != nil || err2 != nil || string(s1) != string(s2) || len(s1) != c.Size {
				t.Fatalf("parameters %d: secrets differ or are short (%v, %v)", id, err1, err2)
			}
			if s1[0] == 0 {
				zeros++
			}
		}
		if id == 18 && zeros == 0 {
			t.Errorf("P-521: no secret with a leading zero in %d rounds", rounds)
		}
	}
}

func TestKeysOfAnAttackerAreRefused(t *testing.T) {
	c, _ := pace.Params(12)
	for name, p := range map[string]ec.Point{"infinity": {}, "off the curve": {X: big.NewInt(1), Y: big.NewInt(1)}} {
		if _, err := pace.MapGeneric(c, make([]byte, 16), big.NewInt(7), p); err == nil {
			t.Errorf("mapping with %s", name)
		}
		if _, err := pace.SharedSecret(c, big.NewInt(7), p); err == nil {
			t.Errorf("secret with %s", name)
		}
	}
}

// The EF.CardAccess of Vietnamese cards, and one with several offers, some of
// them unknown, broken or with parameters spelled out by reference.
func TestCardAccessIsReadLiberally(t *testing.T) {
	vn := unhex(t, "3134300D060804007F0007020202020101300F060A04007F000702020302020201013012060A04007F0007020204020202010202010D")
	access, err := pace.ParseCardAccess(append(vn, 0, 0))
	if err != nil || len(access.PACE) != 1 || len(access.Other) != 2 {
		t.Fatalf("got %+v, %v", access, err)
	}
	info := func(arcs []byte, numbers ...byte) []byte {
		parts := [][]byte{tlv.Encode(6, append(unhex(t, "04007F0007020204"), arcs...))}
		for _, n := range numbers {
			parts = append(parts, tlv.Encode(2, []byte{n}))
		}
		return tlv.Encode(0x30, parts...)
	}
	domain := tlv.Encode(0x30, tlv.Encode(6, unhex(t, "04007F000702020402")),
		tlv.Encode(0x30, tlv.Encode(6, unhex(t, "04007F00070102")), tlv.Encode(2, []byte{17})), tlv.Encode(2, []byte{99}))
	all := tlv.Encode(0x31, info([]byte{2, 1}, 2, 12), info([]byte{2, 2}, 2, 8), info([]byte{2, 4}, 2, 99), info([]byte{2, 2}, 2, 16),
		info([]byte{4, 2}, 2, 13), info([]byte{1, 2}, 2, 0), info([]byte{2, 2}, 2, 77), info([]byte{6, 2}, 2, 16), []byte{0x30, 0}, []byte{4, 1, 7}, domain)
	access, err = pace.ParseCardAccess(all)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, i := range access.Ranked() {
		got = append(got, i.Protocol.Name+" "+i.Domain.Name())
	}
	want := "id-PACE-ECDH-GM-AES-CBC-CMAC-256 brainpoolP512r1, id-PACE-ECDH-CAM-AES-CBC-CMAC-128 brainpoolP384r1, " +
		"id-PACE-ECDH-GM-AES-CBC-CMAC-128 brainpoolP384r1, id-PACE-ECDH-IM-AES-CBC-CMAC-128 brainpoolP256r1, id-PACE-ECDH-GM-AES-CBC-CMAC-128 P-192, " +
		"id-PACE-ECDH-GM-3DES-CBC-CBC P-256, id-PACE-DH-GM-AES-CBC-CMAC-128 1024-bit MODP group with a 160-bit subgroup"
	if g := strings.Join(got, ", "); g != want {
		t.Errorf("ranked:\n got %s\nwant %s", g, want)
	}
	if len(access.PACE) != 8 {
		t.Errorf("got %d offers, want 8", len(access.PACE))
	}
}

func FuzzParseCardAccess(f *testing.F) {
	f.Add(unhex(f, "31143012060A04007F0007020204020202010202010D"))
	f.Add(unhex(f, "3134300D060804007F0007020202020101300F060A04007F000702020302020201013012060A04007F0007020204020202010202010D"))
	f.Add(unhex(f, "3184FFFFFFFF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		access, err := pace.ParseCardAccess(b)
		if err != nil {
			return
		}
		for _, i := range access.Ranked() {
			if !i.Supported() {
				t.Fatal("ranked but not supported")
			}
		}
	})
}

// passwordOf returns K_pi of MRZ information.
func passwordOf(t *testing.T, information string) []byte {
	t.Helper()
	sum := sha1.Sum([]byte(information))
	return pace.PasswordKey(sum[:], sm.AES128)
}

// What the other side sends as a key, a nonce or its data never ends in a panic, nor in a
// secret that everybody knows.
func FuzzPeer(f *testing.F) {
	f.Add(byte(13), unhex(f, "7C43824104A234236AA9B9621E8EFB73B5245C0E09D2576E5277183C1208BDD55280CAE8B304F365713A356E65A451E165ECC9AC0AC46E3771342C8FE5AEDD092685338E23"))
	f.Add(byte(0), unhex(f, "7C04820200FF"))
	f.Add(byte(18), unhex(f, "7C84FFFFFFFF"))
	f.Fuzz(func(t *testing.T, id byte, b []byte) {
		d, err := pace.DomainByID(int(id))
		if err != nil {
			return
		}
		value, err := pace.FromDynamicData(b, 0x82)
		if err != nil {
			value = b
		}
		if _, err := d.Secret(big.NewInt(7), value); (err == nil) != (d.Check(value) == nil) {
			t.Fatalf("a key that is checked otherwise than it is used: %v", err)
		}
		_, _ = d.MapGeneric(value, big.NewInt(7), value)
		_, _ = d.MapIntegrated(sm.AES128, value, make([]byte, 16))
		_, _ = pace.DecryptNonce(sm.TDES, make([]byte, 16), value)
		if data, err := pace.DecryptChipData(sm.AES128, make([]byte, 16), value); err == nil && d.Curve() != nil {
			pace.ChipDataFits(d.Curve(), data, d.Curve().G, value)
		}
	})
}
