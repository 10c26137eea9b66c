package sim

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// slot is the reader's end of vpcd's protocol: it waits for one card.
type slot struct {
	t        *testing.T
	addr     string
	listener net.Listener
	conn     net.Conn
	inserted chan error // what Insert returned
	remove   context.CancelFunc
}

func newSlot(t *testing.T, network string) *slot {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "slot")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	s := &slot{t: t, listener: l, addr: l.Addr().String()}
	if network == "unix" {
		s.addr = "unix:" + addr
	}
	return s
}

// insert lays the card on the slot.
func (s *slot) insert(c *Card) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s.remove, s.inserted = cancel, make(chan error, 1)
	go func() { s.inserted <- Insert(ctx, s.addr, c) }()
	conn, err := s.listener.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	s.conn = conn
	s.t.Cleanup(func() { cancel(); _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		s.t.Fatal(err)
	}
}

// gone waits for the end of Insert.
func (s *slot) gone() error {
	s.t.Helper()
	select {
	case err := <-s.inserted:
		return err
	case <-time.After(20 * time.Second):
		s.t.Fatal("Insert does not end")
		return nil
	}
}

// write sends a message as vpcd does: length and body apart.
func (s *slot) write(message ...byte) {
	s.t.Helper()
	for _, part := range [][]byte{binary.BigEndian.AppendUint16(nil, uint16(len(message))), message} {
		if _, err := s.conn.Write(part); err != nil {
			s.t.Fatal(err)
		}
	}
}

func (s *slot) read() ([]byte, error) {
	var n [2]byte
	if _, err := io.ReadFull(s.conn, n[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(n[:]))
	_, err := io.ReadFull(s.conn, b)
	return b, err
}

// ask sends a message and returns the answer.
func (s *slot) ask(message ...byte) []byte {
	s.t.Helper()
	s.write(message...)
	b, err := s.read()
	if err != nil {
		s.t.Fatalf("no answer to %X: %v", message, err)
	}
	return b
}

func newCard(t testing.TB, opt ...Option) *Card {
	t.Helper()
	return newTerminal(t, opt...).card
}

var (
	selectCardAccess = []byte{0x00, 0xA4, 0x02, 0x0C, 0x02, 0x01, 0x1C}
	readCurrent      = []byte{0x00, 0xB0, 0x00, 0x00, 0x02}
	good             = []byte{0x90, 0x00}
)

func TestInsertSpeaksTheProtocolOfTheVirtualReader(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		s, c := newSlot(t, network), newCard(t)
		s.insert(c)
		if got := s.ask(vpcdATR); !bytes.Equal(got, c.ATR()) {
			t.Errorf("%s: ATR = %X, want %X", network, got, c.ATR())
		}
		s.write(vpcdOn)
		if got := s.ask(selectCardAccess...); !bytes.Equal(got, good) {
			t.Errorf("%s: SELECT = %X, want 9000", network, got)
		}
		s.write(vpcdReset) // no answer: the next message is that of the command
		if got, want := s.ask(readCurrent...), []byte{0x69, 0x86}; !bytes.Equal(got, want) {
			t.Errorf("%s: READ BINARY after a reset = %X, want %X", network, got, want)
		}
		s.ask(selectCardAccess...)
		s.write(vpcdOff)
		s.write(vpcdOn)
		if got, want := s.ask(readCurrent...), []byte{0x69, 0x86}; !bytes.Equal(got, want) {
			t.Errorf("%s: READ BINARY after power off and on = %X, want %X", network, got, want)
		}
		s.write(9) // not known: nothing
		s.write()  // empty: nothing
		if got := s.ask(selectCardAccess...); !bytes.Equal(got, good) {
			t.Errorf("%s: SELECT = %X, want 9000", network, got)
		}
		s.remove()
		if err := s.gone(); err != nil {
			t.Errorf("%s: Insert = %v after its context ended, want nil", network, err)
		}
		if _, err := s.read(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: the connection stays after the card was taken away: %v", network, err)
		}
	}
}

func TestATRIsWellFormed(t *testing.T) {
	atr := newCard(t).ATR()
	var sum byte
	for _, b := range atr[1:] {
		sum ^= b
	}
	if sum != 0 || len(atr) != 4+8+1 || !bytes.HasPrefix(atr, []byte{0x3B, 0x88, 0x80, 0x01}) {
		t.Errorf("ATR = %X: not that of a contactless card with a right check byte", atr)
	}
}

func TestInsertReportsAReaderThatIsNotThere(t *testing.T) {
	s := newSlot(t, "tcp")
	_ = s.listener.Close()
	if err := Insert(t.Context(), s.addr, newCard(t)); err == nil {
		t.Error("Insert into a closed port = nil, want an error")
	}
	s = newSlot(t, "tcp")
	s.insert(newCard(t))
	_ = s.conn.Close()
	if err := s.gone(); err == nil {
		t.Error("Insert = nil after the reader went away, want an error")
	}
}

func TestPulledCardIsGoneInTheMiddleOfACommandAndWorksAgain(t *testing.T) {
	s, c := newSlot(t, "tcp"), newCard(t, PulledAfter(2))
	s.insert(c)
	s.ask(selectCardAccess...)
	s.ask(readCurrent...)
	s.write(readCurrent...)
	if b, err := s.read(); !errors.Is(err, io.EOF) {
		t.Errorf("the third command was answered by %X, %v; want the end of the connection", b, err)
	}
	if err := s.gone(); !errors.Is(err, ErrPulled) {
		t.Errorf("Insert = %v, want ErrPulled", err)
	}
	s.insert(c)
	for range 4 {
		if got := s.ask(selectCardAccess...); !bytes.Equal(got, good) {
			t.Errorf("SELECT after the card was laid on again = %X, want 9000", got)
		}
	}
}

func TestHungChipIsSilentUntilItIsReset(t *testing.T) {
	s, c := newSlot(t, "tcp"), newCard(t, HangAfter(1))
	s.insert(c)
	s.ask(selectCardAccess...)
	s.write(readCurrent...)
	s.write(readCurrent...)
	// The next message to come is the answer to this one.
	if got := s.ask(vpcdATR); !bytes.Equal(got, c.ATR()) {
		t.Errorf("a hung chip answered %X", got)
	}
	s.write(vpcdReset)
	if got := s.ask(selectCardAccess...); !bytes.Equal(got, good) {
		t.Errorf("SELECT after a reset = %X, want 9000", got)
	}
}

func TestTransmitPullsAndHangsAsAReaderWould(t *testing.T) {
	c := newCard(t, PulledAfter(1), HangAfter(3))
	transmit := func(ctx context.Context) ([]byte, error) { return c.Transmit(ctx, selectCardAccess) }
	if got, err := transmit(t.Context()); err != nil || !bytes.Equal(got, good) {
		t.Errorf("Transmit = %X, %v; want 9000", got, err)
	}
	if got, err := transmit(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("Transmit to a pulled card = %X, %v; want nothing and no error, as PC/SC does", got, err)
	}
	if got, err := transmit(t.Context()); err != nil || !bytes.Equal(got, good) {
		t.Errorf("Transmit after the card was laid on again = %X, %v; want 9000", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := transmit(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Transmit to a hung chip = %v, want its context's error", err)
	}
	c.Reset()
	if got, err := transmit(t.Context()); err != nil || !bytes.Equal(got, good) {
		t.Errorf("Transmit after a reset = %X, %v; want 9000", got, err)
	}
}

func TestSlowLinkAndRetriesTakeTheirTime(t *testing.T) {
	c := newCard(t, SlowLink(1000, 5*time.Millisecond))
	_, due, err := c.deliver(readCurrent) // 5 bytes up, 2 down: 56 bits
	if want := 61 * time.Millisecond; err != nil || due != want {
		t.Errorf("deliver takes %v, %v; want %v", due, err, want)
	}
	c = newCard(t, RetryDelay(time.Second))
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 16} {
		c.link.wait = 0
		c.failed()
		if c.link.wait != want*time.Second {
			t.Errorf("wrong password number %d waits %v, want %v", i+1, c.link.wait, want*time.Second)
		}
	}
	c = newCard(t, SlowLink(1, 0))
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := c.Transmit(ctx, readCurrent); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Transmit over a link that is too slow = %v, want its context's error", err)
	}
}
