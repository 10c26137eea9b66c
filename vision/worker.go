package vision

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"
)

// Options say where the worker and the networks are.
type Options struct {
	Path    string        // of tram-vision; "" looks beside this executable, then on the PATH
	Models  string        // folder of the networks' files
	Log     *slog.Logger  // nil discards
	Timeout time.Duration // of one question, 0 is 30 s; a count may last for ever but must say something that often

	// Sources are the cameras, streams, videos and folders that it may open, and it opens nothing else; nil: whatever
	// it is asked for.
	Sources   []string
	User      string    // whom it becomes when root starts it with known sources; "" is one of its own, or nobody
	MemoryMiB int       // it is ended when it uses more; 0 is DefaultMemoryMiB
	Face      FaceModel // what faces are compared with; zero: the usual network and its thresholds
}

// State is how the worker is right now.
type State string

// The states of a worker.
const (
	Idle    State = "idle"    // no process, none needed yet
	Running State = "running" // a process answers
	Waiting State = "waiting" // died; is started again after a pause
	Absent  State = "absent"  // the program is not there
)

// Status is what the worker says about itself, for health and a technician.
type Status struct {
	State    State     `json:"state"`
	Detail   string    `json:"detail,omitempty"`
	Restarts int       `json:"restarts"`       // processes that died or were killed for not answering
	Last     string    `json:"last,omitempty"` // how the last of these ended
	Since    time.Time `json:"since"`
}

// Worker answers questions through a tram-vision process that it starts when it
// needs one. Its methods may be called from several goroutines; the questions
// are answered one after the other, a count beside them.
type Worker struct {
	o    Options
	turn chan struct{} // holds one token: whose turn it is to use proc

	// Of whoever holds the token.
	proc     *process
	failures int
	notUntil time.Time
	poisons  poisons

	mu     sync.Mutex
	status Status
	wake   chan struct{} // told when a process died
}

// NewWorker makes a worker; no process runs before the first question or Run.
func NewWorker(o Options) *Worker {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.MemoryMiB <= 0 {
		o.MemoryMiB = DefaultMemoryMiB
	}
	if o.Models != "" { // the worker runs in another folder
		if dir, err := filepath.Abs(o.Models); err == nil {
			o.Models = dir
		}
	}
	w := &Worker{o: o, turn: make(chan struct{}, 1), wake: make(chan struct{}, 1), poisons: poisons{}}
	w.turn <- struct{}{}
	w.status = Status{State: Idle, Since: time.Now()}
	return w
}

// Run keeps a process warm until ctx ends: it starts one, starts another with
// growing pauses when it dies, and ends it at last. It returns nil.
func (w *Worker) Run(ctx context.Context) error {
	defer w.Close()
	for {
		var died <-chan struct{}
		if err := w.take(ctx); err != nil {
			return nil //nolint:nilerr // ctx ended: that is how Run ends
		}
		p, err := w.ready(ctx)
		w.give()
		pause := time.NewTimer(5 * time.Second) // absent: look again now and then
		if err == nil {
			died = p.done
			pause.Stop()
		}
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-died:
			w.bury(ctx, p)
		case <-w.wake:
		case <-pause.C:
		}
		pause.Stop()
	}
}

// bury notes the death of a process nobody was asking.
func (w *Worker) bury(ctx context.Context, p *process) {
	if w.take(ctx) != nil {
		return
	}
	defer w.give()
	if w.proc == p {
		w.drop(p.fate.String() + ", with nothing to do")
	}
}

// Close ends the process. The worker may be used again afterwards: the next
// question starts another.
func (w *Worker) Close() {
	<-w.turn
	defer w.give()
	if w.proc != nil {
		w.proc.quit(stopGrace)
		w.proc = nil
	}
	w.set(Idle, "")
}

// Status returns how the worker is.
func (w *Worker) Status() Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status
}

func (w *Worker) set(s State, detail string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status.State != s || w.status.Detail != detail {
		w.status.State, w.status.Detail, w.status.Since = s, detail, time.Now()
	}
}

func (w *Worker) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Worker) give() { w.turn <- struct{}{} }

// ready returns a living process, after the pause that earlier deaths earned.
// The caller holds the token.
func (w *Worker) ready(ctx context.Context) (*process, error) {
	if w.proc != nil && w.proc.alive() {
		return w.proc, nil
	}
	if w.proc != nil {
		w.drop(w.proc.fate.String() + ", with nothing to do")
	}
	if wait := time.Until(w.notUntil); wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p, err := startProcess(w.o)
	if err != nil {
		state := Waiting
		if errors.Is(err, ErrNoWorker) {
			state = Absent
		}
		w.set(state, err.Error())
		return nil, err
	}
	w.proc = p
	w.set(Running, "")
	return p, nil
}

// drop ends a process that is of no more use and sets the pause before the next:
// random up to 200 ms after the first death, doubling up to 30 s. The caller holds the token.
func (w *Worker) drop(why string) {
	w.proc.kill()
	w.proc = nil
	limit := min(200*time.Millisecond<<min(w.failures, 10), 30*time.Second)
	w.failures++
	w.notUntil = time.Now().Add(rand.N(limit)) //nolint:gosec // jitter
	w.mu.Lock()
	w.status.Restarts++
	w.status.Last = why
	w.mu.Unlock()
	w.set(Waiting, why)
	w.o.Log.Warn("tram-vision is started again", "why", why, "failures", w.failures)
	w.nudge()
}

// nudge tells Run that the process is gone.
func (w *Worker) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// ask puts one question to the shared process.
func (w *Worker) ask(ctx context.Context, q request) (Message, error) {
	if err := w.take(ctx); err != nil {
		return Message{}, err
	}
	defer w.give()
	if w.poisons.refuses(q) {
		return Message{}, fmt.Errorf("%s: %w: this picture ended %d workers and is not shown to another", q.kind, ErrWorkerDied, enough)
	}
	p, err := w.ready(ctx)
	if err != nil {
		return Message{}, err
	}
	q.silence = w.o.Timeout
	m, fit, err := p.ask(ctx, q)
	switch {
	case !fit && ctx.Err() != nil:
		// The caller gave up; the worker did nothing wrong and earns no pause.
		w.proc.kill()
		w.proc = nil
		w.nudge()
	case !fit:
		w.poisons.note(q)
		w.drop(reason(p, err))
	case p.devices && noCamera(m):
		// A camera that was plugged in again is another file, which this process may not open.
		w.proc.quit(stopGrace)
		w.proc = nil
		w.nudge()
	default:
		w.failures = 0
	}
	return m, err
}

// noCamera reports whether an answer is that there is no camera.
func noCamera(m Message) bool {
	return m.Kind == KindError && errors.Is(decode(m, nil), ErrNoCamera)
}

// reason is what health says about a lost process.
func reason(p *process, err error) string {
	if errors.Is(err, ErrTimeout) {
		return "did not answer in time"
	}
	if why := p.fate.String(); why != "" {
		return why + ", while it answered"
	}
	return "died while it answered"
}
