package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"tram/agent"
	"tram/agent/doctor"
	"tram/agent/health"
	"tram/configs"
	"tram/sync/outbox"
	"tram/vision"
)

func newDoctorCmd(term terminal) *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look at the whole desk and say what to mend",
		Long: `Looks at the settings, the folders, every device that the configuration names, the camera worker, the networks, the
authorities and the way to the hub, and says of each thing whether it is in order and what to do where it is not. It changes
nothing. When the daemon runs, its own findings are shown too. Exit code 1 means that something fails; warnings do not.`,
		Args: cobra.NoArgs,
	}
	asJSON := jsonFlag(c)
	c.Flags().StringVar(&path, "config", "", "configuration file (default "+defaultConfig+" when it is there)")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		desk := doctor.Desk{File: path, Version: version, Synced: outbox.ClockSynced}
		config, err := loadConfig(cmd, path)
		if err != nil && !errors.As(err, &desk.Wrong) {
			return err
		}
		if err != nil {
			config = configs.Default()
		}
		desk.Config = config
		var status agent.Status
		if running, err := askDaemon(cmd, "/v1/status", &status); err == nil && running {
			desk.Daemon = append([]health.Check{}, status.Health...)
		}
		var checks []health.Check
		err = withWorker(cmd, term, func(w *vision.Worker) error {
			desk.Ping = func(ctx context.Context) (vision.Pong, error) { return w.Ping(ctx) }
			checks = desk.Examine(cmd.Context())
			return nil
		})
		if err != nil {
			return err
		}
		return showChecks(term, checks, *asJSON)
	}
	return c
}

func showChecks(term terminal, checks []health.Check, asJSON bool) error {
	fails := 0
	rows := [][]string{}
	for _, c := range checks {
		if c.Status == health.Fail {
			fails++
		}
		rows = append(rows, []string{c.Status, c.ID, c.Text, c.Remedy})
	}
	err := error(nil)
	if asJSON {
		err = printJSON(term.out, map[string]any{"checks": checks})
	} else {
		err = table(term.out, rows)
	}
	if err == nil && fails > 0 {
		return quiet(exitFailed)
	}
	return err
}
