package sim

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// A Scanner is a QR scanner on a serial line that nobody plugged in: what is
// typed into it can be read at Path, as from /dev/ttyACM0. A code ends in CR,
// as scanners are set up.
type Scanner struct {
	mu   sync.Mutex // one code after another
	in   *os.File
	line *os.File // kept open, so that the line stays while nobody reads it
}

// NewScanner opens a pseudo terminal in raw mode.
func NewScanner() (*Scanner, error) {
	in, line, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open a virtual scanner: %w", err)
	}
	defer in.Close() // pollable takes its place
	if err := setRaw(line); err != nil {
		_ = line.Close()
		return nil, fmt.Errorf("open a virtual scanner: %w", err)
	}
	keyboard, err := pollable(in)
	if err != nil {
		_ = line.Close()
		return nil, fmt.Errorf("open a virtual scanner: %w", err)
	}
	return &Scanner{in: keyboard, line: line}, nil
}

// pollable returns a second handle of f that honours deadlines: the one that
// was opened is in blocking mode, and a write to a full line would never end.
func pollable(f *os.File) (*os.File, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	copied := -1
	var failed error
	err = raw.Control(func(fd uintptr) {
		if copied, failed = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0); failed == nil {
			failed = unix.SetNonblock(copied, true)
		}
	})
	if err := errors.Join(err, failed); err != nil {
		if copied >= 0 {
			_ = unix.Close(copied)
		}
		return nil, err
	}
	return os.NewFile(uintptr(copied), f.Name()), nil
}

// Path returns the device that the agent opens.
func (s *Scanner) Path() string { return s.line.Name() }

// Type writes payload and CR, as after the scan of a code. It returns when the
// line has taken all of it; a line that nobody reads takes about 4 KB.
func (s *Scanner) Type(ctx context.Context, payload string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("scan a code: %w", err)
	}
	if err := s.in.SetWriteDeadline(time.Time{}); err != nil {
		return fmt.Errorf("scan a code: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = s.in.SetWriteDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err := s.in.Write(append([]byte(payload), '\r'))
	if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("scan a code: %w", err)
	}
	return nil
}

// Close unplugs the scanner: whoever reads the line sees its end.
func (s *Scanner) Close() error {
	return errors.Join(s.line.Close(), s.in.Close())
}

// setRaw makes a terminal pass every byte as it is, in both directions.
func setRaw(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		t, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		if err != nil {
			failed = err
			return
		}
		t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
		t.Oflag &^= unix.OPOST
		t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
		t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		failed = unix.IoctlSetTermios(int(fd), unix.TCSETS, t)
	})
	return errors.Join(err, failed)
}
