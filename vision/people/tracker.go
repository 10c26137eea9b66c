package people

import (
	"math"
	"sort"
)

// TrackerOptions tune a Tracker; the zero value is what was measured best.
type TrackerOptions struct {
	High     float64 // from this score on a detection may start a track; 0 is 0.55
	Confirm  int     // detections until a track is believed; 0 is 3
	Patience int     // looks of the detector that a believed track lives without a detection; 0 is 14 frames
	Every    int     // the detector looks at each so many-th frame, the others are for Skip; 0 is 1
}

// What the motion of people is like, in heights of the person and frames, and how
// alike a track and a detection must be. Chosen over many lines, four detectors
// and two sequences at once, between the values of independent searches.
const (
	push        = 0.02 // by so much the speed changes in a frame
	noise       = 0.12 // a detection's feet are right to within this
	firstSpeed  = 0.05 // who appears moves at about this
	fade        = 0.97 // of the speed is left after a frame without detection
	sizeGain    = 0.15 // of a detection's size is believed at once
	reachHeight = 0.3  // so far from the forecast a detection may be,
	reachSpread = 1.5  // and so many standard deviations of the forecast farther
	leastHigh   = 0.4  // likeness that a sure detection needs
	leastLow    = 0.8  // and one that is not
	partOf      = 0.9  // so much of a box in a better one: part of the same person
	explained   = 0.75 // so much of a box in a track just seen: nobody new
	sameBox     = 0.65 // tracks that overlap more than this follow one person
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
	every        int     // frames that a detection stands for
	twin         int     // frames in a row on top of an older track
}

// Tracker says which boxes of successive frames are the same person: every
// track moves on with its speed, then takes the detection that fits it best,
// first among the sure ones, then among the rest.
type Tracker struct {
	o      TrackerOptions
	tracks []*Track
	nextID int
}

// NewTracker makes a tracker for one camera.
func NewTracker(o TrackerOptions) *Tracker {
	if o.Every < 1 {
		o.Every = 1
	}
	if o.High == 0 {
		o.High = 0.55
	}
	if o.Confirm == 0 {
		o.Confirm = 3
		if o.Every > 2 {
			o.Confirm = 2
		}
	}
	if o.Patience == 0 {
		o.Patience = max(2, 14/o.Every)
	}
	return &Tracker{o: o}
}

// Next takes the detections of the next frame and returns the tracks that are
// alive, unconfirmed ones included. The slice is valid until the next call.
func (t *Tracker) Next(found []Detection) []*Track {
	for _, k := range t.tracks {
		k.predict()
	}
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
	sure, low = match(sure, low, leastLow)
	fresh, high = match(fresh, high, leastHigh)
	fresh, _ = match(fresh, low, leastLow)
	for _, k := range append(sure, fresh...) {
		k.miss()
	}
	t.twins()
	t.bury()
	for _, d := range high {
		if !t.covered(d) {
			t.nextID++
			t.tracks = append(t.tracks, newTrack(t.nextID, d, t.o.Every))
		}
	}
	for _, k := range t.tracks {
		k.Confirmed = k.Confirmed || k.Hits >= t.o.Confirm
	}
	return t.tracks
}

// Skip moves the tracks on by a frame that the detector did not look at.
func (t *Tracker) Skip() []*Track {
	for _, k := range t.tracks {
		k.predict()
	}
	return t.tracks
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
			if d.inside(better.Box) > partOf || better.inside(d.Box) > partOf {
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
		if k.Missed == 0 && (d.inside(k.Box) > explained || k.Box.inside(d.Box) > explained) {
			return true
		}
	}
	return false
}

// twins ends the younger of two tracks that follow one person.
func (t *Tracker) twins() {
	for i, old := range t.tracks {
		for _, k := range t.tracks[i+1:] {
			if k.Box.IoU(old.Box) < sameBox {
				continue
			}
			drop := k
			if k.Hits > old.Hits {
				drop = old
			}
			if drop.twin += 2; drop.twin > 6 {
				drop.Hits, drop.Confirmed, drop.Missed = 0, false, 100
			}
		}
	}
	for _, k := range t.tracks {
		k.twin = max(0, k.twin-1)
	}
}

func (t *Tracker) bury() {
	alive := t.tracks[:0]
	for _, k := range t.tracks {
		if k.Missed == 0 || k.Confirmed && k.Missed <= t.o.Patience || k.Missed <= 1 {
			alive = append(alive, k)
		}
	}
	clear(t.tracks[len(alive):])
	t.tracks = alive
}

func newTrack(id int, d Detection, every int) *Track {
	k := &Track{ID: id, Box: d.Box, Hits: 1, Age: 1, w: d.W, h: d.H, every: every}
	x, y := d.Feet()
	k.seenX, k.seenY = x, y
	k.x, k.y = newAxis(x, noise*d.H, firstSpeed*d.H), newAxis(y, noise*d.H, firstSpeed*d.H)
	return k
}

func (k *Track) predict() {
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

func (k *Track) miss() {
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
	near := 1 - math.Hypot(x-k.x.at, y-k.y.at)/reach
	if near <= 0 {
		return 0
	}
	return iou + near
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
