package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// Asides implements Store.
func (s *Bolt) Asides(_ context.Context, after uint64, limit int) ([]Aside, error) {
	var list []Aside
	err := s.db.View(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketRejected).Cursor()
		for k, v := c.Seek(key(after + 1)); k != nil && len(list) < limit; k, v = c.Next() {
			var a Aside
			if err := json.Unmarshal(v, &a); err != nil || len(k) != 8 {
				return fmt.Errorf("read what was kept aside: %w", err)
			}
			a.Number = sequence(k)
			list = append(list, a)
		}
		return nil
	})
	return list, err
}

func asideKey(device string, hash wire.Hash) []byte {
	return append([]byte(device+"\x00"), hash[:]...)
}

// setAside keeps a refused envelope, once; the oldest make room.
func setAside(tx *bolt.Tx, it *Item, reason string, hash wire.Hash, now time.Time) error {
	by, list := tx.Bucket(bucketRejectedBy), tx.Bucket(bucketRejected)
	if number := by.Get(asideKey(it.Device, hash)); number != nil {
		return nil
	}
	a := Aside{Device: it.Device, Site: it.Site, First: it.First, Last: it.Last, Reason: reason, Time: now.UTC(), Hash: hash, Sealed: it.Sealed}
	number, err := list.NextSequence()
	if err != nil {
		return err
	}
	if err := list.Put(key(number), encode(a)); err != nil {
		return err
	}
	if err := by.Put(asideKey(it.Device, hash), key(number)); err != nil {
		return err
	}
	if number%16 != 0 {
		return nil // looking through them all is for now and then
	}
	return makeRoom(list, by)
}

// makeRoom deletes the oldest refused envelopes beyond the bounds.
func makeRoom(list, by *bolt.Bucket) error {
	type entry struct{ k, by []byte }
	var all []entry
	var sizes []int
	total := 0
	c := list.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		var a Aside
		if err := json.Unmarshal(v, &a); err != nil {
			return fmt.Errorf("read what was kept aside: %w", err)
		}
		all = append(all, entry{append([]byte(nil), k...), asideKey(a.Device, a.Hash)})
		sizes = append(sizes, len(v))
		total += len(v)
	}
	for i := 0; i < len(all) && (len(all)-i > maxRejected || total > maxAside); i++ {
		total -= sizes[i]
		if err := list.Delete(all[i].k); err != nil {
			return err
		}
		if err := by.Delete(all[i].by); err != nil {
			return err
		}
	}
	return nil
}

// takeBack forgets a refusal of an envelope that was accepted after all.
func takeBack(tx *bolt.Tx, device string, hash wire.Hash) error {
	by := tx.Bucket(bucketRejectedBy)
	k := asideKey(device, hash)
	number := by.Get(k)
	if number == nil {
		return nil
	}
	if len(number) != 8 {
		return fmt.Errorf("what was kept aside of %s has number of %d bytes", device, len(number))
	}
	if err := tx.Bucket(bucketRejected).Delete(key(binary.BigEndian.Uint64(number))); err != nil {
		return err
	}
	return by.Delete(k)
}
