package uplink_test

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"tram/hub"
	"tram/hub/broker"
	"tram/hub/hubtest"
	"tram/sync/uplink"
	"tram/sync/wire"
)

// forgetful is a broker's hook that answers PUBACK to some batches and
// forgets them.
type forgetful struct {
	mqtt.HookBase
	forget func(n int64) bool // n counts batches from 1
	n      atomic.Int64
}

func (*forgetful) ID() string { return "forgetful" }

func (*forgetful) Provides(b byte) bool { return b == mqtt.OnPublish }

func (f *forgetful) OnPublish(_ *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if t, err := wire.ParseTopic(pk.TopicName); err == nil && t.Kind == wire.Records && f.forget(f.n.Add(1)) {
		return pk, packets.CodeSuccessIgnore
	}
	return pk, nil
}

// startBroker runs a broker with a hook, for a hub that comes as a client.
func startBroker(t *testing.T, hook mqtt.Hook) string {
	t.Helper()
	b, err := broker.Start(broker.Options{Listen: "127.0.0.1:0", Hub: "", Hooks: []mqtt.Hook{hook, &open{}}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return "tcp://" + b.Addr()
}

// open lets every client do everything: the hub here has no name of its own.
type open struct{ mqtt.HookBase }

func (*open) ID() string { return "open" }

func (*open) Provides(b byte) bool { return b == mqtt.OnACLCheck }

func (*open) OnACLCheck(*mqtt.Client, string, bool) bool { return true }

func TestABrokerThatAcknowledgesAndForgetsLosesNothing(t *testing.T) {
	dir := t.TempDir()
	url := startBroker(t, &forgetful{forget: func(n int64) bool { return n <= 3 }})
	hubtest.StartHub(t, dir, hub.Options{MQTT: url})
	d := startDesk(t, dir, uplink.Options{Broker: url, AckTimeout: 50 * time.Millisecond})
	d.accept(20)
	d.delivered(20)
	whole(t, dir, 20)
}

func TestWhatTheHubMissesIsSentAgainWithoutWaiting(t *testing.T) {
	dir := t.TempDir()
	// The window opens with the first answer; of the batches that fly then one is lost.
	url := startBroker(t, &forgetful{forget: func(n int64) bool { return n == 4 || n == 6 }})
	hubtest.StartHub(t, dir, hub.Options{MQTT: url})
	store := openStore(t, hubtest.Device(t, dir, device).Seal)
	for range 60 {
		accept(t, store, 1) // an envelope each
	}
	d := startDesk(t, dir, uplink.Options{Broker: url, Store: store, BatchRecords: 2})
	d.delivered(60) // the ack timeout is an hour
	whole(t, dir, 60)
}
