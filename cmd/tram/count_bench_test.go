package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tram/drivers/sim/picture"
)

func TestACountIsMeasuredOverALayoutOfMOTChallenge(t *testing.T) {
	withPrograms(t)
	dir := t.TempDir()
	street := picture.NewStreet(1)
	if err := os.MkdirAll(filepath.Join(dir, "gt"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "img1"), 0o755); err != nil {
		t.Fatal(err)
	}
	var truth strings.Builder
	for i := range 24 { // the empty street, and a truth that says somebody walks to the right
		name := filepath.Join(dir, "img1", fmt.Sprintf("%06d.jpg", i+1))
		if err := os.WriteFile(name, picture.JPEG(street.Frame(0), 80), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&truth, "%d,1,%d,200,40,100,1,-1,-1,-1\n", i+1, 200+10*i)
	}
	if err := os.WriteFile(filepath.Join(dir, "gt", "gt.txt"), []byte(truth.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) []countBench {
		t.Helper()
		out, err := program(t, nil, append([]string{"count", "bench", dir, "--json"}, args...)...).Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		var all []countBench
		for d := json.NewDecoder(strings.NewReader(string(out))); d.More(); {
			var b countBench
			if err := d.Decode(&b); err != nil {
				t.Fatalf("%v: %v in %s", args, err, out)
			}
			all = append(all, b)
		}
		return all
	}
	kept := t.TempDir()
	for range 2 { // the second time from what was kept
		all := run("--line", "320,0,320,480", "--variant", "", "--variant", "mirror+every=2", "--boxes", kept)
		if len(all) != 2 {
			t.Fatalf("%d results, want one for each variant", len(all))
		}
		if b := all[0]; b.Frames != 24 || b.Total.TruthOut != 1 || b.Total.TruthIn != 0 || b.Total.Errors != 1 || b.Found != 0 {
			t.Errorf("got %+v; want 24 frames in which one true crossing out was missed", b)
		}
		if b := all[1]; b.Variant != "mirror+every=2" || b.Frames != 12 || b.Total.TruthIn != 1 || b.Total.TruthOut != 0 {
			t.Errorf("got %+v; want 12 frames with one true crossing in", b)
		}
	}
	if all := run("--grid"); len(all) != 1 || len(all[0].Lines) != 84 || all[0].Total.Lines+all[0].Total.Wavering != 84 {
		t.Errorf("the grid: %+v, want 84 lines", all)
	}
	for _, wrong := range [][]string{{}, {"--grid", "--variant", "upside-down"}, {"--line", "1,2"}} {
		p := program(t, nil, append([]string{"count", "bench", dir}, wrong...)...)
		if err := p.Run(); p.ProcessState.ExitCode() != 2 {
			t.Errorf("%v: %v, want exit code 2", wrong, err)
		}
	}
}
