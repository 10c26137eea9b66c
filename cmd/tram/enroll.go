package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tram/agent"
	"tram/sync/enroll"
	"tram/sync/keys"
	"tram/sync/outbox"
	"tram/sync/wire"
)

// enrolled is what "tram enroll --json" prints. Device, hub and health are as
// "tram status" has them.
type enrolled struct {
	Device      string         `json:"device"`
	Site        string         `json:"site"`
	Hub         enrolledHub    `json:"hub"`
	Key         string         `json:"key"`
	Certificate certificate    `json:"certificate"`
	Health      []enroll.Check `json:"health"`
}

type enrolledHub struct {
	URL    string `json:"url"`
	Broker string `json:"broker"`
	State  string `json:"state"`
}

type certificate struct {
	Until time.Time `json:"until"`
}

func newEnrollCmd(term terminal) *cobra.Command {
	var hub, key string
	c := &cobra.Command{
		Use:   "enroll --hub URL CODE",
		Short: "Make this device one of a hub's, by a one-time code",
		Long: `Enroll makes the device's key here, shows the hub the one-time code from "tram-hub code new DEVICE", and keeps
what comes back in the state folder: the certificate, the hub's keys, the broker's address. The code also proves the
hub: one with another authority gets nothing. Enrolling again keeps the key and the queue. A running daemon takes a new
enrolment when it starts next.

Exit codes: 1 the hub refuses (code used, expired, unknown) or is not the right one, 2 the address or the code is
mistyped, 4 the hub cannot be reached.`,
		Args: cobra.ExactArgs(1),
	}
	asJSON := jsonFlag(c)
	c.Flags().StringVar(&hub, "hub", "", "address of the hub's enrolment: https://HOST:PORT")
	c.Flags().StringVar(&key, "key", "", "where the device's key lives: file:PATH, credential:NAME, tpm:HANDLE or pkcs11:URI (default: where it is, else "+keys.DefaultReference+")")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if hub == "" {
			return usageError(errors.New("enroll wants --hub https://HOST:PORT"))
		}
		if _, err := enroll.ParseHub(hub); err != nil {
			return enrollFailure(err)
		}
		if _, err := wire.ParseCode(args[0]); err != nil {
			return enrollFailure(err)
		}
		result, err := enrollDevice(cmd, term, hub, key, args[0])
		if err != nil {
			return enrollFailure(err)
		}
		if *asJSON {
			return printJSON(term.out, result)
		}
		return table(term.out, [][]string{
			{"device", result.Device + " at " + result.Site}, {"hub", result.Hub.URL}, {"broker", result.Hub.Broker},
			{"certificate", "until " + result.Certificate.Until.Local().Format("2006-01-02 15:04")},
		})
	}
	return c
}

func enrollDevice(cmd *cobra.Command, term terminal, hub, reference, code string) (enrolled, error) {
	state := stateDir(cmd)
	if err := os.MkdirAll(state, 0o700); err != nil {
		return enrolled{}, fmt.Errorf("make the state folder: %w", err)
	}
	if reference == "" {
		reference = keys.DefaultReference
		if old, err := enroll.Load(state); err == nil && old.Key != "" {
			reference = old.Key
		}
	}
	owner, err := recordsOf(state)
	if err != nil {
		return enrolled{}, err
	}
	key, err := keys.Open(reference, keys.Options{State: state, Create: true})
	if err != nil {
		return enrolled{}, err
	}
	defer key.Close()
	clock := enroll.NewClock(state, outbox.BuildTime(), nil)
	log := slog.New(slog.NewTextHandler(term.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	e, err := enroll.Enroll(cmd.Context(), enroll.Options{
		State: state, Hub: hub, Code: code, Key: reference, Signer: key, Owner: owner, Clock: clock, Log: log,
	})
	if err != nil {
		return enrolled{}, err
	}
	credentials := enroll.NewCredentials(state, key, clock, log)
	return enrolled{
		Device: e.Device, Site: e.Site, Key: e.Key,
		Hub:         enrolledHub{URL: e.Hub, Broker: e.Broker, State: "enrolled"},
		Certificate: certificate{Until: credentials.Until()},
		Health:      enroll.HealthOf(credentials, clock),
	}, nil
}

// recordsOf returns the device whose records were made in a state folder, ""
// when there were none.
func recordsOf(state string) (string, error) {
	source, err := outbox.SourceOf(agent.OutboxPath(state))
	if err != nil || source == "" {
		return "", err
	}
	return wire.DeviceOf(source)
}

// enrollFailure says what a person does next.
func enrollFailure(err error) error {
	var refused *enroll.Refusal
	if errors.As(err, &refused) {
		hint := "ask the hub's operator for a new code: tram-hub code new DEVICE"
		switch refused.Reason {
		case wire.RefusedTaken:
			hint = "another device has this name already; ask for a code with another name"
		case wire.RefusedTries:
			hint = "wait a minute, then try again with the right code, or ask for a new one"
		case wire.RefusedHub:
			hint = "look into the hub's log, then try again with the same code"
		case "":
			hint = "check --hub: it wants the address that tram-hub run --enroll listens on"
		}
		return &failure{code: exitFailed, sentence: err.Error(), hint: hint, cause: err}
	}
	if f := meant(err, []meaning{
		{wire.ErrCode, exitUsage, "type the code again as tram-hub code new printed it: 52 letters and digits"},
		{enroll.ErrURL, exitUsage, "see: tram enroll --help"},
		{keys.ErrReference, exitUsage, "see: tram enroll --help"},
		{enroll.ErrWrongHub, exitFailed, "check --hub; the code is from a hub with another authority, or somebody stands between"},
		{enroll.ErrOtherDevice, exitFailed, "ask for a code for this device's own name, or use another --state"},
		{enroll.ErrNotThere, exitNotThere, "check the network and --hub; the code is good until its time is over"},
		{keys.ErrNotThere, exitNotThere, "check --key"},
	}); f != nil {
		return f
	}
	return err
}
