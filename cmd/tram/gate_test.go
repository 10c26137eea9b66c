package main

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tram/agent/kiosk"
	"tram/agent/visit"
	"tram/drivers/sim"
)

// passages lists the stored records of passages, by their id.
func (h *hub) passages(t *testing.T, device string) map[string]string {
	t.Helper()
	out, err := exec.Command(h.program, "records", device, "--data", h.dir, "--json").Output()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for line := range strings.Lines(string(out)) {
		var r struct{ ID, Type string }
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Type != visit.TypeAnnulled && !strings.Contains(r.Type, "gate.passed") {
			continue
		}
		if found[r.ID] != "" {
			t.Errorf("the hub stores the passage %s twice", r.ID)
		}
		found[r.ID] = r.Type
	}
	return found
}

// A daemon that is killed while the gate is open leaves the relay on: nobody else
// can switch it off. The next start does at once, and the passage that was under
// way has its record, once.
func TestAGateIsShutAndThePassageKeptOnceAfterAKill(t *testing.T) {
	board, err := sim.NewRelay()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = board.Close() })
	h, _ := startHub(t)
	d := newDesk(t, h, "profile: industrial-gate\ngate: {source: /nowhere, line: [1, 1, 2, 2]}\n"+
		"passage: {relay: "+board.Path()+", sensor: board, pulse: 1s, within: 10s}\n")
	p := d.start(t)
	d.register(t, h)
	d.connected(t)
	who := filepath.Join(t.TempDir(), "who.csv")
	if err := os.WriteFile(who, []byte("number,group\n"+sim.DefaultCitizen().IDCode+",Ca 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(h.program, "allow-list", d.name, who, "--rounds", "1000", "--data", h.dir).CombinedOutput(); err != nil {
		t.Fatalf("allow-list: %v, %s", err, out)
	}
	eventually(t, "the allow list is there", func() bool { return d.status(t).Lists["allow-list"] > 0 })

	relayIs := func(want bool) func() bool {
		return func() bool { on, _, _, _ := board.State(1); return on == want }
	}
	// begins shows the code to the gate; the answer may never come.
	begins := func() {
		ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
		go func() {
			defer cancel()
			_ = d.client.PostJSON(ctx, "/v1/visits", map[string]string{"qr": sim.DefaultCitizen().QR2024()}, nil)
		}()
	}
	gateIs := func(want string) func() bool {
		return func() bool {
			var snap visit.Snapshot
			return d.client.GetJSON(t.Context(), "/v1/state", &snap) == nil && snap.Visit != nil && snap.Visit.Gate != nil && snap.Visit.Gate.State == want
		}
	}
	for i, moment := range []struct {
		name  string
		until func()
	}{
		{"while the relay is on", func() {}},
		{"after the pulse, before anybody went", func() {
			eventually(t, "the end of the pulse", relayIs(false))
			eventually(t, "somebody is waited for", gateIs("waiting"))
		}},
		{"as somebody goes", func() {
			if err := board.Sense(2); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		eventually(t, "the relay board is there", func() bool { return ready(d, t) })
		begins()
		eventually(t, "the gate opens", relayIs(true))
		moment.until()
		_ = p.end(syscall.SIGKILL)
		left, _, _, _ := board.State(1)
		t.Logf("killed %s: the relay was left on: %t", moment.name, left)
		p = d.start(t)
		eventually(t, "the relay is off after the start", relayIs(false))
		eventually(t, "the passage is delivered", func() bool { return len(h.passages(t, d.name)) == i+1 })
	}
	eventually(t, "the relay board is there", func() bool { return ready(d, t) })
	begins()
	eventually(t, "the gate opens", relayIs(true))
	if err := board.Sense(2); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the passage is recorded", func() bool {
		var snap visit.Snapshot
		return d.client.GetJSON(t.Context(), "/v1/state", &snap) == nil && snap.Visit != nil && snap.Visit.Record != nil
	})
	_ = p.end(syscall.SIGKILL)
	p = d.start(t)
	d.allDelivered(t)
	if got := h.passages(t, d.name); len(got) != 4 {
		t.Errorf("the hub stores the passages %v, want 4", got)
	}
	if r := h.report(t, d.name); r.Rejected != 0 || string(r.Missing) != "[]" {
		t.Errorf("the hub reports %+v", r)
	}
	var today struct{ Rows []kiosk.Row }
	if err := d.client.GetJSON(t.Context(), "/v1/desk/today", &today); err != nil {
		t.Fatal(err)
	}
	how := map[string]int{}
	for _, r := range today.Rows {
		how[r.Passage]++
	}
	if len(today.Rows) != 4 || how[visit.PassageConfirmed] < 1 || how[visit.PassageConfirmed]+how[visit.PassageUnknown] != 4 {
		t.Errorf("the register has %d passages, %v; want 4, confirmed or unknown", len(today.Rows), how)
	}
	if _, opened, dropped, _ := board.State(1); opened != 4 || dropped != 0 {
		t.Errorf("the relay was switched on %d times, %d bytes were no command; want 4 and 0", opened, dropped)
	}
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, p.log.String())
	}
}

// ready reports whether the daemon drives its relay.
func ready(d *desk, t *testing.T) bool {
	var snap visit.Snapshot
	if err := d.client.GetJSON(t.Context(), "/v1/state", &snap); err != nil {
		return false
	}
	for _, s := range snap.Devices {
		if s.Kind == "relay" {
			return s.State == "ready"
		}
	}
	return false
}
