// Package hubtest starts what tests of the way to the hub need: a real
// Mosquitto, a hub, and devices whose keys the hub knows. Everything listens on
// free loopback ports, keeps its files in the test's temporary folder and is
// gone when the test ends.
package hubtest

import (
	"context"
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"tram/hub"
	"tram/hub/store"
	"tram/sync/seal"
	"tram/sync/wire"
)

// patience is how long a test waits for what should happen soon.
const patience = 30 * time.Second

// Until waits for a condition and fails the test when it does not come.
func Until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// Hub is a hub that runs within the test.
type Hub struct {
	Dir  string // its data folder
	Addr string // of its broker, or the URL it was given

	t      testing.TB
	hub    *hub.Hub
	cancel context.CancelFunc
	done   chan error
}

// StartHub runs a hub on a data folder until the test ends or Stop. Options
// need neither Data nor Ready; without MQTT and Listen it takes any free port.
func StartHub(t testing.TB, dir string, o hub.Options) *Hub {
	t.Helper()
	ready := make(chan string, 1)
	o.Data, o.Ready = dir, func(addr string) { ready <- addr }
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.BackoffMax == 0 {
		o.BackoffMax = 100 * time.Millisecond
	}
	h, err := hub.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	running := &Hub{Dir: dir, t: t, hub: h, cancel: cancel, done: make(chan error, 1)}
	go func() { running.done <- h.Run(ctx) }()
	t.Cleanup(running.Stop)
	select {
	case running.Addr = <-ready:
	case err := <-running.done:
		running.done <- err
		t.Fatalf("the hub ended at once: %v", err)
	case <-time.After(patience):
		t.Fatal("the hub is not ready")
	}
	return running
}

// Stop ends the hub and waits for it.
func (h *Hub) Stop() {
	if h.cancel == nil {
		return
	}
	h.cancel()
	h.cancel = nil
	select {
	case err := <-h.done:
		if err != nil {
			h.t.Errorf("the hub ended with: %v", err)
		}
	case <-time.After(patience):
		h.t.Error("the hub does not end")
	}
}

// Report returns what the hub on a data folder says of a device, running or not.
func Report(t testing.TB, dir, device string) store.Device {
	t.Helper()
	report, err := hub.ReadReport(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range report.Devices {
		if d.Device == device {
			return d
		}
	}
	return store.Device{Device: device}
}

// StoreID returns the id of a running hub's store.
func StoreID(t testing.TB, h *Hub) string {
	t.Helper()
	return h.hub.StoreID()
}

// Device makes a device's key, gives its public half to the hub on dir, and
// returns the seal that the device uses.
func Device(t testing.TB, dir, name string) *seal.Sealer {
	t.Helper()
	key := Key(t)
	public, err := key.Public().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	if err := hub.NewDevices(dir).Add(name, public); err != nil {
		t.Fatal(err)
	}
	return Sealer(t, dir, key)
}

// Key makes a device's key that no hub knows.
func Key(t testing.TB) *seal.DeviceKey {
	t.Helper()
	key, err := seal.LoadOrCreateDeviceKey(filepath.Join(t.TempDir(), "device.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Sealer returns a seal from a device to the hub on dir.
func Sealer(t testing.TB, dir string, key *seal.DeviceKey) *seal.Sealer {
	t.Helper()
	hubKey, err := hub.LoadKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.NewSealer(key, hubKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

// Hash returns the SHA-256 of a sealed envelope, by which the next one names it.
func Hash(sealed []byte) wire.Hash { return sha256.Sum256(sealed) }

// write makes a file of a test.
func write(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// End signals a process and waits for it; what closes exited is its Wait. A
// server that was only just starting may miss a polite signal: it is killed
// when it has not gone after a while, so that no test waits for ever.
func End(cmd *exec.Cmd, exited <-chan struct{}, sig os.Signal) {
	_ = cmd.Process.Signal(sig) // it may be gone already
	select {
	case <-exited:
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		<-exited
	}
}
