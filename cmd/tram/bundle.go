package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tram/agent"
	"tram/agent/kiosk"
	"tram/sync/outbox"
	"tram/sync/seal"
)

// bundleResult is the JSON of "bundle".
type bundleResult struct {
	File   string `json:"file"`
	Bytes  int    `json:"bytes"`
	Daemon bool   `json:"daemon"` // whether a running daemon made it: only that one has log and metrics
}

func newBundleCmd(term terminal) *cobra.Command {
	var out, config string
	c := &cobra.Command{
		Use:   "bundle",
		Short: "Pack what a technician needs to see of this device",
		Long: `Packs version, configuration without passwords, health, devices, queue figures, metrics and the end of the log into
a tar.gz. Nothing of a person is in it. Without a running daemon it holds what the files alone tell.`,
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&out, "out", "tram-bundle.tar.gz", "file to write")
	c.Flags().StringVar(&config, "config", "", "configuration file, for when no daemon runs")
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		data, err := kiosk.Dial(agent.SocketPath(stateDir(cmd))).Get(cmd.Context(), "/v1/bundle")
		r := bundleResult{Daemon: err == nil}
		if errors.Is(err, kiosk.ErrNoServer) {
			data, err = bundleWithoutDaemon(cmd, config)
		}
		if err != nil {
			return err
		}
		if err := seal.WriteFile(out, data, 0o600); err != nil {
			return fmt.Errorf("write the support bundle: %w", err)
		}
		if r.File, err = filepath.Abs(out); err != nil {
			r.File = out
		}
		r.Bytes = len(data)
		if *asJSON {
			return printJSON(term.out, r)
		}
		if !r.Daemon {
			fmt.Fprintln(term.err, "no daemon runs: the bundle has no health, log and metrics")
		}
		_, err = fmt.Fprintf(term.out, "%s, %d bytes\n", r.File, r.Bytes)
		return err
	}
	return c
}

// bundleWithoutDaemon packs what the files tell.
func bundleWithoutDaemon(cmd *cobra.Command, path string) ([]byte, error) {
	config, err := loadConfig(cmd, path)
	if err != nil {
		return nil, err
	}
	answers := map[string]any{"daemon.json": "none runs"}
	queue := agent.OutboxPath(config.StateDir())
	if _, err := os.Stat(queue); err == nil {
		answers["outbox.json"] = statOrError(queue)
	}
	return agent.PackBundle(config, version, answers)
}

func statOrError(path string) any {
	store, err := outbox.Open(path, outbox.Options{ReadOnly: true})
	if err != nil {
		return map[string]string{"error": err.Error()}
	}
	stat, err := store.Stat()
	if err = errors.Join(err, store.Close()); err != nil {
		return map[string]string{"error": err.Error()}
	}
	return stat
}
