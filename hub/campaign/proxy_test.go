package campaign

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"tram/hub/ca"
)

// proxy stands between all devices and the broker. It ends their TLS with the
// broker's own certificate, goes on to the broker with the very certificate
// that the device showed, knows MQTT, and does wrong to batches and answers.
type proxy struct {
	listener net.Listener
	broker   string
	server   *tls.Config
	roots    *x509.CertPool
	ctx      context.Context
	running  sync.WaitGroup

	mu     sync.Mutex
	rand   *rand.Rand
	faults map[string]int
	keys   map[string]crypto.Signer // of devices: a campaign has them all
	wicked bool
	apart  map[string]bool // devices whose network is gone
	conns  map[net.Conn]string
}

func startProxy(t *testing.T, broker string, authority *ca.Authority, seed uint64) *proxy {
	t.Helper()
	config, err := authority.BrokerTLS("localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	config.ClientAuth, config.VerifyConnection = tls.RequireAnyClientCert, nil // the broker judges
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.HubPEM())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &proxy{
		listener: l, broker: broker, server: config, roots: roots, ctx: ctx, rand: rand.New(rand.NewPCG(seed, 2)),
		faults: map[string]int{}, keys: map[string]crypto.Signer{}, apart: map[string]bool{}, conns: map[net.Conn]string{},
	}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		p.cut("")
		p.running.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(c) })
	}
}

func (p *proxy) serve(raw net.Conn) {
	defer raw.Close()
	ctx, cancel := context.WithTimeout(p.ctx, 5*time.Second)
	defer cancel()
	device := tls.Server(raw, p.server)
	if device.HandshakeContext(ctx) != nil {
		return
	}
	shown := device.ConnectionState().PeerCertificates
	name := shown[0].Subject.CommonName
	p.mu.Lock()
	key, apart := p.keys[name], p.apart[name] || p.apart[""]
	p.mu.Unlock()
	if key == nil || apart {
		return
	}
	pair := tls.Certificate{PrivateKey: key}
	for _, c := range shown {
		pair.Certificate = append(pair.Certificate, c.Raw)
	}
	d := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: p.roots, ServerName: "127.0.0.1", Certificates: []tls.Certificate{pair}}}
	broker, err := d.DialContext(ctx, "tcp", p.broker)
	if err != nil {
		return
	}
	defer broker.Close()
	p.mu.Lock()
	p.conns[device], p.conns[broker] = name, name
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, device)
		delete(p.conns, broker)
	}()
	w := &passage{p: p, device: device, broker: broker}
	var both sync.WaitGroup
	both.Go(func() { w.carry(device, broker, true) })
	both.Go(func() { w.carry(broker, device, false) })
	both.Wait()
}

// cut ends the connections of a device, or of all.
func (p *proxy) cut(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c, of := range p.conns {
		if name == "" || name == of {
			_ = c.(*tls.Conn).NetConn().Close()
		}
	}
}

// part takes a device's network away, or gives it back; "" is everybody's.
func (p *proxy) part(name string, apart bool) {
	p.mu.Lock()
	p.apart[name] = apart
	p.mu.Unlock()
	if apart {
		p.cut(name)
	}
}

func (p *proxy) behave(wicked bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wicked = wicked
	if !wicked {
		clear(p.apart)
	}
}

// fault picks what to do with a packet, and counts it.
func (p *proxy) fault(kinds ...string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.wicked || p.rand.IntN(8) != 0 {
		return ""
	}
	kind := kinds[p.rand.IntN(len(kinds))]
	p.faults["packet "+kind]++
	return kind
}

// passage is one connection through the proxy.
type passage struct {
	p              *proxy
	device, broker net.Conn
	writing        [2]sync.Mutex // to the device, to the broker
}

func (w *passage) write(toBroker bool, b packets.ControlPacket) error {
	to, mu := w.device, &w.writing[0]
	if toBroker {
		to, mu = w.broker, &w.writing[1]
	}
	mu.Lock()
	defer mu.Unlock()
	return b.Write(to)
}

// carry passes packets on until either side closes.
func (w *passage) carry(from, to net.Conn, up bool) {
	defer from.Close()
	defer to.Close()
	var held packets.ControlPacket
	for {
		b, err := packets.ReadPacket(from)
		if err != nil {
			return
		}
		publish, ok := b.(*packets.PublishPacket)
		kind := ""
		switch {
		case ok && up && strings.HasSuffix(publish.TopicName, "/records"):
			kind = w.p.fault("forget", "duplicate", "reorder", "delay", "drop")
		case ok && !up && strings.HasSuffix(publish.TopicName, "/ack"):
			kind = w.p.fault("forget", "duplicate", "reorder", "delay")
		}
		out := []packets.ControlPacket{b}
		switch kind {
		case "forget": // says that it has it
			ack := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			ack.MessageID = publish.MessageID
			out = nil
			if publish.Qos > 0 && w.write(!up, ack) != nil {
				return
			}
		case "duplicate":
			out = append(out, b)
		case "reorder": // after the next one
			if held == nil {
				held = b
				continue
			}
		case "drop": // with the connection
			return
		case "delay":
			time.Sleep(5 * time.Millisecond)
		}
		if held != nil && ok {
			out = append(out, held)
			held = nil
		}
		for _, b := range out {
			if w.write(up, b) != nil {
				return
			}
		}
	}
}
