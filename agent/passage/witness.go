package passage

import "time"

// Why a sensor is not believed.
const (
	Silent = "silent" // it saw nobody go through, time after time
	Noisy  = "noisy"  // it sees more people than can go
	Away   = "away"   // it is not there
)

// What a sensor that works does not do. A turnstile lets one person through in a
// second and a half at best; and of those whom a gate let through, so many in a
// row do not turn back.
const (
	tooMany  = 6
	tooQuick = 4 * time.Second
	calm     = 10 * time.Second // so long it must not be too quick again
	tooOften = 4
)

// A witness is the sensor of a gate, and whether it may be believed. A dead one
// would annul everybody's passage, and leave them off the list of who is inside;
// one that never stops would confirm that of who turned back.
type witness struct {
	seen       [tooMany]time.Time // the last ones, in a ring
	next       int
	noisyUntil time.Time
	nobody     int // openings in a row that nobody was seen to use
}

// saw notes that the sensor told of a passage. A camera sees several people at
// once, and is not too quick by that.
func (w *witness) saw(by string, now time.Time) {
	w.nobody = 0
	if by == ByCamera {
		return
	}
	w.seen[w.next] = now
	w.next = (w.next + 1) % tooMany
	if oldest := w.seen[w.next]; !oldest.IsZero() && now.Sub(oldest) < tooQuick {
		w.noisyUntil = now.Add(calm)
	}
}

// missed notes that the gate opened and the sensor saw nobody.
func (w *witness) missed() { w.nobody++ }

// trouble is why the sensor is not believed, "" when it is.
func (w *witness) trouble(now time.Time) string {
	switch {
	case now.Before(w.noisyUntil):
		return Noisy
	case w.nobody >= tooOften:
		return Silent
	}
	return ""
}
