package main

import (
	"slices"
	"testing"

	"tram/agent/visit"
	"tram/drivers/emrtd"
)

func TestASignerOfAnotherCountryIsTold(t *testing.T) {
	const want = `the document is of VNM, but the signer of its chip is of "FR"`
	for _, c := range []struct {
		issuer, signer string
		told           bool
	}{{"VNM", "FR", true}, {"VNM", "VN", false}, {"VNM", "", false}, {"FRA", "FR", false}} {
		ev := visit.Evidence{MRZ: &emrtd.MRZInfo{Issuer: c.issuer}, Verification: emrtd.Verification{SignerCountry: c.signer}}
		if got := slices.Contains(warningsOf(ev, nil), want); got != c.told {
			t.Errorf("document of %s, signer of %q: told %v, want %v", c.issuer, c.signer, got, c.told)
		}
	}
}
