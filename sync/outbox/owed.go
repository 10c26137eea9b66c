package outbox

import (
	"encoding/json"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// debt is what is gone and not yet named in a signed record. It is written in
// the transaction that takes the records away, so that no crash parts the two.
type debt struct {
	Ranges wire.Set `json:"ranges"`
	Text   string   `json:"text,omitempty"`
}

// maxGone is how many ranges of discarded sequences State remembers.
const maxGone = 1024

// owe notes that ranges are gone, for a record that the sealer makes: call
// owed when the transaction is on disk.
func owe(tx *bolt.Tx, reason, text string, ranges wire.Set) error {
	b := tx.Bucket(bucketOwed)
	var d debt
	if v := b.Get([]byte(reason)); v != nil {
		if err := guarded(v, &d); err != nil {
			return fmt.Errorf("what is to be explained is unreadable: %w", err)
		}
	}
	d.Text = text
	for _, r := range ranges {
		d.Ranges = d.Ranges.Add(r)
	}
	v, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if err := b.Put([]byte(reason), guard(v)); err != nil {
		return err
	}
	return forget(tx, ranges)
}

// owed has the sealer make the records that are owed.
func (s *Store) owed() {
	s.owing.Store(true)
	s.poke()
}

// forget lets State tell a discarded record from a delivered one.
func forget(tx *bolt.Tx, ranges wire.Set) error {
	gone := goneFrom(tx)
	for _, r := range ranges {
		gone = gone.Add(r)
	}
	if len(gone) > maxGone {
		gone = gone[len(gone)-maxGone:]
	}
	v, err := json.Marshal(gone)
	if err != nil {
		return err
	}
	return tx.Bucket(bucketMeta).Put(keyGone, guard(v))
}

// goneFrom returns the sequences that will never be delivered.
func goneFrom(tx *bolt.Tx) wire.Set {
	var gone wire.Set
	_ = guarded(tx.Bucket(bucketMeta).Get(keyGone), &gone) // unreadable: none is known
	return gone
}

// pay takes named ranges off a debt.
func pay(tx *bolt.Tx, reason string, named wire.Set) error {
	b := tx.Bucket(bucketOwed)
	var d debt
	if err := guarded(b.Get([]byte(reason)), &d); err != nil {
		return fmt.Errorf("what is to be explained is unreadable: %w", err)
	}
	d.Ranges = minus(d.Ranges, named)
	if len(d.Ranges) == 0 {
		return b.Delete([]byte(reason))
	}
	v, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return b.Put([]byte(reason), guard(v))
}

// minus returns what is in a and not in b.
func minus(a, b wire.Set) wire.Set {
	var out wire.Set
	for _, r := range a {
		for _, m := range b {
			if !r.Overlaps(m) {
				continue
			}
			if m.First > r.First {
				out = append(out, wire.Range{First: r.First, Last: m.First - 1})
			}
			r.First = m.Last + 1
			if r.First > r.Last {
				break
			}
		}
		if r.First <= r.Last {
			out = append(out, r)
		}
	}
	return out
}
