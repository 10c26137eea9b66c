package pcsc_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"tram/drivers"
	"tram/drivers/pcsc"
)

var (
	hello = []byte{0x00, 0xA4, 0x04, 0x00, 0x03, 'a', 'b', 'c', 0x00}
	ok    = []byte{0x90, 0x00}
)

func TestListWithoutAServiceSaysSo(t *testing.T) {
	r := startReaders(t)
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := pcsc.List(); !errors.Is(err, pcsc.ErrNoService) {
		t.Errorf("List() = %v, want ErrNoService", err)
	}
	if _, err := pcsc.Connect(t.Context(), ""); !errors.Is(err, pcsc.ErrNoService) {
		t.Errorf("Connect = %v, want ErrNoService", err)
	}
}

func TestConnectSaysWhatIsMissing(t *testing.T) {
	startReaders(t)
	if _, err := pcsc.Connect(t.Context(), "Nothing"); !errors.Is(err, pcsc.ErrNoReader) {
		t.Errorf("Connect to a reader that is not there = %v, want ErrNoReader", err)
	}
	if _, err := pcsc.Connect(t.Context(), "Virtual PCD 00 01"); !errors.Is(err, pcsc.ErrNoCard) {
		t.Errorf("Connect to an empty reader = %v, want ErrNoCard", err)
	}
}

func TestTransmitReturnsWhatTheCardAnswers(t *testing.T) {
	r := startReaders(t)
	insert(t, r, 0, echo)
	c := connect(t, r.Names()[0])
	if !bytes.Equal(c.ATR(), testATR) {
		t.Errorf("ATR() = %X, want %X", c.ATR(), testATR)
	}
	if c.Name() != r.Names()[0] {
		t.Errorf("Name() = %q, want %q", c.Name(), r.Names()[0])
	}
	for _, size := range []int{4, 5, 260, 65000} {
		command := bytes.Repeat([]byte{0x5A}, size)
		got, err := c.Transmit(t.Context(), command)
		if err != nil {
			t.Fatalf("Transmit of %d bytes: %v", size, err)
		}
		if want := append(command, ok...); !bytes.Equal(got, want) {
			t.Errorf("Transmit of %d bytes returned %d bytes, want %d", size, len(got), len(want))
		}
	}
	if _, err := c.Transmit(t.Context(), nil); err == nil {
		t.Error("Transmit of nothing gave no error")
	}
	if _, err := c.Transmit(t.Context(), hello); err != nil {
		t.Errorf("after a bad command, Transmit: %v", err)
	}
}

func TestACardPulledInTheMiddleIsGone(t *testing.T) {
	r := startReaders(t)
	insert(t, r, 0, func([]byte) ([]byte, bool) { return nil, false })
	c := connect(t, r.Names()[0])
	if _, err := c.Transmit(t.Context(), hello); !errors.Is(err, pcsc.ErrCardGone) {
		t.Errorf("Transmit = %v, want ErrCardGone", err)
	}
	if _, err := c.Transmit(t.Context(), hello); !errors.Is(err, pcsc.ErrCardGone) {
		t.Errorf("second Transmit = %v, want ErrCardGone", err)
	}
}

func TestACardPulledBetweenTwoCommandsIsGone(t *testing.T) {
	r := startReaders(t)
	card := insert(t, r, 0, echo)
	c := connect(t, r.Names()[0])
	if _, err := c.Transmit(t.Context(), hello); err != nil {
		t.Fatal(err)
	}
	card.pull()
	if _, err := c.Transmit(t.Context(), hello); !errors.Is(err, pcsc.ErrCardGone) {
		t.Errorf("Transmit = %v, want ErrCardGone", err)
	}
}

func TestAHungCardIsGivenUpAndOtherReadersWork(t *testing.T) {
	r := startReaders(t)
	seen := pcsc.NewReader(r.Names()[0], nil)
	run(t, seen)
	hung := insert(t, r, 0, hang)
	insert(t, r, 1, echo)
	next(t, seen, pcsc.CardPresent)
	c := connect(t, r.Names()[0])
	pcsc.SetWatchdog(c, 100*time.Millisecond)
	if _, err := c.Transmit(t.Context(), hello); !errors.Is(err, pcsc.ErrTimeout) {
		t.Errorf("Transmit to a card that hangs = %v, want ErrTimeout", err)
	}
	if _, err := c.Transmit(t.Context(), hello); !errors.Is(err, pcsc.ErrTimeout) {
		t.Errorf("second Transmit = %v, want ErrTimeout", err)
	}
	other := connect(t, r.Names()[1])
	if _, err := other.Transmit(t.Context(), hello); err != nil {
		t.Errorf("the other reader, beside a hung card: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close of a hung card: %v", err)
	}
	hung.pull()
	// A card laid down before pcscd has seen the other one leave can confuse it: then it is
	// laid down once more, as a person would.
	next(t, seen, pcsc.CardGone)
	laid := insert(t, r, 0, echo)
	waitFor(t, "the next card to be seen", func() bool {
		select {
		case e := <-seen.Events():
			return e.Kind == pcsc.CardPresent
		case <-time.After(5 * time.Second):
			laid.pull()
			laid = insert(t, r, 0, echo)
			return false
		}
	})
	again := connect(t, r.Names()[0])
	if _, err := again.Transmit(t.Context(), hello); err != nil {
		t.Errorf("the same reader with another card: %v", err)
	}
}

func TestTransmitEndsWithItsContext(t *testing.T) {
	r := startReaders(t)
	asked := make(chan struct{})
	insert(t, r, 0, func(command []byte) ([]byte, bool) {
		close(asked)
		return nil, true
	})
	c := connect(t, r.Names()[0])
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := c.Transmit(ctx, hello); !errors.Is(err, context.Canceled) {
		t.Errorf("Transmit = %v, want context.Canceled", err)
	}
}

func TestConnectToAHungCardEndsWithItsContext(t *testing.T) {
	r := startReaders(t)
	insert(t, r, 0, hang)
	c := connect(t, r.Names()[0])
	pcsc.SetWatchdog(c, 50*time.Millisecond)
	_, _ = c.Transmit(t.Context(), hello)
	_ = c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if again, err := pcsc.Connect(ctx, r.Names()[0]); err == nil {
		_ = again.Close()
		t.Error("Connect to a card that hangs gave no error")
	} else if strings.Contains(err.Error(), "abandon") {
		t.Errorf("Connect = %v; the call was abandoned", err)
	}
}

func TestHungCardsLeaveNoDescriptorOpen(t *testing.T) {
	r := startReaders(t)
	seen := pcsc.NewReader(r.Names()[0], nil)
	run(t, seen)
	waitState(t, seen, drivers.Ready)
	before := descriptors(t)
	for range 3 {
		card := insert(t, r, 0, hang)
		next(t, seen, pcsc.CardPresent)
		c := connect(t, r.Names()[0])
		pcsc.SetWatchdog(c, 20*time.Millisecond)
		_, _ = c.Transmit(t.Context(), hello)
		_ = c.Close()
		card.pull()
		card.wait()
		next(t, seen, pcsc.CardGone)
	}
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors are open, before it were %d", after, before)
	}
}

func TestErrorsDoNotShowWhatWasSent(t *testing.T) {
	r := startReaders(t)
	insert(t, r, 0, func([]byte) ([]byte, bool) { return nil, false })
	c := connect(t, r.Names()[0])
	_, err := c.Transmit(t.Context(), hello)
	if err == nil || strings.Contains(err.Error(), "abc") || strings.Contains(strings.ToLower(err.Error()), "616263") {
		t.Errorf("error %q shows the command", err)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}
