package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tram/vision"
)

// countResult is the JSON of "count".
type countResult struct {
	Frames   int                `json:"frames"`
	In       int                `json:"in"`  // of all lines together
	Out      int                `json:"out"` // likewise
	FPS      float64            `json:"fps"`
	MS       float64            `json:"ms"`
	Lines    []vision.LineCount `json:"lines"`
	Zones    []vision.ZoneCount `json:"zones"`
	Detector string             `json:"detector"`
	Looked   int                `json:"looked"` // frames that the detector looked at
	Gaps     int                `json:"gaps"`   // times that a live source gave nothing for a second or more
	Health   vision.CountHealth `json:"health"`
}

func newCountCmd(term terminal) *cobra.Command {
	var lines, zones []string
	var q vision.CountQuestion
	c := &cobra.Command{
		Use:   "count --line [NAME=]x1,y1,x2,y2 SOURCE",
		Short: "Count people over lines and in zones of a camera, stream, video or folder of frames",
		Long: `Counts people whose feet cross the line from (x1,y1) to (x2,y2), in pixels. With
side(p) = (x2-x1)(py-y1) - (y2-y1)(px-x1), who moves to side > 0 goes in, who moves to side < 0 goes out. --line may be given
several times; each line counts for itself, "in" and "out" are their sums. --zone counts who is inside a part of the picture.
A camera or stream is counted until it is interrupted (Ctrl-C, SIGTERM): then the result is printed, too, and the exit code is 0.
"health" says how far the numbers may be believed, and why not farther.`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().StringArrayVar(&lines, "line", nil, "[NAME=]x1,y1,x2,y2 in pixels; may be given several times")
	c.Flags().StringArrayVar(&zones, "zone", nil, "[NAME=]x,y,x,y,x,y,… in pixels, three corners or more; may be given several times")
	c.Flags().IntVar(&q.Every, "every", 1, "let the detector look at each so many-th frame only")
	c.Flags().StringVar(&q.Detector, "detector", "default", "what finds the people; \"default\" needs no model file")
	c.Flags().StringVar(&q.Video, "video", "", "also write a video that shows what was seen")
	ask := modeFlags(c)
	c.AddCommand(newCountBenchCmd(term))
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		q := q
		q.Source = args[0]
		var err error
		if q.Ask, err = ask(); err != nil {
			return usageError(err)
		}
		if err := places(&q, lines, zones); err != nil {
			return usageError(err)
		}
		return withWorker(cmd, term, func(w *vision.Worker) error {
			began := time.Now()
			last := began
			a, err := w.Count(cmd.Context(), q, func(p vision.CountProgress) {
				if time.Since(last) > time.Second {
					last = time.Now()
					fmt.Fprintf(term.err, "%d frames, %d in, %d out\n", p.Frames, p.In, p.Out)
				}
			})
			interrupted := cmd.Context().Err() != nil && a.Frames > 0
			if err != nil && !interrupted {
				return fmt.Errorf("cannot count: %w", err)
			}
			r := countOf(a, time.Since(began))
			if *asJSON {
				return printJSON(term.out, r)
			}
			return r.print(term)
		})
	}
	return c
}

// places puts the lines and zones of the command line into a question.
func places(q *vision.CountQuestion, lines, zones []string) (err error) {
	if q.Lines, err = vision.ParseLines(lines); err != nil {
		return fmt.Errorf("--line: %w", err)
	}
	if q.Zones, err = vision.ParseZones(zones); err != nil {
		return fmt.Errorf("--zone: %w", err)
	}
	if len(lines)+len(zones) == 0 {
		return errors.New("--line or --zone: at least one is needed")
	}
	if q.Every < 1 || q.Every > vision.MaxEvery {
		return fmt.Errorf("--every %d: want 1 to %d", q.Every, vision.MaxEvery)
	}
	return nil
}

// countOf is the result of an answer. One that was interrupted does not say how
// long it took; took, the time since the question, stands in.
func countOf(a vision.CountAnswer, took time.Duration) countResult {
	r := countResult{
		Frames: a.Frames, In: a.In, Out: a.Out, FPS: a.FPS, MS: a.MS, Lines: a.Lines, Zones: a.Zones,
		Detector: a.Detector, Looked: a.Looked, Gaps: a.Gaps, Health: a.Health,
	}
	if r.MS == 0 {
		r.MS = millis(took)
	}
	if r.FPS == 0 && r.MS > 0 {
		r.FPS = float64(r.Frames) / r.MS * 1000
	}
	if r.Lines == nil {
		r.Lines = []vision.LineCount{}
	}
	if r.Zones == nil {
		r.Zones = []vision.ZoneCount{}
	}
	if r.Health.Notes == nil {
		r.Health.Notes = []string{}
	}
	return r
}

func (r countResult) print(term terminal) error {
	var s strings.Builder
	if len(r.Lines) > 0 {
		fmt.Fprintf(&s, "in %d, out %d\n", r.In, r.Out)
	}
	if len(r.Lines) > 1 || len(r.Lines) == 1 && r.Lines[0].Name != "1" {
		for _, l := range r.Lines {
			fmt.Fprintf(&s, "  line %s: in %d, out %d\n", l.Name, l.In, l.Out)
		}
	}
	for _, z := range r.Zones {
		fmt.Fprintf(&s, "zone %s: %d inside now, %d at once at most, %d entered, %d left\n", z.Name, z.Inside, z.Most, z.Entered, z.Left)
	}
	fmt.Fprintf(&s, "%d frames in %.1f s, %.1f frames/s", r.Frames, r.MS/1000, r.FPS)
	if r.Looked > 0 && r.Looked < r.Frames {
		fmt.Fprintf(&s, ", %d of them looked at", r.Looked)
	}
	s.WriteString("\n")
	if r.Health.Confidence != "" {
		fmt.Fprintf(&s, "how sure: %s", r.Health.Confidence)
		if len(r.Health.Notes) > 0 {
			fmt.Fprintf(&s, " (%s)", strings.Join(r.Health.Notes, ", "))
		}
		s.WriteString("\n")
	}
	_, err := fmt.Fprint(term.out, s.String())
	return err
}
