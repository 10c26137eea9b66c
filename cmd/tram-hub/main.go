// Command tram-hub is the reference hub: it takes the sealed records of
// devices from MQTT, stores them, acknowledges them, and says what is missing.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"tram/hub"
)

// version is set when the binary is linked.
var version = "unknown"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], terminal{os.Stdout, os.Stderr})
	stop()
	os.Exit(code)
}

// terminal is where a command writes: results to out, everything else to err.
type terminal struct {
	out io.Writer
	err io.Writer
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, term terminal) int {
	root := newRoot(term)
	root.SetArgs(args)
	if err := root.ExecuteContext(ctx); err != nil {
		return explain(term.err, err)
	}
	return exitDone
}

func newRoot(term terminal) *cobra.Command {
	root := &cobra.Command{
		Use:   "tram-hub",
		Short: "Reference hub for Tram devices",
		Long: `tram-hub takes the sealed records of Tram devices from MQTT, stores them, acknowledges
them, and says what is missing. Without --mqtt it brings its own broker.

Exit codes: 0 done, 1 failed, 2 wrong usage, 4 a hub, a file or a server is not there.`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetOut(term.out)
	root.SetErr(term.err)
	root.PersistentFlags().String("data", defaultData(), "folder of keys, devices and the store")
	root.PersistentFlags().String("postgres", os.Getenv(postgresEnv), "address of a PostgreSQL database as the store, which several hubs may share; better in "+postgresEnv+" when it holds a password")
	device := &cobra.Command{Use: "device", Short: "Devices whose records the hub takes", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return usage("name one of its commands; see --help") }}
	device.AddCommand(newDeviceAddCmd(term), newDeviceRevokeCmd(term))
	root.AddCommand(newRunCmd(term), newReportCmd(term), newRecordsCmd(term), newCountsCmd(term), newKeyCmd(term), newCommandCmd(term), newAllowListCmd(term), newCodeCmd(term), newCACmd(term), device)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err.Error()) })
	checkAll(root)
	return root
}

func checkAll(c *cobra.Command) {
	checkArgs(c)
	for _, sub := range c.Commands() {
		checkAll(sub)
	}
}

// checkArgs makes a wrong number of arguments, or an unknown command, a usage error.
func checkArgs(c *cobra.Command) {
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usage(err.Error())
		}
		return nil
	}
}

// defaultData is where a hub keeps its things when --data does not say.
func defaultData() string {
	if os.Geteuid() == 0 {
		return "/var/lib/tram-hub"
	}
	if dir := os.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "tram-hub")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "tram-hub-data"
	}
	return filepath.Join(home, ".local", "state", "tram-hub")
}

// dataFlag returns the data folder.
func dataFlag(cmd *cobra.Command) string {
	data, err := cmd.Flags().GetString("data")
	if err != nil {
		panic(err) // the flag is the root's
	}
	return data
}

// postgresEnv names the variable that --postgres is taken from.
const postgresEnv = "TRAM_HUB_POSTGRES"

func postgresFlag(cmd *cobra.Command) string {
	dsn, err := cmd.Flags().GetString("postgres")
	if err != nil {
		panic(err) // the flag is the root's
	}
	return dsn
}

// placeFlags returns where the hub keeps its things.
func placeFlags(cmd *cobra.Command) hub.Place {
	return hub.Place{Data: dataFlag(cmd), Postgres: postgresFlag(cmd)}
}
