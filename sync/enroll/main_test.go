package enroll_test

import (
	"context"
	"crypto"
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/hub"
	"tram/hub/ca"
	"tram/sync/enroll"
	"tram/sync/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that a test sets, for hub and device alike.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now()} }

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

func (c *clock) set(t time.Time) { c.mu.Lock(); defer c.mu.Unlock(); c.at = t }

func (c *clock) pass(d time.Duration) { c.set(c.now().Add(d)) }

// hubSide is a real enrolment endpoint over HTTPS on loopback.
type hubSide struct {
	*ca.Authority
	devices *hub.Devices
	url     string
	data    string
}

func startHub(t testing.TB, now func() time.Time, wrap func(http.Handler) http.Handler) *hubSide {
	t.Helper()
	data := t.TempDir()
	authority, err := ca.Open(ca.Folder(data), ca.Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.LoadOrCreateHubKeys(data)
	if err != nil {
		t.Fatal(err)
	}
	h := &hubSide{Authority: authority, devices: hub.NewDevices(data), data: data}
	config, err := authority.EndpointTLS("localhost")
	if err != nil {
		t.Fatal(err)
	}
	handler := authority.Handler(ca.HandlerOptions{
		Devices: h.devices, HubKeys: keys.Public,
		Broker: func(host string) string { return "ssl://" + host + ":8883" },
	})
	if wrap != nil {
		handler = wrap(handler)
	}
	server := httptest.NewUnstartedServer(handler)
	server.Listener = tls.NewListener(server.Listener, config)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	h.url = "https://" + server.Listener.Addr().String()
	return h
}

func (h *hubSide) code(t testing.TB, device string) string {
	t.Helper()
	code, err := h.NewCode(device, "main", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return code.Text()
}

// device is a state folder with its key.
type device struct {
	state string
	key   crypto.Signer
	clock *enroll.Clock
}

func newDevice(t testing.TB, now func() time.Time) *device {
	t.Helper()
	state := t.TempDir()
	key, err := seal.LoadOrCreateSigner(filepath.Join(state, "device.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	return &device{state, key, enroll.NewClock(state, time.Time{}, now)}
}

func (d *device) enroll(url, code string) (*enroll.Enrolment, error) {
	return enroll.Enroll(context.Background(), enroll.Options{State: d.state, Hub: url, Code: code, Key: "file:device.jwk", Signer: d.key, Clock: d.clock})
}

func (d *device) credentials() *enroll.Credentials {
	return enroll.NewCredentials(d.state, d.key, d.clock, nil)
}

func (d *device) renewer(c *enroll.Credentials, reconnect func()) *enroll.Renewer {
	return enroll.NewRenewer(enroll.RenewerOptions{
		State: d.state, Credentials: c, Clock: d.clock, Reconnect: reconnect, Every: time.Millisecond, Retry: time.Millisecond,
	})
}

// handshake connects to a broker's TLS as the device and waits until the broker has taken it.
func handshake(addr string, config *tls.Config) error {
	config = config.Clone()
	config.ServerName = "localhost"
	conn, err := tls.Dial("tcp", addr, config)
	if err != nil {
		return err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, err = conn.Read(make([]byte, 1)) // the server says hello, or refuses the certificate
	return err
}

// until waits for a condition.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for begin := time.Now(); !condition(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
