package emrtd_test

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"hash"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/drivers/emrtd"
	"tram/testdata"
)

var (
	oidSHA1   = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidSHA224 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 4}
	oidSHA256 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512 = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
)

func with(h func() hash.Hash) func([]byte) []byte {
	return func(b []byte) []byte { d := h(); d.Write(b); return d.Sum(nil) }
}

func chipFiles() emrtd.Files {
	return emrtd.Files{emrtd.EFCOM: {0x60, 0}, emrtd.DG1: dg1(lineTD1), emrtd.DG2: group(2, 900), emrtd.DG13: group(13, 383)}
}

func trust(t testing.TB, certs ...[]byte) *emrtd.Trust {
	t.Helper()
	tr, err := emrtd.NewTrust(certs...)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func answers(v emrtd.Verification) string {
	list := []string{string(v.Hashes), string(v.SODSignature), string(v.Chain), string(v.ChipAuthentication), string(v.ActiveAuthentication), string(v.Assurance())}
	return strings.Join(list, " ")
}

func expect(t *testing.T, v emrtd.Verification, want string) {
	t.Helper()
	if got := answers(v); got != want {
		t.Errorf("\n got %s\nwant %s\n%v", got, want, v.Detail)
	}
}

const allFine = "ok ok trusted not_supported not_supported chip-trusted"

// OpenSSL makes authority, signer and SOD; every kind of key and signature verifies.
func TestPassiveAuthenticationOfEveryKindOfSigner(t *testing.T) {
	sums := []struct {
		name string
		oid  asn1.ObjectIdentifier
		sum  func([]byte) []byte
	}{
		{"SHA-256", oidSHA256, with(sha256.New)}, {"SHA-384", oidSHA384, with(sha512.New384)}, {"SHA-512", oidSHA512, with(sha512.New)},
		{"SHA-224", oidSHA224, with(sha256.New224)}, {"SHA-1", oidSHA1, with(sha1.New)},
	}
	kinds := []kind{
		{name: "RSA sha256", key: rsaKey, hash: "sha256"}, {name: "RSA sha1", key: rsaKey, hash: "sha1"}, {name: "RSA sha512", key: rsaKey, hash: "sha512"},
		pssKind("sha256", "sha256", "32"), pssKind("sha512", "sha1", "20"), pssKind("sha256", "sha512", "64"),
		ecKind("prime256v1", "named_curve", "sha256"), ecKind("secp224r1", "explicit", "sha224"), ecKind("secp384r1", "explicit", "sha384"),
		ecKind("secp521r1", "named_curve", "sha512"), ecKind("prime192v1", "named_curve", "sha1"),
		ecKind("brainpoolP224r1", "named_curve", "sha224"), ecKind("brainpoolP256r1", "named_curve", "sha256"), ecKind("brainpoolP256r1", "explicit", "sha512"),
		ecKind("brainpoolP320r1", "explicit", "sha256"), ecKind("brainpoolP384r1", "named_curve", "sha256"), ecKind("brainpoolP512r1", "explicit", "sha512"),
		ecKind("brainpoolP384t1", "named_curve", "sha384"),
	}
	for i, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			ca, s := newIssuer(t, k).authority(), sums[i%len(sums)]
			files := chipFiles()
			files[emrtd.EFSOD] = ca.sod(i%2, s.oid, files, s.sum)
			v := emrtd.Verify(files, trust(t, ca.read("csca.pem")), time.Now())
			expect(t, v, allFine)
			sod := files[emrtd.EFSOD]
			for _, at := range []int{len(sod) - 10, bytes.Index(sod, ca.read("lds.der")) + 40} {
				changed := bytes.Clone(sod)
				changed[at] ^= 1
				files[emrtd.EFSOD] = changed
				if v := emrtd.Verify(files, trust(t, ca.read("csca.pem")), time.Now()); v.SODSignature != emrtd.Failed || v.Assurance() != emrtd.None {
					t.Errorf("byte %d of %d changed: %s", at, len(sod), answers(v))
				}
			}
		})
	}
}

func TestOtherFormsOfSignedData(t *testing.T) {
	ca := newIssuer(t, ecKind("prime256v1", "named_curve", "sha256")).authority()
	for name, args := range map[string][]string{"signer by key identifier": {"-keyid"}, "no signed attributes": {"-noattr"}, "certificate from the store": {"-nocerts"}} {
		files := chipFiles()
		files[emrtd.EFSOD] = ca.sod(0, oidSHA256, files, with(sha256.New), args...)
		t.Run(name, func(t *testing.T) {
			expect(t, emrtd.Verify(files, trust(t, ca.read("csca.pem"), ca.read("ds.pem")), time.Now()), allFine)
		})
	}
}

func TestFiveAnswersAreSeparate(t *testing.T) {
	k := ecKind("brainpoolP256r1", "named_curve", "sha256")
	ca, other := newIssuer(t, k).authority(), newIssuer(t, k).authority()
	base := chipFiles()
	sod := ca.sod(0, oidSHA256, base, with(sha256.New))
	csca := trust(t, ca.read("csca.pem"))
	now := time.Now()
	for _, c := range []struct {
		name   string
		change func(f emrtd.Files)
		trust  *emrtd.Trust
		at     time.Time
		want   string
		detail string
	}{
		{"nothing wrong", func(emrtd.Files) {}, csca, now, allFine, "SHA-256 matches: DG1, DG2, DG13"},
		{"a group changed", func(f emrtd.Files) { f[emrtd.DG2][50] ^= 1 }, csca, now, "failed ok trusted not_supported not_supported none", "changed: DG2"},
		{"a group added", func(f emrtd.Files) { f[emrtd.DG11] = group(11, 9) }, csca, now, "failed ok trusted not_supported not_supported none", "not covered by the SOD: DG11"},
		{"a group not read", func(f emrtd.Files) { delete(f, emrtd.DG2) }, csca, now, allFine, "DG1, DG13"},
		{"only a SOD", func(f emrtd.Files) { delete(f, emrtd.DG1); delete(f, emrtd.DG2); delete(f, emrtd.DG13) }, csca, now, "not_done ok trusted not_supported not_supported none", "no data group"},
		{"empty store", func(emrtd.Files) {}, nil, now, "ok ok unknown_ca not_supported not_supported chip", "empty"},
		{"another authority of the same name", func(emrtd.Files) {}, trust(t, other.read("csca.pem")), now, "ok ok unknown_ca not_supported not_supported chip", ""},
		{"the signer itself trusted", func(emrtd.Files) {}, trust(t, ca.read("ds.pem")), now, allFine, ""},
		{"later than the signer", func(emrtd.Files) {}, csca, now.AddDate(2, 0, 0), "ok ok expired not_supported not_supported none", "expired on"},
		{"before the signer", func(emrtd.Files) {}, csca, now.AddDate(-20, 0, 0), "ok ok expired not_supported not_supported none", "valid only from"},
		{"no SOD", func(f emrtd.Files) { delete(f, emrtd.EFSOD) }, csca, now, "not_done not_done not_done not_supported not_supported none", "no SOD"},
		{"a SOD that is none", func(f emrtd.Files) { f[emrtd.EFSOD] = []byte{0x77, 2, 5, 0} }, csca, now, "failed failed not_done not_supported not_supported none", "cannot be read"},
		{"DG15 not covered", func(f emrtd.Files) { f[emrtd.DG15] = group(15, 9) }, csca, now, "failed ok trusted not_supported not_done none", "DG15"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := emrtd.Files{}
			for id, b := range base {
				files[id] = bytes.Clone(b)
			}
			files[emrtd.EFSOD] = bytes.Clone(sod)
			c.change(files)
			v := emrtd.Verify(files, c.trust, c.at)
			expect(t, v, c.want)
			var all []string
			for _, d := range v.Detail {
				all = append(all, d)
			}
			if !strings.Contains(strings.Join(all, "; "), c.detail) {
				t.Errorf("detail %q is not in %v", c.detail, v.Detail)
			}
		})
	}
}

func TestAForgedAuthorityIdentifierFails(t *testing.T) {
	k := ecKind("prime256v1", "named_curve", "sha256")
	ca := newIssuer(t, k).authority()
	files := chipFiles()
	files[emrtd.EFSOD] = ca.sod(0, oidSHA256, files, with(sha256.New))
	csca := ca.read("csca.pem")
	// The signature of the signer's certificate is the last thing before the signer's info.
	sod := files[emrtd.EFSOD]
	ca.openssl("x509", "-in", "ds.pem", "-outform", "DER", "-out", "ds.der")
	cert := ca.read("ds.der")
	at := bytes.Index(sod, cert) + len(cert) - 1
	sod[at] ^= 1
	expect(t, emrtd.Verify(files, trust(t, csca), time.Now()), "ok ok failed not_supported not_supported none")
}

func TestARevokedSignerIsNamedSo(t *testing.T) {
	for _, k := range []kind{ecKind("prime256v1", "named_curve", "sha256"), {name: "RSA", key: rsaKey, hash: "sha256"}} {
		ca := newIssuer(t, k).authority()
		files := chipFiles()
		files[emrtd.EFSOD] = ca.sod(0, oidSHA256, files, with(sha256.New))
		ca.revoke()
		dir := t.TempDir()
		put := func(name string, b []byte) {
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		load := func() *emrtd.Trust {
			tr, err := emrtd.LoadTrust(dir)
			if err != nil {
				t.Fatal(err)
			}
			return tr
		}
		put("csca.pem", ca.read("csca.pem"))
		put("README.txt", []byte("not a certificate"))
		expect(t, emrtd.Verify(files, load(), time.Now()), allFine)
		list := ca.read("list.crl")
		put("list.crl", list)
		expect(t, emrtd.Verify(files, load(), time.Now()), "ok ok revoked not_supported not_supported none")
		list[len(list)-1] ^= 1 // a forged list says nothing
		put("list.crl", list)
		expect(t, emrtd.Verify(files, load(), time.Now()), allFine)
	}
}

func TestTheTrustStoreOfNoFolderIsEmptyAndOfRubbishAnError(t *testing.T) {
	tr, err := emrtd.LoadTrust(filepath.Join(t.TempDir(), "missing"))
	if err != nil || tr.Len() != 0 {
		t.Errorf("got %v, %v", tr, err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x.cer"), []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := emrtd.LoadTrust(dir); err == nil || !strings.Contains(err.Error(), "x.cer") {
		t.Errorf("got %v", err)
	}
}

// The specimen's signer signed with RSA and SHA-1; DG4 and DG15 are not in its SOD.
func TestTheSpecimenIsVerifiedGroupByGroup(t *testing.T) {
	files, err := emrtd.LoadFiles(testdata.Shared(t, "emrtd/jmrtd_bsi2008_mustermann"))
	if err != nil {
		t.Fatal(err)
	}
	v := emrtd.Verify(files, nil, time.Now())
	expect(t, v, "failed ok unknown_ca not_done not_done none")
	if v.SignerCountry != "DE" {
		t.Errorf("the signer's country: got %q, want DE", v.SignerCountry)
	}
	for group, want := range map[string]emrtd.Answer{"DG1": "ok", "DG2": "ok", "DG3": "ok", "DG14": "ok", "DG4": "not_covered", "DG15": "not_covered"} {
		if got := v.Groups[group]; got != want {
			t.Errorf("%s: got %s, want %s", group, got, want)
		}
	}
	if !strings.Contains(v.Detail["hashes"], "not covered by the SOD: DG4, DG15") {
		t.Errorf("detail: %s", v.Detail["hashes"])
	}
	delete(files, emrtd.DG4)
	delete(files, emrtd.DG15)
	expect(t, emrtd.Verify(files, nil, time.Now()), "ok ok unknown_ca not_done not_supported chip")
	p, err := emrtd.ParseDG2(files[emrtd.DG2])
	if err != nil || p.Format != "jp2" || len(p.Data.Reveal()) < 10000 {
		t.Errorf("portrait: %d bytes of %q, %v", len(p.Data.Reveal()), p.Format, err)
	}
	m, err := emrtd.ParseDG1(files[emrtd.DG1])
	if err != nil || m.Format != "TD3" || m.Issuer != "D" || !m.Valid() {
		t.Errorf("MRZ: %s %s %v, %v", m.Format, m.Issuer, m.CheckDigits, err)
	}
}
