package outbox

import (
	"bytes"
	"errors"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// Where records of a priority are refused, in hundredths of the limit. What is
// between a mark and the limit is kept for those above.
var marks = [...]int64{Photo: 90, Count: 95, Passage: 98, Identity: 100, own: 100}

// reliefTo is where relief stops, so that it does not begin again at once.
const reliefTo = 85

// mergeFrom is how many new counts make another merging worth while.
const mergeFrom = 16

// limit is where records are refused.
func (s *Store) limit() int64 { return s.full }

// reserved is what acknowledgements and the outbox's own records may need
// beyond the limit: pages are copied before they are freed.
func (s *Store) reserved() int64 { return max(192<<10, s.opt.MaxBytes/32) }

// limitOf is where records of a priority are refused.
func (s *Store) limitOf(p Priority) int64 { return s.limit() / 100 * marks[p] }

// room returns a FullError unless n more bytes fit for the priority.
func (s *Store) room(h *head, p Priority, n int64) error {
	if p == own {
		return nil // few and small; bbolt's own limit stands
	}
	limit := s.limitOf(p)
	if used := max(s.live, h.Bytes); used+n+4096 > limit {
		return &FullError{Reason: FullQuota, Priority: p, Used: used, Limit: limit}
	}
	return nil
}

// relieve makes room for n bytes of a priority, one step at a time: photographs
// go, then counts are merged, then passages go for an identity. It reports
// whether it freed anything.
func (s *Store) relieve(p Priority, n int64) bool {
	s.state.Lock()
	h, live := s.head, max(s.live, s.head.Bytes)
	s.state.Unlock()
	want := live + n - min(s.limit()/100*reliefTo, s.limitOf(p))
	var freed bool
	var err error
	switch {
	case h.Waiting[Photo] > 0:
		freed, err = s.discard(Photo, want)
	case p > Photo && p <= Identity && s.mergeable(h.Waiting[Count]):
		freed, err = s.merge()
	}
	if err == nil && !freed && p == Identity && h.Waiting[Passage] > 0 {
		freed, err = s.discard(Passage, max(n, s.limit()/100))
	}
	if err != nil {
		s.opt.Log.Error("the outbox cannot make room", "err", err)
	}
	return freed
}

// mergeable reports whether merging may help: not again for the same counts.
func (s *Store) mergeable(counts uint64) bool { return counts > 1 && counts != s.merged }

// relieveEarly keeps what is above the marks free for those that need it.
func (s *Store) relieveEarly() {
	s.state.Lock()
	h, live := s.head, max(s.live, s.head.Bytes)
	s.state.Unlock()
	switch limit := s.limit() / 100; {
	case live > limit*marks[Photo] && h.Waiting[Photo] > 0:
		s.relieve(Photo, 0)
	case live > limit*marks[Count] && h.Waiting[Count] >= s.merged+mergeFrom:
		s.relieve(Count, 0)
	}
}

// discard takes the oldest envelopes of a priority out of the queue until want
// bytes are free, and owes a signed record that names them.
func (s *Store) discard(p Priority, want int64) (bool, error) {
	var gone wire.Set
	err := s.updateToFree(func(tx *bolt.Tx, h *head) error {
		gone = nil
		left := want
		for _, r := range rowsOf(tx, p, maxFree) {
			if left <= 0 && len(gone) > 0 {
				break
			}
			left -= int64(len(r.sealed) + rowHeader)
			gone = gone.Add(wire.Range{First: r.first, Last: r.last})
			if err := h.remove(tx, &r); err != nil {
				return err
			}
		}
		if len(gone) == 0 {
			return errNothing
		}
		h.Discarded += gone.Count()
		return owe(tx, wire.ReasonQuota, p.String()+" records made room", gone)
	})
	if errors.Is(err, errNothing) {
		return false, nil
	}
	if err == nil {
		s.owed()
		s.opt.Log.Warn("the outbox nears its limit; records are discarded", "priority", p.String(), "records", gone.Count(), "seq", gone[0].First)
	}
	return err == nil, err
}

// merge takes counts that were never handed out out of the queue and adds them
// to the sums. What the hub may have already is not added a second time.
func (s *Store) merge() (bool, error) {
	s.lending.Lock()
	defer s.lending.Unlock()
	s.state.Lock()
	lent := s.lent
	s.state.Unlock()
	var gone wire.Set
	err := s.updateToFree(func(tx *bolt.Tx, h *head) error {
		gone = nil
		var counts []*count
		for _, r := range rowsOf(tx, Count, maxFree) {
			var clear []*count
			v := tx.Bucket(bucketClasses).Get(classKey(Count, r.first))
			span := wire.Range{First: r.first, Last: r.last}
			if guarded(v, &clear) != nil || uint64(len(clear)) != r.count() || lent.Overlaps(span) {
				continue
			}
			counts = append(counts, clear...)
			gone = gone.Add(span)
			if err := h.remove(tx, &r); err != nil {
				return err
			}
		}
		if len(counts) < 2 {
			return errNothing
		}
		h.Discarded += gone.Count()
		if err := tally(tx, counts); err != nil {
			return err
		}
		return owe(tx, wire.ReasonQuota, "counts merged into a later one", gone)
	})
	s.merged = s.head.Waiting[Count] // only this goroutine writes the head
	if errors.Is(err, errNothing) {
		return false, nil
	}
	if err == nil {
		s.tallied.Store(true)
		s.owed()
		s.opt.Log.Warn("the outbox nears its limit; counts are merged", "records", gone.Count(), "seq", gone[0].First)
	}
	return err == nil, err
}

// sum adds a group of counts that has no room to the sums, on disk, and answers
// those who handed them in.
func (s *Store) sum(j *job, why error) {
	var counts []*count
	for _, r := range j.group {
		if r.count != nil {
			counts = append(counts, r.count)
		}
	}
	err := error(nil)
	if len(counts) > 0 {
		err = s.updateToFree(func(tx *bolt.Tx, h *head) error {
			for i := range j.group {
				r := &j.group[i]
				if r.count == nil {
					continue
				}
				h.Merged++
				if r.named {
					if err := name(tx, prefixSummed, h.Merged, r.id); err != nil {
						return err
					}
				}
			}
			return tally(tx, counts)
		})
		s.tallied.Store(err == nil)
	}
	for _, r := range j.group {
		switch {
		case r.count == nil || r.done != nil:
			r.answer(reply{err: why})
		case err != nil:
			r.answer(reply{err: err})
		default:
			r.answer(reply{receipt: Receipt{ID: r.id, Merged: true}})
		}
	}
}

// rowsOf returns at most limit envelopes of a priority below Identity, oldest
// first. They alias the transaction's pages.
func rowsOf(tx *bolt.Tx, p Priority, limit int) []row {
	var rows []row
	b, c := tx.Bucket(bucketEnvelopes), tx.Bucket(bucketClasses).Cursor()
	prefix := []byte{byte(p)}
	for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix) && len(k) == 9 && len(rows) < limit; k, _ = c.Next() {
		if r, ok := glance(k[1:], b.Get(k[1:])); ok {
			rows = append(rows, r)
		}
	}
	return rows
}
