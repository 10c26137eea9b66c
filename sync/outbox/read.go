package outbox

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// What State calls a record.
const (
	Accepted  = "accepted"  // on disk here
	Sent      = "sent"      // the broker took it
	Delivered = "delivered" // the hub said that it has it
	Discarded = "discarded" // it will never be delivered; a signed record says so
)

// Record is a sealed envelope: the records Sequence to Last.
type Record struct {
	Sequence, Last uint64
	Sealed         []byte
}

// Len returns how many records the envelope holds.
func (r *Record) Len() int { return int(r.Last - r.Sequence + 1) }

// Pending returns envelopes that are not delivered, in order, from the first
// whose sequence is above after: at least one when there is any, then as long
// as records and bytes stay within max and maxBytes. An envelope whose bytes
// changed on the disk is skipped, set aside and named in a signed record.
func (s *Store) Pending(after uint64, max, maxBytes int) ([]Record, error) {
	var out []Record
	var bad [][]byte
	s.lending.RLock()
	err := s.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketEnvelopes).Cursor()
		count, size := 0, 0
		for k, v := c.Seek(key(after + 1)); k != nil; k, v = c.Next() {
			r, ok := parseRow(k, v)
			if !ok {
				bad = append(bad, bytes.Clone(k))
				continue
			}
			count += int(r.last - r.first + 1)
			size += len(r.sealed)
			if len(out) > 0 && (count > max || size > maxBytes) {
				return nil
			}
			out = append(out, Record{Sequence: r.first, Last: r.last, Sealed: bytes.Clone(r.sealed)})
		}
		return nil
	})
	if err != nil {
		s.lending.RUnlock()
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	s.lend(out)
	s.lending.RUnlock()
	if len(bad) > 0 && !s.opt.ReadOnly {
		if err := s.setAside(bad); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// maxLent is how many ranges of what was handed out are remembered apart.
const maxLent = 64

// lend notes what was handed out: the hub may have it from now on.
func (s *Store) lend(records []Record) {
	if s.opt.ReadOnly || len(records) == 0 {
		return
	}
	s.state.Lock()
	defer s.state.Unlock()
	lent := s.lent
	for _, r := range records {
		span := wire.Range{First: r.Sequence, Last: r.Last}
		if !lent.Contains(span) {
			lent = append(wire.Set(nil), lent...).Add(span)
		}
	}
	if len(lent) > maxLent { // too many to tell apart: what lies between counts as handed out
		lent = append(wire.Set{{First: lent[0].First, Last: lent[len(lent)-maxLent].Last}}, lent[len(lent)-maxLent+1:]...)
	}
	s.lent = lent
}

// Kept returns which of the sequences are still here and can be sent again.
func (s *Store) Kept(ranges []wire.Range) (wire.Set, error) {
	var kept wire.Set
	err := s.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketEnvelopes).Cursor()
		for _, want := range ranges {
			c.Seek(key(want.First + 1))
			k, v := c.Prev() // it may begin in an envelope
			if k == nil {
				k, v = c.First()
			}
			for ; k != nil; k, v = c.Next() {
				r, ok := glance(k, v)
				if ok && r.first > want.Last {
					break
				}
				if ok && r.last >= want.First {
					kept = kept.Add(wire.Range{First: max(r.first, want.First), Last: min(r.last, want.Last)})
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	return kept, nil
}

// Stat is what the queue holds.
type Stat struct {
	Accepted  uint64    `json:"accepted"`   // records ever kept in this file
	Sent      uint64    `json:"sent"`       // of these, records that the broker took
	Delivered uint64    `json:"delivered"`  // of these, records that the hub has
	Discarded uint64    `json:"discarded"`  // of these, records that will never be delivered: a signed record names them
	Merged    uint64    `json:"merged"`     // counts, beside these, that only exist as part of a sum
	Sums      int       `json:"sums"`       // sums of counts that wait for room
	Pending   uint64    `json:"pending"`    // of these, records that wait for the hub
	Waiting   Waiting   `json:"byPriority"` // what is pending, by priority
	Oldest    time.Time `json:"oldest"`     // when the oldest undelivered record was accepted; zero without one
	Bytes     int64     `json:"bytes"`      // sealed bytes that are not delivered
	FileBytes int64     `json:"fileBytes"`  // size of the file
	MaxBytes  int64     `json:"maxBytes"`   // size the file never exceeds
	Used      int64     `json:"used"`       // bytes of the file in use
	Limit     int64     `json:"limit"`      // Used at which records are refused
	Last      uint64    `json:"last"`       // highest sequence used
	Chain     string    `json:"chain"`      // SHA-256 of the last sealed envelope
	Checked   uint64    `json:"checked"`    // sequence of the last signed checkpoint
	Clock     string    `json:"clock"`      // "synced", or "unsynced" while its time is not to be trusted
}

// Waiting is how many records of each priority are pending.
type Waiting struct {
	Identity uint64 `json:"identity"`
	Passage  uint64 `json:"passage"`
	Count    uint64 `json:"count"`
	Photo    uint64 `json:"photo"`
	Audit    uint64 `json:"audit"` // the outbox's own
}

// Stat returns what the queue holds.
func (s *Store) Stat() (Stat, error) {
	s.state.Lock()
	h, live := s.head, s.live
	s.state.Unlock()
	st := Stat{
		Used:     max(live, h.Bytes),
		Accepted: h.Accepted, Sent: h.Sent, Delivered: h.Accepted - min(h.Accepted, h.Pending+h.Discarded),
		Pending: h.Pending, Discarded: h.Discarded, Merged: h.Merged, Checked: h.Check.Sequence, Clock: "synced",
		Waiting: Waiting{Identity: h.Waiting[Identity], Passage: h.Waiting[Passage], Count: h.Waiting[Count], Photo: h.Waiting[Photo], Audit: h.Waiting[own]},
		Bytes:   h.Bytes, MaxBytes: s.opt.MaxBytes, Last: h.Next - 1, Chain: h.Hash.String(),
	}
	if h.Clock.Unsynced {
		st.Clock = wire.ClockUnsynced
	}
	err := s.view(func(tx *bolt.Tx) error {
		st.FileBytes = tx.Size()
		st.Sums = tx.Bucket(bucketTally).Stats().KeyN
		st.Limit = s.limit()
		if k, v := tx.Bucket(bucketEnvelopes).Cursor().First(); k != nil && len(v) > rowHeader {
			st.Oldest = time.Unix(0, int64(binary.BigEndian.Uint64(v[9:]))).UTC()
		}
		return nil
	})
	if err != nil {
		return Stat{}, fmt.Errorf("read the outbox: %w", err)
	}
	return st, nil
}

// State returns how far a record has come, "" for a sequence never used.
func (s *Store) State(seq uint64) string {
	s.state.Lock()
	h := s.head
	s.state.Unlock()
	if seq == 0 || seq >= h.Next {
		return ""
	}
	here, gone := false, false
	err := s.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketEnvelopes).Cursor()
		k, v := c.Seek(key(seq))
		if k == nil || !bytes.Equal(k, key(seq)) {
			k, v = c.Prev()
		}
		here = k != nil && len(v) > rowHeader && binary.BigEndian.Uint64(k) <= seq && seq <= binary.BigEndian.Uint64(v[1:])
		gone = !here && goneFrom(tx).Contains(wire.Range{First: seq, Last: seq})
		return nil
	})
	switch {
	case err != nil:
		return ""
	case gone:
		return Discarded
	case !here:
		return Delivered
	case seq <= h.SentTo:
		return Sent
	}
	return Accepted
}

// Entry is an envelope in the queue, without its content.
type Entry struct {
	First    uint64    `json:"first"`
	Last     uint64    `json:"last"`
	Accepted time.Time `json:"accepted"`
	Bytes    int       `json:"bytes"`
	Priority string    `json:"priority"`
	State    string    `json:"state"`
	Hash     string    `json:"hash"`
}

// List returns at most max envelopes that are not delivered, from the first
// whose sequence is above after.
func (s *Store) List(after uint64, max int) ([]Entry, error) {
	s.state.Lock()
	sentTo := s.head.SentTo
	s.state.Unlock()
	var out []Entry
	err := s.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketEnvelopes).Cursor()
		for k, v := c.Seek(key(after + 1)); k != nil && len(out) < max; k, v = c.Next() {
			r, ok := parseRow(k, v)
			e := Entry{First: r.first, Last: r.last, Accepted: r.at.UTC(), Bytes: len(r.sealed), Priority: r.class.String(), State: Accepted, Hash: r.hash.String()}
			switch {
			case !ok:
				e.State = "damaged"
			case r.last <= sentTo:
				e.State = Sent
			}
			out = append(out, e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	return out, nil
}

// Verify goes through the queue and returns ErrChain at the first envelope
// whose bytes changed or that does not hang on the one before. A chain may begin
// anew (prevhash of zeros) after a damaged file; its first record says so.
func (s *Store) Verify(ctx context.Context) error {
	after := uint64(0)
	var last *row
	for {
		n := 0
		err := s.view(func(tx *bolt.Tx) error {
			c := tx.Bucket(bucketEnvelopes).Cursor()
			for k, v := c.Seek(key(after + 1)); k != nil && n < 500; k, v = c.Next() {
				r, ok := parseRow(k, v)
				if !ok {
					return fmt.Errorf("envelope %d: %w: its bytes changed", binary.BigEndian.Uint64(k), ErrChain)
				}
				if last != nil && last.last+1 == r.first && last.hash != r.prev && r.prev != (wire.Hash{}) {
					return fmt.Errorf("envelope %d: %w: it does not name the one before", r.first, ErrChain)
				}
				r.sealed = nil
				last, after = &r, r.first
				n++
			}
			return nil
		})
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("verify the outbox: %w", err)
		}
		if n == 0 {
			break
		}
	}
	s.state.Lock()
	h := s.head
	s.state.Unlock()
	if last != nil && last.last+1 == h.Next && last.hash != h.Hash {
		return fmt.Errorf("verify the outbox: envelope %d: %w: it is not the chain's end", last.first, ErrChain)
	}
	return nil
}
