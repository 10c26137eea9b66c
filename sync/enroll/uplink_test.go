package enroll_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tram/hub"
	"tram/hub/hubtest"
	"tram/sync/enroll"
	"tram/sync/outbox"
	"tram/sync/seal"
	"tram/sync/uplink"
	"tram/sync/wire"
)

var _ uplink.Credentials = (*enroll.Credentials)(nil)

// startUplink runs an enrolled device's queue and uplink until the test ends.
func startUplink(t *testing.T, d *device, broker string, c *enroll.Credentials) (*outbox.Store, *uplink.Uplink) {
	t.Helper()
	key, err := seal.NewDeviceKey(d.key)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.LoadHubKeys(filepath.Join(d.state, enroll.KeysFile))
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.NewSealer(key, keys.Encryption())
	if err != nil {
		t.Fatal(err)
	}
	store, err := outbox.Open(filepath.Join(d.state, "outbox.db"), outbox.Options{Source: wire.Source("desk-a"), Seal: sealer.Seal})
	if err != nil {
		t.Fatal(err)
	}
	box, err := seal.LoadOrCreateDeviceBox(filepath.Join(d.state, "device-enc.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	u, err := uplink.New(uplink.Options{
		// The hub speaks signed words only to a device that enrolled.
		Open: func(kind string, payload []byte) ([]byte, bool, error) {
			return seal.OpenHubMessage(kind, "desk-a", payload, keys, box)
		},
		Broker: broker, Site: "main", Device: "desk-a", Store: store, Credentials: c,
		BackoffMin: 5 * time.Millisecond, BackoffMax: 100 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = u.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store, u
}

func TestEnrolledDeviceDeliversOverTheShippedBrokerAndRenewsWithoutLoss(t *testing.T) {
	h, d := enrolled(t, newClock())
	m := hubtest.StartSecureMosquitto(t, h.Authority)
	toBroker, err := h.HubTLS()
	if err != nil {
		t.Fatal(err)
	}
	hubtest.StartHub(t, h.data, hub.Options{MQTT: m.HubURL, TLS: toBroker})
	credentials := d.credentials()
	store, link := startUplink(t, d, m.URL, credentials)
	accepted := uint64(0)
	deliver := func(what string) {
		t.Helper()
		if _, err := store.Accept(t.Context(), outbox.Draft{Type: "vn.tram.visit.registered.v1", Data: map[string]any{"n": accepted}}); err != nil {
			t.Fatal(err)
		}
		accepted++
		until(t, what, func() bool {
			s, err := store.Stat()
			return err == nil && s.Delivered >= accepted && s.Delivered == s.Accepted
		})
	}
	deliver("the first record's acknowledgement")
	old := certIn(t, d.state, "device.crt")
	if err := d.renewer(credentials, link.Reconnect).Renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the new certificate in its place", func() bool { return !exists(d.state, enroll.NewFile) })
	if certIn(t, d.state, "device.crt").SerialNumber.Cmp(old.SerialNumber) == 0 {
		t.Error("the certificate is the old one still")
	}
	deliver("the second record's acknowledgement, over the new certificate")
	if got := hubtest.Report(t, h.data, "desk-a"); len(got.Missing) > 0 || got.Highwater < accepted {
		t.Errorf("the hub has up to %d and misses %v, want %d and nothing", got.Highwater, got.Missing, accepted)
	}
}
