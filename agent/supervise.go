package agent

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// supervise runs a part until ctx ends. A part that returns early or panics is
// started again after a pause that grows to a minute; a time-out inside the part
// is its own affair and no reason to stop.
func (a *Agent) supervise(ctx context.Context, p part) {
	pause := time.Second
	for {
		began := time.Now()
		err := runSafely(ctx, p.run)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			pause = time.Second
		}
		a.log.Error("part stopped", "part", p.name, "err", err, "again", pause)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, time.Minute)
	}
}

// runSafely turns a panic into an error. The panic's value is left out: it may
// quote what came from a card.
func runSafely(ctx context.Context, run func(context.Context) error) (err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("panic at\n%s", debug.Stack())
		}
	}()
	return run(ctx)
}

// broadcast tells any number of watchers that something changed; several changes
// may come as one signal.
type broadcast struct {
	mu       sync.Mutex
	watchers map[chan struct{}]bool
}

// signal wakes every watcher and never blocks.
func (b *broadcast) signal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for w := range b.watchers {
		select {
		case w <- struct{}{}:
		default: // it has a signal waiting already
		}
	}
}

// watch returns a channel of signals and the function that ends them.
func (b *broadcast) watch() (<-chan struct{}, func()) {
	w := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.watchers == nil {
		b.watchers = map[chan struct{}]bool{}
	}
	b.watchers[w] = true
	return w, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watchers, w)
	}
}
