package relay

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"tram/drivers"
)

// SensorOptions are what may be set of a sensor; zero values take the defaults.
type SensorOptions struct {
	Baud   int
	Passed func(Way)    // called for each passage from one goroutine; it must not block
	Log    *slog.Logger // nil logs nothing
}

var _ drivers.Device = (*Sensor)(nil)

// A Sensor tells on a serial line of its own that somebody went through: a board
// with inputs that speaks the relay boards' four bytes (A0, input, 01, sum; input 1
// for a passage either way, 2 in, 3 out), or a controller that writes a line with
// "pass", "in" or "out".
type Sensor struct {
	path string
	opt  SensorOptions
	log  *slog.Logger
	open func(path string, baud int) (io.ReadWriteCloser, error)

	mu     sync.Mutex
	status drivers.Status
}

// NewSensor returns the sensor at a serial port's path; nothing happens before Run.
func NewSensor(path string, opt SensorOptions) *Sensor {
	if opt.Baud == 0 {
		opt.Baud = DefaultBaud
	}
	log := opt.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Sensor{path: path, opt: opt, log: log, open: openSerial,
		status: drivers.Status{Kind: "sensor", Name: path, State: drivers.Missing, Detail: "not looked for yet", Since: time.Now()}}
}

// Status returns how the sensor is.
func (s *Sensor) Status() drivers.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

func (s *Sensor) set(state drivers.State, detail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.State != state {
		s.status.State, s.status.Since = state, time.Now()
	}
	s.status.Detail = detail
}

// Run listens until ctx ends, and returns nil then. A sensor that is not there or
// vanishes is waited for.
func (s *Sensor) Run(ctx context.Context) error {
	pause := firstPause
	for ctx.Err() == nil {
		line, err := s.open(s.path, s.opt.Baud)
		if err == nil {
			pause = firstPause
			s.set(drivers.Ready, "")
			err = s.hold(ctx, line)
			_ = line.Close()
			if ctx.Err() != nil {
				break
			}
			s.log.Warn("the sensor is gone", "device", s.path, "err", err)
		}
		state, text := stateOf(err), detail(err)
		if state == drivers.Missing {
			text = "the sensor is not plugged in"
		}
		s.set(state, text)
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, longPause)
	}
	s.set(drivers.Missing, "the sensor is not listened to any more")
	return nil
}

// hold listens to an open line until it fails, its device is gone or ctx ends.
func (s *Sensor) hold(ctx context.Context, line io.Reader) error {
	done, failed := make(chan struct{}), make(chan error, 1)
	var work sync.WaitGroup
	work.Go(func() { failed <- listen(line, done, s.opt.Passed) })
	defer func() { close(done); work.Wait() }()
	clock := time.NewTicker(look)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-clock.C:
			if _, err := os.Stat(s.path); err != nil {
				return err
			}
		}
	}
}
