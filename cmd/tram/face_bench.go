package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/text/unicode/norm"

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
		list, err := face.ReadPairs(f)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if list.Announced > 0 && list.Announced != len(list.Pairs) {
			fmt.Fprintf(term.err, "the list holds %d pairs, its header announces %d: no folds are made\n", len(list.Pairs), list.Announced)
		}
		files, err := findPictures(*images, list.Pairs)
		if err != nil {
			return err
		}
		return withFaceModel(cmd, term, model, func(w *vision.Worker) error {
			r, points, err := benchFaces(cmd, term, w, files, list.Pairs)
			if err != nil {
				return err
			}
			r.Folds = list.Folds
			if *curve != "" {
				if err := writeCurve(*curve, points); err != nil {
					return err
				}
			}
			if *asJSON {
				return printJSON(term.out, r)
			}
			how := "best threshold of these very pairs"
			if list.Folds > 0 {
				how = fmt.Sprintf("%d folds, ± %.2f %%", list.Folds, 100*r.Deviation)
			}
			_, err = fmt.Fprintf(term.out, "pairs            %d, %d with a face not found (wrong)\naccuracy         %.2f %% (%s)\ntrue accepts     %.2f %% at 0.1 %% false\nthreshold        %.3f best, %.3f at 0.1 %% false, %.3f in use\nper image        %.1f ms, of it networks %.1f ms\nmodel            %s %s\n",
				r.Pairs, r.Undetected, 100*r.Accuracy, how, 100*r.TARAtFAR001, r.Threshold, r.FAR001At, r.InUse, r.MSPerImage, r.ForwardMS, r.Model.Name, r.Model.SHA256)
			return err
		})
	}
	return c
}

// benchFaces compares every pair.
func benchFaces(cmd *cobra.Command, term terminal, w *vision.Worker, files map[face.Picture]string, list []face.Listed) (benchResult, []face.CurvePoint, error) {
	var r benchResult
	var total, forward float64
	compared := 0
	pairs := make([]face.Pair, 0, len(list))
	for i, l := range list {
		var pictures [2][]byte
		for k, p := range []face.Picture{l.A, l.B} {
			var err error
			if pictures[k], err = readPicture(files[p]); err != nil {
				return r, nil, err
			}
		}
		p := face.Pair{Same: l.Same, Fold: l.Fold}
		answer, err := w.VerifyFaces(cmd.Context(), pictures[0], pictures[1])
		switch {
		case errors.Is(err, vision.ErrNoFace), errors.Is(err, vision.ErrNotPicture):
			p.Undetected = true
			fmt.Fprintf(term.err, "pair %d (%s, %s) counts as wrong: %v\n", i+1, files[l.A], files[l.B], err)
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

// findPictures looks for each picture of a list before the first is compared: what
// is missing is said at once, and not after an hour.
func findPictures(dir string, list []face.Listed) (map[face.Picture]string, error) {
	files := map[face.Picture]string{}
	var missing []string
	for _, l := range list {
		for _, p := range []face.Picture{l.A, l.B} {
			if _, known := files[p]; known {
				continue
			}
			if files[p] = findPicture(dir, p); files[p] == "" {
				missing = append(missing, fmt.Sprintf("%s_%04d.jpg", p.Name, p.Number))
			}
		}
	}
	if len(missing) == 0 {
		return files, nil
	}
	return nil, failed(exitNotThere, "give the folder that holds NAME/NAME_0001.jpg with --images", "%d of %d pictures are not in %s, among them %s",
		len(missing), len(files), dir, strings.Join(missing[:min(3, len(missing))], ", "))
}

// findPicture is where a picture lies: in a folder of the person's name as LFW has
// it, or with all others in one; "" for nowhere. A name may have underscores for its
// blanks, and be composed or decomposed (as macOS writes it).
func findPicture(dir string, p face.Picture) string {
	names := []string{p.Name}
	if under := strings.ReplaceAll(p.Name, " ", "_"); under != p.Name {
		names = append(names, under)
	}
	for _, form := range []norm.Form{norm.NFC, norm.NFD} {
		for _, n := range names {
			if other := form.String(n); !slices.Contains(names, other) {
				names = append(names, other)
			}
		}
	}
	for _, name := range names {
		file := fmt.Sprintf("%s_%04d", name, p.Number)
		for _, ext := range []string{".jpg", ".png", ".jpeg", ".JPG", ".PNG", ".JPEG"} {
			for _, path := range []string{filepath.Join(dir, name, file+ext), filepath.Join(dir, file+ext)} {
				if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
					return path
				}
			}
		}
	}
	return ""
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
