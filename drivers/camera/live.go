package camera

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera/condition"
	"tram/drivers/camera/spec"
	"tram/drivers/camera/still"
)

// frame is a picture on its way: pixels, or a JPEG that is decoded only when
// somebody wants it.
type frame struct {
	mat   gocv.Mat
	jpeg  []byte
	at    time.Time
	stamp time.Duration
}

// feed is one connection to a live source. Read blocks for a bounded time.
type feed interface {
	read(f *frame) error
	mode() spec.Ask
	wake() // ends a read where that is possible; from any goroutine
	close()
}

// How long a reconnection waits: a random part of a time that doubles.
const (
	firstPause = 500 * time.Millisecond
	maxPause   = 30 * time.Second
	steady     = 10 * time.Second // a connection that lived so long was a good one
)

// stale is the age at which a frame that nobody took is of no use.
const stale = 2 * time.Second

// live reads a device or stream as fast as it comes and keeps the newest frame.
type live struct {
	source string
	name   string
	o      Options
	watch  *condition.Watch // may be nil
	ended  chan struct{}
	fresh  chan struct{} // holds one token when newest was not given yet
	cancel context.CancelFunc

	mu         sync.Mutex
	feed       feed
	newest     frame
	full       bool // newest was not given yet
	closed     bool
	got        spec.Ask
	away       error // why there is no connection
	dropped    uint64
	reconnects int
}

func openLive(ctx context.Context, source string, o Options, watch *condition.Watch) (*live, error) {
	l := &live{
		source: source, name: spec.Public(source), o: o, watch: watch,
		ended: make(chan struct{}), fresh: make(chan struct{}, 1), newest: frame{mat: gocv.NewMat()},
	}
	f, err := connect(ctx, source, o)
	if err != nil {
		_ = l.newest.mat.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, l.lost(err)
	}
	l.feed, l.got = f, f.mode()
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	l.cancel = cancel
	go l.run(running)
	return l, nil
}

// connect opens a live source. The number of a device may have changed since the
// last time, so its name is looked up anew.
func connect(ctx context.Context, source string, o Options) (feed, error) {
	kind, number, err := spec.KindOf(source)
	switch {
	case err != nil:
		return nil, errors.New(strings.TrimPrefix(err.Error(), ErrNoCamera.Error()+": "))
	case kind == spec.Device:
		return openDevice(ctx, number, o)
	}
	if strings.HasPrefix(strings.ToLower(source), "http") {
		w, err := openWeb(ctx, source, o)
		if !errors.Is(err, errOther) {
			if err != nil {
				return nil, err
			}
			return w, nil
		}
	}
	return openFFmpeg(ctx, source, o)
}

// lost says that there is no picture, and why.
func (l *live) lost(why error) error {
	return fmt.Errorf("%w: %s: %v", ErrNoCamera, l.name, why) //nolint:errorlint // one sentinel is enough
}

func (l *live) run(ctx context.Context) {
	defer close(l.ended)
	failures := 0
	for {
		began := time.Now()
		err := l.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		l.mu.Lock()
		l.away = err
		l.mu.Unlock()
		if !l.o.Reconnect {
			return
		}
		if time.Since(began) >= steady {
			failures = 0
		}
		for again := true; again; {
			pause := time.NewTimer(backOff(failures))
			failures++
			select {
			case <-pause.C:
			case <-ctx.Done():
				pause.Stop()
				return
			}
			again = !l.reconnect(ctx)
		}
	}
}

// backOff is a random time up to a limit that doubles with each failure.
func backOff(failures int) time.Duration {
	return rand.N(min(firstPause<<min(failures, 10), maxPause)) //nolint:gosec // jitter
}

func (l *live) reconnect(ctx context.Context) bool {
	f, err := connect(ctx, l.source, l.o)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.away = err
		return false
	}
	if l.closed {
		f.close()
		return true
	}
	l.feed, l.got, l.away = f, f.mode(), nil
	l.reconnects++
	if l.watch != nil {
		l.watch.Again()
	}
	return true
}

// follow reads the present connection until it ends, and closes it.
func (l *live) follow(ctx context.Context) error {
	l.mu.Lock()
	f := l.feed
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.feed = nil
		l.mu.Unlock()
		f.close()
	}()
	next := frame{mat: gocv.NewMat()}
	defer func() { _ = next.mat.Close() }()
	for ctx.Err() == nil {
		next.jpeg = nil
		if err := f.read(&next); err != nil {
			return err
		}
		next.at = time.Now()
		if l.watch != nil {
			l.watch.Arrived(next.at, next.stamp)
		}
		l.mu.Lock()
		if l.full {
			l.dropped++
		}
		l.newest, next = next, l.newest
		l.full = true
		l.mu.Unlock()
		select {
		case l.fresh <- struct{}{}:
		default:
		}
	}
	return ctx.Err()
}

// next gives the newest frame that was not given yet.
func (l *live) next(ctx context.Context, m *gocv.Mat) (Moment, error) {
	t := time.NewTimer(l.o.Silence)
	defer t.Stop()
	for {
		select {
		case <-l.fresh:
		default:
			select {
			case <-l.fresh:
			case <-ctx.Done():
				return Moment{}, ctx.Err()
			case <-l.ended:
				if !l.waiting() {
					return Moment{}, l.lost(l.why("it ended"))
				}
			case <-t.C:
				return Moment{}, l.lost(l.why(fmt.Sprintf("no picture for %s", l.o.Silence)))
			}
		}
		if moment, ok := l.take(m); ok {
			return moment, nil
		}
		if err := ctx.Err(); err != nil {
			return Moment{}, err
		}
	}
}

// waiting reports whether a frame is there that was not given yet.
func (l *live) waiting() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.full
}

func (l *live) why(otherwise string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away != nil {
		return l.away
	}
	return errors.New(otherwise)
}

// take gives the newest frame, unless it is too old or cannot be decoded.
func (l *live) take(m *gocv.Mat) (Moment, bool) {
	l.mu.Lock()
	if !l.full || time.Since(l.newest.at) > stale {
		if l.full {
			l.full = false
			l.dropped++
		}
		l.mu.Unlock()
		return Moment{}, false
	}
	l.full = false
	moment, data := Moment{At: l.newest.at, Stamp: l.newest.stamp}, l.newest.jpeg
	l.newest.jpeg = nil
	if data == nil {
		*m, l.newest.mat = l.newest.mat, *m
		l.mu.Unlock()
		return moment, true
	}
	l.mu.Unlock()
	return moment, decodeInto(data, m)
}

// decodeInto decodes a picture that came from outside.
func decodeInto(data []byte, m *gocv.Mat) bool {
	if _, err := still.Check(data, maxFramePixels); err != nil {
		return false
	}
	got, err := gocv.IMDecode(data, gocv.IMReadColor)
	if err != nil {
		return false
	}
	if got.Empty() {
		_ = got.Close()
		return false
	}
	_ = m.Close()
	*m = got
	return true
}

func (l *live) state() (got spec.Ask, dropped uint64, reconnects int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.got, l.dropped, l.reconnects
}

// close ends the reading and waits for it. A read that hangs in the driver or in
// FFmpeg is left behind: it ends by its own time-out and gives everything back.
func (l *live) close() {
	l.mu.Lock()
	l.closed = true
	f := l.feed
	l.mu.Unlock()
	l.cancel()
	if f != nil {
		f.wake()
	}
	t := time.NewTimer(2 * time.Second)
	defer t.Stop()
	select {
	case <-l.ended:
		_ = l.newest.mat.Close()
	case <-t.C:
		go func() {
			<-l.ended
			_ = l.newest.mat.Close()
		}()
	}
}
