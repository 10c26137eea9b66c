package sim_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"tram/drivers/emrtd"
	"tram/drivers/sim"
)

func TestTheReaderTrustsEveryKindOfPKIAndSeesRevocation(t *testing.T) {
	for what, spec := range map[string]sim.PKISpec{
		"RSA PSS":  {CA: sim.KeySpec{Key: "RSA-2048", Hash: "SHA-512", PSS: true}, Signer: sim.KeySpec{Key: "RSA-1024", Hash: "SHA-256"}, Hashes: "SHA-1"},
		"curves":   {CA: sim.KeySpec{Key: "P-521", Hash: "SHA-512"}, Signer: sim.KeySpec{Key: "P-256", Hash: "SHA-256"}, Hashes: "SHA-224"},
		"explicit": {CA: sim.KeySpec{Key: "brainpoolP384r1", Hash: "SHA-384", Explicit: true}, Signer: sim.KeySpec{Key: "brainpoolP224r1", Hash: "SHA-224", Explicit: true}},
	} {
		t.Run(what, func(t *testing.T) {
			pki, err := sim.NewPKIOf(spec)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := pki.WriteTrust(dir); err != nil {
				t.Fatal(err)
			}
			crl, err := pki.CRL()
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "list.crl"), crl, 0o600); err != nil {
				t.Fatal(err)
			}
			store, err := emrtd.LoadTrust(dir)
			if err != nil {
				t.Fatal(err)
			}
			for want, opt := range map[emrtd.Answer][]sim.Option{"trusted": nil, "revoked": {sim.RevokedSigner()}, "expired": {sim.ExpiredSigner()}, "unknown_ca": {sim.WrongSigner()}} {
				card, err := sim.NewCard(sim.DefaultCitizen(), pki, nil, opt...)
				if err != nil {
					t.Fatal(err)
				}
				v := emrtd.Verify(read(t, card, canOf(t, "000017")).Files, store, time.Now())
				if v.Hashes != "ok" || v.SODSignature != "ok" || v.Chain != want {
					t.Errorf("hashes %s, signature %s, chain %s; want ok, ok, %s; %v", v.Hashes, v.SODSignature, v.Chain, want, v.Detail)
				}
			}
		})
	}
}
