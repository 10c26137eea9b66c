package main

import (
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
	return group("outbox", "Look at the queue of records", newOutboxStatCmd(term), newOutboxLsCmd(term), newOutboxVerifyCmd(term), newOutboxCompactCmd(term))
}

// outboxStat is the JSON of "outbox stat".
type outboxStat struct {
	Accepted   uint64         `json:"accepted"`
	Sent       uint64         `json:"sent"`
	Delivered  uint64         `json:"delivered"`
	Discarded  uint64         `json:"discarded"` // named in signed records
	Merged     uint64         `json:"merged"`    // counts that only exist as part of a sum
	Waiting    uint64         `json:"waiting"`
	ByPriority outbox.Waiting `json:"byPriority"` // of those that wait
	Oldest     *time.Time     `json:"oldest"`     // null when nothing waits
	Bytes      int64          `json:"bytes"`
	FileBytes  int64          `json:"fileBytes"`
	MaxBytes   int64          `json:"maxBytes"`
	Used       int64          `json:"used"`  // bytes of the file in use
	Limit      int64          `json:"limit"` // where an identity is refused
	Last       uint64         `json:"last"`  // highest sequence
	Chain      string         `json:"chain"`
	Checkpoint uint64         `json:"checkpoint"` // sequence of the last signed checkpoint, 0 before the first
	Clock      string         `json:"clock"`      // synced, unsynced
	Daemon     bool           `json:"daemon"`     // whether a running daemon answered
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
			Accepted: stat.Accepted, Sent: stat.Sent, Delivered: stat.Delivered, Waiting: stat.Pending,
			Discarded: stat.Discarded, Merged: stat.Merged, ByPriority: stat.Waiting,
			Bytes: stat.Bytes, FileBytes: stat.FileBytes, MaxBytes: stat.MaxBytes, Used: stat.Used, Limit: stat.Limit,
			Last: stat.Last, Chain: stat.Chain, Checkpoint: stat.Checked, Clock: stat.Clock, Daemon: daemon,
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
		number := func(n uint64) string { return strconv.FormatUint(n, 10) }
		w := r.ByPriority
		return table(term.out, [][]string{
			{"accepted", number(r.Accepted)}, {"sent", number(r.Sent)}, {"delivered", number(r.Delivered)},
			{"discarded", fmt.Sprintf("%d, named in signed records", r.Discarded)},
			{"waiting", number(r.Waiting)}, {"oldest", oldest},
			{"of these", fmt.Sprintf("%d identities, %d passages, %d counts, %d photographs, %d of the outbox's own", w.Identity, w.Passage, w.Count, w.Photo, w.Audit)},
			{"bytes", fmt.Sprintf("%d waiting, file %d of %d", r.Bytes, r.FileBytes, r.MaxBytes)},
			{"room", fmt.Sprintf("%d of %d bytes in use; beyond that an identity is refused", r.Used, r.Limit)},
			{"chain", r.Chain}, {"checkpoint", number(r.Checkpoint)}, {"clock", r.Clock},
		})
	}
	return c
}

// queueStat asks the daemon, or looks into the file when none runs.
func queueStat(cmd *cobra.Command) (outbox.Stat, bool, error) {
	var stat outbox.Stat
	daemon, err := askDaemon(cmd, "/v1/outbox", &stat)
	if err != nil || daemon {
		return stat, daemon, err
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
		if limit < 1 {
			return usageError(fmt.Errorf("--limit %d: list at least one", limit))
		}
		entries, err := queueEntries(cmd, limit)
		if err != nil {
			return err
		}
		rows := [][]string{{"SEQUENCE", "ACCEPTED", "PRIORITY", "STATE", "BYTES"}}
		for _, e := range entries {
			if *asJSON {
				if err := printLine(term.out, e); err != nil {
					return err
				}
				continue
			}
			rows = append(rows, []string{fmt.Sprintf("%d-%d", e.First, e.Last), e.Accepted.Local().Format(time.DateTime), e.Priority, e.State, strconv.Itoa(e.Bytes)})
		}
		if *asJSON {
			return nil
		}
		return table(term.out, rows)
	}
	return c
}

// queueEntries asks the daemon, a page at a time, or looks into the file when
// none runs.
func queueEntries(cmd *cobra.Command, limit int) ([]outbox.Entry, error) {
	var all []outbox.Entry
	after := uint64(0)
	for len(all) < limit {
		var page []outbox.Entry
		n := min(limit-len(all), kiosk.MaxEntries)
		daemon, err := askDaemon(cmd, fmt.Sprintf("/v1/outbox/entries?after=%d&limit=%d", after, n), &page)
		if err != nil {
			return nil, err
		}
		if !daemon {
			all = nil // of a daemon that ended meanwhile; the file has everything
			err := withQueue(cmd, func(s *outbox.Store) (err error) {
				all, err = s.List(0, limit)
				return err
			})
			return all, err
		}
		all = append(all, page...)
		if len(page) < n || page[n-1].First <= after { // the end, or a row too damaged to know its place
			break
		}
		after = page[n-1].First
	}
	return all, nil
}

// askDaemon asks the running daemon; false without an error says that none runs.
func askDaemon(cmd *cobra.Command, path string, into any) (bool, error) {
	err := kiosk.Dial(agent.SocketPath(stateDir(cmd))).GetJSON(cmd.Context(), path, into)
	if errors.Is(err, kiosk.ErrNoServer) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask the daemon: %w", err)
	}
	return true, nil
}

func newOutboxVerifyCmd(term terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "verify", Short: "Check the chain of the records that wait", Args: cobra.NoArgs,
		Long: "Checks the chain of the records that wait. Exit code 3 means that it does not hold.",
	}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		verdict, err := queueVerdict(cmd)
		if err != nil {
			return err
		}
		holds := verdict.Chain == "ok"
		if *asJSON {
			if err := printJSON(term.out, verdict); err != nil {
				return err
			}
		} else if holds {
			fmt.Fprintln(term.out, "the chain holds")
		}
		if !holds {
			return failed(exitNotVerified, "keep the file; the hub's report names what it has", "the queue's chain does not hold: %s", verdict.Reason)
		}
		return nil
	}
	return c
}

// queueVerdict asks the daemon, or checks the file when none runs.
func queueVerdict(cmd *cobra.Command) (agent.QueueVerdict, error) {
	var verdict agent.QueueVerdict
	daemon, err := askDaemon(cmd, "/v1/outbox/verify", &verdict)
	if err != nil || daemon {
		return verdict, err
	}
	err = withQueue(cmd, func(s *outbox.Store) (err error) {
		verdict, err = agent.VerdictOf(s.Verify(cmd.Context()))
		return err
	})
	return verdict, err
}

func newOutboxCompactCmd(term terminal) *cobra.Command {
	c := &cobra.Command{
		Use: "compact", Short: "Give the free space of the queue's file back to the disk", Args: cobra.NoArgs,
		Long: `Has the running daemon rewrite the queue's file without its free space. Only the daemon writes the queue: it holds the
keys, and what it does not know of may not change. It compacts a drained file by itself.`,
	}
	asJSON := jsonFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		var size agent.QueueCompacted
		err := kiosk.Dial(agent.SocketPath(stateDir(cmd))).PostJSON(cmd.Context(), "/v1/outbox/compact", nil, &size)
		if errors.Is(err, kiosk.ErrNoServer) {
			return failed(exitNotThere, "start it with: tram run, or name its folder with --state", "only the daemon compacts the queue, and none runs on %s", stateDir(cmd))
		}
		if err != nil {
			return fmt.Errorf("ask the daemon: %w", err)
		}
		if *asJSON {
			return printJSON(term.out, size)
		}
		_, err = fmt.Fprintf(term.out, "the queue's file had %d bytes and has %d\n", size.Before, size.After)
		return err
	}
	return c
}
