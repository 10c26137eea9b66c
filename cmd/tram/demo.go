package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tram/agent/demo"
	"tram/agent/profile"
	"tram/configs"
)

func newDemoCmd(term terminal) *cobra.Command {
	var (
		once   bool
		listen string
		level  string
		name   string
	)
	c := &cobra.Command{
		Use:   "demo",
		Short: "Play the whole main job without hardware",
		Long: `Sets up a counter without hardware (a hub, a virtual reader under a real pcscd, a virtual card, scanner and camera) and
serves its screen. With --once it plays one of each, prints the steps with their times and exits 0 only if every
accepted record was delivered.`,
		Args: cobra.NoArgs,
	}
	c.Flags().BoolVar(&once, "once", false, "play one of each and exit")
	c.Flags().StringVar(&listen, "listen", configs.Default().Kiosk.Listen, "address of the screen, on loopback")
	c.Flags().StringVar(&level, "log", "error", "what the daemon logs to standard error: debug, info, warn, error")
	c.Flags().StringVar(&name, "profile", "", "kind of counter: the name of a profile or a file (default clinic)")
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := checkDemoFlags(listen, level); err != nil {
			return usageError(err)
		}
		counter, err := profile.Load(cmp.Or(name, demo.DefaultProfile))
		if err != nil {
			return usageError(fmt.Errorf("--profile: %w", err))
		}
		opt := demo.Options{Profile: name, Models: configs.ModelsDir(stateDir(cmd)), Version: version, Log: newLog(term.err, level)}
		if !once {
			opt.Listen = listen
			return stay(cmd, term, opt)
		}
		told := func(s demo.Step) {
			mark := map[string]string{"done": "ok", "not done": "--", "failed": "FAILED"}[s.Status]
			fmt.Fprintf(term.out, "%-6s  %-24s  %8.1f ms  %s\n", mark, s.Name, s.MS, s.Detail)
		}
		if *asJSON {
			told = nil
		} else {
			fmt.Fprintf(term.out, "%s: %s\n\n%-6s  %-24s  %11s  %s\n", counter.Name, counter.Title["en"], "", "step", "time", "what happened")
		}
		result, err := demo.Play(cmd.Context(), opt, told)
		if err != nil {
			return err
		}
		if *asJSON {
			if err := printJSON(term.out, result); err != nil {
				return err
			}
		} else {
			fmt.Fprintf(term.out, "\n%d records accepted, %d delivered\n", result.Accepted, result.Delivered)
			if result.Good() {
				fmt.Fprintln(term.out, "nothing was lost; \"--\" marks what was not done here")
			}
		}
		if !result.Good() {
			return failed(exitFailed, "the step marked FAILED says why; --log info tells more", "the demo did not do all it should")
		}
		return nil
	}
	return c
}

// stay serves the screen until it is interrupted.
func stay(cmd *cobra.Command, term terminal, opt demo.Options) error {
	began := time.Now()
	desk, err := demo.Open(cmd.Context(), opt)
	if err != nil {
		return err
	}
	fmt.Fprintf(term.err, "ready in %.1f s: the screen is at http://%s\n", time.Since(began).Seconds(), desk.Addr())
	fmt.Fprintln(term.err, "scan the code and lay the card with the buttons on the page; Ctrl-C ends the demo")
	err = desk.Run(cmd.Context())
	if cerr := desk.Close(); err == nil {
		err = cerr
	}
	return err
}

// checkDemoFlags says what is wrong with --listen or --log before anything starts.
func checkDemoFlags(listen, level string) error {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--listen %q is not an address and port; write 127.0.0.1:8600", listen)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("--listen %q: %q is not a port; write 127.0.0.1:8600", listen, port)
	}
	if ip, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !ip.Unmap().IsLoopback()) {
		return fmt.Errorf("--listen %q is not on the loopback interface: the screen is for this machine only; write 127.0.0.1:%s", listen, port)
	}
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return fmt.Errorf("--log %q is none of debug, info, warn, error", level)
	}
	return nil
}
