package outbox

import (
	"crypto/sha256"
	"fmt"
	"time"

	"tram/sync/wire"
)

// A group closes at wire.MaxEvents records, at maxGroupBytes of data, or when
// nobody joined for maxLinger.
const (
	maxGroupBytes = 1 << 20
	maxLinger     = 5 * time.Millisecond
)

// link is where the next envelope hangs on.
type link struct {
	next     uint64
	prev     wire.Hash
	accepted uint64
	check    checkpoint
}

// linkOf is the place behind everything that is on disk.
func linkOf(h *head) link { return link{h.Next, h.Hash, h.Accepted, h.Check} }

// runSealer gathers requests, builds and seals envelopes and hands them to the
// writer. It runs one envelope ahead of the disk.
func (s *Store) runSealer(at link) {
	defer s.workers.Done()
	defer close(s.jobs)
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	size := 1
	for {
		s.sealOwn(&at)
		select {
		case first := <-s.requests:
			group := s.gather(first, size)
			size = len(group)
			s.sealOwn(&at) // a step of the clock comes before what was stamped after it
			s.sealAll(&at, group)
		case <-s.wake:
		case <-look.C:
			s.clock.stamp()
			s.sealAll(&at, nil)
		case <-s.quit:
			s.drain(&at)
			return
		}
	}
}

// drain serves what was handed in before the outbox closed.
func (s *Store) drain(at *link) {
	for {
		select {
		case r := <-s.requests:
			s.sealAll(at, s.gather(r, 1))
			continue
		default:
		}
		s.settle()
		if !s.broken.Load() {
			return
		}
		s.sealAll(at, nil)
	}
}

// gather returns the first request and those that wait behind it. While many
// callers are about, as the size of the last group tells, it waits for as many
// again, so that groups do not fall apart; a single caller never waits.
func (s *Store) gather(first request, last int) []request {
	const limit = wire.MaxEvents - 1 // leaves room for a checkpoint
	group := make([]request, 1, max(last, 1)+1)
	group[0] = first
	bytes := first.record.Len()
	var linger <-chan time.Time
	for len(group) < limit && bytes < maxGroupBytes {
		select {
		case r := <-s.requests:
			group = append(group, r)
			bytes += r.record.Len()
			continue
		default:
		}
		if len(group) >= last {
			break
		}
		if linger == nil {
			timer := time.NewTimer(maxLinger)
			defer timer.Stop()
			linger = timer.C
		}
		select {
		case r := <-s.requests:
			group = append(group, r)
			bytes += r.record.Len()
		case <-linger:
			return group
		case <-s.quit:
			return group
		}
	}
	return group
}

// sealOwn makes what the outbox itself has to say.
func (s *Store) sealOwn(at *link) {
	if s.broken.Load() {
		s.sealAll(at, nil)
	}
	var batch []*job
	if r := s.ownRecords(); len(r) > 0 {
		batch = s.sealGroup(at, batch, own, r)
	}
	if r := s.sumRecords(); len(r) > 0 {
		batch = s.sealGroup(at, batch, Count, r)
	}
	if len(batch) > 0 {
		s.jobs <- batch
	}
}

// sealAll seals a group, each priority as an envelope of its own, the highest
// first, behind what came back from the writer.
func (s *Store) sealAll(at *link, group []request) {
	if s.broken.Load() {
		group = append(s.resync(at), group...)
	}
	var batch []*job
	var parts [own + 1][]request
	mixed := false
	for i := range group {
		if group[i].class != group[0].class {
			mixed = true
			break
		}
	}
	if !mixed && len(group) > 0 {
		parts[group[0].class] = group
	} else {
		for _, r := range group {
			parts[r.class] = append(parts[r.class], r)
		}
	}
	if r, due := s.checkpointRecord(at); due {
		// It speaks of what lies before, so it goes first.
		in := own
		if n := len(parts[Identity]); len(parts[own]) == 0 && n > 0 && n < wire.MaxEvents {
			in = Identity
		}
		parts[in] = append([]request{r}, parts[in]...)
	}
	for class := own; class > ByType; class-- {
		for part := parts[class]; len(part) > 0; {
			n := min(len(part), wire.MaxEvents)
			batch = s.sealGroup(at, batch, class, part[:n])
			part = part[n:]
		}
	}
	if len(batch) > 0 {
		s.jobs <- batch
	}
}

// sealGroup seals a group as one envelope, or as two when it is too large.
func (s *Store) sealGroup(at *link, batch []*job, class Priority, group []request) []*job {
	if err := s.reserve(at.next + uint64(len(group)) - 1); err != nil {
		fail(group, full(err))
		return batch
	}
	sealed, err := s.sealRecords(at, group)
	if err != nil && len(group) > 1 {
		batch = s.sealGroup(at, batch, class, group[:len(group)/2])
		return s.sealGroup(at, batch, class, group[len(group)/2:])
	}
	if err != nil {
		fail(group, err)
		return batch
	}
	r := row{
		first: at.next, last: at.next + uint64(len(group)) - 1, at: group[0].recorded,
		prev: at.prev, hash: sha256.Sum256(sealed), class: class, sealed: sealed,
	}
	at.next, at.prev, at.accepted = r.last+1, r.hash, at.accepted+r.count()
	return append(batch, &job{row: &r, group: group})
}

// sealRecords seals a group at its place in the chain.
func (s *Store) sealRecords(at *link, group []request) ([]byte, error) {
	records := make([]wire.Prepared, len(group))
	for i := range group {
		records[i] = group[i].record
	}
	plain, err := wire.AppendJoin(s.plain[:0], records, wire.Sequence(at.next), at.prev)
	if err == nil {
		s.plain = plain // for the next envelope
	} else {
		return nil, fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	sealed, err := s.opt.Seal(plain)
	if err != nil {
		return nil, fmt.Errorf("seal a record: %w", err)
	}
	return sealed, nil
}

// settle waits until the writer has done everything before.
func (s *Store) settle() {
	done := make(chan struct{})
	s.jobs <- []*job{{done: done}}
	<-done
}

// resync waits until the writer is idle, takes its place in the chain, and
// returns what could not be stored because of what failed before it.
func (s *Store) resync(at *link) []request {
	s.settle()
	s.state.Lock()
	defer s.state.Unlock()
	*at = linkOf(&s.head)
	again := s.returned
	s.returned = nil
	s.broken.Store(false)
	return again
}

// answer tells the one who handed the record in.
func (r *request) answer(a reply) {
	if r.done != nil {
		r.done(a.err)
		return
	}
	r.reply <- a
}

func fail(group []request, err error) {
	for i := range group {
		group[i].answer(reply{err: err})
	}
}
