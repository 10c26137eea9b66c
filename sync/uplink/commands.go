package uplink

import (
	"context"
	"fmt"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/sync/wire"
)

// maxReplies is how many replies are taken from the inbox at a time.
const maxReplies = 16

// serveCommands stores commands and sends replies until ctx ends. A command is
// acknowledged to the broker after the inbox has it on disk; whether it came
// before is the inbox's to know.
func (s *session) serveCommands(ctx context.Context) {
	var changed <-chan struct{}
	if in := s.u.opt.Inbox; in != nil {
		var stop func()
		changed, stop = in.Changed()
		defer stop()
	}
	retry := time.NewTimer(0)
	defer retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case m := <-s.commands:
			s.storeCommand(ctx, m)
			continue
		case <-changed:
		case <-s.hubCame:
		case <-retry.C:
		}
		if err := s.sendReplies(ctx); err != nil && ctx.Err() == nil {
			s.u.log.Warn("replies are not sent; they are kept", "err", err)
			retry.Reset(s.u.opt.Timeout)
		}
	}
}

func (s *session) storeCommand(ctx context.Context, m mqtt.Message) {
	message, err := s.u.open(wire.Commands, m.Payload())
	if err != nil {
		s.u.log.Warn("a command is refused", "err", err)
		m.Ack()
		return
	}
	command, err := wire.ParseCommand(message)
	if err != nil {
		s.u.log.Warn("a command is unreadable", "err", err)
		m.Ack()
		return
	}
	if s.u.opt.Inbox == nil {
		m.Ack()
		if err := s.sendReply(ctx, wire.Reply{ID: command.ID, Text: "this device takes no commands"}); err != nil && ctx.Err() == nil {
			s.u.log.Warn("a command's reply is not sent", "command", command.Name, "err", err)
		}
		return
	}
	if err := s.u.opt.Inbox.Put(command); err != nil {
		// Not acknowledged: the hub repeats it.
		s.u.log.Error("a command is not stored", "command", command.Name, "err", err)
		return
	}
	m.Ack()
}

// sendReplies publishes what the inbox has queued, while a hub is there.
func (s *session) sendReplies(ctx context.Context) error {
	for s.u.opt.Inbox != nil && s.u.current() != nil {
		replies := s.u.opt.Inbox.Replies(maxReplies)
		if len(replies) == 0 {
			return nil
		}
		for _, r := range replies {
			if err := s.sendReply(ctx, r); err != nil {
				return err
			}
			if err := s.u.opt.Inbox.Replied(r.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) sendReply(ctx context.Context, r wire.Reply) error {
	payload, err := s.u.seal("reply", wire.Encode(r))
	if err != nil {
		return err
	}
	return wait(ctx, s.c.client.Publish(s.u.topic.With(wire.Replies).String(), 1, false, payload), s.u.opt.Timeout)
}

// open verifies and opens what the hub said.
func (u *Uplink) open(kind wire.Kind, payload []byte) ([]byte, error) {
	if u.opt.Open == nil {
		return payload, nil
	}
	message, _, err := u.opt.Open(string(kind), payload)
	return message, err
}

// seal returns a reply or request as it travels.
func (u *Uplink) seal(kind string, plain []byte) ([]byte, error) {
	if u.opt.Seal == nil {
		return plain, nil
	}
	sealed, err := u.opt.Seal(kind, plain)
	if err != nil {
		return nil, fmt.Errorf("seal a %s: %w", kind, err)
	}
	return wire.Encode(wire.Sealed{Sealed: sealed}), nil
}
