package visit

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"tram/drivers/sim"
)

// TestTheDayBeginsAtThePlaceAndNotWhereTheMachineThinks: at five in the morning in
// Viet Nam a machine on UTC still has yesterday.
func TestTheDayBeginsAtThePlaceAndNotWhereTheMachineThinks(t *testing.T) {
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("", -8*3600), vietnam} {
		c := newCounter(t, "clinic", nil)
		e := New(Options{
			Profile: shipped(t, "lodging"), Recorder: c.book, Book: &register{}, Idle: time.Hour, Log: slog.New(slog.DiscardHandler),
			Now: func() time.Time { return time.Date(2026, 3, 2, 22, 0, 0, 0, time.UTC).In(zone) },
		})
		t.Cleanup(e.Close)
		id, err := e.ScanQR([]byte(sim.DefaultCitizen().QR2021()))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(e.Consent(id), e.SkipChip(id)); err != nil {
			t.Fatal(err)
		}
		if err := e.Answer(id, map[string]string{"room": "101", "until": "2026-03-02"}); !errors.Is(err, ErrBadAnswer) {
			t.Errorf("in %s: a stay until yesterday: %v, want ErrBadAnswer", zone, err)
		}
		if err := e.Answer(id, map[string]string{"until": "2026-03-03"}); err != nil {
			t.Errorf("in %s: a stay until today: %v", zone, err)
		}
	}
}
