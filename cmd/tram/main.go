// Command tram is the edge agent of a counter or gate: the daemon, and the
// command line of the technician who looks after it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"tram/drivers/sim/vreader"
)

// version is set when the binary is linked.
var version = "unknown"

func main() {
	vreader.Child() // never returns in the process that keeps a virtual reader's namespace
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], terminal{os.Stdin, os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// terminal is where a command reads and writes. Only results go to out; progress
// and hints go to err.
type terminal struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, term terminal) int {
	root := newRoot(term)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	f := explain(err)
	if f.sentence != "" {
		fmt.Fprintf(term.err, "tram: %s\n", f.sentence)
	}
	if f.hint != "" {
		fmt.Fprintf(term.err, "hint: %s\n", f.hint)
	}
	return f.code
}

func newRoot(term terminal) *cobra.Command {
	root := &cobra.Command{
		Use:   "tram",
		Short: "Edge agent for ID counters and gates",
		Long: `Tram reads and verifies Vietnamese ID cards (CCCD) and ICAO passports, compares faces, counts people,
keeps every record through any outage and delivers each one to the hub.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not verified, 4 a device or server is not there.`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetIn(term.in)
	root.SetOut(term.out)
	root.SetErr(term.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError(err) })
	root.PersistentFlags().String("state", "", "folder for keys, queue, trust store and models (default $TRAM_STATE)")
	root.AddCommand(
		newRunCmd(term), newDemoCmd(term), newCheckCmd(term), newDevicesCmd(term), newDoctorCmd(term), newStatusCmd(term), newBundleCmd(term),
		newCardCmd(term), newTrustCmd(term), newQRCmd(term), newFaceCmd(term), newCountCmd(term), newOutboxCmd(term), newPINCmd(term), newTokenCmd(term), newModelsCmd(term), newEnrollCmd(term), newRegisterCmd(term), newTripCmd(term),
	)
	for _, c := range allCommands(root) {
		wrapArgs(c)
	}
	return root
}

func allCommands(c *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		list = append(list, allCommands(sub)...)
	}
	return list
}

// wrapArgs makes a wrong number of arguments, or an unknown command, a usage error.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError(err)
			}
			return nil
		}
	}
}

// group is a command that only holds others.
func group(use, short string, subs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		return usageError(errors.New("name one of its commands; see --help"))
	}}
	c.AddCommand(subs...)
	return c
}
