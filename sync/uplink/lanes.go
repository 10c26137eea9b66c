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

// Limits of the lane for fresh records.
const (
	freshFlights = 2      // of its batches in the air, beyond the window if need be
	freshBehind  = 5      // batches that the backlog must be behind for the lane to open
	maxGap       = 10_000 // records that it may be behind before it begins anew at the newest
	maxGaps      = 32     // times that it does so: the hub's ack can name 256 gaps
)

// lanes are the places from which records are sent. The backlog goes from the
// oldest on. While it is long, what is accepted meanwhile goes beside it, from
// where the queue ended then; where the backlog meets that, there is one lane
// again.
type lanes struct {
	backlog uint64 // records up to here are sent, held or delivered
	fresh   uint64 // and from the lane's beginning up to here; 0: one lane
	gaps    int
}

// back makes a flight's records go again.
func (l *lanes) back(f *flight) {
	before := f.envelopes[0].First - 1
	if f.fresh && l.fresh > before && l.backlog < before {
		l.fresh = before
		return
	}
	l.backlog = min(l.backlog, before)
}

// steer opens, moves or closes the lane for fresh records. last is the highest
// sequence in the queue.
func (l *lanes) steer(last uint64, batch int) {
	switch {
	case l.fresh != 0 && l.backlog >= l.fresh:
		l.fresh, l.gaps = 0, 0
	case l.fresh == 0 && last > l.backlog+uint64(freshBehind*batch):
		l.fresh = last
	case l.fresh != 0 && last > l.fresh+maxGap && l.gaps < maxGaps:
		l.fresh = last
		l.gaps++
	}
}

// flight is a batch that the hub has not answered.
type flight struct {
	envelopes []wire.Range
	fresh     bool
	token     mqtt.Token
	at        time.Time
	taken     bool // PUBACK
}

// fill publishes batches while the hub is up and the window has room: fresh
// records first, of which little is in the air at any time.
func (s *session) fill(ctx context.Context, helpers *sync.WaitGroup) error {
	for s.hubs.up() {
		stat, err := s.u.opt.Store.Stat()
		if err != nil {
			return s.storeFailed(ctx, err)
		}
		s.lanes.steer(stat.Last, s.u.opt.BatchRecords)
		flew := false
		if s.lanes.fresh != 0 && s.flying(true) < freshFlights {
			if flew, err = s.send(ctx, helpers, &s.lanes.fresh, true); err != nil {
				return err
			}
		}
		if !flew && len(s.flights) < s.window {
			if flew, err = s.send(ctx, helpers, &s.lanes.backlog, false); err != nil {
				return err
			}
			if !flew { // nothing waits in either lane
				s.lanes = lanes{backlog: max(s.lanes.backlog, stat.Last)}
			}
		}
		if !flew {
			return nil
		}
	}
	return nil
}

func (s *session) storeFailed(ctx context.Context, err error) error {
	if errors.Is(err, outbox.ErrClosed) {
		<-ctx.Done() // the daemon is ending
		return ctx.Err()
	}
	return fmt.Errorf("take records to send: %w", err)
}

// flying counts the flights of a lane.
func (s *session) flying(fresh bool) int {
	n := 0
	for _, f := range s.flights {
		if f.fresh == fresh {
			n++
		}
	}
	return n
}

// send publishes one batch of a lane and moves its cursor; false: nothing waits.
func (s *session) send(ctx context.Context, helpers *sync.WaitGroup, cursor *uint64, fresh bool) (bool, error) {
	var batch wire.Batch
	f := &flight{fresh: fresh}
	for len(batch.Envelopes) == 0 {
		records, err := s.u.opt.Store.Pending(*cursor, s.u.opt.BatchRecords, s.u.opt.BatchBytes)
		if err != nil {
			return false, s.storeFailed(ctx, err)
		}
		if len(records) == 0 {
			return false, nil
		}
		f.at = time.Now()
		for _, r := range records {
			*cursor = r.Last
			if s.inAir[r.Sequence] || f.at.Before(s.held[r.Sequence]) {
				continue
			}
			delete(s.held, r.Sequence)
			s.inAir[r.Sequence] = true
			f.envelopes = append(f.envelopes, wire.Range{First: r.Sequence, Last: r.Last})
			batch.Envelopes = append(batch.Envelopes, wire.Envelope{First: r.Sequence, Last: r.Last, Sealed: r.Sealed})
		}
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
	return true, nil
}

// markSent notes a PUBACK, for people only.
func (s *session) markSent(f *flight) {
	f.taken = true
	upTo := s.lanes.backlog
	for _, other := range s.flights {
		if !other.taken && other.envelopes[0].First <= upTo {
			upTo = other.envelopes[0].First - 1
		}
	}
	if err := s.u.opt.Store.MarkSent(upTo); err != nil {
		s.u.log.Warn("what was sent is not noted", "err", err)
	}
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
			s.lanes.backlog = min(s.lanes.backlog, first-1)
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
		s.lanes.back(f)
	}
	clear(s.flights[len(flying):])
	s.flights = flying
	if overdue {
		s.late++
		s.window = 1
		s.u.log.Info("the hub did not acknowledge in time; sending again", "seq", s.lanes.backlog+1)
	}
	return nil
}
