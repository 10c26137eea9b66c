package passage_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/agent/keep"
	"tram/agent/passage"
	"tram/agent/visit"
	"tram/drivers"
	"tram/drivers/privacy"
	"tram/drivers/relay"
	"tram/drivers/sim"
	"tram/sync/seal/rest"
	"tram/sync/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const number = "099099000017"

var now = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

// list is a store with an allow list of one number.
func list(t *testing.T, entry keep.Allowed, until time.Time) *keep.Store {
	t.Helper()
	box, err := rest.LoadOrCreate(filepath.Join(t.TempDir(), "rest.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	salt := []byte("0123456789abcdef")
	h, err := wire.AllowHash(number, salt, wire.MinAllowRounds)
	if err != nil {
		t.Fatal(err)
	}
	entry.Hash = h[:]
	raw, err := json.Marshal([]keep.Allowed{entry})
	if err != nil {
		t.Fatal(err)
	}
	s := keep.Open(t.TempDir(), box)
	if _, _, err := s.Put(keep.AllowList, keep.Part{Version: 1, Entries: raw, Salt: salt, Rounds: wire.MinAllowRounds, Until: until}); err != nil {
		t.Fatal(err)
	}
	return s
}

func clock() (time.Time, bool) { return now, true }

func who(n string) visit.Entry {
	return visit.Entry{ID: "v", Number: privacy.New(n), Direction: "in", Answers: privacy.New(map[string]string{})}
}

func TestWhateverIsNotClearlyAllowedIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		entry  keep.Allowed
		until  time.Time
		number string
		want   string
	}{
		"allowed":      {number: number},
		"somebody":     {number: "099099000018", want: passage.NotOnList},
		"nobody":       {number: "", want: passage.NotOnList},
		"not yet":      {entry: keep.Allowed{From: now.Add(time.Hour)}, number: number, want: passage.NotYet},
		"over":         {entry: keep.Allowed{Until: now}, number: number, want: passage.Over},
		"in its time":  {entry: keep.Allowed{From: now.Add(-time.Hour), Until: now.Add(time.Hour)}, number: number},
		"list is over": {until: now, number: number, want: passage.ListExpired},
	} {
		g := passage.New(passage.Options{List: list(t, c.entry, c.until).Allowance, Clock: clock})
		if d := g.Decide(c.number); d.Reason != c.want || d.Allow != (c.want == "") {
			t.Errorf("%s: %+v, want %q", name, d, c.want)
		}
	}
	broken := passage.New(passage.Options{List: func() (*keep.Allowance, error) { return nil, errors.New("unreadable") }})
	empty := passage.New(passage.Options{List: func() (*keep.Allowance, error) { return &keep.Allowance{}, nil }})
	for _, g := range []*passage.Gate{broken, empty} {
		if d := g.Decide(number); d.Allow || d.Reason != passage.NoList {
			t.Errorf("without a list: %+v", d)
		}
	}
}

// The real bytes go over a pseudo terminal to a board, and come back from its input.
func TestTheRelayOpensForWhoIsAllowedAndTheSensorSaysWhoPassed(t *testing.T) {
	board, err := sim.NewRelay()
	if err != nil {
		t.Fatal(err)
	}
	defer board.Close()
	var g *passage.Gate
	r, err := relay.New(board.Path(), relay.Options{Pulse: 20 * time.Millisecond, Passed: func(w relay.Way) { g.Crossed(string(w), passage.BySensor) }})
	if err != nil {
		t.Fatal(err)
	}
	g = passage.New(passage.Options{List: list(t, keep.Allowed{Group: "Ca 1"}, time.Time{}).Allowance, Opener: r, Sensed: true, Within: 300 * time.Millisecond, Clock: clock})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	defer func() { cancel(); <-done }()
	for deadline := time.Now().Add(10 * time.Second); r.Status().State != drivers.Ready; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the board is not found")
		}
	}
	if _, err := g.Pass(t.Context(), who("099099000018")); !errors.Is(err, visit.ErrDenied) {
		t.Errorf("a stranger: %v, want ErrDenied", err)
	}
	if _, opened, _, _ := board.State(1); opened != 0 {
		t.Fatalf("it opened %d times for a stranger", opened)
	}
	var sense atomic.Bool
	sense.Store(true)
	go func() {
		for sense.Load() {
			if on, _, _, changed := board.State(1); on {
				_ = board.Sense(1)
				return
			} else {
				select {
				case <-changed:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	p, err := g.Pass(t.Context(), who(number))
	if err != nil || p.Result != visit.PassageConfirmed || p.By != passage.BySensor || !p.Opened || p.Group != "Ca 1" {
		t.Errorf("%+v, %v; want confirmed by the sensor", p, err)
	}
	sense.Store(false)
	if p, err = g.Pass(t.Context(), who(number)); err != nil || p.Result != visit.PassageAnnulled {
		t.Errorf("%+v, %v; want annulled", p, err)
	}
	if on, opened, _, _ := board.State(1); on || opened != 2 {
		t.Errorf("on %v, opened %d times; want off, 2", on, opened)
	}
}
