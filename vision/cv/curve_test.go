package cv

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tram/testdata"
	"tram/vision/face"
)

// The thresholds in use against all pairs that the development photographs make:
// 1,197,943 of two persons, 983 of one.
func TestTheThresholdsOverAllPairsOfThePhotographs(t *testing.T) {
	if os.Getenv("TRAM_TEST_ALL") == "" {
		t.Skip("computes 1,549 templates; set TRAM_TEST_ALL=1")
	}
	files, err := filepath.Glob(filepath.Join(testdata.Shared(t, "faces/lfw-devtest"), "*", "*.jpg"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no photographs: %v", err)
	}
	_, e := faceServer(t)
	var templates []face.Template
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		f, err := e.templateOf(data)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		templates = append(templates, f.template)
	}
	var same, other []float64
	for i := range templates {
		for j := range i {
			score := face.Cosine(templates[i], templates[j])
			if filepath.Dir(files[i]) == filepath.Dir(files[j]) {
				same = append(same, score)
			} else {
				other = append(other, score)
			}
		}
	}
	slices.Sort(same)
	slices.Sort(other)
	above := func(sorted []float64, threshold float64) float64 {
		i, _ := slices.BinarySearch(sorted, threshold)
		return float64(len(sorted)-i) / float64(len(sorted))
	}
	t.Logf("%d pairs of two persons, %d of one", len(other), len(same))
	for _, one := range []int{100, 1_000, 10_000, 100_000} {
		threshold := other[len(other)-1-len(other)/one]
		t.Logf("1 of %d strangers passes %.3f, the same person in %.1f %%", one, threshold, 100*above(same, threshold))
	}
	if passes := above(other, face.Threshold); passes > 0.00015 {
		t.Errorf("%.6f of the strangers pass %.2f, want 1 in 10,000", passes, face.Threshold)
	}
	if passes := above(same, face.Threshold); passes < 0.96 {
		t.Errorf("%.4f of the same person pass %.2f, want 0.96", passes, face.Threshold)
	}
}
