// Package relay opens a gate, a barrier or a door through a relay board on a
// serial line (LCUS-1 to LCUS-8 and the many boards of the same protocol).
//
// A command is four bytes: A0, the channel from 1, 01 for on or 00 for off, and
// the sum of the three. The boards do not answer, so that nobody can know that
// the contact closed: a passage has to be confirmed by something else. What can
// be known is that the board is plugged in and that the line took the bytes.
//
// The relay is switched off when the board is found, after each pulse, and
// before the line is given up: a daemon that ends leaves no gate open.
package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"tram/drivers"
)

// Defaults of Options.
const (
	DefaultBaud  = 9600
	DefaultPulse = 500 * time.Millisecond
)

// The bounds of Options.
const (
	MaxChannel = 8
	MaxPulse   = 10 * time.Second
)

// Errors that a caller tells apart.
var (
	ErrMissing = errors.New("the relay board is not there")
	ErrBusy    = errors.New("the relay is open already")
	// ErrStuck: the relay was switched on and the line did not take the order to switch it off.
	ErrStuck = errors.New("the relay may still be on")
)

// Options are what may be set of a relay; zero values take the defaults.
type Options struct {
	Baud    int
	Channel int           // 1 to 8; 0 means 1
	Pulse   time.Duration // how long it stays on; at most 10 s
	Passed  func(Way)     // called for each passage that an input of the board tells, as a Sensor's; nil: it has none
	Log     *slog.Logger  // nil logs nothing
}

var _ drivers.Device = (*Relay)(nil)

// A Relay is one channel of a board, there or not.
type Relay struct {
	port
	opt    Options
	orders chan order
}

// order asks Run for a pulse.
type order struct{ done chan error }

// New returns the relay of the board at a serial port's path; nothing happens
// before Run. A channel or a pulse out of bounds is an error.
func New(path string, opt Options) (*Relay, error) {
	if opt.Channel == 0 {
		opt.Channel = 1
	}
	if opt.Pulse == 0 {
		opt.Pulse = DefaultPulse
	}
	if opt.Channel < 1 || opt.Channel > MaxChannel {
		return nil, fmt.Errorf("relay channel %d: must be 1 to %d", opt.Channel, MaxChannel)
	}
	if opt.Pulse < 0 || opt.Pulse > MaxPulse {
		return nil, fmt.Errorf("relay pulse of %v: must be at most %v", opt.Pulse, MaxPulse)
	}
	return &Relay{port: newPort(path, opt.Baud, "relay", "relay board", opt.Log), opt: opt, orders: make(chan order)}, nil
}

// Open switches the relay on for the pulse and returns when it is off again.
// ErrMissing: there is no board, or it went before the relay was on; nothing is
// kept for later, because a gate must not open for somebody who has left.
// ErrBusy: another Open is under way. ErrStuck: see there. When ctx ends first,
// its error comes back and the pulse is still ended as it should.
func (r *Relay) Open(ctx context.Context) error {
	switch r.Status().State {
	case drivers.Busy:
		return ErrBusy
	case drivers.Ready:
	default:
		return ErrMissing
	}
	o := order{done: make(chan error, 1)}
	waiting := time.NewTimer(look) // the board may go between the two
	defer waiting.Stop()
	select {
	case r.orders <- o:
	case <-waiting.C:
		return ErrMissing
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run holds the board's line until ctx ends, and returns nil then. A board that
// is not there or vanishes is waited for.
func (r *Relay) Run(ctx context.Context) error {
	r.run(ctx, r.hold)
	return nil
}

// hold serves orders on an open line until it fails or ctx ends.
func (r *Relay) hold(ctx context.Context, line io.ReadWriter) error {
	deaf := make(chan error, 1)
	if r.opt.Passed != nil {
		done := make(chan struct{})
		var work sync.WaitGroup
		work.Go(func() { deaf <- listen(line, done, r.opt.Passed) })
		defer func() { close(done); work.Wait() }()
	}
	if err := r.send(line, false); err != nil { // whatever was before
		return err
	}
	r.set(drivers.Ready, "")
	r.log.Info("the relay board is there", "device", r.path)
	clock := time.NewTicker(look)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return r.send(line, false)
		case <-clock.C:
			if _, err := os.Stat(r.path); err != nil {
				return err
			}
		case err := <-deaf: // a gate that opens and sees nobody would annul everybody's passage: it is opened anew
			return fmt.Errorf("read the inputs of the relay board at %s: %w", r.path, err)
		case o := <-r.orders:
			r.set(drivers.Busy, "open")
			err := r.pulse(ctx, line)
			if err == nil {
				r.set(drivers.Ready, "")
			} else { // before the caller learns of it: who looks then sees why
				r.fail(err)
			}
			o.done <- err
			if err != nil {
				return err
			}
		}
	}
}

func (r *Relay) pulse(ctx context.Context, line io.Writer) error {
	if err := r.send(line, true); err != nil {
		return fmt.Errorf("%w: %w", ErrMissing, err)
	}
	select {
	case <-time.After(r.opt.Pulse):
	case <-ctx.Done():
	}
	if err := r.send(line, false); err != nil {
		return fmt.Errorf("%w: %w", ErrStuck, err)
	}
	return nil
}

func (r *Relay) send(line io.Writer, on bool) error {
	c := command(r.opt.Channel, on)
	if n, err := line.Write(c[:]); err != nil || n != len(c) {
		return fmt.Errorf("send to the relay board at %s: %w", r.path, errors.Join(err, shortWrite(n, len(c))))
	}
	return nil
}

func shortWrite(n, want int) error {
	if n == want {
		return nil
	}
	return io.ErrShortWrite
}

// command is what switches a channel: LC USB switch communication protocol.
func command(channel int, on bool) [4]byte {
	c := [4]byte{0xa0, byte(channel)}
	if on {
		c[2] = 1
	}
	c[3] = c[0] + c[1] + c[2]
	return c
}
