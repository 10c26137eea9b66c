package passage

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"tram/agent/keep"
	"tram/agent/visit"
)

// Opener opens the gate and returns when it is shut again: a relay's pulse.
type Opener interface {
	Open(ctx context.Context) error
}

// The sensors that may see a passage.
const (
	BySensor = "sensor"
	ByCamera = "camera"
)

// Options is what a Gate needs.
type Options struct {
	List    func() (*keep.Allowance, error)
	Opener  Opener        // nil: somebody opens by hand
	Sensed  bool          // something tells Crossed who went through
	Sees    func() bool   // whether that works at the moment; nil: always
	Within  time.Duration // so long a passage is waited for
	Clock   func() (now time.Time, right bool)
	Stuck   func(error) bool // whether an error of Open says that it may still be open; nil: none does
	Changed func()           // signals a change; must not block
	Log     *slog.Logger
}

// Gate is one gate. It is the Door of visits.
type Gate struct {
	opt   Options
	turn  chan struct{} // holds one: who passes
	ended chan struct{} // closed by Stop
	once  sync.Once

	mu    sync.Mutex
	visit string
	view  visit.GateView
	cross chan crossing // nil while nobody is waited for
	eye   witness
	doubt string // why it is not believed, as far as that was logged
}

type crossing struct{ way, by string }

var _ visit.Door = (*Gate)(nil)

// New makes a gate that is shut.
func New(opt Options) *Gate {
	if opt.Changed == nil {
		opt.Changed = func() {}
	}
	if opt.Sees == nil {
		opt.Sees = func() bool { return true }
	}
	if opt.Stuck == nil {
		opt.Stuck = func(error) bool { return false }
	}
	if opt.Clock == nil {
		opt.Clock = func() (time.Time, bool) { return time.Now(), true }
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Gate{opt: opt, turn: make(chan struct{}, 1), ended: make(chan struct{})}
}

// Stop waits for nobody any more: the daemon ends.
func (g *Gate) Stop() { g.once.Do(func() { close(g.ended) }) }

// Crossed says that somebody went through: "in", "out", or "" where the sensor
// cannot tell. Who goes through while nobody is let through counts for nothing
// here. It never blocks.
func (g *Gate) Crossed(way, by string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.eye.saw(by, time.Now())
	select {
	case g.cross <- crossing{way, by}: // a nil channel takes nothing
	default:
	}
}

// Trouble is why what tells of passages is not believed at the moment: Silent,
// Noisy or Away; "" when it is, or where there is nothing that tells.
func (g *Gate) Trouble() string {
	if !g.opt.Sensed {
		return ""
	}
	away := !g.opt.Sees()
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.eye.trouble(time.Now())
	if away {
		now = Away
	}
	if now != g.doubt {
		g.doubt = now
		g.opt.Log.Warn("what tells of passages changed", "trouble", now)
	}
	return now
}

// View returns the state of the gate for a visit, nil when it is about another.
func (g *Gate) View(visitID string) *visit.GateView {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.visit == "" || g.visit != visitID {
		return nil
	}
	v := g.view
	return &v
}

func (g *Gate) set(visitID, state, direction string, until time.Time) {
	g.mu.Lock()
	g.visit, g.view = visitID, visit.GateView{State: state, Direction: direction}
	if !until.IsZero() {
		g.view.Until = &until
	}
	g.mu.Unlock()
	g.opt.Changed()
}

// Pass decides once more, opens, and waits until somebody went through the way
// they should, or did not in time. It returns when the relay is off again.
// Errors: visit.ErrDenied, visit.ErrDoor; nothing was opened then.
func (g *Gate) Pass(ctx context.Context, e visit.Entry) (visit.Passage, error) {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return visit.Passage{}, ctx.Err()
	}
	d := g.Decide(e.Number.Reveal())
	if !d.Allow && !visitor(e) {
		g.set(e.ID, "denied", e.Direction, time.Time{})
		return visit.Passage{}, fmt.Errorf("%w: %s", visit.ErrDenied, d.Reason)
	}
	p := visit.Passage{Direction: e.Direction, Group: d.Group, Visitor: !d.Allow, Opened: g.opt.Opener != nil}

	crossed := make(chan crossing, 16)
	g.await(crossed)
	defer g.await(nil)
	began := time.Now()
	until := began.Add(g.opt.Within)
	g.set(e.ID, "open", e.Direction, until)
	opened := make(chan error, 1)
	go func() { opened <- g.open(ctx) }()
	if !g.opt.Sensed || g.Trouble() == Away {
		return g.unseen(e, p, opened)
	}
	return g.watch(e, p, began, until, opened, crossed)
}

// await takes crossings into a channel from now on; nil: nobody is waited for.
func (g *Gate) await(c chan crossing) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.cross = c
}

// open opens, once.
func (g *Gate) open(ctx context.Context) error {
	if g.opt.Opener == nil {
		return nil
	}
	err := g.opt.Opener.Open(ctx)
	if err != nil && g.opt.Stuck(err) {
		g.opt.Log.Error("the gate may still be open", "err", err)
		return nil // it opened: what becomes of the person is still to be known
	}
	return err
}

func (g *Gate) unseen(e visit.Entry, p visit.Passage, opened <-chan error) (visit.Passage, error) {
	if err := <-opened; err != nil {
		g.set(e.ID, "denied", e.Direction, time.Time{})
		return visit.Passage{}, fmt.Errorf("%w: %w", visit.ErrDoor, err)
	}
	p.Result = visit.PassageUnconfirmed
	g.set(e.ID, "passed", e.Direction, time.Time{})
	return p, nil
}

// watch waits for a crossing the right way, and for the gate to be shut again.
func (g *Gate) watch(e visit.Entry, p visit.Passage, began, until time.Time, opened <-chan error, crossed <-chan crossing) (visit.Passage, error) {
	limit := time.NewTimer(time.Until(until))
	defer limit.Stop()
	over, ended := limit.C, g.ended
	for over != nil || opened != nil {
		select {
		case err := <-opened:
			opened = nil
			if err != nil {
				g.set(e.ID, "denied", e.Direction, time.Time{})
				return visit.Passage{}, fmt.Errorf("%w: %w", visit.ErrDoor, err)
			}
			if over != nil {
				g.set(e.ID, "waiting", e.Direction, until)
			}
		case c := <-crossed:
			if p.Result != "" || c.way != "" && e.Direction != "" && c.way != e.Direction {
				continue // somebody who came the other way, or behind
			}
			p.Result, p.By, p.MS = visit.PassageConfirmed, c.by, time.Since(began).Milliseconds()
			if g.Trouble() != "" {
				p.Result = visit.PassageUnconfirmed
			}
			over = nil
			g.set(e.ID, "passed", e.Direction, time.Time{})
		case <-over:
			over = nil
		case <-ended:
			ended, over = nil, nil
			if p.Result == "" {
				p.Result = visit.PassageUnknown
			}
		}
	}
	if p.Result == "" {
		g.nobody(e, &p)
	}
	return p, nil
}

// nobody is what becomes of a passage that nothing saw: annulled, where that can
// be believed. Else the person counts as gone through: who may be inside is
// looked for.
func (g *Gate) nobody(e visit.Entry, p *visit.Passage) {
	trouble := g.Trouble()
	g.mu.Lock()
	g.eye.missed()
	g.mu.Unlock()
	if trouble != "" {
		p.Result = visit.PassageUnconfirmed
		g.set(e.ID, "passed", e.Direction, time.Time{})
		return
	}
	p.Result = visit.PassageAnnulled
	g.set(e.ID, "annulled", e.Direction, time.Time{})
}
