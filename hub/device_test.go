package hub_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"tram/hub"
	"tram/hub/hubtest"
	"tram/sync/inbox"
	"tram/sync/outbox"
	"tram/sync/seal"
	"tram/sync/uplink"
	"tram/sync/wire"
)

// device is a real device's way to the hub: outbox, inbox, uplink.
type device struct {
	t      testing.TB
	name   string
	key    *seal.DeviceKey
	store  *outbox.Store
	inbox  *inbox.Inbox
	uplink *uplink.Uplink
	stop   func()
}

// noBox leaves the inbox in clear: what is on its disk is another test's affair.
type noBox struct{}

func (noBox) Seal(_ string, plain []byte) ([]byte, error)  { return plain, nil }
func (noBox) Open(_ string, sealed []byte) ([]byte, error) { return sealed, nil }

// startDevice runs a device until the test ends. The hub on dir knows it when
// known is set, its box included.
func startDevice(t testing.TB, dir, broker, name string, known bool) *device {
	t.Helper()
	state := t.TempDir()
	d := &device{t: t, name: name, key: hubtest.Key(t)}
	box, err := seal.LoadOrCreateDeviceBox(filepath.Join(state, "device-enc.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	if known {
		d.introduce(dir, box)
	}
	hubKeys, err := hub.LoadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	trusted, err := seal.ParseHubKeys(hubKeys.Public())
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := seal.NewSealer(d.key, trusted.Encryption())
	if err != nil {
		t.Fatal(err)
	}
	if d.store, err = outbox.Open(filepath.Join(state, "outbox.db"), outbox.Options{Source: wire.Source(name), Seal: sealer.Seal}); err != nil {
		t.Fatal(err)
	}
	if d.inbox, err = inbox.Open(filepath.Join(state, "inbox.db"), inbox.Options{Box: noBox{}, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	d.uplink, err = uplink.New(uplink.Options{
		Broker: broker, Site: "ward-7", Device: name, Store: d.store, Inbox: d.inbox, Log: slog.New(slog.DiscardHandler),
		Open: func(kind string, payload []byte) ([]byte, bool, error) {
			return seal.OpenHubMessage(kind, name, payload, trusted, box)
		},
		Seal: sealer.SealAs, About: wire.Status{Format: seal.Format, Version: "test", HubKey: trusted.Encryption().KeyID()},
		BackoffMin: 5 * time.Millisecond, BackoffMax: 100 * time.Millisecond, AckTimeout: 2 * time.Second, RejectedAfter: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := d.uplink.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	running.Go(func() { d.obey(ctx) })
	d.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		if err := d.store.Close(); err != nil {
			t.Error(err)
		}
		if err := d.inbox.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(d.stop)
	return d
}

// introduce hands the device's public keys to the hub on dir.
func (d *device) introduce(dir string, box *seal.DeviceBox) {
	d.t.Helper()
	public, err := d.key.Public().MarshalJSON()
	if err != nil {
		d.t.Fatal(err)
	}
	var boxed []byte
	if box != nil {
		if boxed, err = box.Public().MarshalJSON(); err != nil {
			d.t.Fatal(err)
		}
	}
	if err := hub.NewDevices(dir).Enrol(d.name, public, boxed); err != nil {
		d.t.Fatal(err)
	}
}

// obey does what the hub orders: it says the order's data back.
func (d *device) obey(ctx context.Context) {
	for ctx.Err() == nil {
		changed, stop := d.inbox.Changed()
		for {
			c, ok, err := d.inbox.Next()
			if err != nil || !ok {
				break
			}
			if err := d.inbox.Answer(c.ID, wire.Reply{OK: c.Name != "impossible", Text: "as ordered", Data: c.Data}); err != nil {
				d.t.Errorf("answer: %v", err)
				break
			}
		}
		select {
		case <-ctx.Done():
		case <-changed:
		}
		stop()
	}
}

func (d *device) accept(n int) {
	d.t.Helper()
	for range n {
		if _, err := d.store.Accept(context.Background(), outbox.Draft{Type: kind, Data: map[string]string{"personName": "Nguyễn Văn Thử"}}); err != nil {
			d.t.Fatal(err)
		}
	}
}

// delivered waits until everything is.
func (d *device) delivered() {
	d.t.Helper()
	hubtest.Until(d.t, d.name+" has delivered everything", func() bool {
		st, err := d.store.Stat()
		return err == nil && st.Delivered == st.Accepted
	})
}

// order gives a command and waits for the reply.
func order(t testing.TB, p hub.Place, device, name string, data any) hub.CommandView {
	t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	v, err := p.Give(ctx, hub.Order{Device: device, Name: name, Data: raw})
	if err == nil {
		v, err = p.Await(ctx, v.ID)
	}
	if err != nil {
		t.Fatalf("order %s: %v", name, err)
	}
	return v
}
