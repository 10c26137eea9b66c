package ca_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"crypto/rand"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/hub/ca"
	"tram/hub/hubtest"
	"tram/sync/wire"
)

// soon is how long these tests wait for what should come.
const soon = 10 * time.Second

// peer is a real MQTT client.
type peer struct {
	mqtt.Client
	got chan string
}

// connect connects as anybody would: with any client id, with or without a certificate.
func (b *bench) connect(t *testing.T, url, clientID string, change func(*tls.Config), certs ...tls.Certificate) (*peer, error) {
	t.Helper()
	config := &tls.Config{RootCAs: b.roots(), ServerName: "localhost", Certificates: certs, MinVersion: tls.VersionTLS12}
	if change != nil {
		change(config)
	}
	p := &peer{got: make(chan string, 16)}
	o := mqtt.NewClientOptions().AddBroker(url).SetClientID(clientID).SetProtocolVersion(4).SetCleanSession(true).SetKeepAlive(30 * time.Second).
		SetAutoReconnect(false).SetConnectRetry(false).SetTLSConfig(config).SetConnectTimeout(soon).
		SetDefaultPublishHandler(func(_ mqtt.Client, m mqtt.Message) { p.got <- m.Topic() + " " + string(m.Payload()) })
	p.Client = mqtt.NewClient(o)
	token := p.Connect()
	if !token.WaitTimeout(soon) {
		t.Fatal("the broker does not answer")
	}
	if token.Error() != nil {
		p.Disconnect(0)
		return nil, token.Error()
	}
	t.Cleanup(func() { p.Disconnect(0) })
	return p, nil
}

func (b *bench) mustConnect(t *testing.T, url, clientID string, cert tls.Certificate) *peer {
	t.Helper()
	p, err := b.connect(t, url, clientID, nil, cert)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *peer) subscribe(t *testing.T, filter string) (granted bool) {
	t.Helper()
	token := p.Subscribe(filter, 1, nil).(*mqtt.SubscribeToken)
	if !token.WaitTimeout(soon) {
		t.Fatalf("no answer to a subscription of %s", filter)
	}
	return token.Error() == nil && token.Result()[filter] <= 1
}

// say publishes and waits for the PUBACK. Mosquitto gives one for what it refuses, too.
func (p *peer) say(t *testing.T, topic, text string) {
	t.Helper()
	if token := p.Publish(topic, 1, false, text); !token.WaitTimeout(soon) {
		t.Fatalf("no answer to a message on %s", topic)
	}
}

// next returns the next message, in the order in which the broker passed them on.
func (p *peer) next(t *testing.T) string {
	t.Helper()
	select {
	case m := <-p.got:
		return m
	case <-time.After(soon):
		t.Fatal("waited in vain for a message")
	}
	return ""
}

func topic(device string, kind wire.Kind) string {
	return "tram/v1/main/" + device + "/" + string(kind)
}

func hubCert(t *testing.T, b *bench) tls.Certificate {
	t.Helper()
	config, err := b.HubTLS()
	if err != nil {
		t.Fatal(err)
	}
	return config.Certificates[0]
}

func TestShippedMosquittoConfinesEachDeviceToItsTopics(t *testing.T) {
	b := newBench(t, ca.Options{})
	m := hubtest.StartSecureMosquitto(t, b.Authority)
	alice := b.mustConnect(t, m.URL, "desk-a", b.enrol(t, "desk-a"))
	bob := b.mustConnect(t, m.URL, "desk-b", b.enrol(t, "desk-b"))
	hub := b.mustConnect(t, m.HubURL, "tram-hub-one", hubCert(t, b))
	for _, kind := range []wire.Kind{"records", "status", "reply", "request"} {
		if !hub.subscribe(t, "$share/tram-hub/tram/v1/+/+/"+string(kind)) {
			t.Fatalf("the hub may not share %s", kind)
		}
		alice.say(t, topic("desk-b", kind), "forged")
		alice.say(t, topic("desk-a", kind), "own")
		if got, want := hub.next(t), topic("desk-a", kind)+" own"; got != want {
			t.Errorf("the hub got %q, want %q only", got, want)
		}
	}
	for _, kind := range []wire.Kind{"ack", "command", "response"} {
		// Mosquitto grants a filter and then passes on what may be read.
		alice.subscribe(t, topic("desk-b", kind))
		alice.subscribe(t, "tram/v1/+/+/"+string(kind))
		alice.subscribe(t, topic("desk-a", kind))
		bob.subscribe(t, topic("desk-b", kind))
		hub.say(t, topic("desk-b", kind), "for b")
		hub.say(t, topic("desk-a", kind), "for a")
		if got, want := bob.next(t), topic("desk-b", kind)+" for b"; got != want {
			t.Errorf("b got %q, want %q", got, want)
		}
		if got, want := alice.next(t), topic("desk-a", kind)+" for a"; got != want {
			t.Errorf("a got %q, want %q only", got, want)
		}
		for len(alice.got) > 0 { // her two filters may both match
			<-alice.got
		}
		alice.say(t, topic("desk-b", kind), "forged by a")
		alice.say(t, topic("desk-a", kind), "forged by a for herself")
		hub.say(t, topic("desk-b", kind), "after")
		if got, want := bob.next(t), topic("desk-b", kind)+" after"; got != want {
			t.Errorf("b got %q, want %q only", got, want)
		}
	}
	alice.subscribe(t, "#")
	bob.subscribe(t, "tram/v1/hub/state/+")
	alice.say(t, "tram/v1/hub/state/x", "forged")
	hub.say(t, "tram/v1/hub/state/one", "up")
	if got, want := bob.next(t), "tram/v1/hub/state/one up"; got != want {
		t.Errorf("b got %q, want %q only", got, want)
	}
}

func TestShippedMosquittoTakesOnlyItsOwn(t *testing.T) {
	b := newBench(t, ca.Options{})
	good, gone := b.enrol(t, "desk-a"), b.enrol(t, "desk-gone")
	if err := b.Revoke("desk-gone"); err != nil {
		t.Fatal(err)
	}
	foreign := newBench(t, ca.Options{})
	m := hubtest.StartSecureMosquitto(t, b.Authority)
	key := ecKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "desk-a"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	old := func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }
	for _, tc := range []struct {
		name, url string
		change    func(*tls.Config)
		certs     []tls.Certificate
	}{
		{"without a certificate", m.URL, nil, nil},
		{"with a self-signed certificate", m.URL, nil, []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		{"with another hub's certificate", m.URL, nil, []tls.Certificate{foreign.enrol(t, "desk-a")}},
		{"with a revoked certificate", m.URL, nil, []tls.Certificate{gone}},
		{"with TLS 1.2", m.URL, old, []tls.Certificate{good}},
		{"a device at the hubs' door", m.HubURL, nil, []tls.Certificate{good}},
		{"a hub at the devices' door", m.URL, nil, []tls.Certificate{hubCert(t, b)}},
		{"nobody at the hubs' door", m.HubURL, nil, nil},
	} {
		if p, err := b.connect(t, tc.url, "desk-a", tc.change, tc.certs...); err == nil {
			p.Disconnect(0)
			t.Errorf("%s: let in", tc.name)
		}
	}
	b.mustConnect(t, m.URL, "desk-a", good)
}

func TestShippedMosquittoGivesTheClientItsCertificatesName(t *testing.T) {
	b := newBench(t, ca.Options{})
	m := hubtest.StartSecureMosquitto(t, b.Authority)
	certA := b.enrol(t, "desk-a")
	bob := b.mustConnect(t, m.URL, "desk-b", b.enrol(t, "desk-b"))
	alice := b.mustConnect(t, m.URL, "desk-b", certA) // claims to be b
	alice.subscribe(t, topic("desk-a", "ack"))
	hub := b.mustConnect(t, m.HubURL, "tram-hub-one", hubCert(t, b))
	bob.subscribe(t, topic("desk-b", "ack"))
	hub.say(t, topic("desk-b", "ack"), "1")
	if got, want := bob.next(t), topic("desk-b", "ack")+" 1"; got != want {
		t.Errorf("b got %q, want %q: still connected, beside one that used its client id", got, want)
	}
	hub.say(t, topic("desk-a", "ack"), "2")
	if got, want := alice.next(t), topic("desk-a", "ack")+" 2"; got != want {
		t.Errorf("a got %q, want %q under its own name", got, want)
	}
	second := b.mustConnect(t, m.URL, "something else", certA)
	hubtest.Until(t, "the first connection of a is taken over by the second", func() bool { return !alice.IsConnected() })
	if !second.IsConnected() {
		t.Error("the second connection of a is gone, too")
	}
}

func TestRevokedDeviceIsOutAfterTheBrokersRestart(t *testing.T) {
	b := newBench(t, ca.Options{})
	m := hubtest.StartSecureMosquitto(t, b.Authority)
	cert := b.enrol(t, "desk-a")
	b.mustConnect(t, m.URL, "desk-a", cert).Disconnect(0)
	if err := b.Revoke("desk-a"); err != nil {
		t.Fatal(err)
	}
	if err := b.CopyCRL(filepath.Join(m.Dir, "tram", ca.CRLFile)); err != nil {
		t.Fatal(err)
	}
	m.Stop()
	m.Restart()
	if _, err := b.connect(t, m.URL, "desk-a", nil, cert); err == nil {
		t.Error("a revoked device is let in")
	}
	b.mustConnect(t, m.URL, "desk-b", b.enrol(t, "desk-b"))
}
