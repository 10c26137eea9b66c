package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"tram/vision"
	"tram/vision/face"
)

// benchResult is the JSON of "face bench".
type benchResult struct {
	Pairs       int            `json:"pairs"`
	Accuracy    float64        `json:"accuracy"` // by folds where the list has them, else at the threshold that is best for these pairs
	TARAtFAR001 float64        `json:"tarAtFar001"`
	Threshold   float64        `json:"threshold"` // the best for these pairs
	Undetected  int            `json:"undetected"`
	MSPerImage  float64        `json:"msPerImage"` // decode, detect, align, embed
	ForwardMS   float64        `json:"forwardMsPerImage"`
	Folds       int            `json:"folds"`
	Deviation   float64        `json:"deviation,omitempty"` // between the folds
	FAR001At    float64        `json:"thresholdAtFar001"`
	Highest     float64        `json:"highestImpostor"`
	InUse       float64        `json:"thresholdInUse"` // what "face verify" and a visit decide by; 0: none is known for this model
	Model       vision.ModelID `json:"model"`
}

func newFaceBenchCmd(term terminal) *cobra.Command {
	c := &cobra.Command{
		Use:   "bench PAIRS",
		Short: "Measure the face comparison over a list of pairs in the form of LFW",
		Long: `Measure the face comparison over a list of pairs in the form of LFW (pairs.txt or
pairsDevTest.txt). Where the list has folds, the accuracy of each is taken at the threshold that is
best for the others; where it has none, at the one that is best for these very pairs, which flatters a
little. A pair with a picture in which no face is found counts as wrong.`,
		Args: cobra.ExactArgs(1),
	}
	images := c.Flags().String("images", "", "folder of the pictures: NAME/NAME_0001.jpg")
	curve := c.Flags().String("curve", "", "write the error curve to this file: threshold, tar, far")
	_ = c.MarkFlagRequired("images")
	var model string
	faceModelFlag(c, &model)
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := os.Open(args[0])
		if err != nil {
			return fmt.Errorf("open the list of pairs: %w", err)
		}
		defer f.Close()
		list, folds, err := face.ReadPairs(f)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		return withFaceModel(cmd, term, model, func(w *vision.Worker) error {
			r, points, err := benchFaces(cmd, term, w, *images, list)
			if err != nil {
				return err
			}
			r.Folds = folds
			if *curve != "" {
				if err := writeCurve(*curve, points); err != nil {
					return err
				}
			}
			if *asJSON {
				return printJSON(term.out, r)
			}
			how := "best threshold of these very pairs"
			if folds > 0 {
				how = fmt.Sprintf("%d folds, ± %.2f %%", folds, 100*r.Deviation)
			}
			_, err = fmt.Fprintf(term.out, "pairs            %d, %d with a face not found\naccuracy         %.2f %% (%s)\ntrue accepts     %.2f %% at 0.1 %% false\nthreshold        %.3f best, %.3f at 0.1 %% false, %.3f in use\nper image        %.1f ms, of it networks %.1f ms\nmodel            %s %s\n",
				r.Pairs, r.Undetected, 100*r.Accuracy, how, 100*r.TARAtFAR001, r.Threshold, r.FAR001At, r.InUse, r.MSPerImage, r.ForwardMS, r.Model.Name, r.Model.SHA256)
			return err
		})
	}
	return c
}

// benchFaces compares every pair.
func benchFaces(cmd *cobra.Command, term terminal, w *vision.Worker, dir string, list []face.Listed) (benchResult, []face.CurvePoint, error) {
	var r benchResult
	var total, forward float64
	compared := 0
	pairs := make([]face.Pair, 0, len(list))
	for i, l := range list {
		a, err := readLFW(dir, l.A)
		if err != nil {
			return r, nil, err
		}
		b, err := readLFW(dir, l.B)
		if err != nil {
			return r, nil, err
		}
		p := face.Pair{Same: l.Same, Fold: l.Fold}
		answer, err := w.VerifyFaces(cmd.Context(), a, b)
		switch {
		case errors.Is(err, vision.ErrNoFace), errors.Is(err, vision.ErrNotPicture):
			p.Undetected = true
		case err != nil:
			return r, nil, fmt.Errorf("cannot compare the faces of pair %d: %w", i+1, err)
		default:
			p.Score = answer.Score
			r.Model, r.InUse = answer.Model, answer.Threshold
			total, forward = total+answer.MS.Total, forward+answer.MS.Forward
			compared++
		}
		pairs = append(pairs, p)
		if (i+1)%500 == 0 {
			fmt.Fprintf(term.err, "%d of %d pairs\n", i+1, len(list))
		}
	}
	c := face.Measure(pairs)
	r.Pairs, r.Undetected, r.Threshold = c.Pairs, c.Undetected, c.Threshold
	r.Accuracy, r.Deviation = c.Accuracy, c.Deviation
	if c.Folded > 0 {
		r.Accuracy = c.Folded
	}
	r.TARAtFAR001, r.FAR001At, r.Highest = c.TARAtFAR001, c.FAR001, c.Highest
	if compared > 0 {
		r.MSPerImage, r.ForwardMS = total/float64(2*compared), forward/float64(2*compared)
	}
	return r, c.Points, nil
}

// readLFW reads a picture as LFW lays them out, or beside each other in one folder.
func readLFW(dir string, p face.Picture) ([]byte, error) {
	name := fmt.Sprintf("%s_%04d", p.Name, p.Number)
	for _, ext := range []string{".jpg", ".png", ".jpeg"} {
		for _, path := range []string{filepath.Join(dir, p.Name, name+ext), filepath.Join(dir, name+ext)} {
			if _, err := os.Stat(path); err == nil {
				return readPicture(path)
			}
		}
	}
	return nil, failed(exitNotThere, "give the folder that holds NAME/NAME_0001.jpg with --images", "%s is not there", filepath.Join(dir, p.Name, name+".jpg"))
}

func writeCurve(file string, points []face.CurvePoint) error {
	f, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write the curve: %w", err)
	}
	w := csv.NewWriter(f)
	_ = w.Write([]string{"threshold", "tar", "far"})
	for _, p := range points {
		_ = w.Write([]string{strconv.FormatFloat(p.Threshold, 'f', 4, 64), strconv.FormatFloat(p.TAR, 'f', 6, 64), strconv.FormatFloat(p.FAR, 'f', 6, 64)})
	}
	w.Flush()
	if err := errors.Join(w.Error(), f.Close()); err != nil {
		return fmt.Errorf("write the curve: %w", err)
	}
	return nil
}
