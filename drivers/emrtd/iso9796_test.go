package emrtd

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"math/big"
	"os"
	"slices"
	"testing"

	"tram/drivers/emrtd/sm"
	"tram/testdata"
)

func digits(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// exampleF is the message representative of the worked example of Active
// Authentication in Doc 9303-11, whose challenge is exampleChallenge.
const (
	exampleF = "6A9D2784A67F8E7C659973EA1AEA25D95B6C8F91E5002F369F0FBDCE8A3CEC1991B543F1696546C5524CF23A5303CD6C98599F40B79F377B5F3A1406B3B4D8F9" +
		"6784D23AA88DB7E1032A405E69325FA91A6E86F5C71AEA978264C4A207446DAD4E7292E2DCDA3024B47DA8C063AA1E6D22FBD976AB0FE73D94D2D9C6D88127BC"
	exampleChallenge = "F173589974BF40C6"
)

func TestTheWorkedExampleOfActiveAuthentication(t *testing.T) {
	m, err := openRepresentative(digits(t, exampleF))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.first) != 106 || hex.EncodeToString(m.digest) != "c063aa1e6d22fbd976ab0fe73d94d2d9c6d88127" || m.hash.Hash != crypto.SHA1 {
		t.Errorf("M1 of %d bytes, digest %x, %v", len(m.first), m.digest, m.hash)
	}
	if !m.fits(digits(t, exampleChallenge)) || m.fits(digits(t, "F173589974BF40C7")) {
		t.Error("the digest is not over M1 and the challenge")
	}
}

// The signature was made by another implementation, and is in Bouncy Castle's tests.
func TestASignatureOfAnotherImplementation(t *testing.T) {
	key := &rsa.PublicKey{E: 65537, N: new(big.Int).SetBytes(digits(t, "CDCBDABBF93BE8E8294E32B055256BBD0397735189BF75816341BB0D488D05D6"+
		"27991221DF7D59835C76A4BB4808ADEEB779E7794504E956ADC2A661B46904CDC71337DD29DDDD454124EF79CFDD7BC2C21952573CEFBA485CC38C6BD2428809"+
		"B5A31A898A6B5648CAA4ED678D9743B589134B7187478996300EDBA16271A861"))}
	signature := digits(t, "482E20D1EDDED34359C38F5E7C01203F9D6B2641CDCA5C404D49ADAEDE034C7481D781D043722587761C90468DE69C6585A1E8B9C322F90E1B580EEDAB3F6007"+
		"D0C366CF92B4DB8B41C8314929DCE2BE889C0129123484D2FD3D12763D2EBFD12AC8E51D7061AFCA1A53DEDEC7B9A617472A78C952CCC72467AE008E5F132994")
	m, err := recoverMessage(key, signature)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(m.first, digits(t, "539bb29260e7bc226c8798b01af2caaadc3675e26065e1e3")) || !m.fits(make([]byte, 8)) {
		t.Errorf("M1 begins with %x", m.first[:24])
	}
	negative := new(big.Int).Sub(key.N, new(big.Int).SetBytes(signature)).FillBytes(make([]byte, 128))
	if n, err := recoverMessage(key, negative); err != nil || !bytes.Equal(n.first, m.first) {
		t.Errorf("n − s: %v", err)
	}
	if _, err := recoverMessage(key, key.N.Bytes()); !errors.Is(err, errSignature) {
		t.Errorf("the modulus itself: %v", err)
	}
}

func TestDG14OfTheDocumentsIsRead(t *testing.T) {
	for file, want := range map[string]struct {
		name string
		size int
	}{
		"emrtd/doc9303/spec_sample_encoded_dg14.bin":     {"id-CA-DH-3DES-CBC-CBC", 128},
		"emrtd/jmrtd_bsi2008_mustermann/Datagroup14.bin": {"id-CA-ECDH-3DES-CBC-CBC", 57},
	} {
		raw, err := os.ReadFile(testdata.Shared(t, file))
		if err != nil {
			t.Fatal(err)
		}
		infos, err := parseSecurityInfos(raw)
		if err != nil || infos.why != nil {
			t.Fatal(err, infos.why)
		}
		offers := infos.offers()
		if len(offers) != 1 || offers[0].name != want.name || offers[0].cipher != sm.TDES {
			t.Fatalf("%s: offers %v", file, offers)
		}
		public, secret, err := offers[0].key.agree(bytes.NewReader(bytes.Repeat([]byte{0x5A}, 1000)))
		if err != nil || len(public) != want.size || len(secret) == 0 {
			t.Errorf("%s: a key of %d bytes, want %d; %v", file, len(public), want.size, err)
		}
	}
}

func FuzzRecoverMessage(f *testing.F) {
	f.Add(digits(f, exampleF), digits(f, exampleChallenge))
	f.Add(slices.Concat([]byte{0x6B, 0xBB, 0xBA}, make([]byte, 64), []byte{0x34, 0xCC}), []byte{1})
	f.Add([]byte{0x6B, 0xBB, 0xBC}, []byte{})
	f.Add([]byte{0x6A, 0xCC}, []byte{})
	f.Add([]byte{0x6A, 0x35, 0xCC}, []byte{})
	f.Fuzz(func(t *testing.T, b, challenge []byte) {
		m, err := openRepresentative(b)
		if err != nil {
			if !errors.Is(err, errSignature) {
				t.Fatalf("%v is not a signature's error", err)
			}
			return
		}
		if len(m.digest) != m.hash.Size() || len(m.first)+len(m.digest)+2 > len(b) {
			t.Fatalf("%d and %d bytes out of %d", len(m.first), len(m.digest), len(b))
		}
		_ = m.fits(challenge)
	})
}

func FuzzParseSecurityInfos(f *testing.F) {
	for _, file := range []string{"emrtd/doc9303/spec_sample_encoded_dg14.bin", "emrtd/jmrtd_bsi2008_mustermann/Datagroup14.bin"} {
		if raw, err := os.ReadFile(testdata.Shared(f, file)); err == nil {
			f.Add(raw)
		}
	}
	f.Add([]byte{0x6E, 0x82, 0xFF, 0xFF, 0x31})
	f.Add(digits(f, "6E11310F300D060804007F0007020202020101"))
	f.Add(digits(f, "6E16311430"+"12060A04007F0007020203020202010102010D"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		infos, err := parseSecurityInfos(raw)
		if err != nil {
			return
		}
		for _, o := range infos.offers() {
			if o.name == "" || o.cipher == 0 || (o.key.curve == nil) == (o.key.p == nil) {
				t.Fatalf("an offer that cannot be run: %+v", o.chipInfo)
			}
			if o.key.p != nil && (o.key.p.BitLen() > maxDHBits || o.key.bits >= o.key.p.BitLen()) {
				t.Fatalf("a group of %d bits with numbers of %d", o.key.p.BitLen(), o.key.bits)
			}
		}
	})
}

func FuzzVerifyActive(f *testing.F) {
	if raw, err := os.ReadFile(testdata.Shared(f, "emrtd/jmrtd_bsi2008_mustermann/Datagroup15.bin")); err == nil {
		f.Add(raw, make([]byte, 128))
	}
	f.Add([]byte{0x6F, 0x02, 0x30, 0x00}, []byte{0x30, 0x00})
	f.Fuzz(func(t *testing.T, dg15, signature []byte) {
		if _, err := verifyActive(Files{DG15: dg15}, make([]byte, 8), signature); err == nil {
			t.Fatal("a signature that nobody made")
		}
	})
}

func FuzzParseProofs(f *testing.F) {
	f.Add([]byte(`{"chipAuthentication":{"protocol":"id-CA-ECDH-AES-CBC-CMAC-128","result":"ok"},"activeAuthentication":{"challenge":"AAAAAAAAAAA=","signature":"AQID"}}`))
	f.Add([]byte(`{"chipAuthentication":{"result":"pending"}}`))
	f.Add([]byte(`{"activeAuthentication":{"challenge":7}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseProofs(b, nil, nil)
		if err != nil {
			return
		}
		if r := p.ChipAuthentication.Result; r != "" && r != Failed && r != NotDone {
			t.Fatalf("a saved note is worth %s", r)
		}
		if answer, _ := p.ChipAuthentication.judge(Files{}); answer == OK {
			t.Fatal("a saved note counts as a proof")
		}
	})
}
