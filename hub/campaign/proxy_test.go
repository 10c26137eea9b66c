package campaign

import (
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"tram/hub/ca"
	"tram/hub/hubtest"
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
	w := &hubtest.Passage{
		Device: device, Broker: broker,
		Batch: func() string {
			return p.fault(hubtest.Forget, hubtest.Duplicate, hubtest.Reorder, hubtest.Delay, hubtest.Drop)
		},
		Ack: func() string { return p.fault(hubtest.Forget, hubtest.Duplicate, hubtest.Reorder, hubtest.Delay) },
	}
	w.Run()
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
