package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/sync/boltfile"
	"tram/sync/wire"
)

// The file: "meta" holds the store's id; "devices" maps a name to JSON;
// "envelopes" and "index" hold a bucket for each device, keyed by sequence (8
// bytes, big endian); "rejected" maps a running number to JSON, "rejectedBy"
// device and hash to that number; "commands" maps a running number to JSON,
// "commandsBy" an id to that number, "commandsOpen" holds the numbers of those
// without a reply.
var (
	bucketMeta       = []byte("meta")
	bucketDevices    = []byte("devices")
	bucketEnvelopes  = []byte("envelopes")
	bucketIndex      = []byte("index")
	bucketRejected   = []byte("rejected")
	bucketRejectedBy = []byte("rejectedBy")
	bucketCommands   = []byte("commands")
	bucketCommandsBy = []byte("commandsBy")
	bucketOpen       = []byte("commandsOpen")
)

var allBuckets = [][]byte{
	bucketMeta, bucketDevices, bucketEnvelopes, bucketIndex, bucketRejected, bucketRejectedBy,
	bucketCommands, bucketCommandsBy, bucketOpen,
}

var keyID = []byte("id")

// Bolt is a store in one file, for one process.
type Bolt struct {
	db *bolt.DB
	id string
}

var _ Store = (*Bolt)(nil)

// Open opens or makes the file at path. A damaged file is an error: what it
// holds has been acknowledged and is nowhere else.
func Open(path string) (*Bolt, error) {
	db, err := boltfile.Open(path, boltfile.Options{})
	if err != nil {
		return nil, err
	}
	s := &Bolt{db: db}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range allBuckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		meta := tx.Bucket(bucketMeta)
		if id := meta.Get(keyID); id != nil {
			s.id = string(id)
			return nil
		}
		s.id = rand.Text()[:16]
		return meta.Put(keyID, []byte(s.id))
	})
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("prepare %s: %w", path, err)
	}
	return s, nil
}

// OpenReadOnly opens the file of a hub that does not run.
func OpenReadOnly(path string) (*Bolt, error) {
	db, err := boltfile.Open(path, boltfile.Options{ReadOnly: true})
	if err != nil {
		return nil, err
	}
	s := &Bolt{db: db}
	err = db.View(func(tx *bolt.Tx) error {
		for _, name := range allBuckets {
			if tx.Bucket(name) == nil {
				return fmt.Errorf("%w: it is not a hub's store, or an older hub made it; run the hub once", ErrDamaged)
			}
		}
		s.id = string(tx.Bucket(bucketMeta).Get(keyID))
		return nil
	})
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return s, nil
}

// Close closes the file.
func (s *Bolt) Close() error { return s.db.Close() }

// ID names the store.
func (s *Bolt) ID() string { return s.id }

// Shared is false: the file's lock keeps every other hub away.
func (s *Bolt) Shared() bool { return false }

// Known implements Store.
func (s *Bolt) Known(_ context.Context, items []Item) ([]bool, error) {
	known := make([]bool, len(items))
	err := s.db.View(func(tx *bolt.Tx) error {
		for i := range items {
			it := &items[i]
			r, ok := around(tx.Bucket(bucketEnvelopes).Bucket([]byte(it.Device)), it.First)
			known[i] = ok && r.hash == sha256.Sum256(it.Sealed)
		}
		return nil
	})
	return known, err
}

// Put implements Store with one fsync.
func (s *Bolt) Put(_ context.Context, a Arrivals, now time.Time) (out Outcome, err error) {
	err = s.db.Update(func(tx *bolt.Tx) error {
		states := map[string]*deviceState{}
		for _, name := range a.devices() {
			d, err := loadDevice(tx, name)
			if err != nil {
				return err
			}
			states[name] = &d
		}
		var err error
		if out, err = apply(boltLedger{tx}, states, a, now); err != nil {
			return err
		}
		for name, d := range states {
			if err := tx.Bucket(bucketDevices).Put([]byte(name), encode(d)); err != nil {
				return err
			}
		}
		for i := range a.Answers {
			if err := answer(tx, &a.Answers[i], now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Outcome{}, fmt.Errorf("store %d envelopes: %w", len(a.Items), err)
	}
	return out, nil
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

// boltLedger is a transaction on the file.
type boltLedger struct{ tx *bolt.Tx }

func (l boltLedger) around(device string, seq uint64) (row, bool, error) {
	r, ok := around(l.tx.Bucket(bucketEnvelopes).Bucket([]byte(device)), seq)
	return r, ok, nil
}

func (l boltLedger) keep(it *Item, r row) error {
	envelopes, err := l.tx.Bucket(bucketEnvelopes).CreateBucketIfNotExists([]byte(it.Device))
	if err != nil {
		return err
	}
	envelopes.FillPercent = 0.95 // keys rise
	v := make([]byte, 0, rowHeader+len(it.Sealed))
	v = binary.BigEndian.AppendUint64(v, r.last)
	v = append(append(append(v, r.prev[:]...), r.hash[:]...), it.Sealed...)
	if err := envelopes.Put(key(r.first), v); err != nil {
		return err
	}
	index, err := l.tx.Bucket(bucketIndex).CreateBucketIfNotExists([]byte(it.Device))
	if err != nil {
		return err
	}
	index.FillPercent = 0.95
	for i := range it.Events {
		if err := index.Put(key(uint64(it.Events[i].Sequence)), encode(rowOf(&it.Events[i]))); err != nil {
			return err
		}
	}
	return nil
}

func (l boltLedger) setAside(it *Item, reason string, hash wire.Hash, now time.Time) error {
	return setAside(l.tx, it, reason, hash, now)
}

func (l boltLedger) takeBack(device string, hash wire.Hash) error {
	return takeBack(l.tx, device, hash)
}

func key(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func sequence(k []byte) uint64 { return binary.BigEndian.Uint64(k) }

// An envelope's row: last sequence, hash before, hash, sealed bytes.
const rowHeader = 8 + 32 + 32

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
