package outbox

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// The file: bucket "envelopes" maps the first sequence (8 bytes, big endian)
// to a row; "meta" maps "head" to JSON; "damaged" keeps rows whose bytes changed.
var (
	bucketEnvelopes = []byte("envelopes")
	bucketMeta      = []byte("meta")
	bucketDamaged   = []byte("damaged")
	keyHead         = []byte("head")
)

// A row: version, last sequence, time of recording (Unix ns), the hash of the
// envelope before, the hash of this one, the sealed envelope.
const (
	rowVersion = 1
	rowHeader  = 1 + 8 + 8 + 32 + 32
)

// row is an envelope as the file holds it.
type row struct {
	first, last uint64
	at          time.Time
	prev, hash  wire.Hash
	sealed      []byte
}

func key(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func (r *row) marshal() []byte {
	b := make([]byte, 0, rowHeader+len(r.sealed))
	b = append(b, rowVersion)
	b = binary.BigEndian.AppendUint64(b, r.last)
	b = binary.BigEndian.AppendUint64(b, uint64(r.at.UnixNano()))
	b = append(b, r.prev[:]...)
	b = append(b, r.hash[:]...)
	return append(b, r.sealed...)
}

// parseRow reads a row; the sealed bytes alias v. It reports false when the
// row is not what was written: its hash covers the sealed bytes, and the
// sequences must fit the key.
func parseRow(k, v []byte) (row, bool) {
	if len(k) != 8 || len(v) <= rowHeader || v[0] != rowVersion {
		return row{}, false
	}
	r := row{
		first:  binary.BigEndian.Uint64(k),
		last:   binary.BigEndian.Uint64(v[1:]),
		at:     time.Unix(0, int64(binary.BigEndian.Uint64(v[9:]))),
		sealed: v[rowHeader:],
	}
	copy(r.prev[:], v[17:])
	copy(r.hash[:], v[49:])
	ok := r.first > 0 && r.last >= r.first && r.last-r.first < wire.MaxEvents &&
		r.last <= wire.MaxSequence && sha256.Sum256(r.sealed) == r.hash
	return r, ok
}

// head is what the outbox knows beside its envelopes.
type head struct {
	Next        uint64    `json:"next"`        // sequence of the next record
	Hash        wire.Hash `json:"hash"`        // of the last envelope; zeros at a chain's start
	Accepted    uint64    `json:"accepted"`    // records ever put into this file
	Sent        uint64    `json:"sent"`        // of these, records that the broker took at least once
	Pending     uint64    `json:"pending"`     // of these, records that are not delivered
	Bytes       int64     `json:"bytes"`       // sealed bytes in the file
	SentTo      uint64    `json:"sentTo"`      // highest sequence that the broker took
	DeliveredTo uint64    `json:"deliveredTo"` // highest sequence that the hub has acknowledged
}

func (h *head) load(tx *bolt.Tx) error {
	b := tx.Bucket(bucketMeta)
	if b == nil || tx.Bucket(bucketEnvelopes) == nil {
		return fmt.Errorf("no outbox in this file")
	}
	if err := json.Unmarshal(b.Get(keyHead), h); err != nil || h.Next == 0 || h.Next > wire.MaxSequence {
		return fmt.Errorf("the head is unreadable")
	}
	return nil
}

func (h *head) save(tx *bolt.Tx) error {
	v, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketMeta).Put(keyHead, v)
}
