package command

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/sync/inbox"
	"tram/sync/seal/rest"
	"tram/sync/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newInbox(t *testing.T) *inbox.Inbox {
	t.Helper()
	dir := t.TempDir()
	box, err := rest.LoadOrCreate(filepath.Join(dir, "rest.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	in, err := inbox.Open(filepath.Join(dir, "inbox.db"), inbox.Options{Box: box})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := in.Close(); err != nil {
			t.Error(err)
		}
	})
	return in
}

// run runs a runner until so many replies wait, and returns them.
func run(t *testing.T, r *Runner, in *inbox.Inbox, replies int) []wire.Reply {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	changed, stop := in.Changed()
	defer stop()
	limit := time.After(time.Minute)
	for len(in.Replies(100)) < replies {
		select {
		case <-changed:
		case <-limit:
			t.Error("no reply came")
			replies = 0
		}
	}
	cancel()
	running.Wait()
	return in.Replies(100)
}

func TestCommandsAreDoneInOrderAndEachIsAnswered(t *testing.T) {
	in := newInbox(t)
	var order []string
	r := &Runner{Inbox: in, Log: slog.New(slog.DiscardHandler), Handlers: map[string]Handler{
		"good": func(_ context.Context, c wire.Command) (Result, error) {
			order = append(order, c.ID)
			return Result{Data: 7}, nil
		},
		"bad":   func(context.Context, wire.Command) (Result, error) { return Result{}, errors.New("no paper\n") },
		"panic": func(context.Context, wire.Command) (Result, error) { panic("099099000017") },
		"long": func(context.Context, wire.Command) (Result, error) {
			return Result{Text: strings.Repeat("ế", 2000)}, nil
		},
	}}
	for i, name := range []string{"good", "bad", "panic", "unknown", "long", "good"} {
		if err := in.Put(wire.Command{ID: string(rune('a' + i)), Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	got := run(t, r, in, 6)
	if strings.Join(order, "") != "af" {
		t.Errorf("done in the order %v", order)
	}
	for i, ok := range []bool{true, false, false, false, true, true} {
		if got[i].OK != ok || strings.Contains(got[i].Text, "0990") {
			t.Errorf("reply %d = %+v, want ok %v", i, got[i], ok)
		}
		if _, err := wire.ParseReply(wire.Encode(got[i])); err != nil {
			t.Errorf("reply %d is no reply: %v", i, err)
		}
	}
	if string(got[0].Data) != "7" {
		t.Errorf("data %s", got[0].Data)
	}
	if done, refused := r.Counts(); done != 3 || refused != 3 {
		t.Errorf("counts %d and %d", done, refused)
	}
}

func TestWhatWasInterruptedIsDoneAgain(t *testing.T) {
	in := newInbox(t)
	if err := in.Put(wire.Command{ID: "a", Name: "slow", Data: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	times := 0
	r := &Runner{Inbox: in, Log: slog.New(slog.DiscardHandler), Handlers: map[string]Handler{"slow": func(ctx context.Context, _ wire.Command) (Result, error) {
		times++
		if times == 1 {
			cancel()
			<-ctx.Done()
			return Result{}, ctx.Err()
		}
		return Result{}, nil
	}}}
	if err := r.Run(ctx); err != nil || len(in.Replies(1)) != 0 {
		t.Errorf("interrupted: %v, replies %v", err, in.Replies(1))
	}
	if got := run(t, r, in, 1); times != 2 || !got[0].OK {
		t.Errorf("done %d times, replies %+v", times, got)
	}
}

func TestACommandExpiresByAClockThatIsRightOnly(t *testing.T) {
	expires := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		now   time.Time
		right bool
		ok    bool
	}{{expires.Add(-time.Hour), true, true}, {expires.Add(time.Hour), true, false}, {expires.Add(time.Hour), false, true}} {
		r := &Runner{Log: slog.New(slog.DiscardHandler), Now: func() (time.Time, bool) { return c.now, c.right },
			Handlers: map[string]Handler{"x": func(context.Context, wire.Command) (Result, error) { return Result{}, nil }}}
		if got := r.do(t.Context(), wire.Command{ID: "a", Name: "x", Expires: expires}); got.OK != c.ok {
			t.Errorf("at %v, clock right %v: %+v", c.now, c.right, got)
		}
	}
}
