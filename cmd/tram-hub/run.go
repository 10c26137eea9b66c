package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tram/hub"
)

func newRunCmd(term terminal) *cobra.Command {
	var listen, broker string
	var plain bool
	var user string
	var verifiers []string
	var enrol enrolment
	var limit time.Duration
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Take, store and acknowledge records until it is told to stop",
		Long: `Run serves until SIGTERM. When it is ready it says so in one line on stderr; with its own
broker the address is also in the file "listen" of the data folder. A database that does not serve yet is waited for.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkAddresses(cmd, listen, broker); err != nil {
				return err
			}
			data := dataFlag(cmd)
			options := hub.Options{
				Data: data, Postgres: postgresFlag(cmd), Listen: listen, MQTT: broker, Plain: plain,
				Log:   slog.New(slog.NewTextHandler(term.err, nil)),
				Ready: func(address string) { fmt.Fprintf(term.err, "tram-hub: ready on %s\n", address) },
			}
			options.Username, options.Password = user, os.Getenv(passwordEnv)
			var err error
			if options.Handlers, err = hooks(verifiers, options.Log); err != nil {
				return err
			}
			if options.Store, err = awaitDatabase(cmd.Context(), options, limit); err != nil {
				return err
			}
			if cmd.Context().Err() != nil {
				return nil // told to stop while it waited
			}
			if err := enrol.prepare(&options); err != nil {
				if options.Store != nil {
					err = errors.Join(err, options.Store.Close())
				}
				return err
			}
			h, err := hub.New(options)
			if err != nil {
				enrol.close()
				return err
			}
			return enrol.run(cmd.Context(), h, options, term.err)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:1883", "address of its own MQTT broker; port 0 takes any free one")
	cmd.Flags().StringVar(&broker, "mqtt", "", "URL of a broker that is there already, tcp://HOST:PORT")
	cmd.Flags().BoolVar(&plain, "no-shared-subscriptions", false, "with --postgres at a broker without $share: each hub takes everything")
	cmd.Flags().StringVar(&user, "mqtt-user", "", "user at that broker; its password is taken from "+passwordEnv)
	cmd.Flags().StringArrayVar(&verifiers, "verifier", nil, "NAME=URL or NAME=PROGRAM that answers a question of devices, such as vneid.resolve=https://…; may be repeated")
	cmd.Flags().DurationVar(&limit, "wait", 0, "with --postgres: how long to wait at the start for a database that does not serve (default: until it does)")
	enrol.flags(cmd)
	return cmd
}

// passwordEnv names the variable with the password at the broker.
const passwordEnv = "TRAM_HUB_MQTT_PASSWORD"

// hooks returns the handlers that --verifier names.
func hooks(list []string, log *slog.Logger) (map[string]hub.Handler, error) {
	table := map[string]hub.Handler{}
	for _, v := range list {
		name, target, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, usage("--verifier wants NAME=URL or NAME=PROGRAM")
		}
		h, err := hub.Hook(target, func(err error) { log.Error("a question is not answered", "question", name, "err", err) })
		if err != nil {
			return nil, err
		}
		table[name] = h
	}
	return table, nil
}

// checkAddresses returns a usage error for addresses that cannot be meant.
func checkAddresses(cmd *cobra.Command, listen, broker string) error {
	if broker == "" {
		if _, _, err := net.SplitHostPort(listen); err != nil {
			return usage("--listen wants HOST:PORT")
		}
		return nil
	}
	if cmd.Flags().Changed("listen") {
		return usage("--listen is for the hub's own broker; with --mqtt there is none")
	}
	at, err := url.Parse(broker)
	if err != nil || at.Hostname() == "" {
		return usage("--mqtt wants tcp://HOST:PORT")
	}
	switch at.Scheme {
	case "tcp", "mqtt", "ssl", "tls", "mqtts":
		return nil
	}
	return usage("--mqtt wants tcp://HOST:PORT or ssl://HOST:PORT")
}
