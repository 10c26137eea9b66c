package enroll_test

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tram/hub/ca"
	"tram/sync/enroll"
)

func certIn(t *testing.T, path ...string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(read(t, path...)))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func exists(path ...string) bool {
	_, err := os.Stat(filepath.Join(path...))
	return err == nil
}

// run runs a renewer until stop.
func run(t *testing.T, r *enroll.Renewer) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func enrolled(t *testing.T, c *clock) (*hubSide, *device) {
	t.Helper()
	h := startHub(t, c.now, nil)
	d := newDevice(t, c.now)
	if _, err := d.enroll(h.url, h.code(t, "desk-a")); err != nil {
		t.Fatal(err)
	}
	return h, d
}

func TestCertificateIsRenewedAtOneThirdAndConnectedWithBeforeItReplaces(t *testing.T) {
	c := newClock()
	h, d := enrolled(t, c)
	addr := startTLS(t, h)
	old := certIn(t, d.state, "device.crt")
	credentials := d.credentials()
	reconnect := make(chan struct{}, 8)
	run(t, d.renewer(credentials, func() { reconnect <- struct{}{} }))
	c.pass(ca.DefaultLife*2/3 - 24*time.Hour)
	if due := d.renewer(credentials, nil).Due(); due {
		t.Error("a new certificate is due before one third of its life is left")
	}
	if exists(d.state, "device.crt.new") {
		t.Error("it is renewed before one third of its life is left")
	}
	c.pass(2 * 24 * time.Hour)
	<-reconnect
	if got := certIn(t, d.state, "device.crt"); got.SerialNumber.Cmp(old.SerialNumber) != 0 {
		t.Error("the old certificate is replaced before the new one was connected with")
	}
	config, err := credentials.TLS()
	if err != nil {
		t.Fatal(err)
	}
	if err := handshake(addr, config); err != nil {
		t.Fatalf("with the new certificate: %v", err)
	}
	credentials.Connected()
	now := certIn(t, d.state, "device.crt")
	if now.SerialNumber.Cmp(old.SerialNumber) == 0 || exists(d.state, "device.crt.new") {
		t.Error("the new certificate is not in its place")
	}
	if prev := certIn(t, d.state, "device.crt.prev"); prev.SerialNumber.Cmp(old.SerialNumber) != 0 {
		t.Error("the previous certificate is not kept")
	}
	if c := credentials.Until(); !c.Equal(now.NotAfter) {
		t.Errorf("Until = %v, want %v", c, now.NotAfter)
	}
}

func TestNewCertificateThatDoesNotConnectLeavesTheOldOne(t *testing.T) {
	c := newClock()
	_, d := enrolled(t, c)
	old := certIn(t, d.state, "device.crt")
	credentials := d.credentials()
	if err := d.renewer(credentials, nil).Renew(context.Background()); err != nil {
		t.Fatal(err)
	}
	var tried []string
	for range 4 {
		config, err := credentials.TLS()
		if err != nil {
			t.Fatal(err)
		}
		pair, err := config.GetClientCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		tried = append(tried, map[bool]string{true: "old", false: "new"}[pair.Leaf.SerialNumber.Cmp(old.SerialNumber) == 0])
		credentials.Failed(errors.New("refused"))
	}
	if want := []string{"new", "old", "new", "old"}; tried[0] != want[0] || tried[1] != want[1] || tried[2] != want[2] {
		t.Errorf("tried %v, want %v", tried, want)
	}
	if _, err := credentials.TLS(); err != nil {
		t.Fatal(err)
	}
	credentials.Failed(nil)
	if _, err := credentials.TLS(); err != nil { // the old one's turn
		t.Fatal(err)
	}
	credentials.Connected()
	if got := certIn(t, d.state, "device.crt"); got.SerialNumber.Cmp(old.SerialNumber) != 0 {
		t.Error("a connection with the old certificate promoted the new one")
	}
}

func TestDeviceThatWasAwayPastItsCertificatesEndComesBackByItsKey(t *testing.T) {
	c := newClock()
	h, d := enrolled(t, c)
	addr := startTLS(t, h)
	c.pass(400 * 24 * time.Hour)
	credentials := d.credentials()
	config, err := credentials.TLS()
	if err != nil {
		t.Fatal(err)
	}
	if err := handshake(addr, config); err == nil {
		t.Error("the broker takes a certificate that ended")
	}
	credentials.Failed(errors.New("expired"))
	reconnect := make(chan struct{}, 8)
	r := d.renewer(credentials, func() { reconnect <- struct{}{} })
	if got := r.Health()[0]; got.Status != "fail" || got.Remedy == "" {
		t.Errorf("health before: %+v, want fail with a remedy", got)
	}
	run(t, r)
	<-reconnect
	if config, err = credentials.TLS(); err != nil {
		t.Fatal(err)
	}
	if err := handshake(addr, config); err != nil {
		t.Errorf("after the renewal: %v", err)
	}
	until(t, "good health", func() bool { return r.Health()[0].Status == "ok" })
}

func TestRevokedDeviceIsToldWhy(t *testing.T) {
	c := newClock()
	h, d := enrolled(t, c)
	addr := startTLS(t, h)
	if err := h.Revoke("desk-a"); err != nil {
		t.Fatal(err)
	}
	credentials := d.credentials()
	config, err := credentials.TLS()
	if err != nil {
		t.Fatal(err)
	}
	if err := handshake(addr, config); err == nil {
		t.Error("the embedded broker takes a revoked certificate")
	}
	c.pass(ca.DefaultLife * 3 / 4)
	r := d.renewer(credentials, nil)
	run(t, r)
	until(t, "the refusal", func() bool { return r.Health()[0].Status == "fail" })
}

func TestClockSetBackNeitherRenewsNorBreaks(t *testing.T) {
	c := newClock()
	_, d := enrolled(t, c)
	c.set(time.Unix(0, 0))
	d.clock = enroll.NewClock(d.state, time.Time{}, c.now)
	credentials := d.credentials()
	r := d.renewer(credentials, nil)
	stop := run(t, r)
	until(t, "a look at the health", func() bool { return r.Health()[0].Status == "warn" })
	stop()
	if r.Due() || exists(d.state, "device.crt.new") {
		t.Error("a clock in 1970 made it ask for a new certificate")
	}
}

func TestClockAheadIsNoFloorAndDoesNotRenewAgainAndAgain(t *testing.T) {
	c := newClock()
	_, d := enrolled(t, c)
	ahead := func() time.Time { return c.now().Add(ca.DefaultLife * 8 / 9) }
	d.clock = enroll.NewClock(d.state, time.Time{}, ahead)
	credentials := d.credentials()
	if _, err := credentials.TLS(); err != nil {
		t.Fatal(err)
	}
	credentials.Connected()
	if got := d.clock.Floor(); got.After(c.now().Add(time.Minute)) {
		t.Errorf("connected with a clock that is ahead, the floor is %v, want no later than %v", got, c.now())
	}
	var asked atomic.Int64
	r := d.renewer(credentials, func() { asked.Add(1) })
	stop := run(t, r)
	until(t, "three tries", func() bool { return asked.Load() >= 3 })
	check := r.Health()[0]
	stop()
	if check.Status != "warn" || !strings.Contains(check.Text, "ahead") {
		t.Errorf("health %+v, want a warning of the clock", check)
	}
}
