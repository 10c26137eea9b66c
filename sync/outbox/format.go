package outbox

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// The file. "envelopes": first sequence (8 bytes, big endian) to a row.
// "classes": priority (1 byte) and first sequence of every envelope below
// Identity, to the counts that it holds in clear (JSON), for merging. "owed":
// reason to the sequences that are gone and not yet named in a signed record.
// "tally": what counts were merged into until there is room to seal the sum.
// "damaged" keeps rows whose bytes changed. "meta": "head", "gone".
var (
	bucketEnvelopes = []byte("envelopes")
	bucketClasses   = []byte("classes")
	bucketOwed      = []byte("owed")
	bucketTally     = []byte("tally")
	bucketMeta      = []byte("meta")
	bucketDamaged   = []byte("damaged")
	keyHead         = []byte("head")
	keyGone         = []byte("gone")
)

var buckets = [][]byte{bucketEnvelopes, bucketClasses, bucketOwed, bucketTally, bucketMeta, bucketDamaged}

// A row: version, last sequence, time of recording (Unix ns), the hash of the
// envelope before, the hash of this one, the priority, a sum over the key and
// all that, the sealed envelope.
const (
	rowVersion = 2
	rowSum     = 1 + 8 + 8 + 32 + 32 + 1
	rowHeader  = rowSum + 4
)

// castagnoli sums what no hash covers.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// sumOf is the sum over a row's key and the head before it.
func sumOf(k, v []byte) uint32 {
	return crc32.Update(crc32.Checksum(k, castagnoli), castagnoli, v[:rowSum])
}

// guard puts a sum before a small value, so that a changed bit in it is noticed.
func guard(v []byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(v)), crc32.Checksum(v, castagnoli)), v...)
}

// errChanged is a small value that is not what was written.
var errChanged = errors.New("its bytes changed")

// guarded reads a small value into v.
func guarded(b []byte, v any) error {
	if len(b) < 4 || binary.BigEndian.Uint32(b) != crc32.Checksum(b[4:], castagnoli) {
		return errChanged
	}
	return json.Unmarshal(b[4:], v)
}

// row is an envelope as the file holds it.
type row struct {
	first, last uint64
	at          time.Time
	prev, hash  wire.Hash
	class       Priority
	sealed      []byte
}

func key(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func classKey(p Priority, seq uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{byte(p)}, seq)
}

// count returns how many records the envelope holds.
func (r *row) count() uint64 { return r.last - r.first + 1 }

func (r *row) marshal() []byte {
	b := make([]byte, 0, rowHeader+len(r.sealed))
	b = append(b, rowVersion)
	b = binary.BigEndian.AppendUint64(b, r.last)
	b = binary.BigEndian.AppendUint64(b, uint64(r.at.UnixNano()))
	b = append(b, r.prev[:]...)
	b = append(b, r.hash[:]...)
	b = append(b, byte(r.class))
	b = binary.BigEndian.AppendUint32(b, sumOf(key(r.first), b))
	return append(b, r.sealed...)
}

// glance reads a row without looking at its sealed bytes.
func glance(k, v []byte) (row, bool) {
	if len(k) != 8 || len(v) <= rowHeader || v[0] != rowVersion {
		return row{}, false
	}
	r := row{
		first:  binary.BigEndian.Uint64(k),
		last:   binary.BigEndian.Uint64(v[1:]),
		at:     time.Unix(0, int64(binary.BigEndian.Uint64(v[9:]))),
		class:  Priority(v[rowSum-1]),
		sealed: v[rowHeader:],
	}
	copy(r.prev[:], v[17:])
	copy(r.hash[:], v[49:])
	ok := r.first > 0 && r.last >= r.first && r.last-r.first < wire.MaxEvents &&
		r.last <= wire.MaxSequence && r.class > ByType && r.class <= own &&
		binary.BigEndian.Uint32(v[rowSum:]) == sumOf(k, v)
	return r, ok
}

// parseRow reads a row; the sealed bytes alias v. It reports false when the
// row is not what was written: its hash covers the sealed bytes, and the
// sequences must fit the key.
func parseRow(k, v []byte) (row, bool) {
	r, ok := glance(k, v)
	return r, ok && sha256.Sum256(r.sealed) == r.hash
}

// head is what the outbox knows beside its envelopes.
type head struct {
	Source      string     `json:"source"`      // whose records these are: fixed when the file is made
	Next        uint64     `json:"next"`        // sequence of the next record
	Hash        wire.Hash  `json:"hash"`        // of the last envelope; zeros at a chain's start
	Accepted    uint64     `json:"accepted"`    // records ever put into this file
	Sent        uint64     `json:"sent"`        // of these, records that the broker took at least once
	Pending     uint64     `json:"pending"`     // of these, records that are neither delivered nor discarded
	Discarded   uint64     `json:"discarded"`   // of these, records that will never be delivered
	Merged      uint64     `json:"merged"`      // counts that never had a number, because a sum took them
	Bytes       int64      `json:"bytes"`       // sealed bytes in the file
	SentTo      uint64     `json:"sentTo"`      // highest sequence that the broker took
	Lent        wire.Set   `json:"lent"`        // what was handed out to be sent
	DeliveredTo uint64     `json:"deliveredTo"` // highest sequence that the hub has acknowledged
	Waiting     [6]uint64  `json:"waiting"`     // pending records by priority
	Check       checkpoint `json:"check"`
	Clock       reference  `json:"clock"`
}

// checkpoint is where the last signed checkpoint was made.
type checkpoint struct {
	Sequence  uint64           `json:"sequence"` // highest when it was made
	BootID    string           `json:"bootid"`
	Monotonic wire.Nanoseconds `json:"monotonic"`
}

func (h *head) load(tx *bolt.Tx) error {
	b := tx.Bucket(bucketMeta)
	for _, name := range buckets {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("no outbox in this file")
		}
	}
	if err := guarded(b.Get(keyHead), h); err != nil || h.Next == 0 || h.Next > wire.MaxSequence {
		return fmt.Errorf("the head is unreadable")
	}
	for _, c := range []struct {
		bucket []byte
		value  func() any
	}{{bucketOwed, func() any { return new(debt) }}, {bucketTally, func() any { return new(count) }}} {
		err := tx.Bucket(c.bucket).ForEach(func(_, v []byte) error { return guarded(v, c.value()) })
		if err != nil {
			return fmt.Errorf("%s: %w", c.bucket, err)
		}
	}
	return nil
}

// save writes the head and returns its bytes.
func (h *head) save(tx *bolt.Tx) ([]byte, error) {
	v, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	v = guard(v)
	return v, tx.Bucket(bucketMeta).Put(keyHead, v)
}

// put stores an envelope; counts is what it counts in clear, for Count only.
func (h *head) put(tx *bolt.Tx, r *row, counts []byte) error {
	b := tx.Bucket(bucketEnvelopes)
	b.FillPercent = 0.95 // keys only ever grow
	if err := b.Put(key(r.first), r.marshal()); err != nil {
		return err
	}
	if r.class < Identity {
		if err := tx.Bucket(bucketClasses).Put(classKey(r.class, r.first), counts); err != nil {
			return err
		}
	}
	h.Accepted += r.count()
	h.Pending += r.count()
	h.Waiting[r.class] += r.count()
	h.Bytes += int64(len(r.sealed))
	return nil
}

// remove takes an envelope out of the queue, delivered or discarded.
func (h *head) remove(tx *bolt.Tx, r *row) error {
	h.Pending -= min(h.Pending, r.count())
	h.Waiting[r.class] -= min(h.Waiting[r.class], r.count())
	h.Bytes -= min(h.Bytes, int64(len(r.sealed)))
	if r.class < Identity {
		if err := tx.Bucket(bucketClasses).Delete(classKey(r.class, r.first)); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketEnvelopes).Delete(key(r.first))
}
