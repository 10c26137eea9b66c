package broker

import (
	"crypto/tls"
	"crypto/x509"
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"tram/sync/wire"
)

// hubTopics begins every topic of hubs.
const hubTopics = "tram/v1/hub/"

// rules is who may do what.
type rules struct {
	mqtt.HookBase
	hub, password string
	secure        string // the listener whose clients show a certificate; "": none
	deviceOf      func(*x509.Certificate) (string, error)
}

func (*rules) ID() string { return "tram-rules" }

func (*rules) Provides(b byte) bool { return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck }

// OnConnectAuthenticate lets in the hub by its password, and a device by its
// certificate, where certificates are asked for, or under any other name.
func (r *rules) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	if cl.ID == r.hub {
		return string(pk.Connect.Password) == r.password && cl.Net.Listener != r.secure
	}
	if r.secure == "" {
		return true
	}
	conn, ok := cl.Net.Conn.(*tls.Conn)
	if !ok || cl.Net.Listener != r.secure {
		return false
	}
	peers := conn.ConnectionState().PeerCertificates
	if len(peers) == 0 || r.deviceOf == nil {
		return false
	}
	name, err := r.deviceOf(peers[0])
	return err == nil && name == cl.ID
}

// OnACLCheck confines a device to its own topics. It may read what hubs say of
// themselves.
func (r *rules) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	if cl.ID == r.hub {
		return true
	}
	if !write && strings.HasPrefix(topic, hubTopics) {
		return true
	}
	t, err := wire.ParseTopic(topic)
	if err != nil || t.Device != cl.ID {
		return false
	}
	switch t.Kind {
	case wire.Records, wire.Replies, wire.Requests:
		return write
	case wire.StatusOf:
		return true
	case wire.Acks, wire.Commands, wire.Responses:
		return !write
	}
	return false
}
