package campaign

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tram/agent/kiosk"
	"tram/agent/visit"
	"tram/drivers/sim"
	"tram/hub"
	"tram/hub/store"
)

// lasts is how long faults are made at each store, and how long a round is.
func lasts() (all, round time.Duration) {
	switch s := os.Getenv("TRAM_CAMPAIGN"); s {
	case "":
		return 5 * time.Second, 5 * time.Second
	case "long":
		return 20 * time.Minute, 30 * time.Second
	default:
		n, _ := strconv.Atoi(s)
		return time.Duration(max(n, 1)) * time.Second, 10 * time.Second
	}
}

func seedFrom() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("TRAM_SEED"), 10, 64); err == nil {
		return n
	}
	return 1
}

// TestCampaignWholeSystem makes every fault that needs several processes, and
// holds after each round what the hub says against the oracle: every accepted
// record is in the hub's store exactly once, or its device named it in a signed
// discard; there is no gap, no break in a chain, no checkpoint that differs.
func TestCampaignWholeSystem(t *testing.T) {
	for _, s := range []struct {
		name     string
		database bool
	}{{"embedded store", false}, {"PostgreSQL, two hubs", true}} {
		t.Run(s.name, func(t *testing.T) { campaign(t, s.database) })
	}
	t.Cleanup(func() {
		if dir, err := programs(); err == nil {
			_ = os.RemoveAll(dir)
		}
	})
}

func campaign(t *testing.T, database bool) {
	seed := seedFrom()
	t.Logf("seed %d", seed)
	w := newWorld(t, seed, database)
	ctx, cancel := context.WithCancel(t.Context())
	var visiting sync.WaitGroup
	defer visiting.Wait()
	defer cancel()
	gate := make(chan bool, 1) // whether visits are made
	visiting.Go(func() { w.visits(ctx, gate) })
	all, round := lasts()
	rounds := 0
	for end := time.Now().Add(all); rounds == 0 || time.Now().Before(end); rounds++ {
		for _, d := range w.desks {
			d.orders.Accept = true
			d.give(t)
		}
		gate <- true
		w.proxy.behave(true)
		for stop := time.Now().Add(round); time.Now().Before(stop); {
			w.fault()
			w.pause(150)
			for _, h := range w.hubs {
				h.start() // unless it runs
			}
		}
		gate <- false
		w.heal()
		w.settle()
		w.compare()
		if t.Failed() {
			t.Fatalf("seed %d, round %d; faults %v", seed, rounds+1, w.faults)
		}
	}
	w.proxy.mu.Lock()
	maps.Copy(w.faults, w.proxy.faults)
	w.proxy.mu.Unlock()
	n, kinds := 0, []string{}
	for _, k := range slices.Sorted(maps.Keys(w.faults)) {
		if w.faults[k] == 0 {
			continue
		}
		n += w.faults[k]
		kinds = append(kinds, fmt.Sprintf("%s %d", k, w.faults[k]))
	}
	t.Logf("seed %d: %d rounds, %d faults, %d accepted records, %d refused by a full outbox, %d not accepted for an error, 0 lost, 0 unexplained\n%s",
		seed, rounds, n, w.oracle.total(), w.refused.Load(), w.failed.Load(), strings.Join(kinds, ", "))
}

// visits makes visits at the daemon while the gate is open.
func (w *world) visits(ctx context.Context, gate <-chan bool) {
	d := w.desks[len(w.desks)-1]
	open := false
	for {
		select {
		case <-ctx.Done():
			return
		case open = <-gate:
		case <-time.After(20 * time.Millisecond):
		}
		if !open {
			continue
		}
		if seq, err := makeVisit(ctx, d.client); err == nil {
			w.oracle.accepted(daemon, seq, said{class: "identity"})
		}
	}
}

// makeVisit makes one record with a code alone, and returns its sequence.
func makeVisit(ctx context.Context, c *kiosk.Client) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var created struct {
		Visit string `json:"visit"`
	}
	if err := c.PostJSON(ctx, "/v1/visits", map[string]string{"qr": sim.DefaultCitizen().QR2021()}, &created); err != nil {
		return 0, err
	}
	for _, verb := range []string{"consent", "skip-chip", "confirm"} {
		err := c.PostJSON(ctx, "/v1/visits/"+created.Visit+"/"+verb, nil, nil)
		if err != nil && !(errors.Is(err, kiosk.ErrConflict) && verb == "skip-chip") {
			return 0, err
		}
	}
	var snap visit.Snapshot
	if err := c.GetJSON(ctx, "/v1/state", &snap); err != nil {
		return 0, err
	}
	if snap.Visit == nil || snap.Visit.Record == nil {
		return 0, errors.New("confirmed, and no record is shown")
	}
	return snap.Visit.Record.Sequence, nil
}

// settle waits until no device has anything left to deliver.
func (w *world) settle() {
	w.t.Helper()
	for _, d := range w.desks {
		d.seen.Store(nil)
	}
	// A device that says nothing new has said what holds: it is started again.
	for _, d := range w.desks {
		if d.name != daemon {
			d.kill()
			d.start()
		}
	}
	state := func() string {
		var b strings.Builder
		for _, d := range w.desks {
			d.mu.Lock()
			fmt.Fprintf(&b, "%s: %+v\n%s\n", d.name, d.seen.Load(), strings.Join(d.tail, "\n"))
			d.mu.Unlock()
		}
		fmt.Fprintf(&b, "faults %v\n", w.faults)
		if w.postgres != nil {
			fmt.Fprintf(&b, "PostgreSQL %s\n", w.postgres.Log())
		}
		report, err := exec.Command(filepath.Join(w.bin, "tram-hub"), w.at("report", "--json")...).CombinedOutput()
		fmt.Fprintf(&b, "%s%v\n", report, err)
		return b.String()
	}
	for _, d := range w.desks {
		for _, h := range w.hubs {
			h.start()
		}
		until(w.t, d.name+" has delivered everything", 2*time.Minute, func() bool {
			if d.name == daemon {
				var s struct{ Accepted, Pending uint64 }
				ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
				defer cancel()
				return d.client.GetJSON(ctx, "/v1/outbox", &s) == nil && s.Pending == 0
			}
			s := d.seen.Load()
			return s != nil && s.pending == 0
		}, state)
	}
	for _, p := range w.hubs {
		if p.unasked() > 0 {
			w.t.Errorf("%s ended by itself %d times", p.name, p.unasked())
		}
	}
	for _, d := range w.desks {
		if d.unasked() > 0 {
			w.t.Errorf("%s ended by itself %d times", d.name, d.unasked())
		}
	}
}

// at adds where the hub keeps its things.
func (w *world) at(args ...string) []string {
	args = append(args, "--data", w.dir)
	if w.dsn != "" {
		args = append(args, "--postgres", w.dsn)
	}
	return args
}

// compare holds the hub's word against the oracle's.
func (w *world) compare() {
	t := w.t
	t.Helper()
	var report hub.Report
	if err := json.Unmarshal(w.run("tram-hub", w.at("report", "--json")...), &report); err != nil {
		t.Fatal(err)
	}
	stored := map[string]map[uint64]store.Record{}
	ids := map[string]bool{}
	for lines := json.NewDecoder(bytes.NewReader(w.run("tram-hub", w.at("records", "--json")...))); lines.More(); {
		var r store.Record
		if err := lines.Decode(&r); err != nil {
			t.Fatal(err)
		}
		if stored[r.Device] == nil {
			stored[r.Device] = map[uint64]store.Record{}
		}
		if _, ok := stored[r.Device][r.Sequence]; ok || ids[r.ID] {
			t.Errorf("%s: record %d is stored twice", r.Device, r.Sequence)
		}
		stored[r.Device][r.Sequence], ids[r.ID] = r, true
	}
	w.oracle.mu.Lock()
	defer w.oracle.mu.Unlock()
	for _, d := range w.desks {
		var r store.Device
		for _, x := range report.Devices {
			if x.Device == d.name {
				r = x
			}
		}
		have := stored[d.name]
		if len(r.Missing) != 0 || r.Mismatches != 0 || r.ChainBreaks != 0 || r.Rejected != 0 && d.name != cloned || r.Records != uint64(len(have)) {
			t.Errorf("%s: the hub reports %+v and lists %d records", d.name, r, len(have))
		}
		named := 0
		for seq, s := range w.oracle.records[d.name] {
			got, ok := have[seq]
			switch {
			case ok && s.id != "" && got.ID != s.id:
				t.Errorf("%s: record %d is another one than was accepted", d.name, seq)
			case !ok && seq > r.Highwater:
				t.Errorf("%s: accepted record %d (%s) never arrived", d.name, seq, s.class)
			case !ok && s.class == "identity" && d.name != damaged:
				t.Errorf("%s: identity record %d was discarded", d.name, seq)
			case !ok: // below the highwater and not missing: a signed record names it
				named++
			}
		}
		if uint64(named) > r.Discarded {
			t.Errorf("%s: %d accepted records are not stored, and discards name %d only", d.name, named, r.Discarded)
		}
		t.Logf("%s: %d accepted, %d stored up to %d, %d of the accepted named in discards %v, %d duplicates, %d kept aside, verified up to %d",
			d.name, len(w.oracle.records[d.name]), len(have), r.Highwater, named, r.Discards, r.Duplicates, r.Rejected, r.Verified)
	}
}
