package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tram/testdata"
)

func TestTrustImportListsAndRemoves(t *testing.T) {
	lists := testdata.Shared(t, "emrtd/master_lists")
	store := filepath.Join(t.TempDir(), "trust")
	o := tram(t.Context(), "trust", "import", filepath.Join(lists, "DE_ML_2026-05-28-08-28-45.ml"), filepath.Join(lists, "NL_ML_2026-07-22.ml"), "--trust", store, "--json")
	if o.code != exitDone || !strings.Contains(o.err, "nobody but NL_ML_2026-07-22.ml itself vouches") {
		t.Fatal(o)
	}
	var r trustResult
	o.decode(t, &r)
	if len(r.Certificates) != 627 || r.Countries["VN"] != 1 || len(r.Countries) != 129 || *r.New != 627 || *r.Known != 372 || len(r.Files) != 2 || r.Files[0].Certificates != 588 {
		t.Errorf("%d certificates, %d countries, VN %d, new %d, known %d, %d files", len(r.Certificates), len(r.Countries), r.Countries["VN"], *r.New, *r.Known, len(r.Files))
	}
	var ls trustResult
	tram(t.Context(), "trust", "ls", "--trust", store, "--json").decode(t, &ls)
	if len(ls.Certificates) != 627 || ls.New != nil {
		t.Errorf("ls: %d certificates", len(ls.Certificates))
	}
	o = tram(t.Context(), "trust", "rm", "6b5fa6fe", "--trust", store, "--json")
	var rm trustResult
	o.decode(t, &rm)
	if o.code != exitDone || len(rm.Certificates) != 626 || rm.Countries["VN"] != 0 || !strings.HasPrefix(rm.Removed, "6b5fa6fe") {
		t.Errorf("rm: %d, %d left", o.code, len(rm.Certificates))
	}
	if o := tram(t.Context(), "trust", "rm", "6b5fa6fe", "--trust", store); o.code != exitFailed || !strings.Contains(o.err, "hint: \"tram trust ls\"") {
		t.Errorf("rm again: %v", o)
	}
}

func TestTrustImportSaysWhatItRefused(t *testing.T) {
	lists := testdata.Shared(t, "emrtd/master_lists")
	b, err := os.ReadFile(filepath.Join(lists, "NL_ML_2026-07-22.ml"))
	if err != nil {
		t.Fatal(err)
	}
	b[300_000] ^= 1
	dir := t.TempDir()
	forged, text := filepath.Join(dir, "forged.ml"), filepath.Join(dir, "text.cer")
	for path, content := range map[string][]byte{forged: b, text: []byte("hello")} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	store := filepath.Join(dir, "trust")
	o := tram(t.Context(), "trust", "import", forged, filepath.Join(lists, "NL_ROOT_CA.cer"), "--trust", store, "--json")
	var r trustResult
	o.decode(t, &r)
	if o.code != exitNotVerified || len(r.Certificates) != 1 || len(r.Refused) != 1 || r.Refused[0].File != "forged.ml" || !strings.Contains(r.Refused[0].Reason, "signature") {
		t.Errorf("forged: exit %d, %d certificates, refused %+v", o.code, len(r.Certificates), r.Refused)
	}
	if o := tram(t.Context(), "trust", "import", text, "--trust", store); o.code != exitFailed || !strings.Contains(o.err, "refused: text.cer") {
		t.Errorf("text: %v", o)
	}
	if o := tram(t.Context(), "trust", "import", filepath.Join(dir, "missing.cer"), "--trust", store); o.code != exitFailed || !strings.Contains(o.err, "hint: check the path") {
		t.Errorf("missing: %v", o)
	}
	if o := tram(t.Context(), "trust", "import"); o.code != exitUsage {
		t.Errorf("nothing: %v", o)
	}
}
