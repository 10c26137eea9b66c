package uplink

import (
	"context"
	"fmt"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/sync/wire"
)

// maxDoublings bounds how far the ack timeout grows: 16 times.
const maxDoublings = 4

// session is what one connection is doing. Everything in it belongs to run's
// goroutine, except the commands' worker.
type session struct {
	u *Uplink
	c *connection

	hubs    hubs
	useful  bool // the hub acknowledged something
	window  int
	late    int // ack timeouts in a row
	lanes   lanes
	flights []*flight            // in the order of publishing
	inAir   map[uint64]bool      // first sequences of flying envelopes
	held    map[uint64]time.Time // first sequences of refused envelopes, until when
	ack     *wire.Ack            // the last one received, not yet acted on

	taken    chan *flight      // PUBACK came
	commands chan mqtt.Message // bounded
	hubCame  chan struct{}
}

func newSession(u *Uplink, c *connection) *session {
	return &session{
		u: u, c: c, window: 1, inAir: map[uint64]bool{}, held: map[uint64]time.Time{}, hubs: hubs{},
		taken: make(chan *flight, u.opt.Window), commands: make(chan mqtt.Message, 16), hubCame: make(chan struct{}, 1),
	}
}

// run serves the connection until it is lost, Reconnect or ctx ends.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer s.u.setOnline(nil)
	defer cancel()
	helpers.Go(func() { s.serveCommands(ctx) })
	changed, stop := s.u.opt.Store.Changed()
	defer stop()
	s.u.setState(HubDown)
	for {
		if err := s.fill(ctx, &helpers); err != nil {
			return err
		}
		timer := time.NewTimer(s.nextDeadline())
		var err error
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case err = <-s.c.lost:
			err = fmt.Errorf("connection lost: %w", err)
		case <-s.u.reconnect:
			err = errReconnect
		case m := <-s.c.in:
			s.receiveAll(m)
		case f := <-s.taken:
			s.markSent(f)
		case <-changed:
		case <-timer.C:
			err = s.expire()
		}
		timer.Stop()
		if err != nil {
			return err
		}
	}
}

// receiveAll takes a message and those that wait behind it. Of several
// acknowledgements the last says everything, and freeing costs an fsync.
func (s *session) receiveAll(m mqtt.Message) {
	s.receive(m)
	for more := true; more; {
		select {
		case m := <-s.c.in:
			s.receive(m)
		default:
			more = false
		}
	}
	if ack := s.ack; ack != nil {
		s.ack = nil
		s.acknowledged(*ack)
	}
}

// receive takes one message from the broker.
func (s *session) receive(m mqtt.Message) {
	if instance := wire.HubInstance(m.Topic()); instance != "" {
		m.Ack()
		s.hubSays(instance, m.Payload())
		return
	}
	topic, err := wire.ParseTopic(m.Topic())
	if err != nil || topic.Device != s.u.opt.Device {
		m.Ack()
		return
	}
	switch topic.Kind {
	case wire.Acks:
		m.Ack()
		s.readAck(m.Payload())
	case wire.Responses:
		m.Ack()
		s.u.answered(m.Payload())
	case wire.StatusOf:
		m.Ack()
		if status, err := wire.ParseStatus(m.Payload()); err == nil && status.Instance != s.u.instance && s.u.returned() {
			s.u.foreign = true
		}
	case wire.Commands:
		select {
		case s.commands <- m: // acknowledged when it is stored
		default:
			s.u.log.Warn("too many commands wait; one is dropped and not acknowledged")
		}
	default:
		m.Ack()
	}
}

// returned reports whether what stands retained under our name should be ours:
// this process was connected before.
func (u *Uplink) returned() bool { return u.announced && len(u.losses) > 0 }

// hubSays takes the state of one of the hub's instances.
func (s *session) hubSays(instance string, payload []byte) {
	before := s.hubs.up()
	again, err := s.hubs.take(instance, payload)
	if err != nil {
		s.u.log.Warn("the hub's state is unreadable", "err", err)
		return
	}
	if again {
		s.restart()
	}
	switch up := s.hubs.up(); {
	case up && !before:
		s.u.setOnline(s.c.client)
		s.u.setState(Connected)
		select {
		case s.hubCame <- struct{}{}:
		default:
		}
	case !up:
		s.u.setOnline(nil)
		s.u.setState(HubDown)
	}
}

// restart sends everything again that is not acknowledged, slowly at first.
func (s *session) restart() {
	s.flights, s.lanes, s.window = nil, lanes{}, 1
	clear(s.inAir)
	clear(s.held)
}

// readAck notes an acknowledgement and what it refuses. One that the hub did
// not sign, or signed for another device, frees nothing.
func (s *session) readAck(payload []byte) {
	message, err := s.u.open(wire.Acks, payload)
	if err != nil {
		s.u.log.Warn("an acknowledgement is refused", "err", err)
		return
	}
	ack, err := wire.ParseAck(message)
	if err != nil {
		s.u.log.Warn("the hub's acknowledgement is unreadable", "err", err)
		return
	}
	for _, r := range ack.Rejected {
		if !s.inAir[r.First] {
			continue
		}
		s.held[r.First] = time.Now().Add(s.u.opt.RejectedAfter)
		s.u.log.Warn("the hub refuses an envelope; it is kept and tried again later", "seq", r.First, "reason", r.Reason)
	}
	s.ack = &ack
}

// acknowledged frees what the hub has and looks at what it misses.
func (s *session) acknowledged(ack wire.Ack) {
	if err := s.u.opt.Store.Acknowledge(ack); err != nil {
		s.u.log.Error("the hub's acknowledgement is not taken", "err", err)
		return
	}
	s.useful = s.useful || ack.Highwater > 0
	// A batch is lost when later ones arrived and it did not. Between several
	// instances of a hub batches overtake each other, so that three must have.
	overtaken := 1
	if len(s.hubs) > 1 {
		overtaken = 3
	}
	settled := make([]bool, len(s.flights))
	for i, f := range s.flights {
		settled[i] = s.settled(f, &ack)
	}
	later := 0
	lost := make([]bool, len(s.flights))
	for i := len(s.flights) - 1; i >= 0; i-- {
		lost[i] = !settled[i] && later >= overtaken
		if settled[i] {
			later++
		}
	}
	flying := s.flights[:0]
	for i, f := range s.flights {
		switch {
		case settled[i]:
			s.u.heard.Add(1)
			s.land(f)
			s.late = 0
			s.window = min(2*s.window, s.u.opt.Window)
		case lost[i]:
			s.land(f)
			s.lanes.back(f)
		default:
			flying = append(flying, f)
		}
	}
	clear(s.flights[len(flying):])
	s.flights = flying
}

// settled reports whether the hub has said something about every envelope.
func (s *session) settled(f *flight, ack *wire.Ack) bool {
	for _, e := range f.envelopes {
		if _, refused := s.held[e.First]; !refused && !ack.Has(e) {
			return false
		}
	}
	return true
}
