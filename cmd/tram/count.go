package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tram/vision"
	"tram/vision/people"
)

// countResult is the JSON of "count".
type countResult struct {
	Frames int     `json:"frames"`
	In     int     `json:"in"`
	Out    int     `json:"out"`
	FPS    float64 `json:"fps"`
	MS     float64 `json:"ms"`
}

func newCountCmd(term terminal) *cobra.Command {
	var line, detector, video string
	c := &cobra.Command{
		Use:   "count --line x1,y1,x2,y2 SOURCE",
		Short: "Count people over a line in a camera, stream, video or folder of frames",
		Long: `Counts people whose feet cross the line from (x1,y1) to (x2,y2), in pixels. With
side(p) = (x2-x1)(py-y1) - (y2-y1)(px-x1), who moves to side > 0 goes in, who moves to side < 0 goes out. A camera or
stream is counted until it is interrupted (Ctrl-C, SIGTERM): then the result is printed, too, and the exit code is 0.`,
		Args: cobra.ExactArgs(1),
	}
	c.Flags().StringVar(&line, "line", "", "x1,y1,x2,y2 in pixels")
	c.Flags().StringVar(&detector, "detector", "default", "what finds the people; \"default\" needs no model file")
	c.Flags().StringVar(&video, "video", "", "also write a video that shows what was seen")
	c.AddCommand(newCountBenchCmd(term))
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		over, err := people.ParseLine(line)
		if err != nil {
			return usageError(fmt.Errorf("--line: %w", err))
		}
		return withWorker(cmd, term, func(w *vision.Worker) error {
			q := vision.CountQuestion{Source: args[0], Line: [4]float64{over.X1, over.Y1, over.X2, over.Y2}, Detector: detector, Video: video}
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
			_, err = fmt.Fprintf(term.out, "in %d, out %d\n%d frames in %.1f s, %.1f frames/s\n", r.In, r.Out, r.Frames, r.MS/1000, r.FPS)
			return err
		})
	}
	return c
}

// countOf is the result of an answer. One that was interrupted does not say how
// long it took; took, the time since the question, stands in.
func countOf(a vision.CountAnswer, took time.Duration) countResult {
	r := countResult{Frames: a.Frames, In: a.In, Out: a.Out, FPS: a.FPS, MS: a.MS}
	if r.MS == 0 {
		r.MS = millis(took)
	}
	if r.FPS == 0 && r.MS > 0 {
		r.FPS = float64(r.Frames) / r.MS * 1000
	}
	return r
}
