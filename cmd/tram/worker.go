package main

import (
	"github.com/spf13/cobra"

	"tram/configs"
	"tram/vision"
)

// withWorker keeps a camera worker for as long as ask takes.
func withWorker(cmd *cobra.Command, term terminal, ask func(*vision.Worker) error) error {
	return withFaceModel(cmd, term, "", ask)
}

// withFaceModel does the same with a network of the caller's choice for faces; "" is the usual one.
func withFaceModel(cmd *cobra.Command, term terminal, model string, ask func(*vision.Worker) error) error {
	w := vision.NewWorker(vision.Options{Models: configs.ModelsDir(stateDir(cmd)), Log: newLog(term.err, "warn"), Face: vision.FaceModel{Name: model}})
	defer w.Close()
	return ask(w)
}
