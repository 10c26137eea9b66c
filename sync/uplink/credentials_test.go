package uplink_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"tram/hub/hubtest"
	"tram/sync/uplink"
)

// certificates hand out a good configuration and a bad one in turn, and note
// what became of them.
type certificates struct {
	mu        sync.Mutex
	good, bad *tls.Config
	useBad    bool
	asked     int
	connected int
	failed    int
}

func (c *certificates) TLS() (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.useBad {
		return c.bad, nil
	}
	return c.good, nil
}

func (c *certificates) Connected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.connected++
}

func (c *certificates) Failed(error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed++
	c.useBad = false // back to the pair before
}

func (c *certificates) is(check func() bool) func() bool {
	return func() bool { c.mu.Lock(); defer c.mu.Unlock(); return check() }
}

// secure puts TLS before a broker.
func secure(t *testing.T, broker string, config *tls.Config) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	var mu sync.Mutex
	var open []net.Conn
	running.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", broker)
			if err != nil {
				_ = in.Close()
				continue
			}
			mu.Lock()
			open = append(open, in, out)
			mu.Unlock()
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from) // ends when either side does
				_, _ = to.Close(), from.Close()
			}
			running.Go(func() { pass(out, in) })
			running.Go(func() { pass(in, out) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range open {
			_ = c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return "ssl://" + l.Addr().String()
}

func TestEachConnectionAsksForTheNewestCertificateAndSaysWhatBecameOfIt(t *testing.T) {
	server := httptest.NewTLSServer(nil) // for its certificate
	server.Close()
	m := hubtest.StartMosquitto(t)
	url := secure(t, m.Addr, &tls.Config{Certificates: server.TLS.Certificates, ClientAuth: tls.RequireAnyClientCert})
	pair := server.TLS.Certificates
	trusted := server.Client().Transport.(*http.Transport).TLSClientConfig
	good := trusted.Clone()
	good.Certificates = pair
	c := &certificates{good: good, bad: trusted}
	d := startDesk(t, t.TempDir(), uplink.Options{Broker: url, Store: openStore(t, makeKeys(t).sealer.Seal), Credentials: c, Timeout: 5 * time.Second})
	hubtest.Until(t, "the first connection", c.is(func() bool { return c.connected == 1 && c.asked == 1 }))
	d.state(uplink.HubDown)
	c.mu.Lock()
	c.useBad = true // none: the broker refuses it
	c.mu.Unlock()
	d.uplink.Reconnect()
	hubtest.Until(t, "the new certificate fails and the old one is used again", c.is(func() bool { return c.failed == 1 && c.connected == 2 }))
	d.stop()
	// Nobody listens: that is not the certificate's fault.
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url = "ssl://" + dead.Addr().String()
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	nobody := &certificates{good: good}
	startDesk(t, t.TempDir(), uplink.Options{Broker: url, Store: openStore(t, makeKeys(t).sealer.Seal), Credentials: nobody})
	hubtest.Until(t, "several tries", nobody.is(func() bool { return nobody.asked > 3 }))
	if nobody.is(func() bool { return nobody.failed > 0 || nobody.connected > 0 })() {
		t.Error("a dead address is held against the certificate")
	}
}

func TestCredentialsThatCannotBeReadAreTriedAgain(t *testing.T) {
	c := &unreadable{}
	startDesk(t, t.TempDir(), uplink.Options{Broker: "ssl://127.0.0.1:1", Store: openStore(t, makeKeys(t).sealer.Seal), Credentials: c})
	hubtest.Until(t, "several tries", func() bool { c.mu.Lock(); defer c.mu.Unlock(); return c.asked > 3 })
}

// unreadable are credentials whose files are damaged.
type unreadable struct {
	certificates
}

func (c *unreadable) TLS() (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	return nil, errors.New("damaged")
}
