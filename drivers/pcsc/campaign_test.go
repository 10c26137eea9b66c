package pcsc_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"tram/drivers"
	"tram/drivers/emrtd"
	"tram/drivers/pcsc"
	"tram/drivers/sim"
)

// A person takes the card away, or the next guest comes: the read ends at once, wherever it
// is, and the reader is good for the next card.
func TestAReadIsCancelledAtAnyMomentAndTheNextOneWorks(t *testing.T) {
	v := startReaders(t)
	layDown(t, v, 0)
	for after := 0; after < 18; after += 3 {
		c := connect(t, v.Names()[0])
		ctx, cancel := context.WithCancel(t.Context())
		counted := &counting{card: c, after: after, do: cancel}
		_, err := emrtd.Read(ctx, counted, canOf(t), emrtd.Options{})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled after %d commands: Read = %v, want context.Canceled", after, err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("cancelled after %d commands: Close: %v", after, err)
		}
	}
	if _, err := read(t, connect(t, v.Names()[0])); err != nil {
		t.Errorf("the next read: %v", err)
	}
}

// counting calls do in the middle of a command.
type counting struct {
	card  *pcsc.Card
	after int
	do    func()
}

func (c *counting) ATR() []byte  { return c.card.ATR() }
func (c *counting) Name() string { return c.card.Name() }

func (c *counting) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if c.after--; c.after < 0 {
		c.do()
	}
	return c.card.Transmit(ctx, command)
}

func canOf(t *testing.T) emrtd.Password {
	t.Helper()
	pw, err := emrtd.CAN(sim.DefaultCitizen().CAN())
	if err != nil {
		t.Fatal(err)
	}
	return pw
}

// One reader's card hangs in the middle of a read; the other reader brings card after card
// meanwhile.
func TestReadersDoNotWaitForEachOther(t *testing.T) {
	v := startReaders(t)
	layDown(t, v, 0, sim.HangAfter(9))
	layDown(t, v, 1)
	hung := connect(t, v.Names()[0])
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reached := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		counted := &counting{card: hung, after: 9, do: func() {
			select {
			case <-reached:
			default:
				close(reached)
			}
		}}
		_, err := emrtd.Read(ctx, counted, canOf(t), emrtd.Options{})
		done <- err
	}()
	<-reached
	for n := range 3 {
		c := connect(t, v.Names()[1])
		doc, err := read(t, c)
		if err != nil || doc.Files[emrtd.DG2] == nil {
			t.Errorf("read %d beside a hung card: %v", n, err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	select {
	case err := <-done:
		t.Errorf("the hung read ended by itself: %v", err)
	default:
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("the hung read: %v, want context.Canceled", err)
	}
}

func TestBothReadersReadAtOnce(t *testing.T) {
	v := startReaders(t)
	layDown(t, v, 0)
	layDown(t, v, 1)
	done := make(chan error, 2)
	for slot := range 2 {
		c := connect(t, v.Names()[slot])
		pw := canOf(t)
		go func() {
			doc, err := emrtd.Read(t.Context(), c, pw, emrtd.Options{})
			if err == nil && len(doc.Files[emrtd.DG2]) < 10000 {
				err = fmt.Errorf("DG2 has %d bytes", len(doc.Files[emrtd.DG2]))
			}
			done <- err
		}()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// The reader's cable is pulled with a card on it, and while that is read; then it is
// plugged in again.
func TestAReaderUnpluggedInTheMiddleOfAReadComesBack(t *testing.T) {
	v := startReaders(t)
	r := pcsc.NewReader("00 00", nil)
	run(t, r)
	waitState(t, r, drivers.Ready)
	for range 2 {
		_, takeAway := layDown(t, v, 0)
		next(t, r, pcsc.CardPresent)
		c, err := r.Connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		unplugged := make(chan error, 1)
		counted := &counting{card: c, after: 12, do: func() {
			if len(unplugged) == 0 {
				unplugged <- v.Unplug(t.Context())
			}
		}}
		if _, err := emrtd.Read(t.Context(), counted, canOf(t), emrtd.Options{}); err == nil {
			t.Error("Read without a reader gave no error")
		}
		if err := <-unplugged; err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		next(t, r, pcsc.CardGone)
		waitState(t, r, drivers.Missing)
		takeAway()
		if err := v.Plug(t.Context()); err != nil {
			t.Fatal(err)
		}
		waitState(t, r, drivers.Ready)
	}
	layDown(t, v, 0)
	next(t, r, pcsc.CardPresent)
	c, err := r.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, c); err != nil {
		t.Errorf("Read after plugging in: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// What was learned of a card's lengths holds for the next card of its kind.
func TestAFullReadNeedsFewCommands(t *testing.T) {
	v := startReaders(t)
	layDown(t, v, 0)
	for range 2 {
		c := connect(t, v.Names()[0])
		began := time.Now()
		doc, err := read(t, c)
		if err != nil {
			t.Fatal(err)
		}
		after := doc.Link.APDUs - doc.Link.AccessAPDUs
		if after > 14 || len(doc.Files[emrtd.DG2]) < 15000 {
			t.Errorf("%d commands after access control for a portrait of %d bytes, want at most 14", after, len(doc.Files[emrtd.DG2]))
		}
		t.Logf("%d commands, %d of them for access control, %d bytes up, %d down in %v", doc.Link.APDUs, doc.Link.AccessAPDUs, doc.Link.BytesUp, doc.Link.BytesDown, time.Since(began))
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}
