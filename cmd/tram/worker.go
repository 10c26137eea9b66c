package main

import (
	"github.com/spf13/cobra"

	"tram/configs"
	"tram/vision"
)

// withWorker keeps a camera worker for as long as ask takes.
func withWorker(cmd *cobra.Command, term terminal, ask func(*vision.Worker) error) error {
	w := vision.NewWorker(vision.Options{Models: configs.ModelsDir(stateDir(cmd)), Log: newLog(term.err, "warn")})
	defer w.Close()
	return ask(w)
}
