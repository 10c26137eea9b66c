package pcsc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/ebfe/scard"
)

const (
	// transmitTimeout bounds one exchange. The slowest real answer of an ID card
	// (a signature of its chip) takes under two seconds.
	transmitTimeout = 10 * time.Second
	// connectTimeout bounds powering a card up.
	connectTimeout = 10 * time.Second
)

// A Card is a connection to the card in a reader. It is exclusive: no other
// program reaches the card until Close. One exchange runs at a time; a Card may
// be used from several goroutines.
type Card struct {
	link    *link
	handle  *scard.Card
	name    string
	atr     []byte
	timeout time.Duration
	closed  func() // tells the Reader that it is free again; may be nil

	mu   sync.Mutex
	dead error // why the connection is good for nothing any more
	left bool  // the link belongs to a call that could not be ended
	shut bool
}

// Connect powers the card in the named reader (as NewReader understands a name)
// and connects to it, for the command line and other callers without a running
// Reader. It does not wait for a card: it fails with ErrNoService, ErrNoReader,
// ErrNoCard, ErrMute, ErrInUse, ErrRefused or ErrTimeout.
func Connect(ctx context.Context, name string) (*Card, error) {
	c, err := connect(ctx, name)
	if err != nil {
		if name == "" {
			return nil, fmt.Errorf("connect to the card in the first reader: %w", err)
		}
		return nil, fmt.Errorf("connect to the card in %q: %w", name, err)
	}
	return c, nil
}

func connect(ctx context.Context, name string) (*Card, error) {
	timed, cancel := context.WithTimeoutCause(ctx, connectTimeout, ErrTimeout)
	defer cancel()
	l, err := openLink(timed)
	if err != nil {
		return nil, err
	}
	c := &Card{link: l, timeout: transmitTimeout}
	err = l.do(timed, nil, func() error { return c.open(name) })
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, errAbandoned):
		return nil, err
	}
	if c.handle != nil {
		_ = c.handle.Disconnect(scard.ResetCard)
	}
	l.release()
	return nil, explain(err)
}

func (c *Card) open(name string) error {
	names, err := listReaders(c.link.ctx)
	if err != nil {
		return err
	}
	actual, ok := match(names, name)
	if !ok {
		return ErrNoReader
	}
	c.name = actual
	handle, err := c.link.ctx.Connect(actual, scard.ShareExclusive, scard.ProtocolAny)
	if err != nil {
		return err
	}
	c.handle = handle
	// scard panics on any other protocol in Transmit.
	if p := handle.ActiveProtocol(); p != scard.ProtocolT0 && p != scard.ProtocolT1 {
		return fmt.Errorf("%w: it speaks neither T=0 nor T=1", ErrMute)
	}
	status, err := handle.Status()
	if err != nil {
		return err
	}
	c.atr = append([]byte(nil), status.Atr...)
	return nil
}

// Name returns the full name of the card's reader.
func (c *Card) Name() string { return c.name }

// ATR returns the card's answer to reset.
func (c *Card) ATR() []byte { return append([]byte(nil), c.atr...) }

// Transmit sends a command APDU and returns the response with its status word.
// It fails with ErrCardGone when the card was taken away, with ErrTimeout when
// it does not answer within the watchdog's time, and with ctx's error when ctx
// ends; after any of these the connection is over, and the way on is Close and
// Connect. Errors never hold what was sent or received.
func (c *Card) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		return nil, errors.New("exchange with card: the connection is closed")
	}
	if c.dead != nil {
		return nil, fmt.Errorf("exchange with card: %w", c.dead)
	}
	if len(command) < 4 {
		return nil, fmt.Errorf("exchange with card: a command has at least 4 bytes, this one %d", len(command))
	}
	if err := context.Cause(ctx); err != nil { // nothing was sent: the connection lives
		return nil, fmt.Errorf("exchange with card: %w", err)
	}
	response, err := c.exchange(ctx, command)
	if err != nil {
		c.dead = err
		return nil, fmt.Errorf("exchange with card in %q: %w", c.name, err)
	}
	return response, nil
}

func (c *Card) exchange(ctx context.Context, command []byte) ([]byte, error) {
	timed, cancel := context.WithTimeoutCause(ctx, c.timeout, ErrTimeout)
	defer cancel()
	sent := append([]byte(nil), command...) // an abandoned call may outlive the caller's slice
	var received []byte
	err := c.link.do(timed, nil, func() (err error) {
		received, err = c.handle.Transmit(sent)
		return err
	})
	switch {
	case errors.Is(err, errAbandoned):
		c.left = true
		return nil, err
	case err != nil:
		err = explain(err)
		if errors.Is(err, ErrNoCard) {
			err = fmt.Errorf("%w: %w", ErrCardGone, err)
		}
		return nil, err
	case len(received) < 2:
		// A card pulled in the middle gives no error, only nothing.
		return nil, ErrCardGone
	}
	return append([]byte(nil), received...), nil
}

// Close resets the card, so that no session of it stays open, and gives the
// reader free. It may be called more than once.
func (c *Card) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.shut {
		return nil
	}
	c.shut = true
	if c.closed != nil {
		defer c.closed()
	}
	if c.left {
		return nil
	}
	timed, cancel := context.WithTimeoutCause(context.Background(), connectTimeout, ErrTimeout)
	defer cancel()
	err := c.link.do(timed, nil, func() error {
		_ = c.handle.Disconnect(scard.ResetCard) // fails when card, reader or service are gone: then there is nothing to reset
		return nil
	})
	if errors.Is(err, errAbandoned) {
		return fmt.Errorf("close card in %q: %w", c.name, err)
	}
	c.link.release()
	return nil
}

// match finds the reader that a configured name means: any reader for "", else
// the one of exactly this name, else the first that begins with it, else the
// first that contains it. PC/SC ends names with a number that changes with the
// order of plugging in, so a configuration leaves it out.
func match(names []string, want string) (string, bool) {
	tests := []func(name string) bool{
		func(name string) bool { return want == "" || name == want },
		func(name string) bool { return strings.HasPrefix(name, want) },
		func(name string) bool { return strings.Contains(strings.ToLower(name), strings.ToLower(want)) },
	}
	for _, fits := range tests {
		for _, name := range names {
			if fits(name) {
				return name, true
			}
		}
	}
	return "", false
}
