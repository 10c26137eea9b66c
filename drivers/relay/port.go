package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/tarm/serial"

	"tram/drivers"
)

// Pauses before a port that is not there is looked for again, and between looks
// at one that is.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 3 * time.Second
	look       = time.Second
)

// A port is a serial device that comes and goes, and how it is.
type port struct {
	path string
	baud int
	name string // "relay board", "sensor"
	log  *slog.Logger
	open func(path string, baud int) (io.ReadWriteCloser, error)

	mu     sync.Mutex
	status drivers.Status
}

func newPort(path string, baud int, kind, name string, log *slog.Logger) port {
	if baud == 0 {
		baud = DefaultBaud
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return port{path: path, baud: baud, name: name, log: log, open: openSerial,
		status: drivers.Status{Kind: kind, Name: path, State: drivers.Missing, Detail: "not looked for yet", Since: time.Now()}}
}

// Status returns how the device is.
func (p *port) Status() drivers.Status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

func (p *port) set(state drivers.State, detail string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status.State != state {
		p.status.State, p.status.Since = state, time.Now()
	}
	p.status.Detail = detail
}

// run gives hold the open line, again and again, until ctx ends. A device that is
// not there or vanishes is waited for.
func (p *port) run(ctx context.Context, hold func(context.Context, io.ReadWriter) error) {
	pause := firstPause
	for ctx.Err() == nil {
		line, err := p.open(p.path, p.baud)
		if err == nil {
			pause = firstPause
			err = hold(ctx, line)
			_ = line.Close()
			if ctx.Err() != nil {
				break
			}
			p.log.Warn("a serial device is gone", "device", p.path, "part", p.name, "err", err)
		}
		p.fail(err)
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, longPause)
	}
	p.set(drivers.Missing, "the "+p.name+" is not used any more")
}

// fail says how the device is by what went wrong: one that is not there, or one
// that cannot be used.
func (p *port) fail(err error) {
	missing := errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrMissing)
	switch {
	case errors.Is(err, ErrStuck):
		p.set(drivers.Failed, "the relay was switched on and could not be switched off: look at the gate")
	case errors.Is(err, os.ErrPermission):
		p.set(drivers.Failed, "this user may not open the port; add it to the group dialout")
	case missing:
		p.set(drivers.Missing, "the "+p.name+" is not plugged in")
	default:
		p.set(drivers.Failed, err.Error())
	}
}

// openSerial opens a real tty.
func openSerial(path string, baud int) (io.ReadWriteCloser, error) {
	p, err := serial.OpenPort(&serial.Config{Name: path, Baud: baud, ReadTimeout: 100 * time.Millisecond})
	if err != nil {
		var byPath *os.PathError
		if errors.As(err, &byPath) {
			err = byPath.Err // the path is in the sentence already
		}
		return nil, fmt.Errorf("open serial port %s at %d baud: %w", path, baud, err)
	}
	return p, nil
}
