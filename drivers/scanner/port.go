package scanner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tarm/serial"
)

// port is a serial line. Read returns what is there, or 0 and no error when
// nothing came within the port's read timeout; any error means that the line is
// gone for good.
type port interface {
	io.Reader
	io.Closer
}

// tick is how long a Read waits: the shortest that termios can. It is how fast
// Run ends, and how finely an idle gap is measured.
const tick = 100 * time.Millisecond

// openSerial opens a real tty.
func openSerial(path string, baud int) (port, error) {
	p, err := serial.OpenPort(&serial.Config{Name: path, Baud: baud, ReadTimeout: tick})
	if err != nil {
		var byPath *os.PathError
		if errors.As(err, &byPath) {
			err = byPath.Err // the path is in the sentence already
		}
		return nil, fmt.Errorf("open serial port %s at %d baud: %w", path, baud, err)
	}
	return &serialPort{Port: p, path: path}, nil
}

// serialPort tells a timeout from a line that is gone: tarm/serial reports both
// as io.EOF, because read(2) returns 0 for both.
type serialPort struct {
	*serial.Port
	path  string
	quick int // reads in a row that returned nothing without waiting
}

// quickReads is how many of them mean that the line has hung up. A single one
// can be a signal.
const quickReads = 3

var errHungUp = errors.New("the port is gone")

func (p *serialPort) Read(b []byte) (int, error) {
	began := time.Now()
	n, err := p.Port.Read(b)
	switch {
	case n > 0:
		p.quick = 0
		return n, nil
	case err != nil && !errors.Is(err, io.EOF):
		return 0, fmt.Errorf("%w: %w", errHungUp, err)
	}
	if time.Since(began) > tick/2 {
		p.quick = 0
		// An unplugged USB port may stay silent instead of failing.
		if _, err := os.Stat(p.path); err != nil {
			return 0, errHungUp
		}
		return 0, nil
	}
	if p.quick++; p.quick >= quickReads {
		return 0, errHungUp
	}
	return 0, nil
}
