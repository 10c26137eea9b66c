package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tram/drivers/sim/picture"
	"tram/testdata"
)

func TestFaceBenchCountsAFaceThatIsNotFoundAsWrong(t *testing.T) {
	models := filepath.Dir(testdata.Model(t, "mobilefacenet_foamliu_opset10.onnx"))
	withPrograms(t)
	dir := t.TempDir()
	save := func(name string, data []byte) {
		if err := os.MkdirAll(filepath.Join(dir, name[:len(name)-9]), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name[:len(name)-9], name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save("Drawn_One_0001.jpg", picture.PortraitJPEG(picture.DefaultSeed))
	save("Drawn_One_0012.jpg", picture.JPEG(picture.Visitor(picture.DefaultSeed, 1)[0], 95))
	save("Drawn_Two_0001.jpg", picture.PortraitJPEG(picture.OtherSeed))
	save("Street_0001.jpg", picture.JPEG(picture.NewStreet(1).Frame(0), 90))
	pairs, curve := filepath.Join(dir, "pairs.txt"), filepath.Join(dir, "curve.csv")
	if err := os.WriteFile(pairs, []byte("2\nDrawn_One\t1\t12\nDrawn_One\t1\tDrawn_Two\t1\nDrawn_One\t12\tDrawn_Two\t1\nDrawn_One\t1\tStreet\t1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), build(t, "tram"), "face", "bench", pairs, "--images", dir, "--curve", curve, "--json")
	cmd.Env = append(os.Environ(), "TRAM_MODELS="+models)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("face bench: %v", err)
	}
	var r benchResult
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	if r.Pairs != 4 || r.Undetected != 1 || r.Accuracy != 0.75 || r.TARAtFAR001 != 1 || r.MSPerImage <= 0 {
		t.Errorf("result %+v; want 4 pairs, 1 undetected, 3 of 4 right", r)
	}
	csv, err := os.ReadFile(curve)
	if err != nil || !strings.HasPrefix(string(csv), "threshold,tar,far\n") || strings.Count(string(csv), "\n") != 4 {
		t.Errorf("curve %q, %v; want a header and 3 thresholds", csv, err)
	}
}
