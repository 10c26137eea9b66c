package condition

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Sample is one picture as the watch sees it.
type Sample struct {
	At     time.Time     // when it came
	Stamp  time.Duration // the source's own clock; below zero: it has none
	Width  int           // of the whole picture, in pixels
	Height int
	Grey   []byte // the thumbnail; nil: only the other fields are looked at
}

// Options say what a camera was asked for; the zero value asks for nothing.
type Options struct {
	Width, Height int     // pixels; 0: the size of the first picture must stay
	Rate          float64 // pictures a second; 0: any
	Recorded      bool    // a file or folder: it may repeat itself, and stand still
	Memory        Memory  // of the same camera, from an earlier Watch
	// Hurry shortens how long a fault must last, for a look of a few seconds; 0 is 1.
	// A frozen picture is then known by the Memory of an earlier look only: a scene
	// without movement may come as the same picture for some seconds.
	Hurry float64
}

// Memory is what a watch has learned of a camera.
type Memory struct {
	Sharpness float64 `json:"sharpness"`
	Flat      float64 `json:"flat"`
	Seen      float64 `json:"seen"`        // thumbnails that it was learned from, at most learned
	Hash      uint64  `json:"hash,string"` // of the last thumbnail: another look that finds it again sees a frozen picture
}

// Every is how often a thumbnail is worth its time.
const Every = 200 * time.Millisecond

const (
	learned   = 1500 // thumbnails, about five minutes, after which the baseline moves slowly
	known     = 25   // thumbnails before a baseline is trusted
	ring      = 512  // pictures among which a repeated one is looked for
	rateOver  = 10 * time.Second
	silence   = 2 * time.Second // between two pictures: slower cameras are none for this work
	backOver  = 30 * time.Second
	backCount = 2
)

// lasting is how long a fault must last to be told, and be gone to be over.
type lasting struct{ enter, leave time.Duration }

var times = map[Code]lasting{
	NoFrames: {5 * time.Second, 2 * time.Second}, Black: {3 * time.Second, 2 * time.Second}, Frozen: {10 * time.Second, time.Second},
	Covered: {5 * time.Second, 3 * time.Second}, TooDark: {10 * time.Second, 5 * time.Second}, TooBright: {10 * time.Second, 5 * time.Second},
	Blurred: {20 * time.Second, 5 * time.Second}, WrongSize: {2 * time.Second, time.Second}, ClockBack: {0, backOver}, Slow: {20 * time.Second, 10 * time.Second},
}

// partly is how long a part of the picture must be hidden: somebody may stand there.
const partly = 30 * time.Second

// latch is one fault and its times.
type latch struct {
	on     bool
	since  time.Time // of on, or of the last one
	turned time.Time // when what is seen began to differ from on
}

func (l *latch) see(bad bool, at time.Time, enter, leave time.Duration) {
	if bad == l.on {
		l.turned = time.Time{}
		return
	}
	if l.turned.IsZero() {
		l.turned = at
	}
	wait := enter
	if l.on {
		wait = leave
	}
	if at.Sub(l.turned) >= wait {
		l.on, l.since, l.turned = bad, l.turned, time.Time{}
	}
}

// Watch follows the pictures of one camera. Its methods may be called from
// several goroutines.
type Watch struct {
	o Options

	mu       sync.Mutex
	began    time.Time
	last     time.Time // when the last picture came
	stamp    time.Duration
	width    int
	height   int
	frames   uint64
	arrivals []time.Time // of the last rateOver
	backs    []time.Time
	looked   time.Time
	hashes   map[uint64]uint64 // to the number of the thumbnail that had it last
	looks    uint64
	fresh    time.Time // when a picture came that was not among the last ones
	measures Measures
	memory   Memory
	latches  map[Code]*latch
	partial  latch
	changed  time.Time
	told     Code
}

// New makes a watch.
func New(o Options) *Watch {
	if o.Hurry <= 0 {
		o.Hurry = 1
	}
	w := &Watch{o: o, hashes: map[uint64]uint64{}, latches: map[Code]*latch{}, memory: o.Memory, stamp: -1}
	for _, c := range order {
		w.latches[c] = &latch{}
	}
	if o.Memory.Hash != 0 {
		w.hashes[o.Memory.Hash] = 0
	}
	return w
}

// See takes a picture: Arrived and Look in one.
func (w *Watch) See(s Sample) error {
	w.Arrived(s.At, s.Stamp)
	return w.Look(s)
}

// Arrived says that a picture came, whether or not anybody looks at it. Stamp is
// the source's own clock; below zero it has none.
func (w *Watch) Arrived(at time.Time, stamp time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.began.IsZero() {
		w.began, w.fresh = at, at
	}
	w.frames++
	w.arrivals = append(w.arrivals, at)
	if stamp >= 0 && w.stamp > stamp {
		w.backs = append(w.backs, at)
	}
	w.stamp, w.last = stamp, at
	w.tick(at)
}

// Look looks at a picture that Arrived was told of. Thumbnails that come more
// often than Every are passed over. It returns an error for a thumbnail of a
// wrong size.
func (w *Watch) Look(s Sample) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.o.Width == 0 || w.o.Height == 0 {
		w.o.Width, w.o.Height = s.Width, s.Height
	}
	w.width, w.height = s.Width, s.Height
	w.set(WrongSize, s.Width != w.o.Width || s.Height != w.o.Height, s.At)
	var err error
	if s.Grey != nil && w.due(s.At) {
		w.looked = s.At
		var m Measures
		if m, err = Measure(s.Grey); err == nil {
			w.look(m, s.At)
		}
	}
	w.tick(s.At)
	return err
}

// Due reports whether a thumbnail at that time would be looked at: making one costs time.
func (w *Watch) Due(at time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.due(at)
}

func (w *Watch) due(at time.Time) bool { return w.looked.IsZero() || at.Sub(w.looked) >= Every }

// Tick says that time goes on. A watch that is not told so cannot tell that a
// camera fell silent.
func (w *Watch) Tick(now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.began.IsZero() {
		w.began, w.fresh = now, now
	}
	w.tick(now)
}

// Again says that the source was opened anew: its clock may begin anew, too.
func (w *Watch) Again() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stamp = -1
}

func (w *Watch) tick(now time.Time) {
	w.arrivals = younger(w.arrivals, now, rateOver)
	w.backs = younger(w.backs, now, backOver)
	quiet := w.last
	if quiet.IsZero() {
		quiet = w.began
	}
	silent := now.Sub(quiet) >= silence
	w.set(NoFrames, silent, now)
	if l := w.latches[NoFrames]; !l.on && silent && now.Sub(quiet) >= w.hurried(times[NoFrames].enter) {
		l.on, l.since, l.turned = true, quiet, time.Time{}
	}
	w.set(ClockBack, len(w.backs) >= backCount, now)
	if l := w.latches[ClockBack]; l.on && len(w.backs) == 0 {
		l.on = false
	}
	if w.o.Rate > 0 && now.Sub(w.began) >= rateOver && !silent && !w.o.Recorded {
		limit := 0.5
		if w.latches[Slow].on {
			limit = 0.6
		}
		w.set(Slow, w.rate(now) < limit*w.o.Rate, now)
	}
	code := w.code()
	if code != w.told {
		w.told, w.changed = code, now
		if l := w.latches[code]; l != nil && !l.since.IsZero() {
			w.changed = l.since
		}
	}
}

func younger(list []time.Time, now time.Time, than time.Duration) []time.Time {
	i := 0
	for i < len(list) && now.Sub(list[i]) > than {
		i++
	}
	return slices.Delete(list, 0, i)
}

func (w *Watch) hurried(d time.Duration) time.Duration {
	return time.Duration(float64(d) / w.o.Hurry)
}

func (w *Watch) set(c Code, bad bool, at time.Time) {
	t := times[c]
	w.latches[c].see(bad, at, w.hurried(t.enter), w.hurried(t.leave))
}

func (w *Watch) code() Code {
	for _, c := range order {
		if w.latches[c].on {
			return c
		}
	}
	if w.frames == 0 {
		return Unknown
	}
	return OK
}

func (w *Watch) rate(now time.Time) float64 {
	over := min(rateOver, now.Sub(w.began))
	if over <= 0 {
		return 0
	}
	return float64(len(w.arrivals)) / over.Seconds()
}

// Report is how a camera is, with the numbers behind it. It holds nothing of a
// picture that could be looked at.
type Report struct {
	Code   Code      `json:"code"`
	Since  time.Time `json:"since"`
	Codes  []Code    `json:"codes,omitempty"` // all that is wrong, when it is more than one thing
	Text   Texts     `json:"text"`
	Width  int       `json:"width"`
	Height int       `json:"height"`
	FPS    float64   `json:"fps"` // over the last ten seconds
	Frames uint64    `json:"frames"`

	Dropped    uint64 `json:"dropped"`          // pictures that were not given, because a newer one was there
	Reconnects int    `json:"reconnects"`       // times that the source was opened anew
	Mode       string `json:"mode,omitempty"`   // "asked 1280×720@30 MJPG, got 640×480@30 YUYV"
	Source     string `json:"source,omitempty"` // without credentials

	Measures Measures `json:"measures"`
}

// Texts is a sentence in both languages.
type Texts struct {
	VI string `json:"vi"`
	EN string `json:"en"`
}

// Bad reports whether somebody must do something.
func (r Report) Bad() bool { return r.Code.Bad() }

// String is the report in one line.
func (r Report) String() string {
	return fmt.Sprintf("%s %d×%d %.1f/s", r.Code, r.Width, r.Height, r.FPS)
}

// Report is how the camera is.
func (w *Watch) Report() Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := Report{
		Code: w.told, Since: w.changed, Width: w.width, Height: w.height, FPS: w.rate(w.last), Frames: w.frames, Measures: w.measures,
		Text: Texts{w.told.Words("vi"), w.told.Words("en")},
	}
	var all []Code
	for _, c := range order {
		if w.latches[c].on {
			all = append(all, c)
		}
	}
	if len(all) > 1 {
		r.Codes = all
	}
	return r
}

// Memory is what the watch has learned, for the next one of the same camera.
func (w *Watch) Memory() Memory {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.memory
}
