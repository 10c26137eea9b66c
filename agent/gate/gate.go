// Package gate counts people over a line and makes records of the counts. No
// picture, face or identity leaves it: a record holds numbers and how well the
// counting went. The technician may look at a coarse picture on the device.
package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"tram/drivers"
	"tram/drivers/camera/condition"
	"tram/sync/outbox"
	"tram/vision"
)

// RecordType is the CloudEvents type of a count.
const RecordType = "vn.tram.gate.counted.v1"

// Counter is the camera worker's counting.
type Counter interface {
	Count(ctx context.Context, q vision.CountQuestion, progress func(vision.CountProgress)) (vision.CountAnswer, error)
}

// Recorder accepts a record: when it returns, the record is on disk.
type Recorder interface {
	Accept(ctx context.Context, draft outbox.Draft) (outbox.Receipt, error)
}

// Options is what a Gate needs.
type Options struct {
	Question vision.CountQuestion
	Profile  string
	Every    time.Duration // one record for each such period
	Counter  Counter
	Recorder Recorder
	Crossed  func(in, out int)           // called, without a lock, each time people cross the line, with how many; may be nil
	Counted  func(outbox.Receipt, Count) // called after each accepted record; may be nil
	Now      func() time.Time
	Log      *slog.Logger
}

// Gate is one counted line. It is a drivers.Device: its camera may come and go.
type Gate struct {
	opt Options

	mu     sync.Mutex
	status drivers.Status
	from   time.Time
	seen   tally  // all since the source was opened
	kept   tally  // what records hold of that; below zero by what an earlier source still waits with
	belief belief // in what is not in a record yet
	over   bool   // a recorded source was counted to its end

	look    chan struct{} // a picture is wanted
	waiting []chan []byte // by whom
}

var _ drivers.Device = (*Gate)(nil)

// New makes a gate; Run counts.
func New(opt Options) *Gate {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	g := &Gate{opt: opt, look: make(chan struct{}, 1), status: drivers.Status{Kind: "camera", Name: "gate", State: drivers.Missing, Since: opt.Now()}}
	g.opt.Question.Look, g.opt.Question.Picture = g.look, g.show
	return g
}

// Status says whether the line is being counted.
func (g *Gate) Status() drivers.Status {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.status
}

func (g *Gate) set(state drivers.State, detail, code string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.status.State != state || g.status.Detail != detail {
		g.status.State, g.status.Detail, g.status.Code, g.status.Since = state, detail, code, g.opt.Now()
	}
}

// see takes over how the camera's pictures are.
func (g *Gate) see(r *condition.Report) {
	if r == nil || !r.Bad() {
		g.set(drivers.Ready, "", "")
		return
	}
	state := drivers.Failed
	if r.Code == condition.NoFrames {
		state = drivers.Missing
	}
	g.set(state, r.Code.Words("en"), string(r.Code))
}

// Run counts until ctx ends. A video or folder is counted once: played again, it
// would show the same people again. A camera that is not there is tried again
// after a pause that grows to half a minute.
func (g *Gate) Run(ctx context.Context) error {
	pause := time.Second
	for ctx.Err() == nil {
		err := g.count(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			g.ended(drivers.Ready, "counted to its end")
			<-ctx.Done()
			return nil
		}
		if g.began() && recorded(g.opt.Question.Source) {
			g.ended(drivers.Failed, err.Error())
			g.opt.Log.Error("counting broke off in a recorded source and is not begun again", "err", err)
			<-ctx.Done()
			return nil
		}
		state := drivers.Failed
		if errors.Is(err, vision.ErrNoCamera) {
			state = drivers.Missing
		}
		g.set(state, err.Error(), "")
		g.opt.Log.Warn("counting stopped", "err", err, "again", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, 30*time.Second)
	}
	return nil
}

// ended notes that a recorded source is not counted any more.
func (g *Gate) ended(state drivers.State, detail string) {
	g.set(state, detail, "")
	g.mu.Lock()
	defer g.mu.Unlock()
	g.over = true
}

// began reports whether frames of this source were counted already.
func (g *Gate) began() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen.frames > 0
}

// recorded reports whether a source is a video or a folder: something with an end.
func recorded(source string) bool {
	info, err := os.Stat(source)
	return err == nil && (info.IsDir() || info.Mode().IsRegular())
}

// count follows the source once. Each period's numbers become a record; what is
// left when the source or ctx ends becomes the last one, so that no crossing is
// lost.
func (g *Gate) count(ctx context.Context) error {
	g.mu.Lock()
	if g.seen.frames == g.kept.frames && g.seen.in == g.kept.in && g.seen.out == g.kept.out {
		g.from = g.opt.Now()
	}
	// What could not be recorded yet, because the queue was full, stays ahead: kept goes below zero.
	g.kept = g.kept.less(g.seen)
	g.seen = tally{}
	g.mu.Unlock()

	ticker := time.NewTicker(g.opt.Every)
	defer ticker.Stop()
	var work sync.WaitGroup
	done := make(chan struct{})
	work.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				g.record(context.WithoutCancel(ctx))
			}
		}
	})
	answer, err := g.opt.Counter.Count(ctx, g.opt.Question, func(p vision.CountProgress) {
		g.see(p.Camera)
		g.mu.Lock()
		in, out := p.In-g.seen.in, p.Out-g.seen.out
		g.seen = tallyOf(p)
		g.belief.see(p.Health, p.Camera)
		g.mu.Unlock()
		if (in > 0 || out > 0) && g.opt.Crossed != nil {
			g.opt.Crossed(in, out)
		}
	})
	close(done)
	work.Wait()
	g.mu.Lock()
	if answer.Frames >= g.seen.frames { // a count that was interrupted answers with what it has
		if answer.Frames > g.seen.frames && g.belief.confidence == "" {
			g.belief.see(answer.Health, nil) // of the whole count; that of a period comes with its progress
		}
		g.seen = tallyOf(vision.CountProgress{
			Frames: answer.Frames, In: answer.In, Out: answer.Out, Lines: answer.Lines, Zones: answer.Zones, Gaps: answer.Gaps,
		})
	}
	g.mu.Unlock()
	if rerr := g.record(context.WithoutCancel(ctx)); rerr != nil {
		return rerr
	}
	return err
}

// record accepts what has been seen since the last record. A period in which no
// frame came makes none: the device's status says that the camera is gone.
func (g *Gate) record(ctx context.Context) error {
	g.mu.Lock()
	now := g.opt.Now()
	seen := g.seen
	d := seen.less(g.kept)
	held := g.belief
	c := Count{
		Profile: g.opt.Profile, From: g.from.UTC(), To: now.UTC(),
		In: d.in, Out: d.out, Lines: d.lines, Zones: d.zones, Frames: d.frames, Gaps: d.gaps,
		Detector: g.opt.Question.Detector, Confidence: held.confidence, Notes: held.notes,
	}
	g.belief = belief{}
	g.mu.Unlock()
	if c.Frames <= 0 {
		return nil
	}
	receipt, err := g.opt.Recorder.Accept(ctx, outbox.Draft{Type: RecordType, Time: now, Data: c})
	if err != nil {
		// The numbers stay in seen and go into the next record, with what is said of them.
		g.mu.Lock()
		g.belief.join(held)
		g.mu.Unlock()
		g.opt.Log.Error("count not accepted", "err", err)
		return fmt.Errorf("accept count: %w", err)
	}
	g.mu.Lock()
	g.kept, g.from = seen, now
	g.mu.Unlock()
	if g.opt.Counted != nil {
		g.opt.Counted(receipt, c)
	}
	return nil
}
