package emrtd_test

import (
	"crypto/sha256"
	"testing"
	"time"

	"tram/drivers/emrtd"
)

// BenchmarkVerify is Passive Authentication: three hashes, the SOD's signature and the chain.
func BenchmarkVerify(b *testing.B) {
	for _, k := range []kind{
		{name: "RSA-2048", key: rsaKey, hash: "sha256"}, ecKind("prime256v1", "named_curve", "sha256"),
		ecKind("brainpoolP256r1", "named_curve", "sha256"), ecKind("brainpoolP384r1", "named_curve", "sha256"), ecKind("brainpoolP512r1", "explicit", "sha512"),
	} {
		b.Run(k.name, func(b *testing.B) {
			ca := newIssuer(b, k).authority()
			files := chipFiles()
			files[emrtd.EFSOD] = ca.sod(0, oidSHA256, files, with(sha256.New))
			tr, err := emrtd.NewTrust(ca.read("csca.pem"))
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if v := emrtd.Verify(files, tr, time.Now()); v.Assurance() != emrtd.ChipTrusted {
					b.Fatal(v)
				}
			}
		})
	}
}
