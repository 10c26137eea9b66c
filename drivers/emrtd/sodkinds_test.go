package emrtd_test

import (
	"bytes"
	"crypto/sha256"
	"testing"
	"time"

	"tram/drivers/emrtd"
	"tram/drivers/emrtd/tlv"
)

// Every Brainpool curve, PSS with every mixture of hashes and salts, and keys that
// are for PSS only.
func TestPassiveAuthenticationOfRarerKeys(t *testing.T) {
	kinds := []kind{
		pssKind("sha1", "sha1", "20"), pssKind("sha224", "sha224", "28"), pssKind("sha384", "sha384", "0"), pssKind("sha512", "sha512", "64"), pssKind("sha256", "sha1", "0"),
		{name: "RSA sha224", key: rsaKey, hash: "sha224"}, {name: "RSA sha384 3072", key: []string{"-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:3072"}, hash: "sha384"},
	}
	only := pssKind("sha256", "sha256", "32")
	only.name, only.key = "a key for PSS only", []string{"-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"}
	kinds = append(kinds, only)
	for i, size := range []string{"160", "192", "224", "256", "320", "384", "512"} {
		forms := []string{"named_curve", "explicit"}
		kinds = append(kinds, ecKind("brainpoolP"+size+"r1", forms[i%2], "sha256"), ecKind("brainpoolP"+size+"t1", forms[(i+1)%2], "sha512"))
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			ca := newIssuer(t, k).authority()
			files := chipFiles()
			files[emrtd.EFSOD] = ca.sod(1, oidSHA256, files, with(sha256.New))
			expect(t, emrtd.Verify(files, trust(t, ca.read("csca.pem")), time.Now()), allFine)
		})
	}
}

func TestSignedDataOfEveryForm(t *testing.T) {
	k := ecKind("prime256v1", "named_curve", "sha256")
	ca, other := newIssuer(t, k).authority(), newIssuer(t, k).authority()
	ca.write("others.pem", append(other.read("csca.pem"), other.read("ds.pem")...))
	for name, args := range map[string][]string{
		"several certificates":      {"-certfile", "others.pem"},
		"no certificate, by key id": {"-nocerts", "-keyid"},
		"lengths that do not say":   {"-indef", "-stream"},
		"neither, by key id":        {"-nocerts", "-noattr", "-keyid"},
	} {
		t.Run(name, func(t *testing.T) {
			files := chipFiles()
			sod := ca.sod(0, oidSHA256, files, with(sha256.New), args...)
			files[emrtd.EFSOD] = sod
			store := trust(t, ca.read("csca.pem"), other.read("ds.pem"), ca.read("ds.pem"))
			expect(t, emrtd.Verify(files, store, time.Now()), allFine)
			// The outer tag may have such a length too.
			inner, _, err := tlv.Next(sod)
			if err != nil {
				t.Fatal(err)
			}
			files[emrtd.EFSOD] = append(append([]byte{0x77, 0x80}, inner.Value...), 0, 0)
			expect(t, emrtd.Verify(files, store, time.Now()), allFine)
			changed := bytes.Clone(sod)
			changed[len(changed)/2] ^= 1
			files[emrtd.EFSOD] = changed
			if v := emrtd.Verify(files, store, time.Now()); v.Assurance() == emrtd.ChipTrusted && !bytes.Contains(sod, other.der("ds.pem")) {
				t.Errorf("changed: %s", answers(v))
			}
		})
	}
	// A signer whose certificate is nowhere.
	files := chipFiles()
	files[emrtd.EFSOD] = ca.sod(0, oidSHA256, files, with(sha256.New), "-nocerts")
	expect(t, emrtd.Verify(files, trust(t, ca.read("csca.pem")), time.Now()), "ok failed not_done not_supported not_supported none")
}
