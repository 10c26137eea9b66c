package people

import (
	"math"
	"sort"
)

// TrackerOptions tune a Tracker; the zero value is what was measured best.
type TrackerOptions struct {
	High     float64 // from this score on a detection may start a track; 0 is 0.45
	Confirm  int     // detections until a track is believed; 0 is 3
	Patience int     // frames that a believed track lives without a detection; 0 is 14
}

// Track is one person followed so far.
type Track struct {
	ID        int
	Box       Box
	VX, VY    float64 // pixels a frame
	Hits      int     // frames with a detection
	Missed    int     // frames without one since the last
	Confirmed bool
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
	if o.High == 0 {
		o.High = 0.45
	}
	if o.Confirm == 0 {
		o.Confirm = 3
	}
	if o.Patience == 0 {
		o.Patience = 14
	}
	return &Tracker{o: o}
}

// Next takes the detections of the next frame and returns the tracks that are
// alive, unconfirmed ones included. The slice is valid until the next call.
func (t *Tracker) Next(found []Detection) []*Track {
	for _, k := range t.tracks {
		k.Box.X += k.VX
		k.Box.Y += k.VY
	}
	var high, low []Detection
	for _, d := range found {
		if !(d.W > 0 && d.H > 0) { // not a number fails too
			continue
		}
		if d.Score >= t.o.High {
			high = append(high, d)
		} else {
			low = append(low, d)
		}
	}
	open := append([]*Track(nil), t.tracks...)
	open, high = match(open, high, 0.25)
	open, _ = match(open, low, 0.6)
	for _, k := range open {
		k.Missed++
		// Without a detection the speed is believed less and less.
		k.VX *= 0.92
		k.VY *= 0.92
	}
	t.bury()
	for _, d := range high {
		t.nextID++
		t.tracks = append(t.tracks, &Track{ID: t.nextID, Box: d.Box, Hits: 1})
	}
	for _, k := range t.tracks {
		k.Confirmed = k.Confirmed || k.Hits >= t.o.Confirm
	}
	return t.tracks
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

// likeness is 0 for boxes that cannot be one person, 2 for the same box.
func likeness(k *Track, d Detection) float64 {
	iou := k.Box.IoU(d.Box)
	fx, fy := k.Box.Feet()
	gx, gy := d.Feet()
	reach := 0.45*k.Box.H + 0.05*k.Box.H*float64(min(k.Missed, 8))
	near := 1 - math.Hypot(fx-gx, fy-gy)/reach
	if iou == 0 && near <= 0 {
		return 0
	}
	ratio := d.H / k.Box.H
	if ratio < 0.5 || ratio > 2 {
		return 0
	}
	return iou + math.Max(0, near)
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
			if k.Confirmed {
				l += 0.1
			}
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

// take moves the track towards d: the feet follow at once, size and speed slowly.
func (k *Track) take(d Detection) {
	const alpha, size = 0.75, 0.35
	beta := 0.35
	if k.Hits < 3 {
		beta = 0.8 / float64(k.Hits)
	}
	px, py := k.Box.Feet()
	gx, gy := d.Feet()
	steps := float64(k.Missed + 1)
	k.VX += beta * (gx - px) / steps
	k.VY += beta * (gy - py) / steps
	fx, fy := px+alpha*(gx-px), py+alpha*(gy-py)
	w, h := k.Box.W+size*(d.W-k.Box.W), k.Box.H+size*(d.H-k.Box.H)
	k.Box = Box{X: fx - w/2, Y: fy - h, W: w, H: h}
	k.Hits++
	k.Missed = 0
}

func sortByScore(in []Detection) {
	sort.SliceStable(in, func(a, b int) bool { return in[a].Score > in[b].Score })
}
