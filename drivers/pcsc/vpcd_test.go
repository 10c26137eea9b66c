package pcsc_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/drivers/pcsc"
	"tram/drivers/sim/vreader"
)

func TestMain(m *testing.M) {
	vreader.Child()
	goleak.VerifyTestMain(m)
}

var testATR = []byte{0x3B, 0x80, 0x80, 0x01, 0x01}

// A behaviour answers one command; nil and true hang, nil and false pull the
// card.
type behaviour func(command []byte) (response []byte, stay bool)

func echo(command []byte) ([]byte, bool) {
	return append(command[:len(command):len(command)], ok...), true
}
func hang([]byte) ([]byte, bool) { return nil, true }

// tinyCard speaks vpcd's protocol from the card's side: a 16-bit length, then
// that many bytes; one byte is control.
type tinyCard struct {
	conn net.Conn
	done chan struct{}
	once sync.Once
}

func (c *tinyCard) pull() { c.once.Do(func() { _ = c.conn.Close() }) }
func (c *tinyCard) wait() { <-c.done }

// insert lays a card on a slot and waits until PC/SC sees it. Any card before
// it must be pulled.
func insert(t *testing.T, r *vreader.Reader, slot int, b behaviour) *tinyCard {
	t.Helper()
	conn, err := net.Dial("unix", strings.TrimPrefix(r.Slot(slot), "unix:"))
	if err != nil {
		t.Fatalf("reach slot %d: %v", slot, err)
	}
	c := &tinyCard{conn: conn, done: make(chan struct{})}
	go func() {
		defer close(c.done)
		defer c.pull()
		c.serve(b)
	}()
	t.Cleanup(func() { c.pull(); c.wait() })
	return c
}

func (c *tinyCard) serve(b behaviour) {
	for {
		frame, err := readFrame(c.conn)
		if err != nil {
			return
		}
		if len(frame) == 1 {
			if frame[0] == 4 && writeFrame(c.conn, testATR) != nil {
				return
			}
			continue
		}
		response, stay := b(frame)
		if !stay {
			return
		}
		if response == nil {
			_, _ = io.Copy(io.Discard, c.conn) // says no word until it is pulled
			return
		}
		if writeFrame(c.conn, response) != nil {
			return
		}
	}
}

func readFrame(r io.Reader) ([]byte, error) {
	var n [2]byte
	if _, err := io.ReadFull(r, n[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint16(n[:]))
	_, err := io.ReadFull(r, frame)
	return frame, err
}

func writeFrame(w io.Writer, b []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	return err
}

func startReaders(t *testing.T) *vreader.Reader {
	t.Helper()
	r, err := vreader.Start(t.Context())
	if errors.Is(err, vreader.ErrNotInstalled) || errors.Is(err, vreader.ErrNotAllowed) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// connect waits until the card that was laid down is seen.
func connect(t *testing.T, name string) *pcsc.Card {
	t.Helper()
	var c *pcsc.Card
	var err error
	defer func() {
		if t.Failed() {
			t.Logf("the last Connect said: %v", err)
		}
	}()
	waitFor(t, "the card to be seen", func() bool {
		c, err = pcsc.Connect(t.Context(), name)
		if err != nil && !errors.Is(err, pcsc.ErrNoCard) && !errors.Is(err, pcsc.ErrMute) && !errors.Is(err, pcsc.ErrCardGone) && !errors.Is(err, pcsc.ErrInUse) {
			t.Fatalf("Connect: %v", err)
		}
		return err == nil
	})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}
