package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"tram/hub"
	"tram/sync/wire"
)

// maxCommandData is the largest data of a command that is read, in bytes.
const maxCommandData = wire.MaxMessage / 2

// awaitMost is how long --wait waits when it is not told.
const awaitMost = time.Minute

func newCommandCmd(term terminal) *cobra.Command {
	var (
		data   []string
		await  bool
		within time.Duration
		valid  time.Duration
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "command DEVICE NAME",
		Short: "Order a device to do something; sent when it is online, repeated until it replies",
		Long: `Command stores an order for a device, which the hub sends as soon as the device is online and repeats until
the device replies. NAME is one of the commands of the contract: config, profile, roster, allow-list,
notice, trust, resend, rotate-key, collect, ping. With --wait it prints the reply.

--data may stand twice here: a folder is the hub's, everything else is the order's data.`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, raw, err := commandData(data)
			if err != nil {
				return err
			}
			at := hub.Place{Data: folder, Postgres: postgresFlag(cmd)}
			view, err := at.Give(cmd.Context(), hub.Order{Device: args[0], Name: args[1], Data: raw, Valid: valid})
			if err != nil {
				return err
			}
			if await {
				ctx, cancel := context.WithTimeout(cmd.Context(), within)
				defer cancel()
				view, err = at.Await(ctx, view.ID)
				if errors.Is(err, context.DeadlineExceeded) {
					err = errNoReply
				}
			}
			if perr := printCommand(term, view, asJSON); perr != nil {
				return perr
			}
			if err == nil && await && !view.OK {
				return errRefused
			}
			return err
		},
	}
	cmd.Flags().StringArrayVar(&data, "data", nil, "the order's data, JSON or the name of a file with JSON; or the hub's folder")
	cmd.Flags().BoolVar(&await, "wait", false, "wait for the device's reply")
	cmd.Flags().DurationVar(&within, "within", awaitMost, "how long --wait waits; the order stays")
	cmd.Flags().DurationVar(&valid, "valid", 0, "how long the order is worth doing; 0: for ever")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// commandData tells the hub's folder from the order's data, which is JSON as it
// is or the name of a file with it.
func commandData(args []string) (folder string, raw json.RawMessage, err error) {
	folder = defaultData()
	for _, arg := range args {
		if info, err := os.Stat(arg); err == nil && info.IsDir() {
			folder = arg
			continue
		}
		if raw != nil {
			return "", nil, usage("--data stands twice at most: the hub's folder, and the order's data")
		}
		if raw, err = orderData(arg); err != nil {
			return "", nil, err
		}
	}
	return folder, raw, nil
}

func orderData(arg string) (json.RawMessage, error) {
	if json.Valid([]byte(arg)) {
		return json.RawMessage(arg), nil
	}
	f, err := os.Open(arg)
	if err != nil {
		return nil, fmt.Errorf("read the order's data, which is neither JSON nor a folder: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCommandData+1))
	if err != nil {
		return nil, fmt.Errorf("read the order's data: %w", err)
	}
	if len(b) > maxCommandData || !json.Valid(b) {
		return nil, usage(fmt.Sprintf("%s does not hold JSON of at most %d bytes", arg, maxCommandData))
	}
	return b, nil
}

func printCommand(term terminal, v hub.CommandView, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(term.out).Encode(v)
	}
	switch {
	case v.State != "answered":
		fmt.Fprintf(term.err, "%s is %s; device %s does it when it is online\n", v.ID, v.State, v.Device)
	case v.OK:
		fmt.Fprintf(term.out, "%s: done. %s\n", v.Device, v.Text)
	default:
		fmt.Fprintf(term.out, "%s: not done. %s\n", v.Device, v.Text)
	}
	if len(v.Data) > 0 {
		fmt.Fprintf(term.out, "%s\n", v.Data)
	}
	return nil
}
