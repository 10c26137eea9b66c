package relay_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/drivers"
	"tram/drivers/relay"
	"tram/drivers/sim"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

func plug(t *testing.T) *sim.Relay {
	t.Helper()
	board, err := sim.NewRelay()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = board.Close() })
	return board
}

// drive runs a relay until the test ends or the returned function is called.
func drive(t *testing.T, path string, opt relay.Options) (r *relay.Relay, end func()) {
	t.Helper()
	r, err := relay.New(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v, want nil", err)
		}
	}
	t.Cleanup(end)
	return r, end
}

func testContext(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return ctx, cancel
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

func isState(r *relay.Relay, s drivers.State) func() bool {
	return func() bool { return r.Status().State == s }
}

func TestAPulseSwitchesOneChannelOnAndOff(t *testing.T) {
	board := plug(t)
	r, _ := drive(t, board.Path(), relay.Options{Channel: 2, Pulse: 20 * time.Millisecond})
	until(t, "the board is found", isState(r, drivers.Ready))
	for i := range 3 {
		if err := r.Open(context.Background()); err != nil {
			t.Fatalf("pulse %d: %v", i, err)
		}
	}
	until(t, "three pulses of channel 2, and off", func() bool {
		on, opened, dropped, _ := board.State(2)
		return !on && opened == 3 && dropped == 0
	})
	if _, opened, _, _ := board.State(1); opened != 0 {
		t.Errorf("channel 1 was switched on %d times, want never", opened)
	}
}

func TestOneWhoComesWhileItIsOpenIsToldSo(t *testing.T) {
	board := plug(t)
	r, _ := drive(t, board.Path(), relay.Options{Pulse: 2 * time.Second})
	until(t, "the board is found", isState(r, drivers.Ready))
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan error, 1)
	go func() { first <- r.Open(ctx) }()
	until(t, "it is open", isState(r, drivers.Busy))
	if err := r.Open(context.Background()); !errors.Is(err, relay.ErrBusy) {
		t.Errorf("the second: %v, want ErrBusy", err)
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the first, cancelled: %v, want context.Canceled", err)
	}
}

func TestADaemonThatEndsLeavesNoGateOpen(t *testing.T) {
	board := plug(t)
	r, end := drive(t, board.Path(), relay.Options{Pulse: relay.MaxPulse})
	until(t, "the board is found", isState(r, drivers.Ready))
	result := make(chan error, 1)
	go func() { result <- r.Open(context.Background()) }()
	until(t, "the channel is on", func() bool { on, _, _, _ := board.State(1); return on })
	end()
	if err := <-result; err != nil {
		t.Errorf("Open of a daemon that ended: %v, want nil: the pulse was ended as it should", err)
	}
	until(t, "the channel is off", func() bool { on, _, _, _ := board.State(1); return !on })
}

func TestABoardThatIsUnpluggedIsMissedAndNothingIsKeptForLater(t *testing.T) {
	board := plug(t)
	r, _ := drive(t, board.Path(), relay.Options{Pulse: 5 * time.Millisecond})
	until(t, "the board is found", isState(r, drivers.Ready))
	if err := board.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "it is missed", func() bool { s := r.Status().State; return s == drivers.Missing || s == drivers.Failed })
	if err := r.Open(context.Background()); !errors.Is(err, relay.ErrMissing) {
		t.Errorf("Open without a board: %v, want ErrMissing", err)
	}
}

func TestWhatCannotBeIsRefused(t *testing.T) {
	for _, opt := range []relay.Options{{Channel: 9}, {Channel: -1}, {Pulse: time.Minute}, {Pulse: -1}} {
		if _, err := relay.New("/dev/null", opt); err == nil {
			t.Errorf("%+v is taken, want an error", opt)
		}
	}
}

// The maker's description: A0 01 01 A2 switches the first relay on, A0 01 00 A1 off.
func TestTheBoardObeysTheMakersBytes(t *testing.T) {
	if on, off := relay.Command(1, true), relay.Command(1, false); on != [4]byte{0xa0, 1, 1, 0xa2} || off != [4]byte{0xa0, 1, 0, 0xa1} {
		t.Errorf("commands % x and % x, want a0 01 01 a2 and a0 01 00 a1", on, off)
	}
}
