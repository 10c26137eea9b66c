package relay_test

import (
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/creack/pty"

	"tram/drivers"
	"tram/drivers/relay"
)

// passed collects what a sensor told.
type passed struct {
	mu   sync.Mutex
	ways []relay.Way
}

func (p *passed) add(w relay.Way) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ways = append(p.ways, w)
}

func (p *passed) are(want ...relay.Way) func() bool {
	return func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return slices.Equal(p.ways, want)
	}
}

func TestTheBoardsInputsTellWhoPassed(t *testing.T) {
	board := plug(t)
	var p passed
	r, _ := drive(t, board.Path(), relay.Options{Passed: p.add})
	until(t, "the board is found", isState(r, drivers.Ready))
	for _, input := range []int{1, 2, 3, 7} {
		if err := board.Sense(input); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "three passages are told", p.are(relay.Either, relay.In, relay.Out))
	if err := r.Open(t.Context()); err != nil {
		t.Errorf("a board that is listened to does not open: %v", err)
	}
}

func TestASensorOnItsOwnLineSpeaksWordsOrBytes(t *testing.T) {
	wire, line, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer wire.Close()
	defer line.Close()
	var p passed
	s := relay.NewSensor(line.Name(), relay.SensorOptions{Passed: p.add})
	done := make(chan error, 1)
	ctx, cancel := testContext(t)
	go func() { done <- s.Run(ctx) }()
	until(t, "the sensor is found", func() bool { return s.Status().State == drivers.Ready })
	if _, err := wire.Write([]byte("pass\r\nIN\nnoise\rout\r\xa0\x02\x01\xa3\xa0\x02\x00\xa2")); err != nil {
		t.Fatal(err)
	}
	until(t, "four passages are told", p.are(relay.Either, relay.In, relay.Out, relay.In))
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// deafLine takes orders and cannot be read.
type deafLine struct{}

func (deafLine) Read([]byte) (int, error)    { return 0, syscall.EIO }
func (deafLine) Write(b []byte) (int, error) { return len(b), nil }
func (deafLine) Close() error                { return nil }

func TestABoardWhoseInputsCannotBeReadIsOpenedAnew(t *testing.T) {
	r, err := relay.New(os.DevNull, relay.Options{Passed: func(relay.Way) {}})
	if err != nil {
		t.Fatal(err)
	}
	var opened atomic.Int32
	relay.OpenWith(r, func() (io.ReadWriteCloser, error) {
		opened.Add(1)
		return deafLine{}, nil
	})
	ctx, cancel := testContext(t)
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	until(t, "it is opened a third time, and does not say that it works meanwhile", func() bool {
		return opened.Load() >= 3 && r.Status().State == drivers.Failed
	})
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func FuzzInputs(f *testing.F) {
	f.Add([]byte("pass\r\n\xa0\x01\x01\xa2"), 3)
	f.Add([]byte("\xa0\xa0\x01\x01\xa2in\n"), 1)
	f.Fuzz(func(t *testing.T, data []byte, cut int) {
		whole, _ := relay.Inputs(slices.Clone(data))
		if cut < 0 || cut > len(data) {
			return
		}
		first, rest := relay.Inputs(slices.Clone(data[:cut]))
		second, _ := relay.Inputs(append(slices.Clone(rest), data[cut:]...))
		if len(data) <= 32 && !slices.Equal(whole, append(first, second...)) {
			t.Errorf("%q cut at %d says %v and %v, whole %v", data, cut, first, second, whole)
		}
	})
}
