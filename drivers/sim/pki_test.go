package sim

import (
	"bytes"
	"crypto"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/drivers/emrtd/tlv"
)

// openssl runs OpenSSL, the foreign judge of what this package signs.
func openssl(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("needs openssl, which is not installed")
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

func mustOpenssl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := openssl(t, args...)
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func newTestPKI(t testing.TB) *PKI {
	t.Helper()
	p, err := NewPKI()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func writePEM(t *testing.T, dir, name string, der []byte) string {
	t.Helper()
	return write(t, dir, name, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func TestOpenSSLTakesTheCertificates(t *testing.T) {
	p, dir := newTestPKI(t), t.TempDir()
	csca := writePEM(t, dir, "csca.pem", p.CSCA())
	ds := writePEM(t, dir, "ds.pem", p.Signer())
	text := mustOpenssl(t, "x509", "-in", csca, "-noout", "-text")
	for _, want := range []string{
		"C = VN", "not genuine", "CN = Tram test CSCA", "ecdsa-with-SHA512", "(512 bit)",
		"CA:TRUE, pathlen:0", "Certificate Sign, CRL Sign", "X509v3 Authority Key Identifier", "X509v3 Private Key Usage Period",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the CSCA's certificate lacks %q:\n%s", want, text)
		}
	}
	text = mustOpenssl(t, "x509", "-in", ds, "-noout", "-text")
	for _, want := range []string{"brainpoolP384r1", "Digital Signature", "2.23.136.1.1.6.2", "Issuer: C = VN"} {
		if !strings.Contains(text, want) {
			t.Errorf("the signer's certificate lacks %q:\n%s", want, text)
		}
	}
	if out := mustOpenssl(t, "verify", "-CAfile", csca, csca); !strings.Contains(out, "OK") {
		t.Errorf("openssl verify of the CSCA: %s", out)
	}
	if out := mustOpenssl(t, "verify", "-CAfile", csca, ds); !strings.Contains(out, "OK") {
		t.Errorf("openssl verify of the signer: %s", out)
	}
	expired, err := p.expired()
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := p.unknown()
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		what string
		s    signer
		want string
	}{
		{"expired", expired, "certificate has expired"},
		{"unknown", unknown, "unable to get local issuer certificate"},
	} {
		out, err := openssl(t, "verify", "-CAfile", csca, writePEM(t, dir, x.what+".pem", x.s.certificate))
		if err == nil || !strings.Contains(out, x.want) {
			t.Errorf("openssl verify of the %s signer: %v, %s; want %q", x.what, err, out, x.want)
		}
	}
}

func TestOpenSSLReadsTheCurvesThatAreSpelledOut(t *testing.T) {
	p, err := NewExplicitPKI()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	csca := writePEM(t, dir, "csca.pem", p.CSCA())
	text := mustOpenssl(t, "x509", "-in", csca, "-noout", "-text")
	if !strings.Contains(text, "Field Type: prime-field") || strings.Contains(text, "ASN1 OID: brainpool") {
		t.Errorf("the curve is not spelled out:\n%s", text)
	}
	// OpenSSL builds no chain with such a certificate, but checks its signature.
	key := write(t, dir, "key.pem", []byte(mustOpenssl(t, "x509", "-in", csca, "-noout", "-pubkey")))
	for what, der := range map[string][]byte{"csca": p.CSCA(), "signer": p.Signer()} {
		parts, _, err := tlv.Parse(der, tlv.Limits{})
		if err != nil || len(parts) != 1 || len(parts[0].Children) != 3 {
			t.Fatalf("%s: not a certificate: %v", what, err)
		}
		body := write(t, dir, what+".tbs", parts[0].Children[0].Raw)
		sig := write(t, dir, what+".sig", parts[0].Children[2].Value[1:])
		if out := mustOpenssl(t, "dgst", "-sha512", "-verify", key, "-signature", sig, body); !strings.Contains(out, "Verified OK") {
			t.Errorf("signature of the %s: %s", what, out)
		}
	}
}

func TestOpenSSLVerifiesTheSecurityObject(t *testing.T) {
	p, dir := newTestPKI(t), t.TempDir()
	csca := writePEM(t, dir, "csca.pem", p.CSCA())
	groups := map[int][]byte{1: DefaultCitizen().DG1(), 13: DefaultCitizen().DG13()}
	sod, err := p.signer.sod(groups, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	outer, rest, err := tlv.Next(sod)
	if err != nil || outer.Tag != 0x77 || len(rest) != 0 {
		t.Fatalf("EF.SOD begins with tag %X, %d bytes after it, %v; want one object 77", outer.Tag, len(rest), err)
	}
	cms := write(t, dir, "sod.p7", outer.Value)
	content := filepath.Join(dir, "lds.der")
	mustOpenssl(t, "cms", "-verify", "-inform", "DER", "-in", cms, "-CAfile", csca, "-purpose", "any", "-binary", "-out", content)
	text := mustOpenssl(t, "asn1parse", "-inform", "DER", "-in", content)
	want := strings.ToUpper("e93658b2f490f89cee7828d222304da63432213111bc6030645a58291a3cb25a")
	if !strings.Contains(text, want) {
		t.Errorf("the signed content lacks the hash of DG13 (%s):\n%s", want, text)
	}
	text = mustOpenssl(t, "cms", "-cmsout", "-print", "-noout", "-inform", "DER", "-in", cms)
	for _, want := range []string{"2.23.136.1.1.1", "ecdsa-with-SHA256", "sha256", "messageDigest"} {
		if !strings.Contains(text, want) {
			t.Errorf("the security object lacks %q", want)
		}
	}
	broken := bytes.Clone(outer.Value)
	broken[bytes.Index(broken, groupHash(groups[13]))] ^= 1
	if out, err := openssl(t, "cms", "-verify", "-inform", "DER", "-in", write(t, dir, "broken.p7", broken), "-CAfile", csca,
		"-purpose", "any", "-binary", "-out", content); err == nil {
		t.Errorf("openssl verified a changed security object: %s", out)
	}
}

func TestTrustFolderHoldsTheCSCA(t *testing.T) {
	p := newTestPKI(t)
	dir := filepath.Join(t.TempDir(), "trust")
	if err := p.WriteTrust(dir); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "tram-test-csca.cer"))
	if err != nil || !bytes.Equal(got, p.CSCA()) {
		t.Errorf("the trust folder holds %d bytes, %v; want the CSCA's %d", len(got), err, len(p.CSCA()))
	}
}

func TestLateTimesAreWrittenLong(t *testing.T) {
	if got := moment(time.Date(2051, 1, 2, 3, 4, 5, 0, time.UTC))[0]; got != 0x18 {
		t.Errorf("a time in 2051 has tag %X, want 18", got)
	}
}
