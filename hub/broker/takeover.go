package broker

import (
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// takeover ends an older connection of the same name, whole, before a new one
// begins. The server does the two side by side, and what it forgets of the old one last
// it forgets by name: a device that came back at once could then be connected,
// subscribed, and deaf until its next connection.
type takeover struct {
	mqtt.HookBase
	clients *mqtt.Clients
}

// leave is how long the end of an older connection is waited for.
const leave = 2 * time.Second

func (*takeover) ID() string { return "tram-takeover" }

func (*takeover) Provides(b byte) bool { return b == mqtt.OnSessionEstablish }

// OnSessionEstablish runs in the new connection's goroutine, which may wait.
func (t *takeover) OnSessionEstablish(cl *mqtt.Client, _ packets.Packet) {
	old, ok := t.clients.Get(cl.ID)
	if !ok || !old.Properties.Clean { // what is kept of a session is the server's to hand over
		return
	}
	old.Stop(packets.ErrSessionTakenOver)
	for end := time.Now().Add(leave); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if now, ok := t.clients.Get(cl.ID); !ok || now != old {
			return
		}
	}
}
