package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/sync/boltfile"
	"tram/sync/wire"
)

// Errors that callers tell apart.
var (
	ErrLocked  = boltfile.ErrBusy
	ErrDamaged = boltfile.ErrDamaged
)

// Bounds on what devices may make the hub remember.
const (
	maxGaps     = 10_000   // ranges in one device's set
	maxRejected = 1_000    // envelopes kept aside
	maxAside    = 64 << 20 // bytes of them
)

// The file: "devices" maps a name to JSON; "envelopes" and "index" hold a
// bucket for each device, keyed by sequence (8 bytes, big endian); "rejected"
// maps a running number to JSON, "rejectedBy" device and hash to that number.
var (
	bucketDevices    = []byte("devices")
	bucketEnvelopes  = []byte("envelopes")
	bucketIndex      = []byte("index")
	bucketRejected   = []byte("rejected")
	bucketRejectedBy = []byte("rejectedBy")
)

// Store is the hub's memory. Its methods may be called by several goroutines.
type Store struct {
	db *bolt.DB
}

// Open opens or makes the file at path. A damaged file is an error: what it
// holds has been acknowledged and is nowhere else.
func Open(path string) (*Store, error) {
	db, err := boltfile.Open(path, boltfile.Options{})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketDevices, bucketEnvelopes, bucketIndex, bucketRejected, bucketRejectedBy} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("prepare %s: %w", path, err)
	}
	return &Store{db: db}, nil
}

// OpenReadOnly opens the file of a hub that does not run.
func OpenReadOnly(path string) (*Store, error) {
	db, err := boltfile.Open(path, boltfile.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	err = db.View(func(tx *bolt.Tx) error {
		if tx.Bucket(bucketDevices) == nil || tx.Bucket(bucketIndex) == nil {
			return errors.New("it is not a hub's store")
		}
		return nil
	})
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return &Store{db: db}, nil
}

// Close closes the file.
func (s *Store) Close() error { return s.db.Close() }

// deviceState is what the hub knows of one device.
type deviceState struct {
	Received    wire.Set  `json:"received"`
	Discarded   wire.Set  `json:"discarded,omitempty"` // named in signed records of the device
	Duplicates  uint64    `json:"duplicates,omitempty"`
	ChainBreaks uint64    `json:"chainBreaks,omitempty"`
	FirstSeen   time.Time `json:"firstSeen"`
	LastSeen    time.Time `json:"lastSeen"`
}

// missing returns the gaps that nobody explained.
func (d *deviceState) missing() wire.Set {
	known := append(wire.Set(nil), d.Received...)
	for _, r := range d.Discarded {
		known = known.Add(r)
	}
	return known.Missing()
}

func loadDevice(tx *bolt.Tx, name string) (deviceState, error) {
	var d deviceState
	v := tx.Bucket(bucketDevices).Get([]byte(name))
	if v == nil {
		return d, nil
	}
	if err := json.Unmarshal(v, &d); err != nil {
		return d, fmt.Errorf("what is known of device %s: %w", name, err)
	}
	return d, nil
}

func saveDevice(tx *bolt.Tx, name string, d deviceState) error {
	v, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketDevices).Put([]byte(name), v)
}

func key(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func sequence(k []byte) uint64 { return binary.BigEndian.Uint64(k) }

// An envelope's row: last sequence, hash before, hash, sealed bytes.
const rowHeader = 8 + 32 + 32

type row struct {
	first, last uint64
	prev, hash  wire.Hash
}

func parseRow(k, v []byte) (row, bool) {
	if len(k) != 8 || len(v) < rowHeader {
		return row{}, false
	}
	r := row{first: binary.BigEndian.Uint64(k), last: binary.BigEndian.Uint64(v)}
	copy(r.prev[:], v[8:])
	copy(r.hash[:], v[40:])
	return r, true
}

// around returns the envelope that holds seq.
func around(b *bolt.Bucket, seq uint64) (row, bool) {
	if b == nil {
		return row{}, false
	}
	c := b.Cursor()
	k, v := c.Seek(key(seq))
	if k == nil || !bytes.Equal(k, key(seq)) {
		k, v = c.Prev()
	}
	r, ok := parseRow(k, v)
	return r, ok && r.first <= seq && seq <= r.last
}
