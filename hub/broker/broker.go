// Package broker is the MQTT broker that a hub brings along when it is given
// none: for trials, demonstrations and small sites. Reading is open to every
// client, since records are sealed; a device may write to its own topics only,
// and only the hub may write to the devices'.
package broker

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"tram/sync/wire"
)

// Options says where to listen and who the hub is.
type Options struct {
	Listen   string // HOST:PORT; port 0: any free one
	Hub      string // client id of the hub
	Password string // of the hub; nobody else may use its client id
	Hooks    []mqtt.Hook
	Log      *slog.Logger
}

// Broker is a running broker.
type Broker struct {
	server *mqtt.Server
	addr   string
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
	for _, h := range append([]mqtt.Hook{&rules{hub: o.Hub, password: o.Password}}, o.Hooks...) {
		if err := server.AddHook(h, nil); err != nil {
			return nil, fmt.Errorf("start the broker: %w", err)
		}
	}
	listener, err := listen(o.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for devices: %w", err)
	}
	if err := server.AddListener(listeners.NewNet("mqtt", listener)); err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	if err := server.Serve(); err != nil {
		_ = server.Close()
		return nil, fmt.Errorf("start the broker: %w", err)
	}
	return &Broker{server: server, addr: listener.Addr().String()}, nil
}

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

// Close ends every connection and the broker.
func (b *Broker) Close() error { return b.server.Close() }

// rules is who may do what.
type rules struct {
	mqtt.HookBase
	hub, password string
}

func (*rules) ID() string { return "tram-rules" }

func (*rules) Provides(b byte) bool { return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck }

// OnConnectAuthenticate lets everybody in under any name but the hub's.
func (r *rules) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	return cl.ID != r.hub || string(pk.Connect.Password) == r.password
}

// OnACLCheck confines a device to writing its own topics.
func (r *rules) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	if !write || cl.ID == r.hub {
		return true
	}
	t, err := wire.ParseTopic(topic)
	if err != nil || t.Device != cl.ID {
		return false
	}
	switch t.Kind {
	case wire.Records, wire.StatusOf, wire.Replies, wire.Request:
		return true
	}
	return false
}
