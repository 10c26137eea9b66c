package main

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"tram/testdata"
)

// The specimen's folder has names of another reader; DG4 and DG15 are not in its SOD.
func TestTheSpecimenIsVerifiedAsItWasFound(t *testing.T) {
	dir := testdata.Shared(t, "emrtd/jmrtd_bsi2008_mustermann")
	o := tram(t.Context(), "card", "verify", dir, "--trust", t.TempDir(), "--json")
	var r cardResult
	o.decode(t, &r)
	if o.code != exitNotVerified || r.Verification.Hashes != "failed" || r.Verification.SODSignature != "ok" || r.Verification.Chain != "unknown_ca" || r.Assurance != "none" {
		t.Errorf("exit %d, %+v, %s", o.code, r.Verification, r.Assurance)
	}
	for _, f := range r.Files {
		want := map[string]string{"SOD": "", "COM": "", "DG4": "not_covered", "DG15": "not_covered"}
		if w, odd := want[f.Name]; odd && f.Hash != w || !odd && f.Hash != "ok" {
			t.Errorf("%s: %q", f.Name, f.Hash)
		}
	}
	// Without the two the rest holds; and the files may be hexadecimal under other names.
	other := t.TempDir()
	for from, to := range map[string]string{"Datagroup1.bin": "EF.DG1.hex", "Datagroup2.bin": "0102.txt", "Datagroup14.bin": "dg14", "EF_SOD.bin": "SOD.hex"} {
		b, err := os.ReadFile(filepath.Join(dir, from))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(other, to), []byte(hex.EncodeToString(b)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o = tram(t.Context(), "card", "verify", other, "--trust", t.TempDir(), "--json")
	var again cardResult
	o.decode(t, &again)
	g := again.Groups
	if o.code != exitDone || again.Assurance != "chip" || again.Verification.Hashes != "ok" || again.Verification.ActiveAuthentication != "not_supported" ||
		g == nil || g.MRZ == nil || g.MRZ.Format != "TD3" || len(g.DG2) != 1 || g.DG2[0].Format != "jp2" || len(g.DG14) != 1 {
		t.Errorf("exit %d, %+v, %s, %+v", o.code, again.Verification, again.Assurance, g)
	}
	if o := tram(t.Context(), "card", "verify", t.TempDir()); o.code != exitFailed {
		t.Errorf("an empty folder: %v", o)
	}
}
