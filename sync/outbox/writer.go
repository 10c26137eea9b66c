package outbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"syscall"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"tram/sync/boltfile"
)

// job is one thing for the writer: an envelope with its callers, or, without
// one, a sign that the sealer wants to know that everything before is settled.
type job struct {
	row   *row
	group []request
	done  chan struct{}
}

// change is an alteration of the file that somebody waits for.
type change struct {
	apply func(tx *bolt.Tx, h *head) error
	done  chan error
}

// errBroken is an envelope that does not hang on what is stored: what was
// sealed before it could not be. Its records are sealed again.
var errBroken = errors.New("the record before could not be stored")

// runWriter is the one goroutine that writes to the file. It ends when the
// sealer has, after everything before it.
func (s *Store) runWriter() {
	defer s.workers.Done()
	for {
		select {
		case batch, ok := <-s.jobs:
			if !ok {
				s.endCompaction()
				return
			}
			s.writeAll(batch)
		case c := <-s.changes:
			err := s.updateToFree(c.apply)
			if errors.Is(err, errBroken) { // the head was taken from the file anew
				err = s.updateToFree(c.apply)
			}
			c.done <- err
			if err == nil && s.tallied.Load() {
				s.poke() // there may be room for the sums
			}
			s.compactIfWorthIt()
		case done := <-s.compacts:
			s.compactFor(done)
		case copied := <-s.copied:
			s.finishCompaction(copied)
		}
	}
}

// writeAll stores a batch of envelopes and those that are sealed already
// behind it with one fsync, and releases their callers.
func (s *Store) writeAll(jobs []*job) {
	for more := true; more; {
		select {
		case batch, ok := <-s.jobs:
			jobs, more = append(jobs, batch...), ok
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
		s.relieveEarly()
	}
	for _, j := range jobs {
		if j.done != nil {
			close(j.done)
		}
	}
}

// commit stores envelopes in one transaction. Near the limit it makes room
// first; what has no room even so fails alone.
func (s *Store) commit(jobs []*job) {
	err := s.update(func(tx *bolt.Tx, h *head) error { return s.putAll(tx, h, jobs) })
	var fullness *FullError
	quota := errors.As(err, &fullness) && fullness.Reason == FullQuota
	if quota && fullness.Limit == 0 { // bbolt's word: the free space is in too small pieces
		fullness.Priority, fullness.Used, fullness.Limit = jobs[0].row.class, s.live, s.limitOf(jobs[0].row.class)
	}
	switch first := jobs[0]; {
	case err == nil:
		for _, j := range jobs {
			for i := range j.group {
				r := &j.group[i]
				r.answer(reply{receipt: Receipt{Sequence: j.row.first + uint64(i), ID: r.id}})
			}
		}
	case len(jobs) > 1: // one may fit where two do not
		for _, j := range jobs {
			s.commit([]*job{j})
		}
	case errors.Is(err, errBroken):
		s.giveBack(first.group)
	case quota && s.relieve(first.row.class, int64(len(first.row.sealed)+rowHeader)):
		s.commit(jobs)
	case quota && first.row.class == Count:
		s.broken.Store(true)
		s.sum(first, fmt.Errorf("store a record: %w", err))
	default:
		s.broken.Store(true)
		fail(first.group, fmt.Errorf("store a record: %w", err))
	}
}

// putAll puts envelopes into a transaction.
func (s *Store) putAll(tx *bolt.Tx, h *head, jobs []*job) error {
	sum := int64(0)
	for _, j := range jobs {
		r := j.row
		if r.first != h.Next || r.prev != h.Hash {
			return errBroken
		}
		sum += int64(len(r.sealed) + rowHeader)
		if err := s.room(h, r.class, sum); err != nil {
			return err
		}
		var counts []byte
		if r.class == Count {
			counts = clearCounts(j.group)
		}
		if err := h.put(tx, r, counts); err != nil {
			return err
		}
		h.Next, h.Hash = r.last+1, r.hash
		for i := range j.group {
			if j.group[i].named {
				if err := name(tx, prefixName, r.first+uint64(i), j.group[i].id); err != nil {
					return err
				}
			}
			if settle := j.group[i].settle; settle != nil {
				if err := settle(tx, h); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// clearCounts returns what a group counts, nil when it cannot be merged.
func clearCounts(group []request) []byte {
	counts := make([]*count, len(group))
	for i := range group {
		if counts[i] = group[i].count; counts[i] == nil {
			return nil
		}
	}
	b, err := json.Marshal(counts)
	if err != nil {
		return nil
	}
	return guard(b)
}

// giveBack lets the sealer seal records again at another place. The outbox's
// own are made anew.
func (s *Store) giveBack(group []request) {
	again := group[:0:0]
	for i := range group {
		if group[i].done != nil {
			group[i].done(errBroken)
			continue
		}
		again = append(again, group[i])
	}
	s.state.Lock()
	s.returned = append(s.returned, again...)
	s.state.Unlock()
	s.broken.Store(true)
	s.poke()
}

// poke wakes the sealer.
func (s *Store) poke() {
	select {
	case s.wake <- struct{}{}:
	default: // it will wake
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
	h.Lent = append(h.Lent[:0:0], s.lent...)
	s.state.Unlock()
	before := h
	var saved []byte
	err := s.carefully(func(tx *bolt.Tx) error {
		if on := tx.Bucket(bucketMeta).Get(keyHead); s.saved != nil && !bytes.Equal(on, s.saved) {
			return errAhead
		}
		if err := apply(tx, &h); err != nil {
			return err
		}
		var err error
		saved, err = h.save(tx)
		return err
	})
	if errors.Is(err, errAhead) {
		return s.reload()
	}
	if err != nil {
		return full(err)
	}
	s.saved = saved
	live, err := s.measureLive()
	if err != nil {
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

// updateToFree is update for what makes the file emptier. bbolt copies pages
// before it frees them and wants long values in one piece: where the free space
// is in too small pieces the file may grow beyond its quota by drainRoom.
func (s *Store) updateToFree(apply func(tx *bolt.Tx, h *head) error) error {
	err := s.update(apply)
	if !errors.Is(err, bolterrors.ErrMaxSizeReached) {
		return err
	}
	quota := s.db.MaxSize
	defer func() { s.db.MaxSize = quota }()
	size, serr := fileSize(s.path)
	if serr != nil {
		return errors.Join(err, serr)
	}
	s.db.MaxSize = max(quota, int(size)+drainRoom)
	return s.update(apply)
}

// carefully runs a transaction. bbolt panics over a file that is damaged in a
// way that the look at its pages missed: the file is then written no more, and
// set aside at the next start.
func (s *Store) carefully(apply func(tx *bolt.Tx) error) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		s.stopped = fmt.Errorf("write the outbox: %w (%v); it is replaced at the next start", boltfile.ErrDamaged, p)
		s.suspect.Store(true)
		s.opt.Log.Error("the outbox's file is damaged; nothing is accepted until the next start", "err", s.stopped)
		err = s.stopped
		m, merr := readMark(s.path)
		if m.Suspect = true; merr == nil {
			merr = m.write(s.path)
		}
		if merr != nil {
			err = errors.Join(err, merr)
		}
	}()
	return s.db.Update(apply)
}

// errAhead is a file that holds more than its last commit reported: the disk
// said that a commit failed, and it had not.
var errAhead = errors.New("the file is ahead")

// reload takes the head from the file and has the records sealed again.
func (s *Store) reload() error {
	var h head
	var saved []byte
	err := s.db.View(func(tx *bolt.Tx) error {
		saved = bytes.Clone(tx.Bucket(bucketMeta).Get(keyHead))
		return h.load(tx)
	})
	if err != nil {
		s.stopped = fmt.Errorf("read the outbox after a failed write: %w", err)
		return s.stopped
	}
	s.opt.Log.Warn("a write that had failed is on the disk", "seq", h.Next-1)
	s.saved = saved
	s.state.Lock()
	s.head = h
	s.state.Unlock()
	s.broken.Store(true)
	return errBroken
}

// full gives a full disk and a full quota the same name.
func full(err error) error {
	if errors.Is(err, ErrFull) {
		return err
	}
	if errors.Is(err, bolterrors.ErrMaxSizeReached) {
		return &FullError{Reason: FullQuota, err: err}
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return &FullError{Reason: FullDisk, err: err}
	}
	return err
}

// measureLive returns how much of the file is in use.
func (s *Store) measureLive() (live int64, err error) {
	err = s.db.View(func(tx *bolt.Tx) error {
		st := s.db.Stats()
		live = tx.Size() - int64(st.FreePageN+st.PendingPageN)*int64(s.db.Info().PageSize)
		return nil
	})
	return live, err
}
