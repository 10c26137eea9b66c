package outbox

import (
	"bytes"
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// maxFree is how many envelopes one transaction deletes.
const maxFree = 2000

// change hands an alteration to the writer and waits for its fsync.
func (s *Store) change(apply func(tx *bolt.Tx, h *head) error) error {
	if s.opt.ReadOnly {
		return ErrReadOnly
	}
	c := change{apply: apply, done: make(chan error, 1)}
	select {
	case s.changes <- c:
		return <-c.done
	case <-s.quit:
		return ErrClosed
	}
}

// MarkSent notes that the broker took every record up to upTo. It is a note
// for people: it frees nothing, and the disk learns it with the next change.
func (s *Store) MarkSent(upTo uint64) error {
	s.state.Lock()
	from, next := s.head.SentTo, s.head.Next
	s.state.Unlock()
	upTo = min(upTo, next-1)
	if upTo <= from {
		return nil
	}
	var n uint64
	err := s.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketEnvelopes).Cursor()
		for k, v := c.Seek(key(from + 1)); k != nil && binary.BigEndian.Uint64(k) <= upTo; k, v = c.Next() {
			if len(v) > rowHeader {
				n += binary.BigEndian.Uint64(v[1:]) - binary.BigEndian.Uint64(k) + 1
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note what was sent: %w", err)
	}
	s.state.Lock()
	defer s.state.Unlock()
	if s.head.SentTo == from {
		s.head.SentTo, s.head.Sent = upTo, s.head.Sent+n
		s.notify()
	}
	return nil
}

// Acknowledge frees what the hub says it has. An ack that claims sequences
// never used here, or another envelope under a sequence than the one kept here,
// is ErrConflict and frees nothing: the hub then speaks of another device with
// this name, or of this device before it lost its state.
func (s *Store) Acknowledge(a wire.Ack) error {
	for {
		n := 0
		err := s.change(func(tx *bolt.Tx, h *head) error {
			if err := fits(tx, h, &a); err != nil {
				return err
			}
			b := tx.Bucket(bucketEnvelopes)
			keys := acknowledged(b, &a, maxFree)
			n = len(keys)
			for _, k := range keys {
				r, ok := glance(k, b.Get(k))
				if !ok {
					return fmt.Errorf("%w: an envelope is unreadable", ErrChain)
				}
				if r.first > h.SentTo {
					h.Sent += r.count()
				}
				h.DeliveredTo = max(h.DeliveredTo, r.last)
				if err := h.remove(tx, &r); err != nil {
					return err
				}
			}
			if n == 0 {
				return errNothing
			}
			return nil
		})
		if err == errNothing { //nolint:errorlint // it is this function's own sign, never wrapped
			return nil
		}
		if err != nil {
			return fmt.Errorf("take the hub's acknowledgement up to %d: %w", a.Highwater, err)
		}
		if n < maxFree {
			return nil
		}
	}
}

// errNothing rolls a transaction back that would change nothing.
var errNothing = fmt.Errorf("nothing to free")

// fits returns ErrConflict when the ack cannot be about this outbox.
func fits(tx *bolt.Tx, h *head, a *wire.Ack) error {
	if a.Highwater >= h.Next {
		return fmt.Errorf("%w: it names %d, the last record here is %d", ErrConflict, a.Highwater, h.Next-1)
	}
	if a.Highwater == 0 || a.Hash == (wire.Hash{}) {
		return nil
	}
	c := tx.Bucket(bucketEnvelopes).Cursor()
	k, v := c.Seek(key(a.Highwater))
	if k == nil || !bytes.Equal(k, key(a.Highwater)) {
		k, v = c.Prev()
	}
	if k == nil {
		return nil
	}
	if r, ok := parseRow(k, v); ok && r.last == a.Highwater && r.hash != a.Hash {
		return fmt.Errorf("%w: another record %d", ErrConflict, a.Highwater)
	}
	return nil
}

// acknowledged returns the keys of at most limit envelopes that the ack covers
// whole.
func acknowledged(b *bolt.Bucket, a *wire.Ack, limit int) [][]byte {
	var keys [][]byte
	c := b.Cursor()
	for k, v := c.First(); k != nil && len(keys) < limit; k, v = c.Next() {
		r, ok := glance(k, v)
		if !ok {
			continue // Pending sets it aside
		}
		if r.first > a.Highwater {
			break
		}
		if a.Has(wire.Range{First: r.first, Last: r.last}) {
			keys = append(keys, bytes.Clone(k))
		}
	}
	return keys
}
