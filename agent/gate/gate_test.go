package gate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tram/drivers"
	"tram/drivers/camera/condition"
	"tram/sync/outbox"
	"tram/vision"
)

// film is a counter that says what it is told to, minute by minute.
type film struct {
	minutes []vision.CountProgress // totals since the start
	whole   vision.CountHealth     // of all minutes together
	err     error                  // at the end; nil ends like a folder
	plays   int
}

func (f *film) Count(ctx context.Context, _ vision.CountQuestion, progress func(vision.CountProgress)) (vision.CountAnswer, error) {
	f.plays++
	var last vision.CountProgress
	for _, m := range f.minutes {
		progress(m)
		last = m
		select {
		case <-ctx.Done():
			return f.answer(last), ctx.Err()
		case <-time.After(time.Minute):
		}
	}
	return f.answer(last), f.err
}

func (f *film) answer(p vision.CountProgress) vision.CountAnswer {
	return vision.CountAnswer{Frames: p.Frames, In: p.In, Out: p.Out, Health: f.whole}
}

// book is a recorder that can refuse.
type book struct {
	mu     sync.Mutex
	refuse int // so many times
	counts []Count
}

func (b *book) Accept(_ context.Context, d outbox.Draft) (outbox.Receipt, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse > 0 {
		b.refuse--
		return outbox.Receipt{}, outbox.ErrFull
	}
	b.counts = append(b.counts, d.Data.(Count))
	return outbox.Receipt{Sequence: uint64(len(b.counts))}, nil
}

func (b *book) sum() (in, out, frames int) {
	for _, c := range b.counts {
		in, out, frames = in+c.In, out+c.Out, frames+c.Frames
	}
	return
}

func newGate(f *film, b *book) *Gate {
	return New(Options{
		Question: vision.CountQuestion{Source: "x", Detector: "default"}, Profile: "tourist-gate", Every: 50 * time.Second,
		Counter: f, Recorder: b, Log: slog.New(slog.DiscardHandler),
	})
}

var day = []vision.CountProgress{{Frames: 100, In: 1}, {Frames: 200, In: 3, Out: 1}, {Frames: 300, In: 3, Out: 1}, {Frames: 400, In: 4, Out: 2}}

func TestEachCrossingIsInExactlyOneRecord(t *testing.T) {
	for _, refuse := range []int{0, 2} {
		synctest.Test(t, func(t *testing.T) {
			b := &book{refuse: refuse}
			g := newGate(&film{minutes: day}, b)
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); _ = g.Run(ctx) }()
			time.Sleep(10 * time.Minute)
			stop()
			<-done
			if in, out, frames := b.sum(); in != 4 || out != 2 || frames != 400 {
				t.Errorf("with %d refusals: %d in, %d out, %d frames over %d records; want 4, 2, 400", refuse, in, out, frames, len(b.counts))
			}
			for i := 1; i < len(b.counts); i++ {
				if !b.counts[i].From.Equal(b.counts[i-1].To) {
					t.Errorf("record %d begins at %v, the one before ends at %v", i, b.counts[i].From, b.counts[i-1].To)
				}
			}
			if len(b.counts) < 2 {
				t.Errorf("%d records in ten minutes", len(b.counts))
			}
		})
	}
}

func TestAnInterruptedCountKeepsWhatItSaw(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{}
		g := newGate(&film{minutes: day}, b)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = g.Run(ctx) }()
		time.Sleep(90 * time.Second)
		stop()
		<-done
		if in, out, _ := b.sum(); in != 3 || out != 1 {
			t.Errorf("%d in, %d out; want 3, 1", in, out)
		}
	})
}

func TestACameraThatIsNotThereIsTriedAgainAndShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &film{err: vision.ErrNoCamera}
		b := &book{}
		g := newGate(f, b)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = g.Run(ctx) }()
		time.Sleep(5 * time.Minute)
		if s := g.Status(); s.State != drivers.Missing {
			t.Errorf("status %+v, want missing", s)
		}
		stop()
		<-done
		if f.plays < 8 || f.plays > 20 {
			t.Errorf("tried %d times in five minutes", f.plays)
		}
		if len(b.counts) != 0 {
			t.Errorf("%d records of a camera that was never there", len(b.counts))
		}
	})
}

func TestARecordedSourceIsNeverCountedTwice(t *testing.T) {
	for _, broken := range []error{nil, vision.ErrWorkerDied} {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			b, f := &book{}, &film{minutes: day, err: broken}
			g := newGate(f, b)
			g.opt.Question.Source = dir
			ctx, stop := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); _ = g.Run(ctx) }()
			time.Sleep(time.Hour)
			stop()
			<-done
			if in, out, _ := b.sum(); f.plays != 1 || in != 4 || out != 2 {
				t.Errorf("ended by %v: %d in, %d out over %d showings; want 4, 2, 1", broken, in, out, f.plays)
			}
		})
	}
}

func TestCountsThatAFullQueueRefusedGoIntoALaterRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &book{refuse: 7} // until the camera was opened again
		g := newGate(&film{minutes: day, err: vision.ErrNoCamera}, b)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = g.Run(ctx) }()
		time.Sleep(8*time.Minute + 30*time.Second) // two showings, and the pause before the third
		stop()
		<-done
		f := g.opt.Counter.(*film)
		if in, out, _ := b.sum(); f.plays < 2 || in != 4*2 && in != 4*2+1 || out < 2*2 {
			t.Errorf("%d in, %d out over %d showings of 4 in, 2 out", in, out, f.plays)
		}
	})
}

func TestAQueueThatIsFullAtTheEndOfAnInterruptedCountIsSaid(t *testing.T) {
	b := &book{refuse: 1}
	g := newGate(&film{}, b)
	g.seen = tally{frames: 1, in: 1}
	if err := g.record(t.Context()); !errors.Is(err, outbox.ErrFull) {
		t.Errorf("record: %v, want ErrFull", err)
	}
	if err := g.record(t.Context()); err != nil || len(b.counts) != 1 || b.counts[0].In != 1 {
		t.Errorf("second try: %v, %+v", err, b.counts)
	}
}

func TestARecordHoldsLinesZonesAndHowTheCountWent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		minute := func(n int, health vision.CountHealth, camera *condition.Report) vision.CountProgress {
			return vision.CountProgress{
				Frames: 100 * n, In: 3 * n, Out: n, Gaps: n - 1, Health: health, Camera: camera,
				Lines: []vision.LineCount{{Name: "door", In: 2 * n, Out: n}, {Name: "back", In: n}},
				Zones: []vision.ZoneCount{{Name: "hall", Inside: 7 - n, Entered: 4 * n, Left: n}},
			}
		}
		b := &book{refuse: 1}
		g := newGate(&film{minutes: []vision.CountProgress{
			minute(1, vision.CountHealth{Confidence: "good"}, nil),
			minute(2, vision.CountHealth{Confidence: "fair", Notes: []string{vision.NoteTooLarge}}, &condition.Report{Code: condition.Covered}),
			minute(3, vision.CountHealth{Confidence: "good"}, nil),
		}}, b)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = g.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		stop()
		<-done
		sum := Count{Lines: map[string]LineCount{}, Zones: map[string]ZoneCount{}, Notes: map[string]int{}}
		for _, c := range b.counts {
			sum.Gaps += c.Gaps
			for name, l := range c.Lines {
				sum.Lines[name] = LineCount{sum.Lines[name].In + l.In, sum.Lines[name].Out + l.Out}
			}
			for name, z := range c.Zones {
				sum.Zones[name] = ZoneCount{z.Inside, sum.Zones[name].Entered + z.Entered, sum.Zones[name].Left + z.Left}
			}
			for n, times := range c.Notes {
				sum.Notes[n] += times
				if c.Confidence != "fair" {
					t.Errorf("confidence %q beside the note %s", c.Confidence, n)
				}
			}
		}
		want := Count{
			Gaps: 2, Lines: map[string]LineCount{"door": {6, 3}, "back": {3, 0}}, Zones: map[string]ZoneCount{"hall": {4, 12, 3}},
			Notes: map[string]int{vision.NoteTooLarge: 1, "camera_covered": 1},
		}
		if !reflect.DeepEqual(sum, want) {
			t.Errorf("over %d records:\n%+v, want\n%+v", len(b.counts), sum, want)
		}
	})
}

func TestALensThatWasCoveredIsSaidInTheRecordOfItsTimeOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		poor := vision.CountHealth{Confidence: "poor", Notes: []string{vision.NoteCamera}}
		good := vision.CountHealth{Confidence: "good"}
		b := &book{}
		g := newGate(&film{whole: poor, minutes: []vision.CountProgress{
			{Frames: 100, Health: poor, Camera: &condition.Report{Code: condition.Covered}}, {Frames: 200, Health: good}, {Frames: 300, Health: good},
		}}, b)
		g.opt.Every = 100 * time.Second // the last record holds the third minute alone
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = g.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		stop()
		<-done
		var said []string
		for _, c := range b.counts {
			said = append(said, fmt.Sprint(c.Confidence, " ", c.Notes))
		}
		want := []string{"poor map[camera:1 camera_covered:1]", "good map[]"}
		if !slices.Equal(said, want) {
			t.Errorf("records say %q, want %q", said, want)
		}
	})
}

// painter is a counter that gives a picture each time one is asked for.
type painter struct{ painted atomic.Int32 }

func (p *painter) Count(ctx context.Context, q vision.CountQuestion, progress func(vision.CountProgress)) (vision.CountAnswer, error) {
	progress(vision.CountProgress{Frames: 1})
	for {
		select {
		case <-ctx.Done():
			return vision.CountAnswer{}, ctx.Err()
		case <-q.Look:
			time.Sleep(100 * time.Millisecond)
			p.painted.Add(1)
			q.Picture([]byte("jpeg"))
		}
	}
}

func TestAPictureIsMadeOnlyWhenItIsAskedForAndServesAllWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &painter{}
		g := newGate(&film{}, &book{})
		g.opt.Counter = p
		if _, err := g.Picture(t.Context()); !errors.Is(err, ErrNoPicture) {
			t.Errorf("before the camera is there: %v, want ErrNoPicture", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = g.Run(ctx) }()
		time.Sleep(time.Minute)
		if n := p.painted.Load(); n != 0 {
			t.Errorf("%d pictures that nobody asked for", n)
		}
		var asked sync.WaitGroup
		for range 20 {
			asked.Go(func() {
				if jpeg, err := g.Picture(t.Context()); err != nil || string(jpeg) != "jpeg" {
					t.Errorf("%q, %v", jpeg, err)
				}
			})
		}
		asked.Wait()
		if n := p.painted.Load(); n < 1 || n > 2 {
			t.Errorf("%d pictures for 20 who asked at once", n)
		}
		stop()
		<-done
		if _, err := g.Picture(t.Context()); !errors.Is(err, ErrNoPicture) || len(g.waiting) != 0 {
			t.Errorf("when it is over: %v, %d still wait", err, len(g.waiting))
		}
	})
}
