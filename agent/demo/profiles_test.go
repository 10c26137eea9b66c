package demo

import (
	"context"
	"slices"
	"testing"

	"tram/agent/profile"
)

// playCounter runs the steps of a counter up to the hub's answer. Counting is left to the
// play of the whole job: it needs the camera's worker.
func playCounter(t *testing.T, name string) Result {
	t.Helper()
	opt := options(t)
	opt.Profile = name
	d, err := Open(t.Context(), opt)
	needReader(t, err)
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(running) }()
	p := &play{d: d}
	acts := slices.DeleteFunc(p.acts(), func(a act) bool {
		return slices.Contains([]string{"count people", "stop the hub, go on", "start the hub, deliver"}, a.name)
	})
	if name == "tourist-gate" { // nothing to deliver without a count
		acts = acts[:slices.IndexFunc(acts, func(a act) bool { return a.name == "deliver" })]
	}
	p.steps(t.Context(), acts)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	return p.result
}

func TestEachShippedCounterIsPlayed(t *testing.T) {
	withHub(t)
	all := profile.Names()
	if len(all) != 12 {
		t.Errorf("%d counters are shipped, want 12", len(all))
	}
	for _, name := range all {
		t.Run(name, func(t *testing.T) {
			r := playCounter(t, name)
			for _, s := range r.Steps {
				if !s.OK || s.Detail == "" {
					t.Errorf("step %+v", s)
				}
			}
			want := uint64(1)
			if name == "tourist-gate" {
				want = 0
			}
			if r.Accepted != want || r.Delivered != want {
				t.Errorf("%d accepted, %d delivered, want %d of each", r.Accepted, r.Delivered, want)
			}
		})
	}
	checkNothingLeft(t)
}
