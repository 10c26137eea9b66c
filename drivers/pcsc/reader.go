package pcsc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"tram/drivers"
)

// Kind says what happened in a reader.
type Kind string

// The events of a reader.
const (
	CardPresent Kind = "card-present" // a card lies on the reader and answered to power
	CardGone    Kind = "card-gone"    // it was taken away, or the reader was
)

// An Event is a card that came or went.
type Event struct {
	Kind Kind
	ATR  []byte // of a present card
}

// eventQueue bounds the events nobody has taken yet.
const eventQueue = 16

// Pauses before a lost service or reader is looked for again.
const (
	firstPause = 50 * time.Millisecond
	longPause  = 5 * time.Second
)

var _ drivers.Device = (*Reader)(nil)

// A Reader is one smart card reader of this device, there or not.
type Reader struct {
	want   string
	log    *slog.Logger
	events chan Event

	mu     sync.Mutex
	actual string // the reader's full name while it is there
	open   int    // connections through Connect
	status drivers.Status
}

// NewReader returns the reader of this name: "" is the first that is found,
// else the name is matched exactly, as a beginning, or as a part of the full
// name. Nothing happens before Run.
func NewReader(name string, log *slog.Logger) *Reader {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	shown := name
	if shown == "" {
		shown = "first reader"
	}
	return &Reader{
		want: name, log: log, events: make(chan Event, eventQueue),
		status: drivers.Status{Kind: "reader", Name: shown, State: drivers.Missing, Detail: "not looked for yet", Since: time.Now()},
	}
}

// Events returns the cards that come and go. The queue holds 16 events; when
// nobody takes them the oldest is dropped, so the last one always tells how it
// is now. It is never closed.
func (r *Reader) Events() <-chan Event { return r.events }

// Status returns how the reader is; Busy while a connection of it is open.
func (r *Reader) Status() drivers.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.status
	if r.open > 0 && s.State == drivers.Ready {
		s.State, s.Detail = drivers.Busy, "a card is being read"
	}
	return s
}

// Connect connects to the card that lies on the reader now. It does not wait:
// see the function Connect for its errors.
func (r *Reader) Connect(ctx context.Context) (*Card, error) {
	r.mu.Lock()
	name := r.actual
	if name == "" {
		name = r.want
	}
	r.open++
	r.mu.Unlock()
	free := func() {
		r.mu.Lock()
		r.open--
		r.mu.Unlock()
	}
	c, err := Connect(ctx, name)
	if err != nil {
		free()
		return nil, err
	}
	c.closed = free
	return c, nil
}

// Run watches the reader until ctx ends, and returns nil then. A missing
// service and a missing reader are waited for.
func (r *Reader) Run(ctx context.Context) error {
	pause := firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := r.session(ctx)
		if ctx.Err() != nil {
			break
		}
		r.lost(err)
		if time.Since(began) > longPause {
			pause = firstPause
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, longPause)
	}
	r.lost(errors.New("the reader is not watched any more"))
	return nil
}

// lost says that the reader is not there, and takes its card away.
func (r *Reader) lost(err error) {
	r.mu.Lock()
	was := r.actual
	r.actual = ""
	r.mu.Unlock()
	detail := "the reader is not plugged in"
	switch {
	case errors.Is(err, ErrNoService):
		detail = "the PC/SC service (pcscd) does not run"
	case errors.Is(err, ErrRefused):
		detail = "the PC/SC service refuses this user (polkit)"
	case errors.Is(err, errWatched), err != nil && !errors.Is(err, ErrNoReader):
		detail = err.Error()
	}
	r.set(drivers.Missing, detail)
	if was != "" {
		r.log.Warn("the card reader is gone", "device", was, "err", err)
	}
}

func (r *Reader) found(name string) {
	r.mu.Lock()
	r.actual = name
	r.status.Name = name
	r.mu.Unlock()
	r.log.Info("the card reader is there", "device", name)
}

func (r *Reader) set(state drivers.State, detail string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.status.State != state {
		r.status.State, r.status.Since = state, time.Now()
	}
	r.status.Detail = detail
}

// emit queues an event. Only Run's goroutine calls it, so that the place it
// makes stays free.
func (r *Reader) emit(e Event) {
	for {
		select {
		case r.events <- e:
			return
		default:
		}
		select {
		case <-r.events:
			r.log.Warn("nobody takes the reader's events; the oldest is dropped", "device", r.want)
		default:
		}
	}
}

// session watches the reader over one PC/SC context, until that is good for
// nothing any more or ctx ends.
func (r *Reader) session(ctx context.Context) error {
	timed, cancel := context.WithTimeoutCause(ctx, connectTimeout, ErrNoService)
	l, err := openLink(timed)
	cancel()
	if err != nil {
		return err
	}
	abandoned := false
	defer func() {
		if !abandoned {
			l.release()
		}
	}()
	w := &watch{link: l, reader: r}
	for ctx.Err() == nil && err == nil {
		err = w.step(ctx)
	}
	w.end()
	abandoned = errors.Is(err, errAbandoned)
	if err != nil {
		return fmt.Errorf("watch reader: %w", explain(err))
	}
	return nil
}
