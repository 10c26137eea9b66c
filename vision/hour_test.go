package vision_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tram/testdata"
	"tram/vision"
)

// TestCampaignAnHourOfCountingDoesNotDrift plays the same street again and again:
// each time round must count the same, and the worker must not grow. Three rounds
// in every run of the tests, an hour of the street's time with TRAM_CAMPAIGN=long.
func TestCampaignAnHourOfCountingDoesNotDrift(t *testing.T) {
	dir := filepath.Join(testdata.Shared(t, "people/PETS09-S2L1"), "img1")
	frames, err := filepath.Glob(filepath.Join(dir, "*.jpg"))
	if err != nil || len(frames) == 0 {
		t.Fatalf("no frames in %s: %v", dir, err)
	}
	const rate = 7 // frames/s at which this street was filmed
	rounds := 4
	if os.Getenv("TRAM_CAMPAIGN") == "long" {
		rounds = 3600*rate/len(frames) + 1
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Minute)
	defer cancel()
	type round struct{ in, out, tracks, rssKiB int }
	var all []round
	var before vision.CountProgress
	most := 0
	_, err = newWorker(t, vision.Options{}).Count(ctx, vision.CountQuestion{
		Source: dir, Loop: true, Frames: rounds * len(frames), Boxes: true,
		Lines: []vision.CountLine{{Name: "across", Line: [4]float64{384, 150, 384, 576}}, {Name: "along", Line: [4]float64{0, 300, 768, 300}}},
	}, func(p vision.CountProgress) {
		most = max(most, p.Tracks)
		if p.Frames%len(frames) != 0 {
			return
		}
		all = append(all, round{p.In - before.In, p.Out - before.Out, most, memoryOf(t, workerPath)})
		before, most = p, 0
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != rounds {
		t.Fatalf("%d rounds, want %d", len(all), rounds)
	}
	t.Logf("%d rounds of %d frames (in, out, people followed at once, KiB): first %v, second %v, last %v", rounds, len(frames), all[0], all[1], all[rounds-1])
	// The first round does not know the empty street yet, and in the next ones the
	// detector still learns how high people are: what is counted may differ by
	// little, and may not move on in the end.
	learnt := all[1:]
	for i, r := range learnt {
		if abs(r.in-learnt[0].in) > 2 || abs(r.out-learnt[0].out) > 2 {
			t.Errorf("round %d counts %d in, %d out; round 2 counted %d, %d", i+2, r.in, r.out, learnt[0].in, learnt[0].out)
		}
		if r.tracks > learnt[0].tracks+3 {
			t.Errorf("round %d follows %d people at once; round 2 followed %d", i+2, r.tracks, learnt[0].tracks)
		}
	}
	middle, last := all[rounds/2], all[rounds-1]
	if abs(last.in-middle.in) > 1 || abs(last.out-middle.out) > 1 {
		t.Errorf("the last round counts %d in, %d out; the middle one %d, %d", last.in, last.out, middle.in, middle.out)
	}
	if last.rssKiB > learnt[0].rssKiB*5/4+8<<10 {
		t.Errorf("the worker has %d KiB in the last round, %d in the second", last.rssKiB, learnt[0].rssKiB)
	}
}

// memoryOf is the resident memory of the largest process of a program, in KiB.
func memoryOf(t *testing.T, program string) (most int) {
	t.Helper()
	out, err := exec.Command("pgrep", "-f", program).Output()
	if err != nil {
		t.Errorf("find the worker: %v", err)
		return 0
	}
	for pid := range strings.FieldsSeq(string(out)) {
		status, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
		if err != nil {
			continue // ended since
		}
		_, after, _ := strings.Cut(string(status), "VmRSS:")
		fields := strings.Fields(after)
		if len(fields) == 0 {
			continue
		}
		kib, _ := strconv.Atoi(fields[0])
		most = max(most, kib)
	}
	return most
}
