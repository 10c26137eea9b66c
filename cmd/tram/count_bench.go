package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tram/vision"
	"tram/vision/people"
	"tram/vision/people/trial"
)

// countBench is what "count bench" measured with one detector in one variant.
type countBench struct {
	Detector string       `json:"detector"`
	Variant  string       `json:"variant,omitempty"`
	Frames   int          `json:"frames"`
	FPS      float64      `json:"fps"`
	DetectMS float64      `json:"detectMs,omitempty"`
	NetMS    float64      `json:"netMs,omitempty"`
	Lines    []trial.Line `json:"lines"`
	Total    trial.Total  `json:"total"`
	Truth    int          `json:"truthBoxes"`
	Found    int          `json:"foundBoxes"`
	False    int          `json:"falseBoxes"`
	Switches int          `json:"idSwitches"`
}

// benchWants is what the command line of "count bench" asks for.
type benchWants struct {
	lines, detectors, variants []string
	grid, all                  bool
	boxes                      string
}

func newCountBenchCmd(term terminal) *cobra.Command {
	var want benchWants
	c := &cobra.Command{
		Use:   "bench MOTDIR (--line x1,y1,x2,y2 [--line …] | --grid)",
		Short: "Measure the count over a sequence with a ground truth (gt.txt)",
		Long: `Measures the count over a folder as MOTChallenge lays it out: frames in img1 (or one video), the ground truth in gt.txt or
gt/gt.txt. The true crossings of each line follow from the truth. Prints them beside what was counted, how fast, and how well the
tracks follow the identities. One JSON object for each detector and variant.

--grid counts at 84 lines all over the picture, at six angles. "errors" are those of each line and direction: a surplus at one line
does not make up for a miss at another. Lines that people walk along, with feet that tremble over them, are left out of the sums.

--variant counts in a changed copy of the sequence instead: steps joined by "+" of mirror, backwards, every=2, from=100, frames=100,
scale=0.5, gain=1.4, noise=8, crop=left/top/width/height (parts of the picture). --variants counts in a list of such copies: what was
tuned to one sequence shows there. With either, --line is in pixels of the changed picture.`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().StringArrayVar(&want.lines, "line", nil, "x1,y1,x2,y2 in pixels; may be given several times")
	c.Flags().BoolVar(&want.grid, "grid", false, "lines all over the picture")
	c.Flags().StringArrayVar(&want.detectors, "detector", []string{"default"}, "what finds the people; may be given several times")
	c.Flags().StringArrayVar(&want.variants, "variant", nil, "count in a changed copy; may be given several times")
	c.Flags().BoolVar(&want.all, "variants", false, "count in the sequence and in a list of changed copies")
	c.Flags().StringVar(&want.boxes, "boxes", "", "folder that keeps what the detectors found; what is there is not detected again")
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		over, variants, err := want.check()
		if err != nil {
			return usageError(err)
		}
		truth, source, err := motFolder(args[0])
		if err != nil {
			return err
		}
		return withWorker(cmd, term, func(w *vision.Worker) error {
			for _, d := range want.detectors {
				sums := benchSums{}
				for i, v := range variants {
					seen, err := detections(cmd, w, source, d, v, want.boxes)
					if err != nil {
						return fmt.Errorf("detect with %s: %w", d, err)
					}
					b := benchCount(seen, truth, over, want.grid)
					b.Detector, b.Variant = d, want.variants[i]
					if err := printBench(term, b, *asJSON); err != nil {
						return err
					}
					sums.add(b)
				}
				if len(variants) > 1 && !*asJSON {
					sums.print(term, d)
				}
			}
			return nil
		})
	}
	return c
}

// check reads the lines and the variants; want.variants has a name for each of these.
func (want *benchWants) check() ([]people.Line, []trial.Variant, error) {
	var over []people.Line
	for _, s := range want.lines {
		l, err := people.ParseLine(s)
		if err != nil {
			return nil, nil, fmt.Errorf("--line: %w", err)
		}
		over = append(over, l)
	}
	if len(over) == 0 && !want.grid {
		return nil, nil, errors.New("--line or --grid: one is needed")
	}
	if want.all {
		want.variants = append(trial.Variants(), want.variants...)
	}
	if len(want.variants) == 0 {
		want.variants = []string{""}
	}
	var variants []trial.Variant
	for _, s := range want.variants {
		v, err := trial.ParseVariant(s)
		if err != nil {
			return nil, nil, fmt.Errorf("--variant: %w", err)
		}
		variants = append(variants, v)
	}
	return over, variants, nil
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
	Variant  trial.Variant  `json:"variant"`
	Read     int            `json:"read"` // frames of the source
	Size     [2]int         `json:"size"` // of the source's pictures
	FPS      float64        `json:"fps"`
	DetectMS float64        `json:"detectMs"`
	NetMS    float64        `json:"netMs"`
	Frames   [][][5]float64 `json:"frames"` // left, top, width, height, score
}

// detections lets the worker detect, or reads what an earlier run kept.
func detections(cmd *cobra.Command, w *vision.Worker, source, detector string, v trial.Variant, keep string) (seenFrames, error) {
	seen := seenFrames{Variant: v}
	name, err := json.Marshal(v)
	if err != nil {
		return seen, err
	}
	kept := filepath.Join(keep, fmt.Sprintf("%s-%x.json", detector, sha256.Sum256(name)))
	if keep != "" {
		if b, err := os.ReadFile(kept); err == nil {
			return seen, json.Unmarshal(b, &seen)
		}
	}
	q := vision.CountQuestion{Source: source, Line: [4]float64{0, 0, 1, 1}, Detector: detector, Boxes: true, Variant: &v}
	a, err := w.Count(cmd.Context(), q, func(p vision.CountProgress) {
		if p.Found != nil {
			seen.Frames = append(seen.Frames, *p.Found)
		}
	})
	if err != nil {
		return seen, err
	}
	seen.FPS, seen.DetectMS, seen.NetMS, seen.Read, seen.Size = a.FPS, a.DetectMS, a.NetMS, a.Read, a.Size
	if keep == "" {
		return seen, nil
	}
	b, err := json.Marshal(seen)
	if err != nil {
		return seen, err
	}
	return seen, os.WriteFile(kept, b, 0o600)
}

// benchCount follows and counts what was detected, and compares it with the truth.
func benchCount(seen seenFrames, truth people.Truth, over []people.Line, grid bool) countBench {
	var found [][]people.Detection
	for _, boxes := range seen.Frames {
		var frame []people.Detection
		for _, b := range boxes {
			frame = append(frame, people.Detection{Box: people.Box{X: b[0], Y: b[1], W: b[2], H: b[3]}, Score: b[4]})
		}
		found = append(found, frame)
	}
	width, height := seen.Variant.Size(seen.Size[0], seen.Size[1])
	if grid {
		over = append(over[:len(over):len(over)], trial.Grid(width, height)...)
	}
	truth = seen.Variant.Truth(truth, seen.Read, seen.Size[0], seen.Size[1])
	s := trial.Judge(found, truth, over, people.TrackerOptions{Width: float64(width), Height: float64(height)})
	return countBench{
		Frames: s.Frames, FPS: seen.FPS, DetectMS: seen.DetectMS, NetMS: seen.NetMS, Lines: s.Lines, Total: trial.Sum(s.Lines),
		Truth: s.Truth, Found: s.Found, False: s.False, Switches: s.Switches,
	}
}

// fewLines are printed one by one; of more only the sums are.
const fewLines = 24

func printBench(term terminal, b countBench, asJSON bool) error {
	if asJSON {
		return printJSON(term.out, b)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%s: %d frames, %.1f frames/s; boxes %d of %d, %d false, %d identity switches\n", strings.TrimSpace(b.Detector+" "+b.Variant), b.Frames, b.FPS, b.Found, b.Truth, b.False, b.Switches)
	if b.NetMS > 0 {
		fmt.Fprintf(&s, "  detection %.1f ms a frame, of that inside the network %.1f (%.2f times)\n", b.DetectMS, b.NetMS, b.DetectMS/b.NetMS)
	}
	if len(b.Lines) <= fewLines {
		for _, l := range b.Lines {
			fmt.Fprintf(&s, "  %-20s in %d of %d (%+d), out %d of %d (%+d)\n", l.Name, l.In, l.TruthIn, l.In-l.TruthIn, l.Out, l.TruthOut, l.Out-l.TruthOut)
		}
	}
	if len(b.Lines) > 1 {
		printTotal(&s, fmt.Sprintf("%d lines", b.Total.Lines), b.Total)
	}
	_, err := fmt.Fprint(term.out, s.String())
	return err
}

func printTotal(s *strings.Builder, what string, t trial.Total) {
	share := func(got, want int) float64 { return 100 * float64(got-want) / float64(max(1, want)) }
	fmt.Fprintf(s, "  %-20s in %d of %d (%+.1f %%), out %d of %d (%+.1f %%); errors of each %d (%.1f %%)\n",
		what, t.In, t.TruthIn, share(t.In, t.TruthIn), t.Out, t.TruthOut, share(t.Out, t.TruthOut), t.Errors, 100*t.ErrorShare())
}

// benchSums are the variants of one detector together.
type benchSums struct {
	total trial.Total
	worst countBench
}

func (m *benchSums) add(b countBench) {
	m.total = m.total.Plus(b.Total)
	if b.Total.ErrorShare() >= m.worst.Total.ErrorShare() {
		m.worst = b
	}
}

func (m *benchSums) print(term terminal, detector string) {
	var s strings.Builder
	fmt.Fprintf(&s, "%s, all variants together\n", detector)
	printTotal(&s, fmt.Sprintf("%d lines", m.total.Lines), m.total)
	fmt.Fprintf(&s, "  the worst: %q, %.1f %%\n", m.worst.Variant, 100*m.worst.Total.ErrorShare())
	_, _ = fmt.Fprint(term.out, s.String())
}
