package uplink

import (
	"context"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/sync/wire"
)

// seen remembers the ids of the last commands. Only the commands' worker adds.
type seen struct {
	ids  map[string]wire.Reply
	ring []string
	next int
}

func newSeen(n int) *seen { return &seen{ids: map[string]wire.Reply{}, ring: make([]string, n)} }

func (s *seen) add(id string, r wire.Reply) {
	delete(s.ids, s.ring[s.next])
	s.ring[s.next] = id
	s.next = (s.next + 1) % len(s.ring)
	s.ids[id] = r
}

// last returns the id of the last command done.
func (s *seen) last() string { return s.ring[(s.next+len(s.ring)-1)%len(s.ring)] }

// serveCommands does one command after the other until ctx ends. A command is
// acknowledged to the broker when it is done; one that comes twice is answered
// twice and done once.
func (u *Uplink) serveCommands(ctx context.Context, client mqtt.Client, commands <-chan mqtt.Message) {
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-commands:
			u.serveCommand(ctx, client, m)
		}
	}
}

func (u *Uplink) serveCommand(ctx context.Context, client mqtt.Client, m mqtt.Message) {
	command, err := wire.ParseCommand(m.Payload())
	if err != nil {
		u.log.Warn("a command is unreadable", "err", err)
		m.Ack()
		return
	}
	reply, again := u.commands.ids[command.ID]
	if !again {
		reply = wire.Reply{Text: "this device takes no commands"}
		if u.opt.OnCommand != nil {
			reply = u.opt.OnCommand(ctx, command)
		}
		reply.ID = command.ID
		if ctx.Err() != nil {
			return // not acknowledged: it may be half done
		}
		u.commands.add(command.ID, reply)
	}
	m.Ack()
	token := client.Publish(u.topic.With(wire.Replies).String(), 1, false, wire.Encode(reply))
	if err := wait(ctx, token, u.opt.Timeout); err != nil && ctx.Err() == nil {
		u.log.Warn("a command's reply is not sent", "command", command.Name, "err", err)
	}
}
