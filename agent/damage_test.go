package agent

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tram/agent/register"
	"tram/hub/hubtest"
	"tram/sync/outbox"
	"tram/sync/seal/rest"
)

// TestADamagedRegisterIsToldToTheHubAndTheCounterGoesOn starts the daemon on a
// register's file whose pages were overwritten.
func TestADamagedRegisterIsToldToTheHubAndTheCounterGoesOn(t *testing.T) {
	r := newRig(t)
	r.config.Profile = "lodging"
	box, err := rest.LoadOrCreate(RestKeyPath(r.config.State))
	if err != nil {
		t.Fatal(err)
	}
	path := RegisterPath(r.config.State)
	reg, err := register.Open(path, register.Options{Box: box, Policy: register.Policy{Keeps: []string{"idCode"}, Retain: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	if err := reg.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[16:], bytes.Repeat([]byte{0xff}, len(data)-16))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	a, stop := startAgent(t, r)
	defer stop()
	kept, err := filepath.Glob(path + ".corrupt-*")
	if err != nil || len(kept) != 1 {
		t.Fatalf("%d damaged files kept aside, %v; want one", len(kept), err)
	}
	hubtest.Until(t, "the hub has the record of the damage", func() bool {
		receipt, found, err := a.store.Find(filepath.Base(kept[0]))
		return err == nil && found && a.store.State(receipt.Sequence) == outbox.Delivered
	})
	if rows, err := (desk{a}).OpenStays(t.Context(), "clerk"); err != nil || len(rows) != 0 {
		t.Errorf("the register after the damage: %d stays, %v; want an empty one that works", len(rows), err)
	}
}
