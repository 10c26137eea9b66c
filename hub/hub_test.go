package hub_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"go.uber.org/goleak"

	"tram/hub"
	"tram/hub/hubtest"
	"tram/sync/seal"
	"tram/sync/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// peer is an MQTT client that pretends to be a device.
type peer struct {
	t      *testing.T
	client mqtt.Client
	topic  wire.Topic

	mu   sync.Mutex
	acks []wire.Ack
}

func connect(t *testing.T, h *hubtest.Hub, device string) *peer {
	t.Helper()
	topic, err := wire.NewTopic("ward-7", device, wire.Records)
	if err != nil {
		t.Fatal(err)
	}
	url := h.Addr
	if !strings.Contains(url, "://") {
		url = "tcp://" + url
	}
	keys, err := seal.LoadHubKeys(filepath.Join(h.Dir, hub.PublicFile))
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{t: t, topic: topic}
	p.client = mqtt.NewClient(mqtt.NewClientOptions().AddBroker(url).SetClientID(device).SetAutoReconnect(false))
	p.done(p.client.Connect())
	t.Cleanup(func() { p.client.Disconnect(100) })
	p.done(p.client.Subscribe(topic.With(wire.Acks).String(), 1, func(_ mqtt.Client, m mqtt.Message) {
		message, signed, err := seal.OpenHubMessage(seal.Ack, device, m.Payload(), keys, nil)
		if err != nil || !signed {
			t.Errorf("an ack that is not signed: %v", err)
		}
		a, err := wire.ParseAck(message)
		if err != nil {
			t.Error(err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.acks = append(p.acks, a)
	}))
	return p
}

func (p *peer) done(token mqtt.Token) {
	p.t.Helper()
	if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		p.t.Fatalf("MQTT: %v", token.Error())
	}
}

// send publishes a payload and returns the hub's next ack.
func (p *peer) send(payload []byte) wire.Ack {
	p.t.Helper()
	p.mu.Lock()
	before := len(p.acks)
	p.mu.Unlock()
	p.done(p.client.Publish(p.topic.String(), 1, false, payload))
	var a wire.Ack
	hubtest.Until(p.t, "the hub answers", func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		if len(p.acks) > before {
			a = p.acks[len(p.acks)-1]
		}
		return len(p.acks) > before
	})
	return a
}

// envelope seals records first to last of a device.
func envelope(t testing.TB, s *seal.Sealer, device string, first, last uint64, prev wire.Hash, kind string, data any) wire.Envelope {
	t.Helper()
	raw, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	var events []wire.Event
	for n := first; n <= last; n++ {
		events = append(events, wire.Event{
			SpecVersion: "1.0", ID: fmt.Sprint("id", n), Source: wire.Source(device), Type: kind, Time: time.Now(),
			Sequence: wire.Sequence(n), PrevHash: prev, RecordedTime: time.Now(), BootID: "b", Data: raw,
		})
	}
	plain, err := wire.MarshalEvents(events)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := s.Seal(plain)
	if err != nil {
		t.Fatal(err)
	}
	return wire.Envelope{First: first, Last: last, Sealed: sealed}
}

func batch(e ...wire.Envelope) []byte { return wire.Encode(wire.Batch{Envelopes: e}) }

const kind = "vn.tram.test.v1"

func TestTheHubNamesGapsAndTakesWhatFillsThem(t *testing.T) {
	dir := t.TempDir()
	h := hubtest.StartHub(t, dir, hub.Options{})
	s := hubtest.Device(t, dir, "desk-1")
	p := connect(t, h, "desk-1")
	e := func(first, last uint64) wire.Envelope {
		return envelope(t, s, "desk-1", first, last, wire.Hash{}, kind, "x")
	}
	middle := e(4, 5)
	if a := p.send(batch(e(1, 3), e(6, 8))); a.Highwater != 8 || fmt.Sprint(a.Missing) != "[{4 5}]" {
		t.Errorf("ack %+v, want 8 without 4 to 5", a)
	}
	if a := p.send(batch(middle)); a.Highwater != 8 || len(a.Missing) != 0 {
		t.Errorf("ack %+v, want 8 and nothing missing", a)
	}
	if a := p.send(batch(middle)); a.Highwater != 8 || len(a.Rejected) != 0 {
		t.Errorf("ack of a duplicate %+v, want 8", a)
	}
	r := hubtest.Report(t, dir, "desk-1")
	if r.Records != 8 || r.Duplicates != 2 || r.Highwater != 8 || len(r.Missing) != 0 {
		t.Errorf("report %+v, want 8 records, 2 duplicates", r)
	}
}

func TestTheHubRefusesByNameWhatItCannotAccept(t *testing.T) {
	dir := t.TempDir()
	h := hubtest.StartHub(t, dir, hub.Options{Log: slog.New(slog.DiscardHandler)})
	s := hubtest.Device(t, dir, "desk-1")
	other := hubtest.Device(t, dir, "desk-2")
	stranger := hubtest.Sealer(t, dir, hubtest.Key(t))
	elsewhere := hubtest.Sealer(t, t.TempDir(), hubtest.Key(t))
	p := connect(t, h, "desk-1")
	good := envelope(t, s, "desk-1", 1, 1, wire.Hash{}, kind, "x")
	if a := p.send(batch(good)); a.Highwater != 1 {
		t.Fatalf("ack %+v, want 1", a)
	}
	notRecords, err := s.Seal([]byte(`[{"specversion":"1.0"}]`))
	if err != nil {
		t.Fatal(err)
	}
	broken := envelope(t, s, "desk-1", 2, 2, wire.Hash{}, kind, "x")
	broken.Sealed = append(broken.Sealed[:len(broken.Sealed)-4:len(broken.Sealed)-4], "AAAA"...)
	cases := []struct {
		reason string
		e      wire.Envelope
	}{
		{"unknown-key", envelope(t, stranger, "desk-1", 2, 2, wire.Hash{}, kind, "x")},
		{"unknown-key", envelope(t, other, "desk-1", 2, 2, wire.Hash{}, kind, "x")},
		{"unknown-key", envelope(t, elsewhere, "desk-1", 2, 2, wire.Hash{}, kind, "x")},
		{"source", envelope(t, s, "desk-2", 2, 2, wire.Hash{}, kind, "x")},
		{"conflict", envelope(t, s, "desk-1", 1, 1, wire.Hash{}, kind, "another")},
		{"conflict", envelope(t, s, "desk-1", 1, 2, wire.Hash{}, kind, "overlap")},
		{"format", wire.Envelope{First: 2, Last: 2, Sealed: notRecords}},
		{"seal", broken},
		{"seal", wire.Envelope{First: 2, Last: 2, Sealed: []byte("hello")}},
	}
	for i, c := range cases {
		a := p.send(batch(c.e))
		if len(a.Rejected) != 1 || a.Rejected[0].Reason != c.reason || a.Highwater != 1 {
			t.Errorf("case %d: ack %+v, want %s and highwater 1", i, a, c.reason)
		}
		_ = p.send(batch(c.e)) // again: kept once
	}
	if r := hubtest.Report(t, dir, "desk-1"); r.Rejected != uint64(len(cases)) || r.Records != 1 {
		t.Errorf("report %+v, want %d rejected and 1 record", r, len(cases))
	}
	p.done(p.client.Publish(p.topic.String(), 1, false, []byte("garbage")))
	p.done(p.client.Publish(p.topic.With(wire.StatusOf).String(), 1, false, bytes.Repeat([]byte("["), 10000)))
	if a := p.send(batch(envelope(t, s, "desk-1", 2, 2, wire.Hash{}, kind, "x"))); a.Highwater != 2 {
		t.Errorf("after garbage: ack %+v, want 2", a)
	}
}

func TestTheHubCountsBreaksOfTheChain(t *testing.T) {
	dir := t.TempDir()
	h := hubtest.StartHub(t, dir, hub.Options{})
	s := hubtest.Device(t, dir, "desk-1")
	p := connect(t, h, "desk-1")
	p.send(batch(envelope(t, s, "desk-1", 1, 1, wire.Hash{}, kind, "x")))
	p.send(batch(envelope(t, s, "desk-1", 2, 2, wire.Hash{9}, kind, "x")))
	if r := hubtest.Report(t, dir, "desk-1"); r.ChainBreaks != 1 || r.Records != 2 {
		t.Errorf("report %+v, want 1 break and 2 records", r)
	}
}

func TestASignedDiscardExplainsAGap(t *testing.T) {
	dir := t.TempDir()
	h := hubtest.StartHub(t, dir, hub.Options{})
	s := hubtest.Device(t, dir, "desk-1")
	p := connect(t, h, "desk-1")
	p.send(batch(envelope(t, s, "desk-1", 1, 2, wire.Hash{}, kind, "x")))
	said := wire.Discarded{Reason: wire.ReasonDamaged, Ranges: []wire.Range{{First: 3, Last: 99}, {First: 200, Last: 300}}}
	if a := p.send(batch(envelope(t, s, "desk-1", 100, 100, wire.Hash{}, wire.TypeDiscarded, said))); a.Highwater != 100 || len(a.Missing) != 0 {
		t.Errorf("ack %+v, want 100 and nothing missing", a)
	}
	r := hubtest.Report(t, dir, "desk-1")
	if len(r.Missing) != 0 || r.Discarded != 97 || r.Records != 3 {
		t.Errorf("report %+v, want 97 discarded, 3 records", r)
	}
	// What nobody has spoken of yet stays unexplained.
	if a := p.send(batch(envelope(t, s, "desk-1", 301, 301, wire.Hash{}, kind, "x"))); fmt.Sprint(a.Missing) != "[{101 300}]" {
		t.Errorf("ack %+v, want 101 to 300 missing", a)
	}
}

func TestAnAckWithTooManyGapsNamesALowerHighwater(t *testing.T) {
	dir := t.TempDir()
	h := hubtest.StartHub(t, dir, hub.Options{})
	s := hubtest.Device(t, dir, "desk-1")
	p := connect(t, h, "desk-1")
	var a wire.Ack
	for begin := uint64(0); begin < 2; begin++ {
		var all []wire.Envelope
		for i := uint64(1); i <= 200; i++ {
			n := 2 * (begin*200 + i)
			all = append(all, envelope(t, s, "desk-1", n, n, wire.Hash{}, kind, "x"))
		}
		a = p.send(batch(all...))
	}
	if len(a.Missing) != wire.MaxMissing || a.Highwater != 2*wire.MaxMissing {
		t.Errorf("ack up to %d with %d gaps, want %d and %d", a.Highwater, len(a.Missing), 2*wire.MaxMissing, wire.MaxMissing)
	}
}

func TestTheEmbeddedBrokerConfinesADeviceToItsOwnTopics(t *testing.T) {
	dir := t.TempDir()
	h := hubtest.StartHub(t, dir, hub.Options{})
	victim := connect(t, h, "desk-1")
	for _, topic := range []string{
		victim.topic.String(), victim.topic.With(wire.Acks).String(), victim.topic.With(wire.StatusOf).String(), wire.HubStateTopic("x"),
	} {
		thief := connect(t, h, "desk-2")
		token := thief.client.Publish(topic, 1, false, wire.Encode(wire.Ack{Highwater: 9}))
		if token.WaitTimeout(10*time.Second) && token.Error() == nil {
			t.Errorf("desk-2 may write %s", topic)
		}
	}
	victim.mu.Lock()
	defer victim.mu.Unlock()
	if len(victim.acks) != 0 {
		t.Errorf("desk-1 received %d forged acknowledgements", len(victim.acks))
	}
}

func TestTheHubsFilesHoldNothingOfAPersonInClear(t *testing.T) {
	dir := t.TempDir()
	h := hubtest.StartHub(t, dir, hub.Options{})
	s := hubtest.Device(t, dir, "desk-1")
	p := connect(t, h, "desk-1")
	p.send(batch(envelope(t, s, "desk-1", 1, 3, wire.Hash{}, kind, map[string]string{"idCode": "099099000017", "personName": "Nguyễn Văn Thử"})))
	h.Stop()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte("099099000017")) || bytes.Contains(b, []byte("Nguyễn Văn")) {
			t.Errorf("%s holds a person's data", d.Name())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if r := hubtest.Report(t, dir, "desk-1"); r.Records != 3 {
		t.Errorf("the stopped hub's store reports %+v, want 3 records", r)
	}
}

func TestADamagedStoreIsRefusedAndLeftAlone(t *testing.T) {
	dir := t.TempDir()
	bad := bytes.Repeat([]byte("x"), 20000)
	if err := os.WriteFile(filepath.Join(dir, hub.StoreFile), bad, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := hub.New(hub.Options{Data: dir}); err == nil {
		t.Fatal("a damaged store was opened")
	}
	if got, err := os.ReadFile(filepath.Join(dir, hub.StoreFile)); err != nil || !bytes.Equal(got, bad) {
		t.Errorf("the damaged store was changed: %v", err)
	}
}

func TestADeviceKeyIsAddedReplacedAndRemovedWhileTheHubRuns(t *testing.T) {
	dir := t.TempDir()
	devices := hub.NewDevices(dir)
	if _, err := devices.Key("desk-1", ""); !errors.Is(err, hub.ErrUnknownDevice) {
		t.Errorf("Key before Add: %v, want ErrUnknownDevice", err)
	}
	a, b := hubtest.Key(t), hubtest.Key(t)
	jwk := func(k *seal.DeviceKey) []byte {
		raw, err := k.Public().MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	for range 2 {
		if err := devices.Add("desk-1", jwk(a)); err != nil {
			t.Fatal(err)
		}
	}
	if err := devices.Add("desk-1", jwk(b)); !errors.Is(err, hub.ErrTaken) {
		t.Errorf("another key under the name: %v, want ErrTaken", err)
	}
	if k, err := devices.Key("desk-1", ""); err != nil || k.KeyID() != a.KeyID() {
		t.Errorf("Key = %v, %v", k, err)
	}
	if err := os.Remove(filepath.Join(dir, "devices", "desk-1.jwk")); err != nil {
		t.Fatal(err)
	}
	if _, err := devices.Key("desk-1", ""); !errors.Is(err, hub.ErrUnknownDevice) {
		t.Errorf("Key after its file is gone: %v, want ErrUnknownDevice", err)
	}
	if _, err := devices.Key("../hub", ""); !errors.Is(err, wire.ErrName) {
		t.Errorf("Key of a path: %v, want ErrName", err)
	}
}

func TestASecondHubOnTheSameFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	hubtest.StartHub(t, dir, hub.Options{})
	if _, err := hub.New(hub.Options{Data: dir}); err == nil {
		t.Error("two hubs share a folder")
	}
}

func TestALongFolderNameHasASocketToo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	hubtest.StartHub(t, dir, hub.Options{})
	if r := hubtest.Report(t, dir, "nobody"); r.Records != 0 {
		t.Errorf("report %+v", r)
	}
}
