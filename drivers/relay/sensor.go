package relay

import (
	"context"
	"io"
	"log/slog"
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
	port
	passed func(Way)
}

// NewSensor returns the sensor at a serial port's path; nothing happens before Run.
func NewSensor(path string, opt SensorOptions) *Sensor {
	return &Sensor{port: newPort(path, opt.Baud, "sensor", "sensor", opt.Log), passed: opt.Passed}
}

// Run listens until ctx ends, and returns nil then. A sensor that is not there or
// vanishes is waited for.
func (s *Sensor) Run(ctx context.Context) error {
	s.run(ctx, s.hold)
	return nil
}

// hold listens to an open line until it fails, its device is gone or ctx ends.
func (s *Sensor) hold(ctx context.Context, line io.ReadWriter) error {
	s.set(drivers.Ready, "")
	done, failed := make(chan struct{}), make(chan error, 1)
	var work sync.WaitGroup
	work.Go(func() { failed <- listen(line, done, s.passed) })
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
