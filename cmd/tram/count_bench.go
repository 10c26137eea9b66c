package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tram/vision"
	"tram/vision/people"
)

// countBench is what "count bench" measured with one detector.
type countBench struct {
	Detector string           `json:"detector"`
	Frames   int              `json:"frames"`
	FPS      float64          `json:"fps"`
	Lines    []countBenchLine `json:"lines"`
	Truth    int              `json:"truthBoxes"`
	Found    int              `json:"foundBoxes"`
	False    int              `json:"falseBoxes"`
	Switches int              `json:"idSwitches"`
}

// countBenchLine is one line's truth and count.
type countBenchLine struct {
	Line     string `json:"line"`
	TruthIn  int    `json:"truthIn"`
	In       int    `json:"in"`
	TruthOut int    `json:"truthOut"`
	Out      int    `json:"out"`
}

func newCountBenchCmd(term terminal) *cobra.Command {
	var lines, detectors []string
	var boxes string
	c := &cobra.Command{
		Use:   "bench MOTDIR --line x1,y1,x2,y2 [--line …]",
		Short: "Measure the count over a sequence with a ground truth (gt.txt)",
		Long: `Measures the count over a folder as MOTChallenge lays it out: frames in img1 (or one video), the ground truth in gt.txt or
gt/gt.txt. The true crossings of each line follow from the truth. Prints them beside what was counted, how fast, and how well the
tracks follow the identities. One JSON object a detector.`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().StringArrayVar(&lines, "line", nil, "x1,y1,x2,y2 in pixels; may be given several times")
	c.Flags().StringArrayVar(&detectors, "detector", nil, "what finds the people; may be given several times (default \"default\")")
	c.Flags().StringVar(&boxes, "boxes", "", "folder that keeps what the detectors found; what is there is not detected again")
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		var over []people.Line
		for _, s := range lines {
			l, err := people.ParseLine(s)
			if err != nil {
				return usageError(fmt.Errorf("--line: %w", err))
			}
			over = append(over, l)
		}
		if len(over) == 0 {
			return usageError(errors.New("--line: at least one is needed"))
		}
		if len(detectors) == 0 {
			detectors = []string{"default"}
		}
		truth, source, err := motFolder(args[0])
		if err != nil {
			return err
		}
		return withWorker(cmd, term, func(w *vision.Worker) error {
			for _, d := range detectors {
				seen, err := detections(cmd, w, source, d, boxes)
				if err != nil {
					return fmt.Errorf("detect with %s: %w", d, err)
				}
				b := benchCount(seen, truth, over, lines)
				b.Detector = d
				if err := printBench(term, b, *asJSON); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return c
}

// motFolder finds the ground truth and the pictures of a sequence.
func motFolder(dir string) (people.Truth, string, error) {
	f, err := os.Open(filepath.Join(dir, "gt.txt"))
	if errors.Is(err, os.ErrNotExist) {
		f, err = os.Open(filepath.Join(dir, "gt", "gt.txt"))
	}
	if err != nil {
		return people.Truth{}, "", fmt.Errorf("open the ground truth: %w", err)
	}
	defer f.Close()
	truth, err := people.ParseMOT(f)
	if err != nil {
		return truth, "", err
	}
	frames := filepath.Join(dir, "img1")
	if info, err := os.Stat(frames); err == nil && info.IsDir() {
		return truth, frames, nil
	}
	for _, pattern := range []string{"*.mp4", "*.avi", "*.webm", "*.mkv"} {
		if found, _ := filepath.Glob(filepath.Join(dir, pattern)); len(found) == 1 {
			return truth, found[0], nil
		}
	}
	return truth, "", fmt.Errorf("%s has neither a folder img1 nor one video", dir)
}

// seenFrames is what a detector found, frame by frame, and how fast it all went.
type seenFrames struct {
	FPS    float64        `json:"fps"`
	Frames [][][5]float64 `json:"frames"` // left, top, width, height, score
}

// detections lets the worker detect, or reads what an earlier run kept.
func detections(cmd *cobra.Command, w *vision.Worker, source, detector, keep string) (seenFrames, error) {
	var seen seenFrames
	kept := filepath.Join(keep, detector+".json")
	if keep != "" {
		if b, err := os.ReadFile(kept); err == nil {
			return seen, json.Unmarshal(b, &seen)
		}
	}
	q := vision.CountQuestion{Source: source, Line: [4]float64{0, 0, 1, 1}, Detector: detector, Boxes: true}
	a, err := w.Count(cmd.Context(), q, func(p vision.CountProgress) {
		if p.Found != nil {
			seen.Frames = append(seen.Frames, *p.Found)
		}
	})
	if err != nil {
		return seen, err
	}
	if seen.FPS = a.FPS; keep == "" {
		return seen, nil
	}
	b, err := json.Marshal(seen)
	if err != nil {
		return seen, err
	}
	return seen, os.WriteFile(kept, b, 0o600)
}

// benchCount follows and counts what was detected, and compares it with the truth.
func benchCount(seen seenFrames, truth people.Truth, over []people.Line, names []string) countBench {
	tracker := people.NewTracker(people.TrackerOptions{})
	var measure people.Measurer
	var counters []*people.Counter
	for _, l := range over {
		counters = append(counters, people.NewCounter(l))
	}
	for i, boxes := range seen.Frames {
		var found []people.Detection
		for _, b := range boxes {
			found = append(found, people.Detection{Box: people.Box{X: b[0], Y: b[1], W: b[2], H: b[3]}, Score: b[4]})
		}
		tracks := tracker.Next(found)
		for _, c := range counters {
			c.See(tracks)
		}
		measure.See(truth.Frames[i+1], tracks)
	}
	b := countBench{Frames: len(seen.Frames), FPS: seen.FPS, Truth: measure.Truth, Found: measure.Found, False: measure.False, Switches: measure.Switches}
	for i, l := range over {
		in, out := truth.Crossings(l, len(seen.Frames))
		b.Lines = append(b.Lines, countBenchLine{Line: names[i], TruthIn: in, In: counters[i].In, TruthOut: out, Out: counters[i].Out})
	}
	return b
}

func printBench(term terminal, b countBench, asJSON bool) error {
	if asJSON {
		return printJSON(term.out, b)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%s: %d frames, %.1f frames/s; boxes %d of %d, %d false, %d identity switches\n", b.Detector, b.Frames, b.FPS, b.Found, b.Truth, b.False, b.Switches)
	for _, l := range b.Lines {
		fmt.Fprintf(&s, "  %-20s in %d of %d (%+d), out %d of %d (%+d)\n", l.Line, l.In, l.TruthIn, l.In-l.TruthIn, l.Out, l.TruthOut, l.Out-l.TruthOut)
	}
	_, err := fmt.Fprint(term.out, s.String())
	return err
}
