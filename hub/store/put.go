package store

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// Item is an envelope that arrived from a device.
type Item struct {
	Device string
	Sealed []byte
	Events []wire.Event // opened and verified; nil when Refused is set
	// Refused says why the envelope was not opened; First and Last are then
	// what the sender claims.
	Refused     string
	First, Last uint64
}

// What became of an Item.
const (
	Stored    = ""
	Duplicate = "duplicate"
	Conflict  = "conflict" // other records under sequences that are taken
	Gaps      = "gaps"     // more gaps than the hub remembers
)

// Known reports whether exactly these bytes are stored for the device, so that
// they need not be opened again.
func (s *Store) Known(device string, first uint64, sealed []byte) (known bool, err error) {
	hash := wire.Hash(sha256.Sum256(sealed))
	err = s.db.View(func(tx *bolt.Tx) error {
		r, ok := around(tx.Bucket(bucketEnvelopes).Bucket([]byte(device)), first)
		known = ok && r.hash == hash
		return nil
	})
	return known, err
}

// Put stores items with one fsync and says what became of each: Stored,
// Duplicate (counted, stored once), or why it was kept aside.
func (s *Store) Put(items []Item, now time.Time) ([]string, error) {
	results := make([]string, len(items))
	err := s.db.Update(func(tx *bolt.Tx) error {
		devices := map[string]*deviceState{}
		for i := range items {
			it := &items[i]
			d := devices[it.Device]
			if d == nil {
				state, err := loadDevice(tx, it.Device)
				if err != nil {
					return err
				}
				if state.FirstSeen.IsZero() {
					state.FirstSeen = now.UTC()
				}
				state.LastSeen = now.UTC()
				d = &state
				devices[it.Device] = d
			}
			var err error
			if results[i], err = putOne(tx, d, it, now); err != nil {
				return err
			}
		}
		for name, d := range devices {
			if err := saveDevice(tx, name, *d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store %d envelopes: %w", len(items), err)
	}
	return results, nil
}

func putOne(tx *bolt.Tx, d *deviceState, it *Item, now time.Time) (string, error) {
	hash := wire.Hash(sha256.Sum256(it.Sealed))
	if it.Refused == "" && it.Events != nil {
		it.First, it.Last = uint64(it.Events[0].Sequence), uint64(it.Events[len(it.Events)-1].Sequence)
	}
	span := wire.Range{First: it.First, Last: it.Last}
	envelopes, err := tx.Bucket(bucketEnvelopes).CreateBucketIfNotExists([]byte(it.Device))
	if err != nil {
		return "", err
	}
	reason := it.Refused
	if d.Received.Overlaps(span) {
		if r, ok := around(envelopes, it.First); ok && r.hash == hash {
			d.Duplicates += span.Len()
			return Duplicate, nil
		}
		if reason == "" {
			reason = Conflict
		}
	}
	if reason == "" && len(d.Received) >= maxGaps && !d.Received.Overlaps(wire.Range{First: span.First - 1, Last: span.Last + 1}) {
		reason = Gaps
	}
	if reason != "" {
		return reason, setAside(tx, it, reason, hash, now)
	}
	prev := it.Events[0].PrevHash
	d.ChainBreaks += chainBreaks(envelopes, span, prev, hash)
	d.Received = d.Received.Add(span)
	v := make([]byte, 0, rowHeader+len(it.Sealed))
	v = binary.BigEndian.AppendUint64(v, it.Last)
	v = append(append(append(v, prev[:]...), hash[:]...), it.Sealed...)
	if err := envelopes.Put(key(it.First), v); err != nil {
		return "", err
	}
	if err := index(tx, d, it); err != nil {
		return "", err
	}
	return Stored, takeBack(tx, it.Device, hash)
}

// chainBreaks counts how many of the two neighbours of an envelope do not name
// it or are not named by it. A chain may begin anew with a hash of zeros.
func chainBreaks(b *bolt.Bucket, span wire.Range, prev, hash wire.Hash) (n uint64) {
	if before, ok := around(b, span.First-1); ok && before.hash != prev && prev != (wire.Hash{}) {
		n++
	}
	if after, ok := around(b, span.Last+1); ok && after.first == span.Last+1 && after.prev != hash && after.prev != (wire.Hash{}) {
		n++
	}
	return n
}

// indexRow is what the hub can say of a record without opening it.
type indexRow struct {
	ID   string    `json:"id"`
	Type string    `json:"type"`
	Time time.Time `json:"time"`
}

func index(tx *bolt.Tx, d *deviceState, it *Item) error {
	b, err := tx.Bucket(bucketIndex).CreateBucketIfNotExists([]byte(it.Device))
	if err != nil {
		return err
	}
	b.FillPercent = 0.95
	for i := range it.Events {
		e := &it.Events[i]
		v, err := json.Marshal(indexRow{e.ID, e.Type, e.Time})
		if err != nil {
			return err
		}
		if err := b.Put(key(uint64(e.Sequence)), v); err != nil {
			return err
		}
		if e.Type == wire.TypeDiscarded {
			explain(d, e)
		}
	}
	return nil
}

// explain takes the ranges that a device says it will never deliver. It can
// only speak of what lies before its own record.
func explain(d *deviceState, e *wire.Event) {
	said, err := wire.ParseDiscarded(e.Data)
	if err != nil {
		return // stored as it is; the gaps stay missing
	}
	for _, r := range said.Ranges {
		if r.Last < uint64(e.Sequence) {
			d.Discarded = d.Discarded.Add(r)
		}
	}
}
