package sim

import (
	"crypto/x509"
	"path/filepath"
	"strings"
	"testing"

	"tram/drivers/emrtd/tlv"
)

// What every kind of PKI signs, judged by OpenSSL: certificates, revocation list and
// security object.
func TestOpenSSLVerifiesEveryKindOfPKI(t *testing.T) {
	for what, spec := range map[string]PKISpec{
		"RSA":          {CA: KeySpec{Key: "RSA-2048", Hash: "SHA-256"}, Signer: KeySpec{Key: "RSA-2048", Hash: "SHA-256"}, Hashes: "SHA-1"},
		"RSA PSS":      {CA: KeySpec{Key: "RSA-2048", Hash: "SHA-512", PSS: true}, Signer: KeySpec{Key: "RSA-2048", Hash: "SHA-256", PSS: true}, Hashes: "SHA-512"},
		"NIST curves":  {CA: KeySpec{Key: "P-521", Hash: "SHA-512"}, Signer: KeySpec{Key: "P-256", Hash: "SHA-256"}, Hashes: "SHA-224", Country: "DE"},
		"mixed":        {CA: KeySpec{Key: "RSA-2048", Hash: "SHA-256", PSS: true}, Signer: KeySpec{Key: "brainpoolP256r1", Hash: "SHA-384"}, Hashes: "SHA-384"},
		"small curves": {CA: KeySpec{Key: "P-384", Hash: "SHA-384"}, Signer: KeySpec{Key: "P-224", Hash: "SHA-224"}},
	} {
		t.Run(what, func(t *testing.T) {
			p, err := NewPKIOf(spec)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			csca, ds := writePEM(t, dir, "csca.pem", p.CSCA()), writePEM(t, dir, "ds.pem", p.Signer())
			if out := mustOpenssl(t, "verify", "-CAfile", csca, ds); !strings.Contains(out, "OK") {
				t.Errorf("openssl verify of the signer: %s", out)
			}
			crl, err := p.CRL()
			if err != nil {
				t.Fatal(err)
			}
			list := write(t, dir, "list.crl", crl)
			if out := mustOpenssl(t, "crl", "-inform", "DER", "-in", list, "-CAfile", csca, "-noout"); !strings.Contains(out, "verify OK") {
				t.Errorf("openssl verify of the CRL: %s", out)
			}
			revoked, err := p.revoked()
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := x509.ParseRevocationList(crl)
			if err != nil || len(parsed.RevokedCertificateEntries) != 1 || parsed.RevokedCertificateEntries[0].SerialNumber.Cmp(revoked.serial) != 0 {
				t.Errorf("the CRL does not name the revoked signer: %v", err)
			}
			pem := filepath.Join(dir, "list.pem")
			mustOpenssl(t, "crl", "-inform", "DER", "-in", list, "-out", pem)
			if out, err := openssl(t, "verify", "-crl_check", "-CRLfile", pem, "-CAfile", csca, writePEM(t, dir, "revoked.pem", revoked.certificate)); err == nil || !strings.Contains(out, "certificate revoked") {
				t.Errorf("openssl verify of the revoked signer: %v, %s", err, out)
			}
			hash, _ := hashByName(p.spec.Hashes)
			sod, err := p.signer.sod(map[int][]byte{1: DefaultCitizen().DG1()}, hash)
			if err != nil {
				t.Fatal(err)
			}
			outer, _, err := tlv.Next(sod)
			if err != nil {
				t.Fatal(err)
			}
			content := filepath.Join(dir, "lds.der")
			mustOpenssl(t, "cms", "-verify", "-inform", "DER", "-in", write(t, dir, "sod.p7", outer.Value), "-CAfile", csca, "-purpose", "any", "-binary", "-out", content)
			security, err := p.signer.cardSecurity(set(integer(1)))
			if err != nil {
				t.Fatal(err)
			}
			mustOpenssl(t, "cms", "-verify", "-inform", "DER", "-in", write(t, dir, "cs.p7", security), "-CAfile", csca, "-purpose", "any", "-binary", "-out", content)
		})
	}
	if _, err := NewPKIOf(PKISpec{Hashes: "MD5"}); err == nil {
		t.Error("a PKI with MD5 was made")
	}
}
