package pcsc_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"tram/drivers"
	"tram/drivers/pcsc"
)

// run runs the reader until the test ends, and expects it to end then.
func run(t *testing.T, r *pcsc.Reader) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run = %v, want nil", err)
			}
		case <-time.After(20 * time.Second):
			t.Error("Run does not end with its context")
		}
	})
}

func next(t *testing.T, r *pcsc.Reader, want pcsc.Kind) pcsc.Event {
	t.Helper()
	select {
	case e := <-r.Events():
		if e.Kind != want {
			t.Fatalf("event %q, want %q", e.Kind, want)
		}
		return e
	case <-time.After(20 * time.Second):
		t.Fatalf("no event in 20 s, want %q; status %+v", want, r.Status())
	}
	panic("unreachable")
}

func waitState(t *testing.T, r *pcsc.Reader, want drivers.State) {
	t.Helper()
	waitFor(t, "state "+string(want), func() bool { return r.Status().State == want })
}

func TestReaderTellsOfCardsThatComeAndGo(t *testing.T) {
	v := startReaders(t)
	r := pcsc.NewReader("Virtual PCD 00 00", nil)
	run(t, r)
	waitState(t, r, drivers.Ready)
	card := insert(t, v, 0, echo)
	if e := next(t, r, pcsc.CardPresent); !bytes.Equal(e.ATR, testATR) {
		t.Errorf("event's ATR = %X, want %X", e.ATR, testATR)
	}
	c, err := r.Connect(t.Context())
	if err != nil {
		t.Fatalf("Connect: %v", err)
	}
	if got := r.Status().State; got != drivers.Busy {
		t.Errorf("while connected, state = %q, want busy", got)
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if got := r.Status().State; got != drivers.Ready {
		t.Errorf("after Close, state = %q, want ready", got)
	}
	card.pull()
	next(t, r, pcsc.CardGone)
}

func TestReaderComesBackAfterTheServiceRestarts(t *testing.T) {
	v := startReaders(t)
	r := pcsc.NewReader("", nil)
	run(t, r)
	waitState(t, r, drivers.Ready)
	insert(t, v, 0, echo)
	next(t, r, pcsc.CardPresent)
	if err := v.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	next(t, r, pcsc.CardGone)
	waitState(t, r, drivers.Missing)
	waitFor(t, "the detail to name the service", func() bool {
		return r.Status().Detail == "the PC/SC service (pcscd) does not run"
	})
	if err := v.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitState(t, r, drivers.Ready)
	insert(t, v, 0, echo)
	next(t, r, pcsc.CardPresent)
	c, err := r.Connect(t.Context())
	if err != nil {
		t.Fatalf("Connect after the restart: %v", err)
	}
	defer c.Close()
	if _, err := c.Transmit(t.Context(), hello); err != nil {
		t.Errorf("Transmit after the restart: %v", err)
	}
}

func TestReaderIsWaitedForAfterItIsUnplugged(t *testing.T) {
	v := startReaders(t)
	if err := v.Unplug(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := pcsc.NewReader("Virtual PCD", nil)
	run(t, r)
	waitFor(t, "the detail to name the reader", func() bool {
		return r.Status().Detail == "the reader is not plugged in"
	})
	if got := r.Status().State; got != drivers.Missing {
		t.Errorf("state = %q, want missing", got)
	}
	if err := v.Plug(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitState(t, r, drivers.Ready)
	insert(t, v, 0, echo)
	next(t, r, pcsc.CardPresent)
}

func TestServiceRestartInTheMiddleOfAnExchangeEndsIt(t *testing.T) {
	v := startReaders(t)
	asked := make(chan struct{})
	insert(t, v, 0, func([]byte) ([]byte, bool) {
		close(asked)
		return nil, true
	})
	c := connect(t, v.Names()[0])
	done := make(chan error, 1)
	go func() {
		_, err := c.Transmit(t.Context(), hello)
		done <- err
	}()
	<-asked
	if err := v.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Error("Transmit over a restart gave no error")
	}
}

func TestACardTakenAwayAndLaidBackIsTwoEvents(t *testing.T) {
	v := startReaders(t)
	r := pcsc.NewReader("", nil)
	run(t, r)
	for range 3 {
		card := insert(t, v, 0, echo)
		next(t, r, pcsc.CardPresent)
		card.pull()
		insert(t, v, 0, echo).pull()
		next(t, r, pcsc.CardGone)
	}
}

func TestTwoReadersAreWatchedAtOnceAndOneNotTwice(t *testing.T) {
	v := startReaders(t)
	a, b, again := pcsc.NewReader("00 00", nil), pcsc.NewReader("00 01", nil), pcsc.NewReader("PCD 00 01", nil)
	run(t, a)
	run(t, b)
	waitState(t, a, drivers.Ready)
	waitState(t, b, drivers.Ready)
	run(t, again)
	waitFor(t, "the second watcher to say why it waits", func() bool {
		s := again.Status()
		return s.State == drivers.Missing && s.Detail != "" && s.Detail != "not looked for yet"
	})
	insert(t, v, 1, echo)
	next(t, b, pcsc.CardPresent)
	if s := a.Status(); s.Detail != "no card" {
		t.Errorf("the other reader says %q, want no card", s.Detail)
	}
}
