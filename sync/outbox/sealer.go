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
	next uint64
	prev wire.Hash
}

// runSealer gathers requests, builds and seals envelopes and hands them to the
// writer. It runs one envelope ahead of the disk.
func (s *Store) runSealer(at link) {
	defer s.workers.Done()
	defer close(s.jobs)
	size := 1
	for {
		var first request
		select {
		case first = <-s.requests:
		case <-s.quit:
			s.drain(&at)
			return
		}
		group := s.gather(first, size)
		size = len(group)
		s.sealGroup(&at, group)
	}
}

// drain serves what was handed in before the outbox closed.
func (s *Store) drain(at *link) {
	for {
		select {
		case r := <-s.requests:
			s.sealGroup(at, s.gather(r, 1))
		default:
			return
		}
	}
}

// gather returns the first request and those that wait behind it. While many
// callers are about, as the size of the last group tells, it waits for as many
// again, so that groups do not fall apart; a single caller never waits.
func (s *Store) gather(first request, last int) []request {
	group := []request{first}
	bytes := first.record.Len()
	var linger <-chan time.Time
	for len(group) < wire.MaxEvents && bytes < maxGroupBytes {
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

// sealGroup seals a group as one envelope, or as two when it is too large.
func (s *Store) sealGroup(at *link, group []request) {
	if s.broken.Load() {
		s.resync(at)
	}
	if err := s.reserve(at.next + uint64(len(group)) - 1); err != nil {
		fail(group, full(err))
		return
	}
	sealed, err := s.sealRecords(at, group)
	if err != nil && len(group) > 1 {
		s.sealGroup(at, group[:len(group)/2])
		s.sealGroup(at, group[len(group)/2:])
		return
	}
	if err != nil {
		fail(group, err)
		return
	}
	r := row{
		first: at.next, last: at.next + uint64(len(group)) - 1, at: group[0].recorded,
		prev: at.prev, hash: sha256.Sum256(sealed), sealed: sealed,
	}
	at.next, at.prev = r.last+1, r.hash
	s.jobs <- &job{row: &r, group: group}
}

// sealRecords seals a group at its place in the chain.
func (s *Store) sealRecords(at *link, group []request) ([]byte, error) {
	records := make([]wire.Prepared, len(group))
	for i := range group {
		records[i] = group[i].record
	}
	plain, err := wire.Join(records, wire.Sequence(at.next), at.prev)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTooLarge, err)
	}
	sealed, err := s.opt.Seal(plain)
	if err != nil {
		return nil, fmt.Errorf("seal a record: %w", err)
	}
	return sealed, nil
}

// resync waits until the writer is idle and takes its place in the chain.
func (s *Store) resync(at *link) {
	done := make(chan error, 1)
	s.jobs <- &job{done: done}
	<-done
	s.state.Lock()
	*at = link{s.head.Next, s.head.Hash}
	s.state.Unlock()
	s.broken.Store(false)
}

func fail(group []request, err error) {
	for _, r := range group {
		r.reply <- reply{err: err}
	}
}
