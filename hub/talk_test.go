package hub_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/hub"
	"tram/hub/hubtest"
	"tram/sync/seal"
	"tram/sync/wire"
)

// ear hears every message at a broker.
type ear struct {
	mu    sync.Mutex
	heard map[string][][]byte // by topic
}

func listen(t *testing.T, url string) *ear {
	t.Helper()
	e := &ear{heard: map[string][][]byte{}}
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(url).SetClientID("ear").SetAutoReconnect(false))
	for _, token := range []func() mqtt.Token{c.Connect, func() mqtt.Token {
		return c.Subscribe("tram/v1/#", 1, func(_ mqtt.Client, m mqtt.Message) {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.heard[m.Topic()] = append(e.heard[m.Topic()], m.Payload())
		})
	}} {
		if tk := token(); !tk.WaitTimeout(10*time.Second) || tk.Error() != nil {
			t.Fatalf("MQTT: %v", tk.Error())
		}
	}
	t.Cleanup(func() { c.Disconnect(100) })
	return e
}

// messages returns what was heard on a topic.
func (e *ear) messages(topic string) [][]byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([][]byte(nil), e.heard[topic]...)
}

// TestRealMessagesFitTheContract plays one of each kind of message between a
// real device and a real hub over Mosquitto, and holds what a third client
// heard against the schemas, inside and outside of the seals.
func TestRealMessagesFitTheContract(t *testing.T) {
	s := contract(t)
	mosquitto := hubtest.StartMosquitto(t)
	e := listen(t, mosquitto.URL)
	dir := t.TempDir()
	h := hubtest.StartHub(t, dir, hub.Options{MQTT: mosquitto.URL})
	d := startDevice(t, dir, mosquitto.URL, "desk-1", true)
	d.accept(5)
	d.delivered()
	place := hub.Place{Data: dir}
	secret := map[string]string{"text": "Nguyễn Văn Thử"}
	if v := order(t, place, "desk-1", "notice", secret); !v.OK || v.Text != "as ordered" || !strings.Contains(string(v.Data), "Nguyễn Văn Thử") {
		t.Errorf("a notice came back as %+v", v)
	}
	if v := order(t, place, "desk-1", "impossible", nil); v.OK || v.State != "answered" {
		t.Errorf("an impossible order: %+v", v)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if a, err := d.uplink.Ask(ctx, "vneid.resolve", map[string]string{"code": "opaque"}); err != nil || a.OK || a.Text != "no verifier configured" {
		t.Errorf("an answer without a verifier: %+v, %v", a, err)
	}
	d.stop()
	h.Stop()

	keys, err := hub.LoadKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	opener := keys.Opener(hub.NewDevices(dir).Key)
	topic, err := wire.NewTopic("ward-7", "desk-1", wire.Records)
	if err != nil {
		t.Fatal(err)
	}
	each := func(kind wire.Kind, do func(b []byte)) {
		t.Helper()
		list := e.messages(topic.With(kind).String())
		if len(list) == 0 {
			t.Errorf("nothing was heard on %s", kind)
		}
		for _, b := range list {
			if bytes.Contains(b, []byte("Nguy")) || bytes.Contains(b, []byte("opaque")) {
				t.Errorf("what a person said is in clear on %s", kind)
			}
			do(b)
		}
	}
	sealed := func(kind, schema string) func(b []byte) {
		return func(b []byte) {
			s.check("sealed", b)
			m, err := wire.ParseSealed(b)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := opener.OpenAs(kind, "desk-1", m.Sealed)
			if err != nil {
				t.Fatal(err)
			}
			s.check(schema, plain)
		}
	}
	each(wire.Records, func(b []byte) {
		s.checkCBOR("batch", b)
		m, err := wire.ParseBatch(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, env := range m.Envelopes {
			plain, err := opener.Open("desk-1", env.Sealed)
			if err != nil {
				t.Fatal(err)
			}
			s.check("records", plain)
		}
	})
	each(wire.StatusOf, func(b []byte) { s.check("status", b) })
	each(wire.Replies, sealed(seal.Reply, "reply"))
	each(wire.Requests, sealed(seal.Request, "request"))
	each(wire.Commands, func(b []byte) { s.check("signed", b) })
	each(wire.Responses, func(b []byte) { s.check("signed", b) })
	each(wire.Acks, func(b []byte) {
		s.check("signed", b)
		trusted, err := seal.ParseHubKeys(keys.Public())
		if err != nil {
			t.Fatal(err)
		}
		message, signed, err := seal.OpenHubMessage(seal.Ack, "desk-1", b, trusted, nil)
		if err != nil || !signed {
			t.Fatalf("an ack that is not signed: %v", err)
		}
		s.check("ack", message)
	})
	states := 0
	e.mu.Lock()
	defer e.mu.Unlock()
	for topic, list := range e.heard {
		if wire.HubInstance(topic) == "" {
			continue
		}
		for _, b := range list {
			states++
			s.check("state", b)
		}
	}
	if states < 2 {
		t.Errorf("%d states of hubs were heard, want up and down at least", states)
	}
}

func TestWhatWasKeptAsideIsTakenWhenTheKeyArrives(t *testing.T) {
	mosquitto := hubtest.StartMosquitto(t)
	dir := t.TempDir()
	hubtest.StartHub(t, dir, hub.Options{MQTT: mosquitto.URL, RetryEvery: 20 * time.Millisecond})
	d := startDevice(t, dir, mosquitto.URL, "desk-1", false)
	d.accept(3)
	hubtest.Until(t, "the hub keeps the records aside", func() bool { return hubtest.Report(t, dir, "desk-1").Rejected > 0 })
	d.introduce(dir, nil)
	d.delivered() // the device itself would try again in an hour
	if r := hubtest.Report(t, dir, "desk-1"); r.Rejected != 0 || r.Records != r.Highwater || len(r.Missing) != 0 {
		t.Errorf("report %+v, want nothing aside", r)
	}
}

func TestRotatedKeysAreTakenUpWithoutARestart(t *testing.T) {
	mosquitto := hubtest.StartMosquitto(t)
	dir := t.TempDir()
	hubtest.StartHub(t, dir, hub.Options{MQTT: mosquitto.URL})
	d := startDevice(t, dir, mosquitto.URL, "desk-1", true)
	d.accept(2)
	d.delivered()
	place := hub.Place{Data: dir}
	before, err := os.ReadFile(filepath.Join(dir, hub.PublicFile))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := place.RotateKeys(context.Background()); err != nil || n != 1 {
		t.Fatalf("RotateKeys told %d devices, %v; want 1", n, err)
	}
	after, err := os.ReadFile(filepath.Join(dir, hub.PublicFile))
	if err != nil || bytes.Equal(before, after) {
		t.Fatalf("the public keys are the same after a rotation: %v", err)
	}
	// The device still seals to the old key and checks with the old set, in
	// which the key that signs now was named as the next one.
	if v := order(t, place, "desk-1", "ping", nil); !v.OK {
		t.Errorf("an order after the rotation: %+v", v)
	}
	d.accept(2)
	d.delivered()
	if r := hubtest.Report(t, dir, "desk-1"); r.Rejected != 0 || r.Commands != 0 {
		t.Errorf("report %+v, want nothing refused and every order answered", r)
	}
	// One that knows the new set only.
	fresh := startDevice(t, dir, mosquitto.URL, "desk-2", true)
	fresh.accept(2)
	fresh.delivered()
}

func TestADeadInstancesStateIsCleared(t *testing.T) {
	mosquitto := hubtest.StartMosquitto(t)
	dir := t.TempDir()
	first := hubtest.StartHub(t, dir, hub.Options{MQTT: mosquitto.URL})
	id := hubtest.StoreID(t, first)
	first.Stop()
	// A hub that was killed together with its broker never said "down".
	e := listen(t, mosquitto.URL)
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker(mosquitto.URL).SetClientID("ghost"))
	for _, token := range []func() mqtt.Token{c.Connect, func() mqtt.Token {
		return c.Publish(wire.HubStateTopic("ghost"), 1, true, wire.Encode(wire.State{State: "up", Hub: id, Instance: "ghost", Time: time.Now()}))
	}} {
		if tk := token(); !tk.WaitTimeout(10*time.Second) || tk.Error() != nil {
			t.Fatal(tk.Error())
		}
	}
	defer c.Disconnect(100)
	hubtest.StartHub(t, dir, hub.Options{MQTT: mosquitto.URL})
	hubtest.Until(t, "the ghost's state is cleared", func() bool {
		list := e.messages(wire.HubStateTopic("ghost"))
		return len(list) > 0 && len(list[len(list)-1]) == 0
	})
}

func TestAHubThatLostRecordsAsksForThem(t *testing.T) {
	mosquitto := hubtest.StartMosquitto(t)
	dir := t.TempDir()
	h := hubtest.StartHub(t, dir, hub.Options{MQTT: mosquitto.URL})
	d := startDevice(t, dir, mosquitto.URL, "desk-1", true)
	d.accept(4)
	d.delivered()
	h.Stop()
	backup, err := os.ReadFile(filepath.Join(dir, hub.StoreFile))
	if err != nil {
		t.Fatal(err)
	}
	h = hubtest.StartHub(t, dir, hub.Options{MQTT: mosquitto.URL})
	d.accept(3)
	d.delivered()
	h.Stop()
	if err := os.WriteFile(filepath.Join(dir, hub.StoreFile), backup, 0o600); err != nil {
		t.Fatal(err)
	}
	e := listen(t, mosquitto.URL)
	hubtest.StartHub(t, dir, hub.Options{MQTT: mosquitto.URL, GapsEvery: 50 * time.Millisecond})
	d.accept(1) // what is between is gone from the device too
	topic, err := wire.NewTopic("ward-7", "desk-1", wire.Commands)
	if err != nil {
		t.Fatal(err)
	}
	hubtest.Until(t, "the hub with the old backup asks for what it misses", func() bool { return len(e.messages(topic.String())) > 0 })
}

func TestAVerifierAnswersQuestions(t *testing.T) {
	var asked hub.Question
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			t.Error(err)
		}
		_, _ = w.Write([]byte(`{"ok":true,"data":{"person":"found"}}`))
	}))
	defer server.Close()
	script := filepath.Join(t.TempDir(), "verifier")
	if err := os.WriteFile(script, []byte("#!/bin/sh\ncat >/dev/null\nprintf '{\"ok\":true,\"data\":{\"person\":\"found\"}}'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	q := hub.Question{Device: "desk-1", Name: "vneid.resolve", Data: json.RawMessage(`{"code":"x"}`)}
	for _, target := range []string{server.URL, script} {
		h, err := hub.Hook(target, func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		if a := h(context.Background(), q); !a.OK || string(a.Data) != `{"person":"found"}` {
			t.Errorf("%s answers %+v", target, a)
		}
	}
	if asked.Name != q.Name || string(asked.Data) != string(q.Data) {
		t.Errorf("the verifier was asked %+v", asked)
	}
	failed := 0
	for _, target := range []string{"http://127.0.0.1:1/", "/bin/false", "/bin/true"} {
		h, err := hub.Hook(target, func(error) { failed++ })
		if err != nil {
			t.Fatal(err)
		}
		if a := h(context.Background(), q); a.OK || a.Text == "" {
			t.Errorf("%s answers %+v, want an honest no", target, a)
		}
	}
	if failed != 3 {
		t.Errorf("%d failures were told of, want 3", failed)
	}
	if _, err := hub.Hook("/no/such/program", func(error) {}); err == nil {
		t.Error("a program that is not there was taken")
	}
}
