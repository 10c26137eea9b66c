package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

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

func TestFaceBenchReadsTheStandardListWhereverThePicturesLie(t *testing.T) {
	models := filepath.Dir(testdata.Model(t, "mobilefacenet_foamliu_opset10.onnx"))
	withPrograms(t)
	dir := t.TempDir()
	put := func(path string, data []byte) {
		t.Helper()
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	one, again := picture.Portrait(picture.DefaultSeed), picture.Visitor(picture.DefaultSeed, 1)[0]
	put("Nguyễn Văn Thử/Nguyễn Văn Thử_0001.jpg", picture.JPEG(one, 95))
	put("Nguyễn_Văn_Thử_0002.png", pngOf(t, again))
	put(norm.NFD.String("Đỗ_Thị_Mẫu")+"/"+norm.NFD.String("Đỗ_Thị_Mẫu")+"_0007.JPG", picture.PortraitJPEG(picture.OtherSeed))
	put("Broken/Broken_0001.jpg", []byte("no picture"))
	pairs := "2\t1\r\nNguyễn Văn Thử\t1\t2\r\nNguyễn Văn Thử\t2\tĐỗ Thị Mẫu\t7\r\nNguyễn Văn Thử\t2\t1\r\nNguyễn Văn Thử\t1\tBroken\t1\r\n"
	put("pairs.txt", []byte(pairs))
	run := func(list string) (out []byte, said string, err error) {
		t.Helper()
		var stderr strings.Builder
		cmd := exec.CommandContext(t.Context(), build(t, "tram"), "face", "bench", filepath.Join(dir, list), "--images", dir, "--json")
		cmd.Env, cmd.Stderr = append(os.Environ(), "TRAM_MODELS="+models), &stderr
		out, err = cmd.Output()
		return out, stderr.String(), err
	}
	out, said, err := run("pairs.txt")
	var r benchResult
	if err := errors.Join(err, json.Unmarshal(out, &r)); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	if r.Pairs != 4 || r.Folds != 2 || r.Undetected != 1 || r.Accuracy != 0.75 || r.TARAtFAR001 != 1 {
		t.Errorf("result %+v; want 4 pairs in 2 folds, 1 undetected, 3 of 4 right", r)
	}
	if !strings.Contains(said, "pair 4") || !strings.Contains(said, "Broken_0001.jpg") {
		t.Errorf("it said %q; want the pair that counts as wrong", said)
	}
	var fields map[string]any
	if err := json.Unmarshal(out, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pairs", "accuracy", "tarAtFar001", "threshold", "undetected", "msPerImage"} {
		if _, ok := fields[name].(float64); !ok {
			t.Errorf("the JSON has no number %q: %s", name, out)
		}
	}
	put("missing.txt", []byte(pairs+"Nobody\t1\t2\r\n"))
	_, said, err = run("missing.txt")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitNotThere || !strings.Contains(said, "2 of 6 pictures") || !strings.Contains(said, "Nobody_0001.jpg") || !strings.Contains(said, "announces 4") {
		t.Errorf("missing pictures: %v, %q; want exit 4 and their number and names", err, said)
	}
}

func pngOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
