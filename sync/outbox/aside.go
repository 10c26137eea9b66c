package outbox

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// setAside moves damaged rows out of the queue; a signed record names them.
// Nothing in them is believed, the key neither.
func (s *Store) setAside(keys [][]byte) error {
	var lost wire.Set
	err := s.change(func(tx *bolt.Tx, h *head) error {
		queue, aside := tx.Bucket(bucketEnvelopes), tx.Bucket(bucketDamaged)
		moved := 0
		for _, k := range keys {
			v := queue.Get(k)
			if v == nil {
				continue // another reader found it too
			}
			if err := aside.Put(bytes.Clone(k), bytes.Clone(v)); err != nil {
				return err
			}
			if err := queue.Delete(k); err != nil {
				return err
			}
			moved++
		}
		if moved == 0 {
			return errNothing
		}
		present, err := h.recount(tx)
		if err != nil {
			return err
		}
		lost = holes(present, keys, h.Next)
		return owe(tx, wire.ReasonDamaged, "their bytes changed on the disk", lost)
	})
	if errors.Is(err, errNothing) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("set damaged envelopes aside: %w", err)
	}
	s.owed()
	s.opt.Log.Error("envelopes in the outbox changed on the disk; they are set aside", "envelopes", len(keys), "records", lost.Count())
	return nil
}

// recount counts what is in the queue, drops what the index says of rows that
// are gone, and returns the sequences that are here.
func (h *head) recount(tx *bolt.Tx) (wire.Set, error) {
	var present wire.Set
	before := h.Pending
	h.Pending, h.Bytes, h.Waiting = 0, 0, [6]uint64{}
	queue := tx.Bucket(bucketEnvelopes)
	c := queue.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		r, ok := glance(k, v)
		if !ok {
			continue // the next reader finds it
		}
		present = present.Add(wire.Range{First: r.first, Last: r.last})
		h.Pending += r.count()
		h.Waiting[r.class] += r.count()
		h.Bytes += int64(len(r.sealed))
	}
	h.Discarded += before - min(before, h.Pending)
	var stale [][]byte
	c = tx.Bucket(bucketClasses).Cursor()
	for k, _ := c.First(); k != nil; k, _ = c.Next() {
		if len(k) != 9 || queue.Get(k[1:]) == nil {
			stale = append(stale, bytes.Clone(k))
		}
	}
	for _, k := range stale {
		if err := tx.Bucket(bucketClasses).Delete(k); err != nil {
			return nil, err
		}
	}
	return present, nil
}

// holes returns the sequences that the damaged rows may have held: what is not
// here around their keys, or, where a key cannot be true, all that is not
// here. Some of it may be delivered; the hub knows.
func holes(present wire.Set, keys [][]byte, next uint64) wire.Set {
	missing := append(wire.Set(nil), present...).Add(wire.Range{First: next, Last: next}).Missing()
	var lost wire.Set
	for _, k := range keys {
		seq := uint64(0)
		if len(k) == 8 {
			seq = binary.BigEndian.Uint64(k)
		}
		found := false
		for _, gap := range missing {
			if gap.First <= seq && seq <= gap.Last {
				from := gap.First
				if seq-from >= wire.MaxEvents {
					from = seq - wire.MaxEvents + 1
				}
				lost = lost.Add(wire.Range{First: from, Last: min(gap.Last, seq+wire.MaxEvents-1)})
				found = true
			}
		}
		if !found {
			return missing
		}
	}
	return lost
}
