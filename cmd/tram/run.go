package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"tram/agent"
	"tram/agent/bundle"
	"tram/agent/profile"
	"tram/configs"
	"tram/sync/outbox"
)

// defaultConfig is read when --config is not given; it may be missing.
const defaultConfig = "/etc/tram/tram.yaml"

// stopWithin is how long a daemon that was told to stop may take; then its
// process ends whatever still hangs. Everything accepted is on disk already.
const stopWithin = 5 * time.Second

func newRunCmd(term terminal) *cobra.Command {
	var path string
	c := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon",
		Long: `Runs the daemon on the devices that the configuration names. A device that is not there is waited for and
shown, never fatal. SIGHUP reads the configuration file again: one that does not pass leaves the running one in
place. SIGTERM ends it cleanly.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := loadConfig(cmd, path)
			if err != nil {
				return err
			}
			if err := knownProfile(config.Profile); err != nil {
				return err
			}
			level, tail := new(slog.LevelVar), bundle.NewTail(logTail)
			ctx := cmd.Context()
			reload, stop := reloads(cmd, path, term)
			defer stop()
			done := make(chan error, 1)
			go func() {
				done <- agent.Serve(ctx, agent.Options{
					Config: config, Version: version, Built: outbox.BuildTime(), Level: level, Tail: tail,
					Log: slog.New(slog.NewTextHandler(io.MultiWriter(term.err, tail), &slog.HandlerOptions{Level: level})),
				}, reload, func(a *agent.Agent) {
					if addr := a.Addr(); addr != "" {
						fmt.Fprintf(term.err, "tram: the screen is at http://%s\n", addr)
					}
				})
			}()
			select {
			case err := <-done:
				return err
			case <-ctx.Done():
			}
			select {
			case err := <-done:
				return err
			case <-time.After(stopWithin - 500*time.Millisecond):
				return failed(exitFailed, "records are safe on disk; the log names the part", "a part did not stop in time")
			}
		},
	}
	c.Flags().StringVar(&path, "config", "", "configuration file (default "+defaultConfig+" when it is there)")
	return c
}

// logTail is how much of the log's end is kept for support bundles, in bytes.
const logTail = 256 << 10

// reloads reads the configuration file again at each SIGHUP, until stop.
func reloads(cmd *cobra.Command, path string, term terminal) (configurations <-chan configs.Config, stop func()) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	out, quit, ended := make(chan configs.Config), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-quit:
				return
			case <-hup:
			}
			config, err := loadConfig(cmd, path)
			if err != nil {
				fmt.Fprintf(term.err, "tram: the running configuration stays: %v\n", err)
				continue
			}
			select {
			case <-quit:
				return
			case out <- config:
			}
		}
	}()
	return out, func() {
		signal.Stop(hup)
		close(quit)
		<-ended
	}
}

// loadConfig reads the file, or the defaults when none is named and none is at
// the usual place. --state wins over the file.
func loadConfig(cmd *cobra.Command, path string) (configs.Config, error) {
	config, err := configs.Default(), error(nil)
	if path != "" {
		config, err = configs.Load(path)
	} else if c, derr := configs.Load(defaultConfig); !errors.Is(derr, fs.ErrNotExist) {
		config, err = c, derr
	}
	if err != nil {
		return config, err
	}
	if state, _ := cmd.Flags().GetString("state"); state != "" {
		config.State = state
	}
	return config, nil
}

// stateDir is the folder that --state, the environment or the default names.
func stateDir(cmd *cobra.Command) string {
	if state, _ := cmd.Flags().GetString("state"); state != "" {
		return state
	}
	return configs.DefaultState()
}

func newLog(w io.Writer, level string) *slog.Logger {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		l = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l}))
}

// errNoProfile says that the configuration names a profile that is not there.
var errNoProfile = errors.New("the configuration's profile cannot be used")

// knownProfile tells a wrong name from what is wrong inside a file.
func knownProfile(name string) error {
	_, err := profile.Load(name)
	var inside configs.Problems
	if err == nil || errors.As(err, &inside) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w: %w", errNoProfile, err)
}
