package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tram/hub/hubtest"
	"tram/sync/enroll"
	"tram/sync/outbox"
	"tram/sync/seal"
	"tram/sync/uplink"
	"tram/sync/wire"
)

func TestDeviceEnrolsAtARunningHubAndSendsOverItsOwnTLSBroker(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	p := start(t, dir, "--listen", "127.0.0.1:0", "--enroll", "127.0.0.1:0", "--tls")
	defer p.end(syscall.SIGTERM)
	url, err := os.ReadFile(filepath.Join(dir, enrollFile))
	if err != nil {
		t.Fatal(err)
	}
	code, out, errs := command("code", "new", "desk-a", "--site", "hall", "--json", "--data", dir)
	var made newCode
	if err := json.Unmarshal([]byte(out), &made); err != nil || code != exitDone || made.Device != "desk-a" || made.Site != "hall" {
		t.Fatalf("code new: exit %d, %q, %q", code, out, errs)
	}
	key, err := seal.LoadOrCreateSigner(filepath.Join(state, "device.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	clock := enroll.NewClock(state, time.Time{}, nil)
	e, err := enroll.Enroll(t.Context(), enroll.Options{State: state, Hub: strings.TrimSpace(string(url)), Code: made.Code, Signer: key, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	if want := "ssl://" + p.addr; e.Broker != want || e.Site != "hall" {
		t.Fatalf("enrolled at %s with broker %s, want hall and %s", e.Site, e.Broker, want)
	}
	link, stop := connect(t, state, e, enroll.NewCredentials(state, key, clock, nil))
	hubtest.Until(t, "the enrolled device is connected", func() bool { return link.State() == uplink.Connected })
	stop()
	if code, _, errs := command("device", "revoke", "desk-a", "--data", dir); code != exitDone {
		t.Fatalf("device revoke: exit %d, %s", code, errs)
	}
	refused := &counting{Credentials: enroll.NewCredentials(state, key, clock, nil)}
	_, stop = connect(t, state, e, refused)
	hubtest.Until(t, "the revoked device is refused", func() bool { refused.mu.Lock(); defer refused.mu.Unlock(); return refused.failed > 1 })
	stop()
	if refused.connected {
		t.Error("a revoked device connected")
	}
}

// counting counts what became of connections.
type counting struct {
	*enroll.Credentials
	mu        sync.Mutex
	failed    int
	connected bool
}

func (c *counting) Connected() { c.mu.Lock(); defer c.mu.Unlock(); c.connected = true }

func (c *counting) Failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed++
	c.Credentials.Failed(err)
}

// connect runs an uplink of the enrolled device.
func connect(t *testing.T, state string, e *enroll.Enrolment, c uplink.Credentials) (link *uplink.Uplink, stop func()) {
	t.Helper()
	store, err := outbox.Open(filepath.Join(state, "outbox.db"), outbox.Options{Source: wire.Source(e.Device), Seal: func(b []byte) ([]byte, error) { return b, nil }})
	if err != nil {
		t.Fatal(err)
	}
	link, err = uplink.New(uplink.Options{
		Broker: e.Broker, Site: e.Site, Device: e.Device, Store: store, Credentials: c,
		BackoffMin: 5 * time.Millisecond, BackoffMax: 50 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = link.Run(ctx) })
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return link, stop
}

func TestBrokersAndHubsGetTheirFiles(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	for _, args := range [][]string{
		{"ca", "broker-cert", "--host", "localhost", "--out", out}, {"ca", "hub-cert", "--out", out}, {"ca", "crl", "--out", filepath.Join(out, "again.crl")},
	} {
		if code, stdout, errs := command(append(args, "--data", dir)...); code != exitDone || stdout != "" {
			t.Errorf("%v: exit %d, %q, %q", args, code, stdout, errs)
		}
	}
	for _, name := range []string{"broker.crt", "broker.key", "hub-ca.crt", "device-ca.crt", "devices.crl", "hub.crt", "hub.key", "again.crl"} {
		info, err := os.Stat(filepath.Join(out, name))
		if err != nil {
			t.Error(err)
		} else if strings.HasSuffix(name, ".key") && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", name, info.Mode().Perm())
		}
	}
	for _, args := range [][]string{
		{"ca", "broker-cert"}, {"ca", "hub-cert"}, {"ca", "crl"}, {"code", "new"}, {"code", "new", "tram-hub"}, {"code", "new", "a", "--valid", "0s"},
		{"run", "--enroll", "nowhere"}, {"run", "--tls", "--mqtt", "tcp://127.0.0.1:1"}, {"run", "--enroll", "127.0.0.1:0", "--mqtt", "ssl://127.0.0.1:1"},
		{"ca", "broker-cert", "--host", "a b", "--out", out},
	} {
		if code, stdout, errs := command(append(args, "--data", dir)...); code != exitUsage || stdout != "" || !strings.Contains(errs, "hint: ") {
			t.Errorf("%v: want exit 2 and a hint, got %d, %q, %q", args, code, stdout, errs)
		}
	}
}
