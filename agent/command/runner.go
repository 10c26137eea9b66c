// Package command does what the hub orders: one command after the other, each
// until it has a reply, the reply on disk before the next begins.
//
// A power cut between doing and replying does the command again, so each is safe
// to be done twice: lists have versions, settings on trial know their command,
// certificates replace themselves, and asking changes nothing.
package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"tram/sync/wire"
)

// Inbox is where commands wait; sync/inbox.
type Inbox interface {
	Next() (wire.Command, bool, error)
	Answer(id string, r wire.Reply) error
	Changed() (changed <-chan struct{}, stop func())
}

// Result is what a command that was done says.
type Result struct {
	Text string
	Data any // becomes JSON; nil: none
}

// A Handler does one kind of command. Its error is the reply's text: it quotes
// nothing of a person. When ctx ends first, nothing is replied and the command is
// done again at the next start.
type Handler func(ctx context.Context, c wire.Command) (Result, error)

// ErrData is returned for a command whose data are not what docs/contract/commands.md says.
var ErrData = errors.New("the command's data are not in the format of the contract")

// Runner does the commands of an inbox.
type Runner struct {
	Inbox    Inbox
	Handlers map[string]Handler
	Log      *slog.Logger
	// Now is the time, and whether the device's clock is known to be right: only
	// then a command can be too old. nil: no command is.
	Now func() (now time.Time, right bool)

	done, refused atomic.Uint64
}

// Counts is how many commands were done and refused since the start.
func (r *Runner) Counts() (done, refused uint64) { return r.done.Load(), r.refused.Load() }

// Run does commands until ctx ends.
func (r *Runner) Run(ctx context.Context) error {
	changed, stop := r.Inbox.Changed()
	defer stop()
	for ctx.Err() == nil {
		c, ok, err := r.Inbox.Next()
		if err != nil {
			return err
		}
		if !ok {
			select {
			case <-ctx.Done():
			case <-changed:
			}
			continue
		}
		reply := r.do(ctx, c)
		if ctx.Err() != nil {
			return nil // it may be half done: it is done again
		}
		if err := r.Inbox.Answer(c.ID, reply); err != nil {
			return fmt.Errorf("reply to command %q: %w", c.Name, err)
		}
	}
	return nil
}

func (r *Runner) do(ctx context.Context, c wire.Command) wire.Reply {
	result, err := r.handle(ctx, c)
	if ctx.Err() != nil {
		return wire.Reply{}
	}
	reply := wire.Reply{ID: c.ID, OK: err == nil, Text: cut(result.Text)}
	if err != nil {
		reply.Text = cut(err.Error())
	}
	if result.Data != nil {
		if reply.Data, err = json.Marshal(result.Data); err != nil {
			reply.OK, reply.Text, reply.Data = false, "the reply could not be encoded", nil
		}
	}
	if reply.OK {
		r.done.Add(1)
		r.Log.Info("command done", "command", c.Name, "id", c.ID)
	} else {
		r.refused.Add(1)
		r.Log.Warn("command not done", "command", c.Name, "id", c.ID, "err", reply.Text)
	}
	return reply
}

func (r *Runner) handle(ctx context.Context, c wire.Command) (result Result, err error) {
	defer func() {
		if recover() != nil { // its value may quote the command
			r.Log.Error("a command panicked", "command", c.Name, "stack", string(debug.Stack()))
			result, err = Result{}, errors.New("an internal error; the device's log has it")
		}
	}()
	handler, ok := r.Handlers[c.Name]
	if !ok {
		return Result{}, fmt.Errorf("this device knows no command %q", c.Name)
	}
	if r.late(c) {
		return Result{}, errors.New("the command had expired before it came")
	}
	return handler(ctx, c)
}

// late reports whether the command's time is over by a clock that is right.
func (r *Runner) late(c wire.Command) bool {
	if c.Expires.IsZero() || r.Now == nil {
		return false
	}
	now, right := r.Now()
	return right && now.After(c.Expires)
}

// cut keeps a text within what a reply may hold (wire.ParseReply).
func cut(s string) string {
	const limit = 1000
	out := make([]rune, 0, min(len(s), limit))
	size := 0
	for _, c := range s {
		if c < 0x20 || c == 0x7f {
			c = ' '
		}
		if c == 0xfffd {
			c = '?'
		}
		if size += len(string(c)); size > limit {
			break
		}
		out = append(out, c)
	}
	return string(out)
}

// decode reads a command's data strictly. The error quotes nothing.
func decode(c wire.Command, into any) error {
	data := c.Data
	if len(data) == 0 {
		data = json.RawMessage(`{}`)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return ErrData
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return ErrData
	}
	return nil
}
