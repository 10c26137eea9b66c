package passage_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tram/agent/keep"
	"tram/agent/passage"
	"tram/agent/visit"
	"tram/drivers"
	"tram/drivers/relay"
	"tram/drivers/sim"
)

// pulse opens for half a second, and counts.
type pulse struct {
	mu            sync.Mutex
	opened, twice int
	on            bool
	err           error
	opens         func() // called while it is on
}

func (p *pulse) Open(ctx context.Context) error {
	p.mu.Lock()
	if p.on {
		p.twice++
	}
	p.on = true
	p.opened++
	opens := p.opens
	p.mu.Unlock()
	if opens != nil {
		opens()
	}
	time.Sleep(500 * time.Millisecond)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.on = false
	return p.err
}

// gate is a sensed gate for the number of the list.
func gate(t *testing.T, o *pulse, change ...func(*passage.Options)) *passage.Gate {
	opt := passage.Options{List: list(t, keep.Allowed{Group: "Ca 1"}, time.Time{}).Allowance, Opener: o, Sensed: true, Within: 10 * time.Second, Clock: clock}
	for _, c := range change {
		c(&opt)
	}
	return passage.New(opt)
}

// pass lets the person of the list through and returns what became of that.
func pass(t *testing.T, g *passage.Gate) string {
	t.Helper()
	p, err := g.Pass(t.Context(), who(number))
	if err != nil {
		t.Fatal(err)
	}
	return p.Result
}

// The sensor's light is dirty: people go through, and it tells nothing. They must
// be on the list of who is inside, and somebody must look at the sensor.
func TestASensorThatSeesNobodyAnyMoreIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &pulse{}
		g := gate(t, o)
		for i := range 4 {
			if got := pass(t, g); got != visit.PassageAnnulled {
				t.Errorf("passage %d that nothing saw: %s, want annulled", i+1, got)
			}
		}
		if got := g.Trouble(); got != passage.Silent {
			t.Errorf("trouble %q, want silent", got)
		}
		if got := pass(t, g); got != visit.PassageUnconfirmed {
			t.Errorf("the next: %s, want unconfirmed", got)
		}
		o.opens = func() { g.Crossed("in", passage.BySensor) } // it was cleaned
		if got := pass(t, g); got != visit.PassageConfirmed || g.Trouble() != "" {
			t.Errorf("with a sensor that sees again: %s, trouble %q; want confirmed", got, g.Trouble())
		}
		o.opens = nil
		if got := pass(t, g); got != visit.PassageAnnulled {
			t.Errorf("who turned back then: %s, want annulled", got)
		}
	})
}

// A branch moves in the sensor's light, or its cable is loose.
func TestASensorThatNeverStopsConfirmsNothing(t *testing.T) {
	for _, every := range []time.Duration{10 * time.Millisecond, 700 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			g := gate(t, &pulse{})
			noise, quiet := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				for noise.Err() == nil {
					g.Crossed("", passage.BySensor)
					time.Sleep(every)
				}
			}()
			time.Sleep(5 * time.Second)
			if got := pass(t, g); got != visit.PassageUnconfirmed || g.Trouble() != passage.Noisy {
				t.Errorf("each %v: %s, trouble %q; want unconfirmed, noisy", every, got, g.Trouble())
			}
			quiet()
			<-done
			time.Sleep(11 * time.Second)
			if got := pass(t, g); got != visit.PassageAnnulled || g.Trouble() != "" {
				t.Errorf("after it: %s, trouble %q; want annulled by a sensor that is believed", got, g.Trouble())
			}
		})
	}
}

// A shift goes home through the gate, one each second and a half, and a camera
// sees four cross its line at once.
func TestManyPeopleAreNoNoise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate(t, &pulse{})
		for range 100 {
			g.Crossed("out", passage.BySensor)
			time.Sleep(1500 * time.Millisecond)
		}
		for range 12 {
			g.Crossed("out", passage.ByCamera)
		}
		if got := g.Trouble(); got != "" {
			t.Errorf("trouble %q, want none", got)
		}
	})
}

func TestASensorThatIsUnpluggedAnnulsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var there atomic.Bool
		g := gate(t, &pulse{}, func(o *passage.Options) { o.Sees = there.Load })
		began := time.Now()
		if got := pass(t, g); got != visit.PassageUnconfirmed || g.Trouble() != passage.Away {
			t.Errorf("%s, trouble %q; want unconfirmed, away", got, g.Trouble())
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it was waited for a sensor that is not there for %v", took)
		}
		there.Store(true)
		time.AfterFunc(3*time.Second, func() { there.Store(false) }) // in the middle
		if got := pass(t, g); got != visit.PassageUnconfirmed {
			t.Errorf("unplugged in the middle: %s, want unconfirmed", got)
		}
	})
}

func TestTwoCardsAtOnceGoOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &pulse{}
		g := gate(t, o)
		results := make(chan string, 2)
		for range 2 {
			go func() {
				p, err := g.Pass(t.Context(), who(number))
				if err != nil {
					t.Error(err)
				}
				results <- p.Result
			}()
		}
		time.Sleep(2 * time.Second)
		g.Crossed("in", passage.BySensor)
		if first := <-results; first != visit.PassageConfirmed {
			t.Errorf("the first: %s, want confirmed", first)
		}
		if second := <-results; second != visit.PassageAnnulled {
			t.Errorf("the second, who stayed: %s, want annulled: the crossing was the other's", second)
		}
		if o.opened != 2 || o.twice != 0 {
			t.Errorf("opened %d times, %d of them at once; want 2, 0", o.opened, o.twice)
		}
		gone, leave := context.WithTimeout(t.Context(), time.Second) // whoever waits and leaves is not opened for
		defer leave()
		go func() { _, _ = g.Pass(t.Context(), who(number)) }()
		synctest.Wait()
		if _, err := g.Pass(gone, who(number)); !errors.Is(err, context.DeadlineExceeded) || o.opened != 3 {
			t.Errorf("who left: %v, opened %d times; want no opening for them", err, o.opened)
		}
		time.Sleep(20 * time.Second)
	})
}

// The hub's list comes in the middle of a passage, and the clock is set.
func TestAListOrAClockThatChangesInTheMiddleChangesTheNextPassageOnly(t *testing.T) {
	with := list(t, keep.Allowed{Group: "Ca 1", Until: now.Add(time.Hour)}, time.Time{})
	without := list(t, keep.Allowed{Until: now.Add(-time.Hour)}, time.Time{})
	for name, change := range map[string]func(l *atomic.Pointer[keep.Store], at *atomic.Int64){
		"another list":           func(l *atomic.Pointer[keep.Store], _ *atomic.Int64) { l.Store(without) },
		"ten years later at one": func(_ *atomic.Pointer[keep.Store], at *atomic.Int64) { at.Store(int64(10 * 365 * 24 * time.Hour)) },
	} {
		synctest.Test(t, func(t *testing.T) {
			var lists atomic.Pointer[keep.Store]
			var at atomic.Int64
			lists.Store(with)
			o := &pulse{}
			g := gate(t, o, func(o *passage.Options) {
				o.List = func() (*keep.Allowance, error) { return lists.Load().Allowance() }
				o.Clock = func() (time.Time, bool) { return now.Add(time.Duration(at.Load())), true }
			})
			o.opens = func() {
				change(&lists, &at)
				time.AfterFunc(2*time.Second, func() { g.Crossed("in", passage.BySensor) })
			}
			p, err := g.Pass(t.Context(), who(number))
			if err != nil || p.Result != visit.PassageConfirmed || p.Group != "Ca 1" || p.MS != 2000 {
				t.Errorf("%s: %+v, %v; want confirmed after two seconds, with the group that let them in", name, p, err)
			}
			if _, err := g.Pass(t.Context(), who(number)); !errors.Is(err, visit.ErrDenied) || o.opened != 1 {
				t.Errorf("%s, the next: %v, opened %d times; want denied", name, err, o.opened)
			}
		})
	}
}

// The board is unplugged while the gate is open and plugged in again, under the
// stable name of its port.
func TestABoardThatGoesWhileTheGateIsOpenComesBackShut(t *testing.T) {
	port := filepath.Join(t.TempDir(), "port")
	plug := func() *sim.Relay {
		board, err := sim.NewRelay()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = board.Close() })
		if err := os.Symlink(board.Path(), port); err != nil {
			t.Fatal(err)
		}
		return board
	}
	board := plug()
	var g *passage.Gate
	r, err := relay.New(port, relay.Options{Pulse: 5 * time.Second, Passed: func(w relay.Way) { g.Crossed(string(w), passage.BySensor) }})
	if err != nil {
		t.Fatal(err)
	}
	g = passage.New(passage.Options{
		List: list(t, keep.Allowed{}, time.Time{}).Allowance, Opener: r, Sensed: true, Within: 8 * time.Second, Clock: clock,
		Sees:  func() bool { s := r.Status().State; return s == drivers.Ready || s == drivers.Busy },
		Stuck: func(err error) bool { return errors.Is(err, relay.ErrStuck) },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() { cancel(); <-done }()
	until := func(what string, holds func() bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("waited in vain: %s; the relay says %+v", what, r.Status())
			}
		}
	}
	isReady := func() bool { return r.Status().State == drivers.Ready }
	isOn := func(b *sim.Relay) func() bool {
		return func() bool { on, _, _, _ := b.State(1); return on }
	}
	until("the board is found", isReady)
	first := make(chan visit.Passage, 1)
	go func() {
		p, err := g.Pass(t.Context(), who(number))
		if err != nil {
			t.Error(err)
		}
		first <- p
	}()
	until("it is open", isOn(board))
	if err := errors.Join(os.Remove(port), board.Close()); err != nil {
		t.Fatal(err)
	}
	if p := <-first; p.Result != visit.PassageUnconfirmed {
		t.Errorf("the board and its sensor went: %+v, want unconfirmed: they may be inside", p)
	}
	if _, err := g.Pass(t.Context(), who(number)); !errors.Is(err, visit.ErrDoor) {
		t.Errorf("without a board: %v, want ErrDoor", err)
	}
	board = plug()
	until("it is found again", isReady)
	if on, opened, _, _ := board.State(1); on || opened != 0 {
		t.Errorf("found again: on %t, opened %d times; want shut, and nothing kept for later", on, opened)
	}
	go func() {
		for !isOn(board)() && ctx.Err() == nil {
			time.Sleep(2 * time.Millisecond)
		}
		_ = board.Sense(2)
	}()
	if got := pass(t, g); got != visit.PassageConfirmed {
		t.Errorf("with the board again: %s, want confirmed", got)
	}
}
