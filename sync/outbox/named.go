package outbox

import (
	"bytes"
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// keepNames is for how many sequences the id of a record is remembered, delivered
// or not. Who asks is somebody who was interrupted between accepting and writing
// down that it was done: those are the last few.
const keepNames = 256

// What begins the keys, in the bucket of single values, under which ids lie: of
// records by sequence, of counts that only a sum holds by how many those were.
var (
	prefixName   = []byte("name")
	prefixSummed = []byte("summed")
)

// name remembers an id under a number that grows, and forgets those of long ago.
func name(tx *bolt.Tx, prefix []byte, n uint64, id string) error {
	b := tx.Bucket(bucketMeta)
	var old [][]byte
	eachName(b, prefix, func(k []byte, at uint64, _ []byte) bool {
		if at+keepNames > n {
			return false
		}
		old = append(old, bytes.Clone(k))
		return true
	})
	for _, k := range old {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return b.Put(append(bytes.Clone(prefix), key(n)...), []byte(id))
}

// eachName calls each with the ids under a prefix, the oldest first, until it
// returns false.
func eachName(b *bolt.Bucket, prefix []byte, each func(k []byte, n uint64, id []byte) bool) {
	c := b.Cursor()
	for k, v := c.Seek(prefix); len(k) == len(prefix)+8 && bytes.HasPrefix(k, prefix); k, v = c.Next() {
		if !each(k, binary.BigEndian.Uint64(k[len(prefix):]), v) {
			return
		}
	}
}

// Find returns the receipt of a record that was accepted under an id that its
// maker gave it, when it is among the last 256, or among as many counts that only
// a sum holds. After a damaged file was replaced nothing is found.
func (s *Store) Find(id string) (Receipt, bool, error) {
	r := Receipt{ID: id}
	found := false
	err := s.view(func(tx *bolt.Tx) error {
		b := tx.Bucket(bucketMeta)
		eachName(b, prefixSummed, func(_ []byte, _ uint64, v []byte) bool {
			if string(v) == id {
				r.Merged, found = true, true
			}
			return true
		})
		eachName(b, prefixName, func(_ []byte, n uint64, v []byte) bool {
			if string(v) == id {
				r.Sequence, r.Merged, found = n, false, true
			}
			return true
		})
		return nil
	})
	if err != nil {
		return Receipt{}, false, fmt.Errorf("look for a record: %w", err)
	}
	return r, found, nil
}
