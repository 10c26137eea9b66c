package uplink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/sync/outbox"
	"tram/sync/wire"
)

// maxDoublings bounds how far the ack timeout grows: 16 times.
const maxDoublings = 4

// flight is a batch that the hub has not answered.
type flight struct {
	envelopes []wire.Range
	token     mqtt.Token
	at        time.Time
	taken     bool // PUBACK
}

// session is what one connection is doing. Everything in it belongs to run's
// goroutine, except the commands' worker.
type session struct {
	u *Uplink
	c *connection

	hubUp   bool
	hub     string // the hub's instance
	useful  bool   // the hub acknowledged something
	cursor  uint64 // records up to here are sent, held or delivered
	window  int
	late    int // ack timeouts in a row
	flights []*flight
	inAir   map[uint64]bool      // first sequences of flying envelopes
	held    map[uint64]time.Time // first sequences of refused envelopes, until when
	ack     *wire.Ack            // the last one received, not yet acted on

	taken    chan *flight      // PUBACK came
	commands chan mqtt.Message // bounded
}

func newSession(u *Uplink, c *connection) *session {
	return &session{
		u: u, c: c, window: 1, inAir: map[uint64]bool{}, held: map[uint64]time.Time{},
		taken: make(chan *flight, u.opt.Window), commands: make(chan mqtt.Message, 16),
	}
}

// run serves the connection until it is lost or ctx ends.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var helpers sync.WaitGroup
	defer helpers.Wait()
	defer cancel()
	helpers.Go(func() { s.u.serveCommands(ctx, s.c.client, s.commands) })
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

// fill publishes batches while the hub is up and the window has room.
func (s *session) fill(ctx context.Context, helpers *sync.WaitGroup) error {
	for s.hubUp && len(s.flights) < s.window {
		records, err := s.u.opt.Store.Pending(s.cursor, s.u.opt.BatchRecords, s.u.opt.BatchBytes)
		if errors.Is(err, outbox.ErrClosed) {
			<-ctx.Done() // the daemon is ending
			return ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("take records to send: %w", err)
		}
		if len(records) == 0 {
			return nil
		}
		var batch wire.Batch
		f := &flight{at: time.Now()}
		for _, r := range records {
			s.cursor = r.Last
			if s.inAir[r.Sequence] || time.Now().Before(s.held[r.Sequence]) {
				continue
			}
			delete(s.held, r.Sequence)
			s.inAir[r.Sequence] = true
			f.envelopes = append(f.envelopes, wire.Range{First: r.Sequence, Last: r.Last})
			batch.Envelopes = append(batch.Envelopes, wire.Envelope{First: r.Sequence, Last: r.Last, Sealed: r.Sealed})
		}
		if len(batch.Envelopes) == 0 {
			continue
		}
		f.token = s.c.client.Publish(s.u.topic.String(), 1, false, wire.Encode(batch))
		s.flights = append(s.flights, f)
		helpers.Go(func() {
			select {
			case <-f.token.Done():
				if f.token.Error() != nil {
					return // the connection is lost, or the flight expires
				}
			case <-ctx.Done():
				return
			}
			select {
			case s.taken <- f:
			case <-ctx.Done():
			}
		})
	}
	return nil
}

// markSent notes a PUBACK, for people only.
func (s *session) markSent(f *flight) {
	f.taken = true
	upTo := f.envelopes[len(f.envelopes)-1].Last
	for _, other := range s.flights {
		if !other.taken && other.envelopes[0].First < upTo {
			upTo = min(upTo, other.envelopes[0].First-1)
		}
	}
	if err := s.u.opt.Store.MarkSent(upTo); err != nil {
		s.u.log.Warn("what was sent is not noted", "err", err)
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
	if wire.HubInstance(m.Topic()) != "" {
		m.Ack()
		s.hubSays(m.Payload())
		return
	}
	switch topic := m.Topic(); topic {
	case s.u.topic.With(wire.Acks).String():
		m.Ack()
		s.readAck(m.Payload())
	case s.u.topic.With(wire.StatusOf).String():
		m.Ack()
		if status, err := wire.ParseStatus(m.Payload()); err == nil && status.Instance != s.u.instance && s.u.returned() {
			s.u.foreign = true
		}
	case s.u.topic.With(wire.Commands).String():
		select {
		case s.commands <- m: // acknowledged when it is done
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

func (s *session) hubSays(payload []byte) {
	state, err := wire.ParseState(payload)
	if err != nil {
		s.u.log.Warn("the hub's state is unreadable", "err", err)
		return
	}
	if state.Up() && (!s.hubUp || state.Hub != s.hub) {
		// A hub that was away has forgotten what was on its way to it.
		s.restart()
	}
	s.hubUp, s.hub = state.Up(), state.Hub
	if s.hubUp {
		s.u.setState(Connected)
	} else {
		s.u.setState(HubDown)
	}
}

// restart sends everything again that is not acknowledged, slowly at first.
func (s *session) restart() {
	s.flights, s.cursor, s.window = nil, 0, 1
	clear(s.inAir)
	clear(s.held)
}

// readAck notes an acknowledgement and what it refuses.
func (s *session) readAck(payload []byte) {
	ack, err := wire.ParseAck(payload)
	if err != nil {
		s.u.log.Warn("the hub's acknowledgement is unreadable", "err", err)
		return
	}
	for _, r := range ack.Rejected {
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
	flying := s.flights[:0]
	for _, f := range s.flights {
		switch {
		case s.settled(f, &ack):
			s.land(f)
			s.late = 0
			s.window = min(2*s.window, s.u.opt.Window)
		case f.envelopes[len(f.envelopes)-1].Last < ack.Highwater:
			// A later batch arrived and this one did not: the broker lost it.
			s.land(f)
			s.cursor = min(s.cursor, f.envelopes[0].First-1)
		default:
			flying = append(flying, f)
		}
	}
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

func (s *session) land(f *flight) {
	for _, e := range f.envelopes {
		delete(s.inAir, e.First)
	}
}

// ackTimeout grows with every timeout in a row.
func (s *session) ackTimeout() time.Duration {
	return s.u.opt.AckTimeout << min(s.late, maxDoublings)
}

// nextDeadline is when a flight or a refused envelope is due.
func (s *session) nextDeadline() time.Duration {
	next := time.Hour
	if len(s.flights) > 0 {
		next = time.Until(s.flights[0].at.Add(s.ackTimeout()))
	}
	for _, until := range s.held {
		next = min(next, time.Until(until))
	}
	return max(next, time.Millisecond)
}

// expire sends overdue batches again, and gives the connection up when the
// broker does not even take them.
func (s *session) expire() error {
	now := time.Now()
	for first, until := range s.held {
		if now.After(until) {
			delete(s.held, first)
			s.cursor = min(s.cursor, first-1)
		}
	}
	overdue := false
	flying := s.flights[:0]
	for _, f := range s.flights {
		if now.Before(f.at.Add(s.ackTimeout())) {
			flying = append(flying, f)
			continue
		}
		if !f.taken {
			return fmt.Errorf("publish records: %w", errTimeout)
		}
		overdue = true
		s.land(f)
		s.cursor = min(s.cursor, f.envelopes[0].First-1)
	}
	s.flights = flying
	if overdue {
		s.late++
		s.window = 1
		s.u.log.Info("the hub did not acknowledge in time; sending again", "seq", s.cursor+1)
	}
	return nil
}
