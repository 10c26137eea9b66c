package condition_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tram/drivers/camera/condition"
)

// scene is a made-up room with a sensor's noise.
type scene struct {
	random *rand.Rand
	grey   []byte
	still  bool // the same picture to the last bit
	light  float64
}

func newScene() *scene {
	s := &scene{random: rand.New(rand.NewPCG(1, 2)), light: 1} //nolint:gosec // a test
	s.grey = make([]byte, condition.Width*condition.Height)
	for i := range s.grey {
		x, y := i%condition.Width, i/condition.Width
		s.grey[i] = uint8(60 + 90*((x/9+y/7)%2) + x/4)
	}
	return s
}

func (s *scene) picture() []byte {
	out := slices.Clone(s.grey)
	for i := range out {
		v := float64(out[i]) * s.light
		if !s.still {
			v += float64(s.random.IntN(5) - 2)
		}
		out[i] = uint8(max(0, min(255, v)))
	}
	return out
}

// clock plays pictures to a watch, ten a second.
type clock struct {
	t   *testing.T
	w   *condition.Watch
	now time.Time
	pts time.Duration
}

func start(t *testing.T, o condition.Options) *clock {
	return &clock{t: t, w: condition.New(o), now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)}
}

const step = 100 * time.Millisecond

// play shows pictures for a time, or until a code is told, and says how long that took.
func (c *clock) play(picture func() []byte, limit time.Duration, want condition.Code) time.Duration {
	c.t.Helper()
	began := c.now
	for c.now.Sub(began) < limit {
		c.now, c.pts = c.now.Add(step), c.pts+step
		if err := c.w.See(condition.Sample{At: c.now, Stamp: c.pts, Width: 1280, Height: 720, Grey: picture()}); err != nil {
			c.t.Fatal(err)
		}
		if got := c.w.Report().Code; got == want {
			return c.now.Sub(began)
		} else if got != condition.OK && want == "" {
			c.t.Fatalf("%v: %s is told, and nothing is wrong", c.now.Sub(began), got)
		}
	}
	if want != "" {
		c.t.Errorf("%s is not told in %v, but %s", want, limit, c.w.Report().Code)
	}
	return limit
}

func TestAGoodPictureIsLeftAlone(t *testing.T) {
	c, s := start(t, condition.Options{Width: 1280, Height: 720, Rate: 10}), newScene()
	c.play(s.picture, 3*time.Minute, "")
	if r := c.w.Report(); r.Code != condition.OK || r.FPS < 9.5 || r.FPS > 10.5 || r.Frames != 1800 {
		t.Errorf("after three minutes: %+v", r)
	}
}

func TestFaultsAreToldAndTakenBack(t *testing.T) {
	flat := func(v uint8) func() []byte {
		r := rand.New(rand.NewPCG(3, 4)) //nolint:gosec // a test
		return func() []byte {
			out := make([]byte, condition.Width*condition.Height)
			for i := range out {
				out[i] = v + uint8(r.IntN(3))
			}
			return out
		}
	}
	s := newScene()
	frozen := *s
	frozen.still = true
	loop := [][]byte{}
	for range 40 {
		loop = append(loop, s.picture())
	}
	at := 0
	dusk := *s
	dusk.light = 0.12
	blurred := *s
	blurred.grey = slices.Clone(s.grey)
	for range 12 {
		next := slices.Clone(blurred.grey)
		for i := condition.Width; i < len(next)-condition.Width; i++ {
			next[i] = uint8((int(blurred.grey[i-1]) + int(blurred.grey[i]) + int(blurred.grey[i+1]) + int(blurred.grey[i-condition.Width]) + int(blurred.grey[i+condition.Width])) / 5)
		}
		blurred.grey = next
	}
	for _, f := range []struct {
		code    condition.Code
		picture func() []byte
		within  time.Duration
	}{
		{condition.Black, flat(2), 4 * time.Second},
		{condition.Covered, flat(90), 6 * time.Second},
		{condition.TooBright, flat(252), 11 * time.Second},
		{condition.TooDark, dusk.picture, 11 * time.Second},
		{condition.Blurred, blurred.picture, 21 * time.Second},
		{condition.Frozen, frozen.picture, 11 * time.Second},
		{condition.Frozen, func() []byte { at++; return loop[at%len(loop)] }, 22 * time.Second},
	} {
		c := start(t, condition.Options{})
		c.play(s.picture, 30*time.Second, "")
		told := c.play(f.picture, f.within, f.code)
		if told < time.Second {
			t.Errorf("%s is told after %v already", f.code, told)
		}
		r := c.w.Report()
		if !r.Bad() || r.Text.VI == "" || r.Text.EN == "" || r.Code.Remedy() == "" || !r.Since.Before(c.now) {
			t.Errorf("%s: report %+v", f.code, r)
		}
		c.play(s.picture, 10*time.Second, condition.OK)
	}
}

func TestShortFaultsAreNotTold(t *testing.T) {
	c, s := start(t, condition.Options{}), newScene()
	dark := *s
	dark.light = 0.02
	for range 20 {
		c.play(s.picture, 5*time.Second, "")
		c.play(dark.picture, 2*time.Second, "")
	}
}

func TestSilenceIsToldByTheClockAlone(t *testing.T) {
	c, s := start(t, condition.Options{Rate: 10}), newScene()
	c.play(s.picture, 20*time.Second, "")
	last := c.now
	for c.w.Report().Code == condition.OK && c.now.Sub(last) < time.Minute {
		c.now = c.now.Add(step)
		c.w.Tick(c.now)
	}
	if r := c.w.Report(); r.Code != condition.NoFrames || c.now.Sub(last) > 6*time.Second || !r.Since.Equal(last) {
		t.Errorf("after %v: %s since %v, want no_frames since %v", c.now.Sub(last), r.Code, r.Since, last)
	}
	c.play(s.picture, 4*time.Second, condition.OK)
	never := start(t, condition.Options{})
	for range 100 {
		never.now = never.now.Add(step)
		never.w.Tick(never.now)
	}
	if got := never.w.Report().Code; got != condition.NoFrames {
		t.Errorf("a camera that never gave a picture is %q, want no_frames", got)
	}
}

func TestAClockThatRunsBackwardsIsTold(t *testing.T) {
	c, s := start(t, condition.Options{}), newScene()
	c.play(s.picture, 5*time.Second, "")
	c.pts -= time.Second
	c.play(s.picture, time.Second, "") // once may be a new beginning
	c.pts -= time.Second
	c.play(s.picture, time.Second, condition.ClockBack)
	c.play(s.picture, 40*time.Second, condition.OK)
	c.w.Again() // opened anew: its clock begins anew
	c.pts = 0
	c.w.Again()
	c.play(s.picture, time.Second, "")
}

func TestAnotherSizeAndTooFewPicturesAreTold(t *testing.T) {
	c, s := start(t, condition.Options{Width: 1920, Height: 1080}), newScene()
	c.play(s.picture, 3*time.Second, condition.WrongSize)
	slow := start(t, condition.Options{Rate: 30})
	slow.play(s.picture, 31*time.Second, condition.Slow)
}

func TestARecordedSourceMayRepeatItself(t *testing.T) {
	c, s := start(t, condition.Options{Recorded: true}), newScene()
	s.still = true
	c.play(s.picture, time.Minute, "")
}

func TestAShortLookKnowsWhatTheLastOneSaw(t *testing.T) {
	s := newScene()
	s.still = true
	first := start(t, condition.Options{Hurry: 4})
	first.play(s.picture, 5*time.Second, "") // a still scene may give equal pictures for a moment
	again := start(t, condition.Options{Hurry: 4, Memory: first.w.Memory()})
	again.play(s.picture, 5*time.Second, condition.Frozen)
	s.still = false
	moved := start(t, condition.Options{Hurry: 4, Memory: again.w.Memory()})
	moved.play(s.picture, 5*time.Second, "")
}

func TestAThumbnailOfAWrongSizeIsRefused(t *testing.T) {
	if err := condition.New(condition.Options{}).See(condition.Sample{At: time.Now(), Grey: make([]byte, 5)}); err == nil {
		t.Error("a thumbnail of 5 bytes was taken")
	}
}

func BenchmarkMeasure(b *testing.B) {
	grey := newScene().picture()
	for b.Loop() {
		if _, err := condition.Measure(grey); err != nil {
			b.Fatal(err)
		}
	}
}
