package people

import (
	"math"
	"sort"
)

// TrackerOptions tune a Tracker; the zero value is what was measured best.
type TrackerOptions struct {
	High     float64 // from this score on a detection may start a track; 0 is 0.65
	Confirm  int     // detections until a track is believed; 0 is 3
	Patience int     // looks of the detector that a believed track lives without a detection; 0 is two seconds
	Every    int     // the detector looks at each so many-th frame, the others are for Skip; 0 is 1
	Width    float64 // of the picture, pixels, with Height: who walks out of it is gone; 0 is not known
	Height   float64
}

// What the motion of people is like and how alike a track and a detection must be,
// in heights of the person. Chosen over many lines, several detectors and changed
// copies of two sequences at once.
const (
	noise       = 0.11 // a detection's feet are right to within this
	sizeGain    = 0.11 // of a detection's size is believed at once
	reachHeight = 0.33 // so far from the forecast a detection may be,
	reachSpread = 1.5  // and so many standard deviations of the forecast farther
	flat        = 3    // times: people get on across the picture more than up and down
	otherSize   = 0.9  // likeness lost by a detection that is higher or lower by a factor e
	leastHigh   = 0.4  // likeness that a sure detection needs
	leastLow    = 0.75 // and one that is not
	partOf      = 0.65 // so much of a box in a better one: perhaps part of the same person
	explained   = 0.8  // so much of a box in a track just seen: nobody new

	// Of who was hidden and may be who appears now:
	againSize = 0.75 // neither higher nor lower by more than this factor
	againFlat = 2.5  // as flat
	againNear = 0.4  // so far from where they were seen last,
	againPace = 1.2  // and so many times the way of those who walk farther
	recently  = 0.33 // of the patience is a track carried on by unsure detections
)

// Track is one person followed so far.
type Track struct {
	ID        int
	Box       Box     // as followed, not as last detected
	VX, VY    float64 // of the feet, pixels a frame
	Age       int     // frames since the first detection
	Hits      int     // frames with a detection
	Missed    int     // frames without one since the last
	Confirmed bool

	x, y axis // of the feet
	w, h float64

	seenX, seenY float64 // the feet as last detected
	fromX, fromY float64 // the feet since frames ago
	since        int
	every        int // frames that a detection stands for
}

// Tracker says which boxes of successive frames are the same person: every
// track moves on with its speed, then takes the detection that fits it best,
// first among the sure ones, then among the rest.
type Tracker struct {
	o      TrackerOptions
	tracks []*Track
	nextID int
	pace   pace
}

// NewTracker makes a tracker for one camera.
func NewTracker(o TrackerOptions) *Tracker {
	if o.Every < 1 {
		o.Every = 1
	}
	if o.High == 0 {
		o.High = 0.65
	}
	if o.Confirm == 0 {
		o.Confirm = 3
		if o.Every > 2 {
			o.Confirm = 2
		}
	}
	return &Tracker{o: o, pace: pace{at: walking / firstRate}}
}

// Next takes the detections of the next frame and returns the tracks that are
// alive, unconfirmed ones included. The slice is valid until the next call.
func (t *Tracker) Next(found []Detection) []*Track {
	t.forecast()
	high, low := t.sort(found)
	var sure, fresh []*Track
	for _, k := range t.tracks {
		if k.Confirmed {
			sure = append(sure, k)
		} else {
			fresh = append(fresh, k)
		}
	}
	sure, high = match(sure, high, leastHigh)
	sure, long := t.recent(sure)
	sure, low = match(sure, low, leastLow)
	sure = append(sure, long...)
	fresh, high = match(fresh, high, leastHigh)
	fresh, _ = match(fresh, low, leastLow)
	for _, k := range append(sure, fresh...) {
		k.miss(t.pace.fade())
	}
	t.bury()
	for _, d := range high {
		if t.covered(d) {
			continue
		}
		if k := t.lost(d); k != nil {
			k.again(d, t.pace.first())
		} else {
			t.nextID++
			t.tracks = append(t.tracks, newTrack(t.nextID, d, t.o.Every, t.pace.first()))
		}
	}
	for _, k := range t.tracks {
		k.Confirmed = k.Confirmed || k.Hits >= t.o.Confirm
	}
	return t.tracks
}

// recent splits off the tracks that were last seen some time ago: these go on with
// a sure detection only.
func (t *Tracker) recent(tracks []*Track) (recent, long []*Track) {
	most := int(recently * float64(t.patience()))
	for _, k := range tracks {
		if k.Missed <= max(1, most) {
			recent = append(recent, k)
		} else {
			long = append(long, k)
		}
	}
	return recent, long
}

// Skip moves the tracks on by a frame that the detector did not look at.
func (t *Tracker) Skip() []*Track {
	t.forecast()
	return t.tracks
}

// forecast moves all tracks on by a frame.
func (t *Tracker) forecast() {
	t.pace.see(t.tracks)
	push := t.pace.push()
	for _, k := range t.tracks {
		k.predict(push)
	}
}

// patience is how many looks a believed track lives without a detection.
func (t *Tracker) patience() int {
	if t.o.Patience > 0 {
		return t.o.Patience
	}
	return max(2, t.pace.patience()/t.o.Every)
}

// Counts reports whether the track is a person to be counted.
func (k *Track) Counts() bool {
	return k.Confirmed && k.Hits*k.every >= leastFrames
}

// sort says which detections may start a track and which may only carry one on:
// those with a low score, and those that lie inside a better one.
func (t *Tracker) sort(found []Detection) (high, low []Detection) {
	all := make([]Detection, 0, len(found))
	for _, d := range found {
		if d.W > 0 && d.H > 0 { // not a number fails too
			all = append(all, d)
		}
	}
	sortByScore(all)
next:
	for i, d := range all {
		if d.Score < t.o.High {
			low = append(low, d)
			continue
		}
		for _, better := range all[:i] {
			if d.Inside(better.Box) > partOf || better.Inside(d.Box) > partOf {
				low = append(low, d)
				continue next
			}
		}
		high = append(high, d)
	}
	return high, low
}

// covered reports whether a track that was just seen explains d.
func (t *Tracker) covered(d Detection) bool {
	for _, k := range t.tracks {
		if k.Missed == 0 && (d.Inside(k.Box) > explained || k.Box.Inside(d.Box) > explained) {
			return true
		}
	}
	return false
}

func (t *Tracker) bury() {
	alive, patience := t.tracks[:0], t.patience()
	for _, k := range t.tracks {
		if k.Missed == 0 || !t.gone(k) && (k.Confirmed && k.Missed <= patience || k.Missed <= 1) {
			alive = append(alive, k)
		}
	}
	clear(t.tracks[len(alive):])
	t.tracks = alive
}

// lost is the track of somebody who was hidden and may be d, or nil. Who is hidden
// may turn or walk faster: what counts is whether somebody can walk there in the
// time since they were last seen.
func (t *Tracker) lost(d Detection) *Track {
	var best *Track
	least := 1.0
	x, y := d.Feet()
	for _, k := range t.tracks {
		ratio := d.H / k.h
		if !k.Confirmed || k.Missed < 2 || ratio < againSize || ratio > 1/againSize {
			continue
		}
		way := math.Hypot(x-k.seenX, againFlat*(y-k.seenY)) / k.h
		if far := way / (againNear + againPace*t.pace.at*float64(k.Missed)); far < least {
			best, least = k, far
		}
	}
	return best
}

// again goes on with a track where it was found again.
func (k *Track) again(d Detection, speed float64) {
	x, y := d.Feet()
	k.x, k.y = newAxis(x, noise*d.H, speed*d.H), newAxis(y, noise*d.H, speed*d.H)
	n := float64(k.Missed + 1)
	k.x.speed, k.y.speed = (x-k.seenX)/n, (y-k.seenY)/n
	k.seenX, k.seenY = x, y
	k.w, k.h = d.W, d.H
	k.Hits++
	k.Missed = 0
	k.place()
}

// gone reports whether most of a person has left the picture. Nobody else may be
// taken for somebody who is outside.
func (t *Tracker) gone(k *Track) bool {
	return t.o.Width > 0 && k.Box.Inside(Box{W: t.o.Width, H: t.o.Height}) < 0.3
}

func newTrack(id int, d Detection, every int, speed float64) *Track {
	k := &Track{ID: id, Box: d.Box, Hits: 1, Age: 1, w: d.W, h: d.H, every: every}
	x, y := d.Feet()
	k.seenX, k.seenY, k.fromX, k.fromY = x, y, x, y
	k.x, k.y = newAxis(x, noise*d.H, speed*d.H), newAxis(y, noise*d.H, speed*d.H)
	return k
}

func (k *Track) predict(push float64) {
	k.Age++
	k.x.predict(push * k.h)
	k.y.predict(push * k.h)
	k.place()
}

// place sets what others see from the state.
func (k *Track) place() {
	k.VX, k.VY = k.x.speed, k.y.speed
	k.Box = Box{X: k.x.at - k.w/2, Y: k.y.at - k.h, W: k.w, H: k.h}
}

func (k *Track) miss(fade float64) {
	k.Missed++
	k.x.slow(fade) // without a detection the speed is believed less and less
	k.y.slow(fade)
}

// take moves the track towards d. Of a box much lower than the person, what is
// hidden is guessed: the end that fits better is believed.
func (k *Track) take(d Detection) {
	x, y := k.feetOf(d)
	sigma := noise * k.h
	if d.H < 0.8*k.h || d.H > 1.25*k.h {
		sigma *= 2
	}
	k.seenX, k.seenY = x, y
	k.x.update(x, sigma)
	k.y.update(y, sigma)
	size := sizeGain
	if k.Hits >= 5 && d.H < 0.8*k.h {
		size /= 4
	}
	k.w += size * (d.W - k.w)
	k.h += size * (d.H - k.h)
	k.Hits++
	k.Missed = 0
	k.place()
}

// feetOf is where the feet are if d is this person.
func (k *Track) feetOf(d Detection) (x, y float64) {
	x, y = d.Feet()
	if k.Hits >= 5 && d.H < 0.8*k.h {
		if top := d.Y + k.h; math.Abs(top-k.y.at) < math.Abs(y-k.y.at) {
			y = top
		}
	}
	return x, y
}

// likeness is 0 for boxes that cannot be one person, 2 for the same box.
func likeness(k *Track, d Detection) float64 {
	ratio := d.H / k.h
	if ratio < 0.5 || ratio > 2 {
		return 0
	}
	iou := k.Box.IoU(d.Box)
	x, y := k.feetOf(d)
	reach := reachHeight*k.h + reachSpread*math.Hypot(k.x.spread(), k.y.spread())
	near := 1 - math.Hypot(x-k.x.at, flat*(y-k.y.at))/reach
	if near <= 0 {
		return 0
	}
	return iou + near - otherSize*math.Abs(math.Log(ratio))
}

// match gives each track at most one detection, the best pairs first, and
// returns what is left of both.
func match(tracks []*Track, found []Detection, least float64) ([]*Track, []Detection) {
	type pair struct {
		t, d int
		like float64
	}
	var pairs []pair
	for i, k := range tracks {
		for j, d := range found {
			l := likeness(k, d)
			if l > least {
				pairs = append(pairs, pair{i, j, l})
			}
		}
	}
	sort.SliceStable(pairs, func(a, b int) bool { return pairs[a].like > pairs[b].like })
	usedT, usedD := make([]bool, len(tracks)), make([]bool, len(found))
	for _, p := range pairs {
		if usedT[p.t] || usedD[p.d] {
			continue
		}
		usedT[p.t], usedD[p.d] = true, true
		tracks[p.t].take(found[p.d])
	}
	var restT []*Track
	for i, k := range tracks {
		if !usedT[i] {
			restT = append(restT, k)
		}
	}
	var restD []Detection
	for j, d := range found {
		if !usedD[j] {
			restD = append(restD, d)
		}
	}
	return restT, restD
}

func sortByScore(in []Detection) {
	sort.SliceStable(in, func(a, b int) bool { return in[a].Score > in[b].Score })
}
