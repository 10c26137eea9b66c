package outbox

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// job is one thing for the writer: an envelope with its callers, or, without
// one, a sign that the sealer wants to know that everything before is settled.
type job struct {
	row   *row
	group []request
	done  chan error
}

// change is an alteration of the file that somebody waits for.
type change struct {
	apply func(tx *bolt.Tx, h *head) error
	done  chan error
}

// runWriter is the one goroutine that writes to the file. It ends when the
// sealer has, after everything before it.
func (s *Store) runWriter() {
	defer s.workers.Done()
	for {
		select {
		case j, ok := <-s.jobs:
			if !ok {
				return
			}
			s.writeAll(j)
		case c := <-s.changes:
			c.done <- s.update(c.apply)
			s.compactIfWorthIt()
		case done := <-s.compacts:
			done <- s.compact()
		}
	}
}

// writeAll stores an envelope and those that are sealed already behind it with
// one fsync, and releases their callers.
func (s *Store) writeAll(first *job) {
	jobs := []*job{first}
	for more := true; more; {
		select {
		case j, ok := <-s.jobs:
			if !ok {
				more = false
				break
			}
			jobs = append(jobs, j)
		default:
			more = false
		}
	}
	envelopes := jobs[:0:0]
	for _, j := range jobs {
		if j.row != nil {
			envelopes = append(envelopes, j)
		}
	}
	if len(envelopes) > 0 {
		s.commit(envelopes)
	}
	for _, j := range jobs {
		if j.done != nil {
			j.done <- nil
		}
	}
}

// commit stores envelopes in one transaction.
func (s *Store) commit(jobs []*job) {
	err := s.update(func(tx *bolt.Tx, h *head) error {
		b := tx.Bucket(bucketEnvelopes)
		b.FillPercent = 0.95 // keys only ever grow
		for _, j := range jobs {
			r := j.row
			if r.first != h.Next || r.prev != h.Hash {
				return errors.New("the record before could not be stored")
			}
			if err := s.room(h, int64(len(r.sealed)), j.urgent()); err != nil {
				return err
			}
			if err := b.Put(key(r.first), r.marshal()); err != nil {
				return err
			}
			n := r.last - r.first + 1
			h.Next, h.Hash = r.last+1, r.hash
			h.Accepted += n
			h.Pending += n
			h.Bytes += int64(len(r.sealed))
		}
		return nil
	})
	if err != nil && len(jobs) > 1 { // one may fit where two do not
		for _, j := range jobs {
			s.commit([]*job{j})
		}
		return
	}
	if err != nil {
		s.broken.Store(true)
		fail(jobs[0].group, fmt.Errorf("store a record: %w", err))
		return
	}
	for _, j := range jobs {
		for i, r := range j.group {
			r.reply <- reply{receipt: Receipt{Sequence: j.row.first + uint64(i), ID: r.id}}
		}
	}
}

// update runs one write transaction on a copy of the head and makes the copy
// the head when it is on disk.
func (s *Store) update(apply func(tx *bolt.Tx, h *head) error) error {
	if s.stopped != nil {
		return s.stopped
	}
	s.state.Lock()
	h := s.head
	s.state.Unlock()
	before := h
	err := s.db.Update(func(tx *bolt.Tx) error {
		if err := apply(tx, &h); err != nil {
			return err
		}
		return h.save(tx)
	})
	if err != nil {
		return full(err)
	}
	var live int64
	if err := s.db.View(func(tx *bolt.Tx) error { live = s.liveBytes(tx.Size()); return nil }); err != nil {
		return err
	}
	s.state.Lock()
	defer s.state.Unlock()
	// MarkSent moves these two without a transaction.
	if h.SentTo == before.SentTo {
		h.SentTo, h.Sent = s.head.SentTo, s.head.Sent+(h.Sent-before.Sent)
	}
	s.head, s.live = h, live
	s.notify()
	return nil
}

// full gives a full disk and a full quota the same name.
func full(err error) error {
	if errors.Is(err, bolterrors.ErrMaxSizeReached) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w (%w)", ErrFull, err)
	}
	return err
}

// liveBytes returns how much of a file of size bytes is in use.
func (s *Store) liveBytes(size int64) int64 {
	st := s.db.Stats()
	return size - int64(st.FreePageN+st.PendingPageN)*int64(s.db.Info().PageSize)
}

// room returns ErrFull unless n more bytes leave the reserve that
// acknowledgements need: pages are copied before they are freed. A record of
// what was discarded may use it too.
func (s *Store) room(h *head, n int64, urgent bool) error {
	limit := s.limit()
	used := s.live + n + 4096
	if urgent {
		return nil // few and small; bbolt's own limit stands
	}
	if used > limit || h.Bytes+n > limit {
		return fmt.Errorf("%w: %d of %d bytes in use", ErrFull, s.live, s.opt.MaxBytes)
	}
	return nil
}

// limit is where records are refused.
func (s *Store) limit() int64 {
	return s.opt.MaxBytes - int64(s.db.AllocSize) - s.reserved()
}

// reserved is what acknowledgements and discards may need beyond the limit.
func (s *Store) reserved() int64 { return max(128<<10, s.opt.MaxBytes/32) }

// urgent reports whether a record of what was discarded is among the job's.
func (j *job) urgent() bool {
	return slices.ContainsFunc(j.group, func(r request) bool { return r.urgent })
}
