package uplink_test

import (
	"context"
	"log/slog"
	"sync"
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

func TestCommandsAreDoneOnceAndAnswered(t *testing.T) {
	dir := t.TempDir()
	m := hubtest.StartMosquitto(t)
	var done atomic.Int64
	d := startDesk(t, dir, uplink.Options{Broker: m.URL, OnCommand: func(_ context.Context, c wire.Command) wire.Reply {
		done.Add(1)
		return wire.Reply{OK: true, Text: c.Name}
	}})
	var mu sync.Mutex
	var replies []wire.Reply
	topic, err := wire.NewTopic(site, device, wire.Replies)
	if err != nil {
		t.Fatal(err)
	}
	c := listen(t, m.URL, topic.String(), func(_ string, payload []byte) {
		r, err := wire.ParseReply(payload)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		replies = append(replies, r)
	})
	d.state(uplink.HubDown)
	for _, payload := range [][]byte{
		wire.Encode(wire.Command{ID: "c1", Name: "notice"}), []byte("{"), wire.Encode(wire.Command{ID: "c1", Name: "notice"}),
		wire.Encode(wire.Command{ID: "c2", Name: "notice"}),
	} {
		if token := c.Publish(topic.With(wire.Commands).String(), 1, false, payload); !token.WaitTimeout(10 * time.Second) {
			t.Fatal("the command is not published")
		}
	}
	hubtest.Until(t, "three replies", func() bool { mu.Lock(); defer mu.Unlock(); return len(replies) == 3 })
	if done.Load() != 2 {
		t.Errorf("commands were done %d times, want 2", done.Load())
	}
	mu.Lock()
	defer mu.Unlock()
	if replies[0].ID != "c1" || replies[1].ID != "c1" || replies[2].ID != "c2" || !replies[1].OK {
		t.Errorf("replies are %+v", replies)
	}
}
