package sim

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/creack/pty"
)

// A Relay is a relay board on a serial line that nobody plugged in. It does what
// the maker's description of the LCUS boards says: four bytes, A0, channel, 1 or
// 0, and their sum, switch a channel; bytes that are no such command are dropped
// one by one until one begins. It never answers; Sense lets its inputs speak.
type Relay struct {
	in   *os.File
	line *os.File // kept open, so that the line stays while nobody writes to it
	done chan struct{}

	mu      sync.Mutex
	on      map[int]bool
	opened  map[int]int
	dropped int
	signal  chan struct{} // closed and replaced at each change
}

// NewRelay opens a pseudo terminal in raw mode and listens on it.
func NewRelay() (*Relay, error) {
	in, line, err := pty.Open()
	if err != nil {
		return nil, fmt.Errorf("open a virtual relay: %w", err)
	}
	defer in.Close() // pollable takes its place
	if err := setRaw(line); err != nil {
		_ = line.Close()
		return nil, fmt.Errorf("open a virtual relay: %w", err)
	}
	wire, err := pollable(in)
	if err != nil {
		_ = line.Close()
		return nil, fmt.Errorf("open a virtual relay: %w", err)
	}
	r := &Relay{in: wire, line: line, done: make(chan struct{}), on: map[int]bool{}, opened: map[int]int{}, signal: make(chan struct{})}
	go r.listen()
	return r, nil
}

// Path returns the device that the agent opens.
func (r *Relay) Path() string { return r.line.Name() }

func (r *Relay) listen() {
	defer close(r.done)
	var pending []byte
	buf := make([]byte, 64)
	for {
		n, err := r.in.Read(buf)
		pending = r.take(append(pending, buf[:n]...))
		if err != nil {
			return
		}
	}
}

// take obeys the commands in b and returns what may be the beginning of the next.
func (r *Relay) take(b []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(b) >= 4 {
		if b[0] != 0xa0 || b[3] != b[0]+b[1]+b[2] || b[2] > 1 {
			r.dropped++
			b = b[1:]
			continue
		}
		channel, on := int(b[1]), b[2] == 1
		if on && !r.on[channel] {
			r.opened[channel]++
		}
		r.on[channel] = on
		b = b[4:]
		close(r.signal)
		r.signal = make(chan struct{})
	}
	return append([]byte(nil), b...)
}

// State tells whether a channel is on, how often it was switched on, and how
// many bytes came that belonged to no command. Changed is closed at the next
// command.
func (r *Relay) State(channel int) (on bool, opened, dropped int, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.on[channel], r.opened[channel], r.dropped, r.signal
}

// Sense lets the board say that an input closed and opened again: 1 for a passage
// either way, 2 in, 3 out.
func (r *Relay) Sense(input int) error {
	on, off := []byte{0xa0, byte(input), 1, 0xa1 + byte(input)}, []byte{0xa0, byte(input), 0, 0xa0 + byte(input)}
	if _, err := r.in.Write(append(on, off...)); err != nil {
		return fmt.Errorf("close an input of the virtual board: %w", err)
	}
	return nil
}

// Close unplugs the board.
func (r *Relay) Close() error {
	err := errors.Join(r.line.Close(), r.in.Close())
	<-r.done
	return err
}
