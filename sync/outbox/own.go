package outbox

import (
	"bytes"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// A checkpoint is made after so many records, and when so much boot time has
// passed with new ones.
const (
	checkpointEvery = 1000
	checkpointAfter = 24 * time.Hour
)

// lookEvery is how often the clock is looked at while nothing is accepted.
const lookEvery = time.Minute

// ownRecords returns the records that the outbox has to make itself now: what
// is owed, clock offsets, sums of counts. The sealer alone calls it.
func (s *Store) ownRecords() []request {
	var out []request
	if offsets, ref := s.clock.take(); len(offsets) > 0 {
		out = append(out, s.offsetRecords(offsets, ref)...)
	}
	if s.owing.Load() && s.paying.CompareAndSwap(false, true) {
		r := s.debtRecord()
		if r == nil {
			s.paying.Store(false)
		} else {
			out = append(out, *r)
		}
	}
	return out
}

// make prepares one of the outbox's own records.
func (s *Store) make(kind string, data any, settle func(tx *bolt.Tx, h *head) error, done func(error)) (request, error) {
	r, err := s.prepare(&Draft{Type: kind, Data: data})
	if err != nil {
		s.opt.Log.Error("the outbox cannot make its own record", "type", kind, "err", err)
		done(err)
		return request{}, err
	}
	r.settle, r.done = settle, done
	return r, nil
}

// offsetRecords names the steps of the wall clock. The new reference comes to
// the disk together with the last of them.
func (s *Store) offsetRecords(offsets []wire.ClockOffset, ref reference) []request {
	var out []request
	for _, o := range offsets {
		s.opt.Log.Warn("the clock was set", "by", time.Duration(o.Offset), "reason", o.Reason)
		r, err := s.make(wire.TypeClockOffset, o, func(_ *bolt.Tx, h *head) error {
			h.Clock = ref
			return nil
		}, func(err error) {
			if err != nil {
				s.clock.putBack([]wire.ClockOffset{o})
			}
		})
		if err == nil {
			out = append(out, r)
		}
	}
	return out
}

// debtRecord names what is gone; nil when nothing is.
func (s *Store) debtRecord() *request {
	var reason string
	var d debt
	s.owing.Store(false) // before looking: who owes more from here on says so again
	err := s.view(func(tx *bolt.Tx) error {
		k, v := tx.Bucket(bucketOwed).Cursor().First()
		if k == nil {
			return nil
		}
		reason = string(k)
		return guarded(v, &d)
	})
	if err != nil {
		s.owing.Store(true)
		s.opt.Log.Error("the outbox cannot read what it has to explain", "err", err)
		return nil
	}
	if reason == "" {
		return nil
	}
	s.owing.Store(true) // until a look finds nothing
	d.Ranges = d.Ranges[:min(len(d.Ranges), wire.MaxMissing)]
	data := wire.Discarded{Ranges: append([]wire.Range{}, d.Ranges...), Reason: reason, Text: d.Text}
	r, err := s.make(wire.TypeDiscarded, data, func(tx *bolt.Tx, _ *head) error {
		return pay(tx, reason, d.Ranges)
	}, func(err error) {
		s.paying.Store(false)
		if err == nil {
			s.poke()
		}
	})
	if err != nil {
		return nil
	}
	return &r
}

// sumRecords returns the sums of counts for which there is room again.
func (s *Store) sumRecords() []request {
	s.state.Lock()
	used := max(s.live, s.head.Bytes)
	s.state.Unlock()
	if !s.tallied.Load() || used > s.limit()/100*reliefTo || !s.summing.CompareAndSwap(false, true) {
		return nil
	}
	type sum struct{ key, value []byte }
	var sums []sum
	err := s.view(func(tx *bolt.Tx) error {
		return tx.Bucket(bucketTally).ForEach(func(k, v []byte) error {
			if len(sums) < wire.MaxEvents/2 {
				sums = append(sums, sum{bytes.Clone(k), bytes.Clone(v)})
			}
			return nil
		})
	})
	if err != nil || len(sums) == 0 {
		s.tallied.Store(err != nil)
		s.summing.Store(false)
		return nil
	}
	var out []request
	for i, sum := range sums {
		r, err := s.sumRecord(sum.key, sum.value, i == len(sums)-1)
		if err != nil {
			s.opt.Log.Error("a sum of counts is unreadable", "err", err)
			continue
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		s.summing.Store(false)
	}
	return out
}

// sumRecord makes the record of one sum and takes the sum off in the same
// transaction, unless counts were added to it meanwhile.
func (s *Store) sumRecord(line, value []byte, last bool) (request, error) {
	var c count
	if err := guarded(value, &c); err != nil {
		return request{}, err
	}
	r, err := s.prepare(&Draft{Type: c.Type, Subject: c.Subject, Time: c.Time, Data: c.Data, Priority: Count})
	if err != nil {
		return request{}, err
	}
	r.settle = func(tx *bolt.Tx, _ *head) error {
		b := tx.Bucket(bucketTally)
		if !bytes.Equal(b.Get(line), value) {
			return errBroken
		}
		return b.Delete(line)
	}
	r.done = func(error) {
		if last {
			s.summing.Store(false)
		}
	}
	return r, nil
}

// checkpointRecord returns a checkpoint when one is due at this place of the
// chain.
func (s *Store) checkpointRecord(at *link) (request, bool) {
	last := at.next - 1
	if at.prev == (wire.Hash{}) || last <= at.check.Sequence {
		return request{}, false
	}
	if last-at.check.Sequence < checkpointEvery {
		id, since := s.clock.boot()
		sameBoot := id == at.check.BootID
		if !sameBoot || time.Duration(since)-time.Duration(at.check.Monotonic) < checkpointAfter {
			if !sameBoot { // the day begins anew: boot clocks do not compare
				at.check.BootID, at.check.Monotonic = id, wire.Nanoseconds(since)
			}
			return request{}, false
		}
	}
	s.state.Lock()
	discarded := s.head.Discarded
	s.state.Unlock()
	data := wire.Checkpoint{Last: last, Hash: at.prev, Records: at.accepted, Discarded: min(discarded, at.accepted)}
	id, since := s.clock.boot()
	made := checkpoint{Sequence: last + 1, BootID: id, Monotonic: wire.Nanoseconds(since)}
	r, err := s.make(wire.TypeCheckpoint, data, func(_ *bolt.Tx, h *head) error {
		h.Check = made
		return nil
	}, func(error) {})
	if err != nil {
		return request{}, false
	}
	at.check = made
	return r, true
}
