package sim

import (
	"context"
	"errors"
	"time"
)

// ErrPulled is returned by Insert when the option PulledAfter struck.
var ErrPulled = errors.New("the virtual card was pulled in the middle of a command")

// errHung says that there will be no answer to this command.
var errHung = errors.New("the virtual chip hangs")

// linkState is the card's way to the reader; the card's mutex guards it.
type linkState struct {
	commands int // answered or not, since the card was made
	failures int // wrong passwords in a row
	wait     time.Duration
	hung     bool
}

// failed notes a wrong password and returns the status word that says so.
func (c *Card) failed() uint16 {
	c.link.wait = c.set.retryDelay << min(c.link.failures, 4)
	c.link.failures++
	if c.set.blockAfter > 0 {
		return c.triesLeft()
	}
	return swWrongPassword
}

// triesLeft is 63Cx.
func (c *Card) triesLeft() uint16 {
	return 0x63C0 | uint16(min(15, max(0, c.set.blockAfter-c.link.failures)))
}

// blocked: too many wrong passwords, which a reset does not heal.
func (c *Card) blocked() bool { return c.set.blockAfter > 0 && c.link.failures >= c.set.blockAfter }

// deliver answers one command over the link: the answer and when it is due, in
// time from now.
func (c *Card) deliver(command []byte) (answer []byte, due time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.link.commands
	c.link.commands++
	if n == c.set.hangAfter {
		c.link.hung = true
	}
	switch {
	case n == c.set.pulledAfter:
		return nil, 0, ErrPulled
	case c.link.hung:
		return nil, 0, errHung
	}
	c.link.wait = 0
	answer = c.exchange(command).Bytes()
	due = c.link.wait + c.set.processing
	if c.set.bitsPerSecond > 0 {
		bits := 8 * (len(command) + len(answer))
		due += time.Duration(bits) * time.Second / time.Duration(c.set.bitsPerSecond)
	}
	return answer, due, nil
}

// Transmit answers one command like a card in a reader on this machine: after
// the time the link takes, with no bytes and no error where the card was
// pulled, and never, until ctx ends, where the chip hangs. It lets the chip
// reader read a Card without a reader between them.
func (c *Card) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	answer, due, err := c.deliver(command)
	switch {
	case errors.Is(err, ErrPulled):
		c.PowerOff()
		return nil, nil
	case err != nil:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err := pause(ctx, due); err != nil {
		return nil, err
	}
	return answer, nil
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
