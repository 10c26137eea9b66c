package emrtd

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tram/drivers/emrtd/asn"
	"tram/drivers/emrtd/sm"
	"tram/drivers/emrtd/tlv"
	"tram/testdata"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// recorded is a card that knows one exchange after another and no other.
type recorded struct {
	t     *testing.T
	pairs [][2]string
}

func (r *recorded) Transmit(_ context.Context, command []byte) ([]byte, error) {
	if len(r.pairs) == 0 {
		r.t.Fatal("one command too many")
	}
	p := r.pairs[0]
	r.pairs = r.pairs[1:]
	if want := unhex(r.t, p[0]); !bytes.Equal(command, want) {
		r.t.Errorf("command:\n got %X\nwant %X", command, want)
	}
	return unhex(r.t, p[1]), nil
}

// Doc 9303-11 appendix D: BAC with fixed random numbers, then EF.COM read
// through secure messaging, every byte on the wire.
func TestBACWorkedExampleOfDoc9303(t *testing.T) {
	pw, err := MRZ("L898902C<", "690806", "940623")
	if err != nil {
		t.Fatal(err)
	}
	if got := hex.EncodeToString(pw.secret.Reveal()[:16]); got != "239ab9cb282daf66231dc5a4df6bfbae" {
		t.Fatalf("K_seed: got %s", got)
	}
	card := &recorded{t: t, pairs: [][2]string{
		{"0084000008", "4608F919887022129000"},
		{"008200002872C29C2371CC9BDB65B779B8E8D37B29ECC154AA56A8799FAE2F498F76ED92F25F1448EEA8AD90A728",
			"46B9342A41396CD7386BF5803104D7CEDC122B9132139BAF2EEDC94EE178534F2F2D235D074D74499000"},
		{"0CA4020C158709016375432908C044F68E08BF8B92D635FF24F800", "990290008E08FA855A5D4C50A8ED9000"},
	}}
	random := bytes.NewReader(unhex(t, "781723860C06C226"+"0B795240CB7049B01C19B33E32804F0B"))
	r := newReader(card, pw, Options{}, random)
	if err := r.bac(t.Context(), pw); err != nil {
		t.Fatal(err)
	}
	if err := r.selectFile(t.Context(), EFCOM); err != nil {
		t.Fatal(err)
	}
	if len(card.pairs) > 0 {
		t.Errorf("%d exchanges left", len(card.pairs))
	}
}

// Doc 9303-11 appendix G.1: PACE with fixed random numbers, every byte on the wire.
func TestPACEWorkedExampleOfDoc9303(t *testing.T) {
	pw, err := MRZ("T22000129", "640812", "101031")
	if err != nil {
		t.Fatal(err)
	}
	const (
		cardAccess = "31143012060A04007F0007020204020202010202010D"
		mapIFD     = "7ACF3EFC982EC45565A4B155129EFBC74650DCBFA6362D896FC70262E0C2CC5E544552DCB6725218799115B55C9BAA6D9F6BC3A9618E70C25AF71777A9C4922D"
		mapIC      = "824FBA91C9CBE26BEF53A0EBE7342A3BF178CEA9F45DE0B70AA601651FBA3F5730D8C879AAA9C9F73991E61B58F4D52EB87A0A0C709A49DC63719363CCD13C54"
		keyIFD     = "2DB7A64C0355044EC9DF190514C625CBA2CEA48754887122F3A5EF0D5EDD301C3556F3B3B186DF10B857B58F6A7EB80F20BA5DC7BE1D43D9BF850149FBB36462"
		keyIC      = "9E880F842905B8B3181F7AF7CAA9F0EFB743847F44A306D2D28C1D9EC65DF6DB7764B22277A2EDDC3C265A9F018F9CB852E111B768B326904B59A0193776F094"
	)
	card := &recorded{t: t, pairs: [][2]string{
		{"00B09C0000", cardAccess + "9000"},
		{"0022C1A40F800A04007F00070202040202830101", "9000"},
		{"10860000027C0000", "7C12801095A3A016522EE98D01E76CB6B98B42C39000"},
		{"10860000457C43814104" + mapIFD + "00", "7C43824104" + mapIC + "9000"},
		{"10860000457C43834104" + keyIFD + "00", "7C43844104" + keyIC + "9000"},
		{"008600000C7C0A8508C2B0BD78D94BA86600", "7C0A86083ABB9674BCE93C089000"},
	}}
	// A private key is one more than the number that is drawn.
	random := bytes.NewReader(unhex(t, "7F4EF07B9EA82FD78AD689B38D0BC78CF21F249D953BC46F4C6E19259C010F98"+
		"A73FB703AC1436A18E0CFA5ABB3F7BEC7A070E7A6788486BEE230C4A22762594"))
	r := newReader(card, pw, Options{}, random)
	if err := r.readOffers(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := r.pace(t.Context(), pw, r.offers)
	if err != nil || info.Parameter != 13 || r.session == nil {
		t.Fatalf("got %+v, %v", info, err)
	}
	if len(card.pairs) > 0 {
		t.Errorf("%d exchanges left", len(card.pairs))
	}
}

// Doc 9303-11 appendix D.2 and domain facts of the Vietnamese card.
func TestPasswordsBecomeTheRightKeys(t *testing.T) {
	long, err := MRZLines("I<UTOD23145890<7349<<<<<<<<<<<3407127M9507122UTO<<<<<<<<<<<2STEVENSON<<PETER<JOHN<<<<<<<<<")
	if err != nil {
		t.Fatal(err)
	}
	direct, err := MRZ("D23145890734", "340712", "950712")
	if err != nil || !bytes.Equal(long.secret.Reveal(), direct.secret.Reveal()) {
		t.Errorf("a long document number: %v", err)
	}
	g1, err := MRZ("T22000129", "640812", "101031")
	if err != nil || hex.EncodeToString(g1.secret.Reveal()) != "7e2d2a41c74ea0b38cd36f863939bfa8e9032aad" {
		t.Errorf("appendix G.1: %v", err)
	}
	vn, err := MRZLines("IDVNM0990000176099099000017<<29901155M3901153VNM<<<<<<<<<<<8NGUYEN<<VAN<THU<<<<<<<<<<<<<<<")
	if err != nil || hex.EncodeToString(vn.secret.Reveal()[:16]) != "d7b3ad48e06d089cec5069eec3fcfadc" {
		t.Errorf("Vietnamese card: %v", err)
	}
	can, err := CAN("000017")
	if err != nil || hex.EncodeToString(sm.KDF(can.secret.Reveal(), sm.CounterPassword, sm.AES128)) != "7b129c3bb625c53d801b8f1adde9860a" {
		t.Errorf("CAN: %v", err)
	}
}

func TestExtendedLengthIsSaidByTheATR(t *testing.T) {
	for atr, want := range map[string]bool{
		"3B8A80018031F873F741E08290007502": true,  // German identity card
		"3B8880010073C84013009000A1":       false, // third table is 13
		"3B8780017752505345415F4F":         false, // no COMPACT-TLV
		"3B80":                             false,
		"3B":                               false,
		"":                                 false,
		"3BFF":                             false,
	} {
		if got, _ := lengthsInATR(unhex(t, atr)); got != want {
			t.Errorf("%s: got %v, want %v", atr, got, want)
		}
	}
}

// Some six hundred authorities of a hundred countries: every certificate can be
// read, and every signature fits the authority that made it.
func TestCertificatesOfTheMasterListsAreRead(t *testing.T) {
	dir := testdata.Shared(t, "emrtd/master_lists")
	for name, want := range map[string]int{"DE_ML_2026-05-28-08-28-45.ml": 588, "NL_ML_2026-07-22.ml": 411} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		sd, err := parseSignedData(b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sd.verify(nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		certs := listed(t, sd.content)
		checked, alone := 0, 0
		for _, c := range certs {
			if c.keyErr != nil {
				t.Errorf("%s: key of %s: %v", name, c.country(), c.keyErr)
			}
			if issuerOf(c, certs) {
				checked++
			} else {
				alone++
			}
		}
		if len(certs) != want {
			t.Errorf("%s: %d certificates, want %d", name, len(certs), want)
		}
		if checked < len(certs)*9/10 {
			t.Errorf("%s: only %d of %d signatures fit a certificate of the list", name, checked, len(certs))
		}
		t.Logf("%s: %d certificates, %d signed by one of the list, %d not", name, len(certs), checked, alone)
	}
}

// issuerOf reports whether the certificate that c names as its issuer signed it.
func issuerOf(c *certificate, all []*certificate) bool {
	for _, i := range all {
		likely := c == i || len(c.issuerID) == 0 || bytes.Equal(c.issuerID, i.keyID)
		if likely && sameName(c.issuer, i.subject) && c.signedBy(i) == nil {
			return true
		}
	}
	return false
}

func listed(t *testing.T, content []byte) []*certificate {
	t.Helper()
	seq, err := asn.One(content, asn.Sequence)
	if err != nil {
		t.Fatal(err)
	}
	parts, err := asn.Elements(seq.Value)
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := asn.Inside(parts[1], asn.Set)
	if err != nil {
		t.Fatal(err)
	}
	var out []*certificate
	for _, n := range nodes {
		c, err := parseCertificate(n.Raw)
		if err != nil {
			t.Errorf("certificate %d: %v", len(out), err)
			continue
		}
		out = append(out, c)
	}
	return out
}

// seedSOD is a small SOD with a certificate, valid in form only.
func seedSOD() []byte {
	seq := func(v ...[]byte) []byte { return tlv.Encode(asn.Sequence, v...) }
	oid := func(s string) []byte { return tlv.Encode(asn.OID, asn.OIDContent(s)) }
	sha := seq(oid("2.16.840.1.101.3.4.2.1"))
	ecdsa := seq(oid("1.2.840.10045.4.3.2"))
	name := seq(tlv.Encode(asn.Set, seq(oid("2.5.4.6"), tlv.Encode(0x13, []byte("UT")))))
	when := tlv.Encode(asn.UTCTime, []byte("300101000000Z"))
	key := seq(seq(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7")), tlv.Encode(asn.BitString, make([]byte, 66)))
	cert := seq(seq([]byte{0xA0, 3, 2, 1, 2}, []byte{2, 1, 1}, ecdsa, name, seq(when, when), name, key), ecdsa, tlv.Encode(asn.BitString, make([]byte, 9)))
	lds := seq([]byte{2, 1, 0}, sha, seq(seq([]byte{2, 1, 1}, tlv.Encode(asn.OctetString, make([]byte, 32)))))
	signer := seq([]byte{2, 1, 1}, seq(name, []byte{2, 1, 1}), sha, tlv.Encode(0xA0, seq(oid(oidAttrContentType), tlv.Encode(asn.Set, oid(oidLDSObject)))),
		ecdsa, tlv.Encode(asn.OctetString, []byte{0x30, 6, 2, 1, 1, 2, 1, 1}))
	sd := seq([]byte{2, 1, 3}, tlv.Encode(asn.Set, sha), seq(oid(oidLDSObject), tlv.Encode(0xA0, tlv.Encode(asn.OctetString, lds))), tlv.Encode(0xA0, cert), tlv.Encode(asn.Set, signer))
	return tlv.Encode(0x77, seq(oid(oidSignedData), tlv.Encode(0xA0, sd)))
}

func TestSeedSODHasTheForm(t *testing.T) {
	sod, err := parseSOD(seedSOD())
	if err != nil || len(sod.certificates) != 1 || len(sod.object.hashes) != 1 {
		t.Fatalf("got %+v, %v", sod, err)
	}
}

func FuzzParseSOD(f *testing.F) {
	f.Add(seedSOD())
	f.Add([]byte{0x77, 0x84, 0xFF, 0xFF, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		v := Verify(Files{EFSOD: b, DG1: {0x61, 0}, DG14: b, DG15: b}, nil, time.Unix(0, 0))
		if v.SODSignature == OK || v.Assurance() != None {
			t.Fatalf("a made-up SOD verifies: %+v", v)
		}
	})
}

func FuzzTrust(f *testing.F) {
	sod, _ := parseSOD(seedSOD())
	f.Add(sod.certificates[0].raw)
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		tr, err := NewTrust(b)
		if err == nil {
			tr.chain(sod.certificates[0], time.Unix(0, 0))
		}
	})
}

// endless answers commands with pieces of fuzzed bytes.
type endless struct {
	b []byte
	n int
}

func (e *endless) Transmit(context.Context, []byte) ([]byte, error) {
	if e.n++; e.n > 500 || len(e.b) == 0 {
		return nil, os.ErrClosed
	}
	k := min(int(e.b[0])+2, len(e.b))
	out := e.b[:k]
	e.b = e.b[k:]
	return out, nil
}

func FuzzRead(f *testing.F) {
	pw, _ := MRZ("L898902C<", "690806", "940623")
	f.Add([]byte("\x19\x31\x14\x30\x12\x06\x0a\x04\x00\x7f\x00\x07\x02\x02\x04\x02\x02\x02\x01\x02\x02\x01\x0d\x90\x00\x00\x90\x00"))
	f.Add([]byte("\x00\x6a\x82\x00\x6a\x82\x00\x90\x00\x02\x01\x90\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if doc, err := Read(t.Context(), &endless{b: b}, pw, Options{MaxFile: 4096}); (doc == nil) != (err != nil) {
			t.Fatal("a document and an error, or neither")
		}
	})
}
