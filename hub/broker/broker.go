// Package broker is the MQTT broker that a hub brings along when it is given
// none: for trials, demonstrations and small sites. A device may write to its
// own topics and read its own and the hubs' state only; only the hub may write
// to the devices'. With TLS a client is the device that its certificate names;
// without, names are taken on trust.
package broker

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"

	"tram/sync/wire"
)

// Options says where to listen and who the hub is.
type Options struct {
	Listen   string // HOST:PORT; port 0: any free one
	Hub      string // client id of the hub
	Password string // of the hub; nobody else may use its client id
	// TLS makes it listen for TLS with client certificates, and DeviceOf says
	// which device a certificate is of. The hub's own connection then comes in
	// over a second, plain listener on the loopback interface.
	TLS      *tls.Config
	DeviceOf func(*x509.Certificate) (string, error)
	Hooks    []mqtt.Hook
	Log      *slog.Logger
}

// Broker is a running broker.
type Broker struct {
	server *mqtt.Server
	addr   string
	inside string
}

// maxPacket is the largest MQTT packet taken, in bytes.
const maxPacket = wire.MaxBatch + 1024

// Start listens and serves until Close.
func Start(o Options) (*Broker, error) {
	caps := mqtt.NewDefaultServerCapabilities()
	caps.MinimumProtocolVersion = 4
	caps.MaximumPacketSize = maxPacket
	caps.MaximumSessionExpiryInterval = 60
	server := mqtt.New(&mqtt.Options{Capabilities: caps, Logger: slog.New(quiet{o.Log.Handler()})})
	r := &rules{hub: o.Hub, password: o.Password, deviceOf: o.DeviceOf}
	for _, h := range append([]mqtt.Hook{r, &takeover{clients: server.Clients}}, o.Hooks...) {
		if err := server.AddHook(h, nil); err != nil {
			return nil, fmt.Errorf("start the broker: %w", err)
		}
	}
	b := &Broker{server: server}
	if err := b.open(o, r); err != nil {
		_ = server.Close()
		return nil, err
	}
	if err := server.Serve(); err != nil {
		_ = server.Close()
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	return b, nil
}

// open opens the listeners.
func (b *Broker) open(o Options, r *rules) error {
	l, err := listen(o.Listen)
	if err != nil {
		return fmt.Errorf("listen for devices: %w", err)
	}
	b.addr = l.Addr().String()
	b.inside = b.addr
	if o.TLS != nil {
		r.secure = outside
		l = tls.NewListener(l, o.TLS)
		hub, err := net.Listen("tcp", "127.0.0.1:0")
		if err == nil {
			b.inside = hub.Addr().String()
			err = b.server.AddListener(listeners.NewNet("inside", hub))
		}
		if err != nil {
			_ = l.Close()
			return fmt.Errorf("listen for the hub: %w", err)
		}
	}
	if err := b.server.AddListener(listeners.NewNet(outside, l)); err != nil {
		_ = l.Close()
		return fmt.Errorf("start the broker: %w", err)
	}
	return nil
}

// outside names the devices' listener.
const outside = "mqtt"

// listen tries for a moment: after a restart the old hub's connections may
// hold the port still.
func listen(addr string) (net.Listener, error) {
	for attempt := 0; ; attempt++ {
		l, err := net.Listen("tcp", addr)
		if err == nil || attempt == 20 {
			return l, err
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Addr returns the address that devices connect to.
func (b *Broker) Addr() string { return b.addr }

// Inside returns the address that the hub itself connects to, without TLS.
func (b *Broker) Inside() string { return b.inside }

// Close ends every connection and the broker.
func (b *Broker) Close() error { return b.server.Close() }
