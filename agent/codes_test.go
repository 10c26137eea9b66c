package agent

import (
	"testing"
	"time"

	"tram/drivers/sim"
)

func TestACodeIsTakenOnceForEachTimeItIsHeldUp(t *testing.T) {
	card, poster := []byte(sim.DefaultCitizen().QR2021()), []byte("https://buonmathuot.example/")
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	s := &sightings{}
	type step struct {
		after time.Duration
		code  []byte
		want  bool
	}
	for i, st := range []step{
		{0, card, true},                          // held up
		{100 * time.Millisecond, card, false},    // held up still
		{1900 * time.Millisecond, card, false},   // lost sight of for a moment
		{2100 * time.Millisecond, card, true},    // put away and held up again
		{0, poster, false},                       // somebody passes with a poster
		{500 * time.Millisecond, poster, false},  //
		{1100 * time.Millisecond, poster, true},  // it is held on purpose
		{1900 * time.Millisecond, poster, false}, // and hangs there
		{1900 * time.Millisecond, poster, false}, //
		{100 * time.Millisecond, card, true},     // a card beside it
		{2100 * time.Millisecond, poster, false}, // a new sighting, not long enough yet
		{-2 * time.Hour, poster, false},          // the clock was set back: nothing is held longer for it
	} {
		at = at.Add(st.after)
		if got := s.take(st.code, at); got != st.want {
			t.Errorf("step %d: got %v, want %v", i, got, st.want)
		}
	}
}

func TestAWallOfCodesDoesNotGrow(t *testing.T) {
	s := &sightings{}
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	for i := range 1000 {
		s.take([]byte{byte(i), byte(i >> 8)}, at)
	}
	if len(s.seen) > maxSighted {
		t.Errorf("%d codes are remembered, at most %d", len(s.seen), maxSighted)
	}
}
