package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tram/agent"
	"tram/agent/kiosk"
	"tram/sync/outbox"
)

func newOutboxCmd(term terminal) *cobra.Command {
	return group("outbox", "Look at the queue of records", newOutboxStatCmd(term), newOutboxLsCmd(term), newOutboxVerifyCmd(term))
}

// outboxStat is the JSON of "outbox stat".
type outboxStat struct {
	Accepted  uint64     `json:"accepted"`
	Sent      uint64     `json:"sent"`
	Delivered uint64     `json:"delivered"`
	Waiting   uint64     `json:"waiting"`
	Oldest    *time.Time `json:"oldest"` // null when nothing waits
	Bytes     int64      `json:"bytes"`
	FileBytes int64      `json:"fileBytes"`
	MaxBytes  int64      `json:"maxBytes"`
	Chain     string     `json:"chain"`
	Daemon    bool       `json:"daemon"` // whether a running daemon answered
}

func newOutboxStatCmd(term terminal) *cobra.Command {
	c := &cobra.Command{Use: "stat", Short: "Show how many records wait, and since when", Args: cobra.NoArgs}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		stat, daemon, err := queueStat(cmd)
		if err != nil {
			return err
		}
		r := outboxStat{
			Accepted: stat.Accepted, Sent: stat.Sent, Delivered: stat.Delivered, Waiting: stat.Accepted - stat.Delivered,
			Bytes: stat.Bytes, FileBytes: stat.FileBytes, MaxBytes: stat.MaxBytes, Chain: stat.Chain, Daemon: daemon,
		}
		if !stat.Oldest.IsZero() {
			r.Oldest = &stat.Oldest
		}
		if *asJSON {
			return printJSON(term.out, r)
		}
		oldest := "-"
		if r.Oldest != nil {
			oldest = r.Oldest.Local().Format(time.DateTime)
		}
		return table(term.out, [][]string{
			{"accepted", strconv.FormatUint(r.Accepted, 10)}, {"sent", strconv.FormatUint(r.Sent, 10)},
			{"delivered", strconv.FormatUint(r.Delivered, 10)}, {"waiting", strconv.FormatUint(r.Waiting, 10)}, {"oldest", oldest},
			{"bytes", fmt.Sprintf("%d waiting, file %d of %d", r.Bytes, r.FileBytes, r.MaxBytes)}, {"chain", r.Chain},
		})
	}
	return c
}

// queueStat asks the daemon, or looks into the file when none runs.
func queueStat(cmd *cobra.Command) (outbox.Stat, bool, error) {
	var stat outbox.Stat
	err := kiosk.Dial(agent.SocketPath(stateDir(cmd))).GetJSON(cmd.Context(), "/v1/outbox", &stat)
	if err == nil {
		return stat, true, nil
	}
	if !errors.Is(err, kiosk.ErrNoServer) {
		return stat, false, fmt.Errorf("ask the daemon: %w", err)
	}
	err = withQueue(cmd, func(s *outbox.Store) (err error) {
		stat, err = s.Stat()
		return err
	})
	return stat, false, err
}

// withQueue opens the file for reading; a running daemon holds it.
func withQueue(cmd *cobra.Command, look func(*outbox.Store) error) error {
	path := agent.OutboxPath(stateDir(cmd))
	if _, err := os.Stat(path); err != nil {
		return failed(exitNotThere, "name the device's folder with --state; a daemon that never ran has no queue", "there is no queue at %s", path)
	}
	store, err := outbox.Open(path, outbox.Options{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("open the queue: %w", err)
	}
	return errors.Join(look(store), store.Close())
}

func newOutboxLsCmd(term terminal) *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "ls",
		Short: "List what is not delivered, without its content",
		Long:  "Lists the sealed envelopes that are not delivered. Their content is encrypted to the hub; nobody can list that here.",
		Args:  cobra.NoArgs,
	}
	c.Flags().IntVar(&limit, "limit", 1000, "at most so many")
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return withQueue(cmd, func(s *outbox.Store) error {
			entries, err := s.List(0, limit)
			if err != nil {
				return fmt.Errorf("list the queue: %w", err)
			}
			rows := [][]string{{"SEQUENCE", "ACCEPTED", "STATE", "BYTES"}}
			for _, e := range entries {
				if *asJSON {
					if err := printLine(term.out, e); err != nil {
						return err
					}
					continue
				}
				rows = append(rows, []string{fmt.Sprintf("%d-%d", e.First, e.Last), e.Accepted.Local().Format(time.DateTime), e.State, strconv.Itoa(e.Bytes)})
			}
			if *asJSON {
				return nil
			}
			return table(term.out, rows)
		})
	}
	return c
}

func newOutboxVerifyCmd(term terminal) *cobra.Command {
	c := &cobra.Command{Use: "verify", Short: "Check the chain of the records that wait", Args: cobra.NoArgs}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		var verdict error
		err := withQueue(cmd, func(s *outbox.Store) error {
			verdict = s.Verify(context.WithoutCancel(cmd.Context()))
			return nil
		})
		if err != nil {
			return err
		}
		result := map[string]string{"chain": "ok"}
		if verdict != nil {
			result = map[string]string{"chain": "broken", "reason": verdict.Error()}
		}
		if *asJSON {
			if err := printJSON(term.out, result); err != nil {
				return err
			}
		} else if verdict == nil {
			fmt.Fprintln(term.out, "the chain holds")
		}
		if verdict != nil {
			return failed(exitNotVerified, "keep the file; the hub's report names what it has", "the queue's chain does not hold: %v", verdict)
		}
		return nil
	}
	return c
}
