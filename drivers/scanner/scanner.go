package scanner

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"tram/drivers"
	"tram/drivers/privacy"
)

// Defaults of Options.
const (
	DefaultBaud    = 9600 // the usual setting of RS-232 scanners; USB-CDC ignores it
	DefaultIdleGap = 80 * time.Millisecond
)

// codeQueue bounds the codes nobody has taken yet.
const codeQueue = 8

// Pauses before a port that is not there is tried again.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 3 * time.Second
)

// Options are what may be set of a scanner; zero values take the defaults.
type Options struct {
	Baud    int
	IdleGap time.Duration // ends a code of a scanner without a suffix; measured to 100 ms
	Log     *slog.Logger  // nil logs nothing
}

// Code is one code that was scanned, without its end, just as it came.
type Code struct {
	Raw privacy.Private[[]byte]
	At  time.Time
}

var _ drivers.Device = (*Scanner)(nil)

// A Scanner is one code scanner of this device, there or not.
type Scanner struct {
	path  string
	opt   Options
	log   *slog.Logger
	codes chan Code
	open  func(path string, baud int) (port, error)

	mu     sync.Mutex
	status drivers.Status
}

// New returns the scanner at a serial port's path. Nothing happens before Run.
func New(path string, opt Options) *Scanner {
	if opt.Baud == 0 {
		opt.Baud = DefaultBaud
	}
	if opt.IdleGap == 0 {
		opt.IdleGap = DefaultIdleGap
	}
	log := opt.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Scanner{
		path: path, opt: opt, log: log, codes: make(chan Code, codeQueue), open: openSerial,
		status: drivers.Status{Kind: "scanner", Name: path, State: drivers.Missing, Detail: "not looked for yet", Since: time.Now()},
	}
}

// Codes returns the codes that are scanned. The queue holds 8; when nobody
// takes them the oldest is dropped, because the newest is the one of the person
// who stands there. It is never closed.
func (s *Scanner) Codes() <-chan Code { return s.codes }

// Status returns how the scanner is.
func (s *Scanner) Status() drivers.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Run reads the scanner until ctx ends, and returns nil then. A port that is
// not there or vanishes is waited for.
func (s *Scanner) Run(ctx context.Context) error {
	pause := firstPause
	for ctx.Err() == nil {
		p, err := s.open(s.path, s.opt.Baud)
		if err == nil {
			s.set(drivers.Ready, "")
			s.log.Info("the scanner is there", "device", s.path)
			pause = firstPause
			err = s.read(ctx, p)
			_ = p.Close()
			if ctx.Err() != nil {
				break
			}
			s.log.Warn("the scanner is gone", "device", s.path, "err", err)
		}
		s.set(state(err), detail(err))
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, longPause)
	}
	s.set(drivers.Missing, "the scanner is not read any more")
	return nil
}

// state tells a port that is not there from one that cannot be used.
func state(err error) drivers.State {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, errHungUp) {
		return drivers.Missing
	}
	return drivers.Failed
}

func detail(err error) string {
	switch {
	case errors.Is(err, os.ErrNotExist), errors.Is(err, errHungUp):
		return "the scanner is not plugged in"
	case errors.Is(err, os.ErrPermission):
		return "this user may not open the port; add it to the group dialout"
	}
	return err.Error()
}

func (s *Scanner) set(state drivers.State, detail string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status.State != state {
		s.status.State, s.status.Since = state, time.Now()
	}
	s.status.Detail = detail
}

// read takes codes from an open port until it fails or ctx ends.
func (s *Scanner) read(ctx context.Context, p port) error {
	var f framer
	buf := make([]byte, 1024)
	defer clear(buf)
	last := time.Now()
	for ctx.Err() == nil {
		n, err := p.Read(buf)
		if err != nil {
			return err
		}
		if n > 0 {
			last = time.Now()
			s.tooLong(f.add(buf[:n], s.emit))
			continue
		}
		if f.open() && time.Since(last) >= s.opt.IdleGap && f.end(s.emit) {
			s.tooLong(1)
		}
	}
	return ctx.Err()
}

func (s *Scanner) tooLong(codes int) {
	if codes > 0 {
		s.log.Warn("a code that is too long was dropped", "device", s.path, "bytes", MaxFrame)
	}
}

// emit queues a code. Only Run's goroutine calls it, so that the place it makes
// stays free.
func (s *Scanner) emit(raw []byte) {
	code := Code{Raw: privacy.New(raw), At: time.Now()}
	for {
		select {
		case s.codes <- code:
			return
		default:
		}
		select {
		case <-s.codes:
			s.log.Warn("nobody takes the scanned codes; the oldest is dropped", "device", s.path)
		default:
		}
	}
}
