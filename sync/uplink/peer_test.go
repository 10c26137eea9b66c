package uplink_test

import (
	"crypto/sha256"
	"path/filepath"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/hub/hubtest"
	"tram/sync/seal"
	"tram/sync/uplink"
	"tram/sync/wire"
)

// peer is the least that a hub can be: it acknowledges what arrives without
// opening it, and keeps what else the device says.
type peer struct {
	t      testing.TB
	client mqtt.Client
	topic  wire.Topic
	sign   func(kind wire.Kind, message []byte) []byte // what it publishes

	mu       sync.Mutex
	silent   bool // takes records and acknowledges none
	have     wire.Set
	hashes   map[uint64]wire.Hash
	order    []wire.Range // of envelopes as they came
	bytes    int          // of batches, with topic and header
	replies  [][]byte
	requests [][]byte
	statuses []wire.Status
}

// startPeer says that it is up and acknowledges until the test ends. keys nil:
// it signs nothing.
func startPeer(t testing.TB, url string, keys *seal.HubKeys) *peer {
	t.Helper()
	topic, err := wire.NewTopic(site, device, wire.Records)
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, topic: topic, hashes: map[uint64]wire.Hash{}, sign: func(_ wire.Kind, b []byte) []byte { return b }}
	if keys != nil {
		signer := keys.Signer()
		p.sign = func(kind wire.Kind, b []byte) []byte {
			signed, err := signer.Sign(string(kind), device, b)
			if err != nil {
				t.Error(err)
			}
			return signed
		}
	}
	p.client = listen(t, url, wire.Every(wire.Records), func(_ string, b []byte) { p.records(b) })
	for _, kind := range []wire.Kind{wire.Replies, wire.Requests, wire.StatusOf} {
		token := p.client.Subscribe(topic.With(kind).String(), 1, func(_ mqtt.Client, m mqtt.Message) { p.heard(kind, m.Payload()) })
		if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
			t.Fatalf("peer: %v", token.Error())
		}
	}
	p.state("up", "one", "store")
	return p
}

func (p *peer) heard(kind wire.Kind, b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch kind {
	case wire.Replies:
		p.replies = append(p.replies, b)
	case wire.Requests:
		p.requests = append(p.requests, b)
	case wire.StatusOf:
		if s, err := wire.ParseStatus(b); err == nil {
			p.statuses = append(p.statuses, s)
		}
	}
}

// state publishes the state of one of the hub's instances.
func (p *peer) state(state, instance, store string) {
	p.t.Helper()
	var payload []byte
	if state != "" {
		payload = wire.Encode(wire.State{State: state, Hub: store, Instance: instance, Time: time.Now().UTC()})
	}
	if token := p.client.Publish(wire.HubStateTopic(instance), 1, true, payload); !token.WaitTimeout(10 * time.Second) {
		p.t.Fatal("the state is not published")
	}
}

// say publishes a message to the device.
func (p *peer) say(kind wire.Kind, payload []byte) {
	p.t.Helper()
	if token := p.client.Publish(p.topic.With(kind).String(), 1, false, payload); !token.WaitTimeout(10 * time.Second) {
		p.t.Fatal("the message is not published")
	}
}

func (p *peer) records(payload []byte) {
	b, err := wire.ParseBatch(payload)
	if err != nil {
		p.t.Error(err)
		return
	}
	p.mu.Lock()
	p.bytes += len(p.topic.String()) + len(payload) + 7
	for _, e := range b.Envelopes {
		r := wire.Range{First: e.First, Last: e.Last}
		p.have = p.have.Add(r)
		p.hashes[e.Last] = sha256.Sum256(e.Sealed)
		p.order = append(p.order, r)
	}
	silent, ack := p.silent, p.ack()
	p.mu.Unlock()
	if !silent {
		p.client.Publish(p.topic.With(wire.Acks).String(), 1, false, p.sign(wire.Acks, ack))
	}
}

// ack is what the peer has; p.mu is held.
func (p *peer) ack() []byte {
	a := wire.Ack{Highwater: p.have.Highest(), Missing: p.have.Missing(), Hash: p.hashes[p.have.Highest()], Hub: "peer"}
	for h := range p.hashes {
		if h != a.Highwater {
			delete(p.hashes, h)
		}
	}
	return wire.Encode(a)
}

// count returns how many envelopes arrived, those that came again included.
func (p *peer) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.order)
}

// keys are what a device and its hub hold.
type keys struct {
	hub    *seal.HubKeys
	public *seal.HubPublic
	device *seal.DeviceKey
	box    *seal.DeviceBox
	sealer *seal.Sealer
	opener *seal.Opener
}

func makeKeys(t testing.TB) *keys {
	t.Helper()
	k := &keys{device: hubtest.Key(t)}
	var err error
	if k.hub, err = seal.LoadOrCreateHubKeys(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if k.public, err = seal.ParseHubKeys(k.hub.Public()); err != nil {
		t.Fatal(err)
	}
	if k.box, err = seal.LoadOrCreateDeviceBox(filepath.Join(t.TempDir(), "device-enc.jwk")); err != nil {
		t.Fatal(err)
	}
	if k.sealer, err = seal.NewSealer(k.device, k.public.Encryption()); err != nil {
		t.Fatal(err)
	}
	k.opener = k.hub.Opener(func(string, string) (*seal.PublicKey, error) { return k.device.Public(), nil })
	return k
}

// options are those of an uplink that knows its hub's keys.
func (k *keys) options(t testing.TB, url string) uplink.Options {
	return uplink.Options{
		Broker: url, Store: openStore(t, k.sealer.Seal), Seal: k.sealer.SealAs,
		Open: func(kind string, payload []byte) ([]byte, bool, error) {
			return seal.OpenHubMessage(kind, device, payload, k.public, k.box)
		},
	}
}
