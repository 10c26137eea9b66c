package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"tram/vision"
)

// faceResult is the JSON of "face verify".
type faceResult struct {
	Score     float64        `json:"score"`
	Threshold float64        `json:"threshold"`
	Match     bool           `json:"match"`
	Unsure    bool           `json:"unsure"`
	Model     vision.ModelID `json:"model"`
}

func newFaceCmd(term terminal) *cobra.Command {
	return group("face", "Compare faces", newFaceVerifyCmd(term), newFaceBenchCmd(term))
}

func newFaceVerifyCmd(term terminal) *cobra.Command {
	var model string
	c := &cobra.Command{
		Use:   "verify A B",
		Short: "Tell whether two pictures show the same person",
		Args:  cobra.ExactArgs(2),
	}
	faceModelFlag(c, &model)
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		var pictures [2][]byte
		for i, file := range args {
			var err error
			if pictures[i], err = readPicture(file); err != nil {
				return err
			}
		}
		return withFaceModel(cmd, term, model, func(w *vision.Worker) error {
			a, err := w.VerifyFaces(cmd.Context(), pictures[0], pictures[1])
			if err != nil {
				return fmt.Errorf("cannot compare the faces: %w", err)
			}
			r := faceResult{Score: a.Score, Threshold: a.Threshold, Match: a.Match, Unsure: a.Unsure, Model: a.Model}
			if *asJSON {
				err = printJSON(term.out, r)
			} else {
				verdict := "not the same person"
				switch {
				case r.Unsure:
					verdict = "unsure: a person has to look"
				case r.Match:
					verdict = "the same person"
				}
				_, err = fmt.Fprintf(term.out, "%s\nscore %.3f, threshold %.3f, %s\n", verdict, r.Score, r.Threshold, r.Model.Name)
			}
			if err == nil && !r.Match {
				return quiet(exitNotVerified)
			}
			return err
		})
	}
	return c
}

// faceModelFlag lets the caller choose the network that faces are compared with.
func faceModelFlag(c *cobra.Command, model *string) {
	c.Flags().StringVar(model, "model", "", "the network to compare with, as \"tram models ls\" names it (default mobilefacenet-foamliu)")
}
