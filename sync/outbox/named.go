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

// prefixName begins the keys, in the bucket of single values, under which ids lie by sequence.
var prefixName = []byte("name")

func nameKey(seq uint64) []byte { return append(bytes.Clone(prefixName), key(seq)...) }

// name remembers the id of a record, and forgets those of long ago.
func name(tx *bolt.Tx, seq uint64, id string) error {
	b := tx.Bucket(bucketMeta)
	var old [][]byte
	c := b.Cursor()
	for k, _ := c.Seek(prefixName); len(k) == len(prefixName)+8 && bytes.HasPrefix(k, prefixName); k, _ = c.Next() {
		if binary.BigEndian.Uint64(k[len(prefixName):])+keepNames > seq {
			break
		}
		old = append(old, bytes.Clone(k))
	}
	for _, k := range old {
		if err := b.Delete(k); err != nil {
			return err
		}
	}
	return b.Put(nameKey(seq), []byte(id))
}

// Find returns the receipt of a record that was accepted under an id that its
// maker gave it, when it is among the last 256. After a damaged file was replaced
// nothing is found.
func (s *Store) Find(id string) (Receipt, bool, error) {
	var found uint64
	err := s.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketMeta).Cursor()
		for k, v := c.Seek(prefixName); len(k) == len(prefixName)+8 && bytes.HasPrefix(k, prefixName); k, v = c.Next() {
			if string(v) == id {
				found = binary.BigEndian.Uint64(k[len(prefixName):])
			}
		}
		return nil
	})
	if err != nil {
		return Receipt{}, false, fmt.Errorf("look for a record: %w", err)
	}
	return Receipt{Sequence: found, ID: id}, found > 0, nil
}
