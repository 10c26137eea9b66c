package condition

import "time"

// The limits of what a thumbnail may be: the first is passed when a fault begins,
// the second when it ends. Measured on the footage that docs/vision.md names.
const (
	blackBelow, blackAbove   = 16, 22     // Light: lens caps leave below 12
	darkBelow, darkAbove     = 48, 56     // Light: portraits in front of black have 108 and more
	burntAbove, burntBelow   = 0.60, 0.50 // Burnt
	brightAbove, brightBelow = 222, 212   // Dark
	flatAbove, flatBelow     = 0.96, 0.90 // Flat: everything is covered
	hiddenAbove, hiddenBelow = 0.42, 0.30 // the share that is flat of what the baseline has edges in: a part is
	blurBelow, blurAbove     = 0.40, 0.55 // Sharpness over the baseline's
)

// look judges a thumbnail.
func (w *Watch) look(m Measures, at time.Time) {
	w.measures = m
	w.looks++
	on := func(c Code) bool { return w.latches[c].on }
	pick := func(c Code, enter, leave float64) float64 {
		if on(c) {
			return leave
		}
		return enter
	}
	black := m.Light < pick(Black, blackBelow, blackAbove)
	dark := !black && m.Light < pick(TooDark, darkBelow, darkAbove)
	bright := m.Burnt > pick(TooBright, burntAbove, burntBelow) || m.Dark > pick(TooBright, brightAbove, brightBelow)
	w.set(Black, black, at)
	w.set(TooDark, dark, at)
	w.set(TooBright, bright, at)

	// Of a picture without light nothing else can be said.
	seen := !black && !dark && !bright
	has := w.memory.Seen >= known
	all := seen && m.Flat > pick(Covered, flatAbove, flatBelow) && !(has && w.memory.Flat > flatBelow)
	part := seen && has && m.Flat-w.memory.Flat > pick(Covered, hiddenAbove, hiddenBelow)*(1-w.memory.Flat)
	w.partial.see(part, at, w.hurried(partly), w.hurried(times[Covered].leave))
	w.set(Covered, all || w.partial.on, at)
	blurred := seen && has && !all && m.Sharpness < pick(Blurred, blurBelow, blurAbove)*w.memory.Sharpness
	w.set(Blurred, blurred, at)
	if seen && !all && !part && !blurred && !on(Covered) && !on(Blurred) {
		w.memory.learn(m)
	}
	w.repeated(m.hash, at)
}

// repeated notices pictures that were there before, to the last bit of the
// thumbnail: a sensor's noise forbids that in a scene that is only still. One
// picture for ever is noticed so, and a loop of up to ring pictures.
func (w *Watch) repeated(hash uint64, at time.Time) {
	before, was := w.hashes[hash]
	if !was || w.looks-before > ring {
		w.fresh = at
	}
	w.memory.Hash = hash
	if w.o.Hurry == 1 {
		w.hashes[hash] = w.looks
	}
	if len(w.hashes) > 2*ring {
		for h, n := range w.hashes {
			if w.looks-n > ring {
				delete(w.hashes, h)
			}
		}
	}
	if w.o.Recorded {
		return
	}
	l, t := w.latches[Frozen], times[Frozen]
	stale := at.Sub(w.fresh)
	switch {
	case !l.on && stale >= w.hurried(t.enter):
		l.on, l.since = true, w.fresh
	case l.on:
		l.see(stale > 0, at, 0, w.hurried(t.leave))
	}
}

// learn moves the baseline: fast at first, slowly later.
func (m *Memory) learn(s Measures) {
	m.Seen = min(m.Seen+1, learned)
	m.Sharpness += (s.Sharpness - m.Sharpness) / m.Seen
	m.Flat += (s.Flat - m.Flat) / m.Seen
}
