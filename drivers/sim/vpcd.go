package sim

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Control bytes of vpcd (vsmartcard, virtualsmartcard/src/vpcd/vpcd.h). Each
// comes as a message of one byte; anything longer is a command to the card.
const (
	vpcdOff   = 0
	vpcdOn    = 1
	vpcdReset = 2
	vpcdATR   = 4
)

// maxFrame is the most bytes that one message of vpcd carries.
const maxFrame = 65535

// Insert lays the card on a virtual reader: a slot of vpcd at addr, "host:port"
// or "unix:/path". It answers until ctx ends, which takes the card away again,
// and then returns nil. ErrPulled says that the option PulledAfter struck; any
// other error that the reader was not there or went away.
//
// The card loses power when Insert returns, and can be inserted again. Two cards
// after one another in one slot are kept a moment apart, as by a hand.
func Insert(ctx context.Context, addr string, c *Card) error {
	network, address := "tcp", addr
	if path, ok := strings.CutPrefix(addr, "unix:"); ok {
		network, address = "unix", path
	}
	if err := gaps.wait(ctx, addr); err != nil {
		return fmt.Errorf("insert a virtual card into %s: %w", addr, err)
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return fmt.Errorf("insert a virtual card into %s: %w", addr, err)
	}
	defer gaps.removed(addr)
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer c.PowerOff()
	err = serve(ctx, conn, c)
	switch {
	case errors.Is(err, ErrPulled):
		return ErrPulled
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, io.EOF):
		err = errors.New("the reader ended the connection")
	}
	return fmt.Errorf("virtual card in %s: %w", addr, err)
}

// handTime is the least time between two cards in one slot. pcscd looks every
// 400 ms: of cards that are swapped faster while a program connects it may keep
// the belief that none is there until the second is taken away, too.
const handTime = 800 * time.Millisecond

// gaps remembers when a card was last taken out of a slot of this process.
var gaps = slotTimes{last: map[string]time.Time{}}

type slotTimes struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (s *slotTimes) removed(addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last[addr] = time.Now()
}

func (s *slotTimes) wait(ctx context.Context, addr string) error {
	s.mu.Lock()
	last := s.last[addr]
	delete(s.last, addr) // it has done its duty; the map stays small
	s.mu.Unlock()
	return pause(ctx, handTime-time.Since(last))
}

// serve answers vpcd's messages until the connection or ctx ends.
func serve(ctx context.Context, conn net.Conn, c *Card) error {
	in := quickReader{conn}
	buf := make([]byte, 2+maxFrame)
	for {
		if _, err := io.ReadFull(in, buf[:2]); err != nil {
			return err
		}
		message := buf[:binary.BigEndian.Uint16(buf)]
		if _, err := io.ReadFull(in, message); err != nil {
			return err
		}
		if len(message) <= 1 {
			if err := control(conn, c, message); err != nil {
				return err
			}
			continue
		}
		answer, due, err := c.deliver(message)
		if errors.Is(err, errHung) {
			continue // and no answer
		}
		if err != nil {
			return err
		}
		if err := pause(ctx, due); err != nil {
			return err
		}
		if err := send(conn, answer); err != nil {
			return err
		}
	}
}

// control carries out a control byte. Only the request for the ATR has an
// answer.
func control(conn net.Conn, c *Card, message []byte) error {
	if len(message) == 0 {
		return nil
	}
	switch message[0] {
	case vpcdOff:
		c.PowerOff()
	case vpcdOn:
		c.PowerOn()
	case vpcdReset:
		c.Reset()
	case vpcdATR:
		return send(conn, c.ATR())
	}
	return nil
}

// send writes one message with its length before it, in one piece.
func send(conn net.Conn, message []byte) error {
	if len(message) > maxFrame {
		return fmt.Errorf("an answer of %d bytes does not fit a message", len(message))
	}
	_, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message...))
	return err
}

// quickReader asks for immediate acknowledgements before every read. vpcd sends
// length and body apart; with delayed acknowledgements each command would take
// 44 ms instead of 0.1 ms. The setting does not last, hence before every read.
type quickReader struct{ net.Conn }

func (r quickReader) Read(b []byte) (int, error) {
	if t, ok := r.Conn.(*net.TCPConn); ok {
		if raw, err := t.SyscallConn(); err == nil {
			// Without it everything works, only slower.
			_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
		}
	}
	return r.Conn.Read(b)
}
