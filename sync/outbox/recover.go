package outbox

import (
	"errors"
	"fmt"
	"os"

	bolt "go.etcd.io/bbolt"

	"tram/sync/boltfile"
	"tram/sync/wire"
)

// unknownStep is how far the count jumps when neither the file nor the mark
// tells how far it had come.
const unknownStep = 1_000_000

// openOrReplace opens the file, or keeps a damaged one aside and starts a
// fresh one. What may be lost is owed a signed record.
func (s *Store) openOrReplace() error {
	m, err := readMark(s.path)
	if err != nil {
		return err
	}
	_, statErr := os.Stat(s.path)
	db, err := s.openAndLoad()
	if err == nil && m.Suspect && statErr == nil {
		err = errors.Join(boltfile.ErrDamaged, db.Close())
	}
	if errors.Is(err, boltfile.ErrDamaged) {
		m.Suspect = false
		s.head = head{}
		return s.replace(m)
	}
	if err != nil {
		return err
	}
	s.setDB(db)
	s.mark = m
	switch fresh := statErr != nil || s.head.Next == 1; {
	case fresh && m.Reserved > 0 && m.Source == s.opt.Source:
		s.opt.Log.Warn("the outbox's file is gone; the count goes on above its mark", "seq", m.Reserved)
		return s.skipTo(m, wire.ReasonReplaced, "the outbox's file was gone", nil)
	case !fresh && m.Source == s.opt.Source && (m.Reserved > s.head.Next+markStep+wire.MaxEvents || m.Closed && m.Reserved >= s.head.Next):
		s.opt.Log.Warn("the outbox's file is older than its mark; the count goes on above the mark", "seq", m.Reserved)
		return s.skipTo(m, wire.ReasonReplaced, "the outbox's file was older than its mark", wire.Set{{First: 1, Last: s.head.Next - 1}})
	case !fresh && m.Reserved < s.head.Next-1:
		s.mark.Reserved = 0 // a lost or old mark: the next record writes one
	}
	return s.measure()
}

// openAndLoad opens the file and reads or makes its head.
func (s *Store) openAndLoad() (*bolt.DB, error) {
	db, err := boltfile.Open(s.path, boltfile.Options{MaxBytes: s.opt.MaxBytes})
	if err != nil {
		return nil, err
	}
	fail := func(err error) (*bolt.DB, error) {
		_ = db.Close()
		return nil, fmt.Errorf("open outbox %s: %w", s.path, err)
	}
	empty := false
	err = db.View(func(tx *bolt.Tx) error {
		if first, _ := tx.Cursor().First(); first == nil {
			empty = true
			return nil
		}
		if err := s.head.load(tx); err != nil {
			return fmt.Errorf("%w: %w", boltfile.ErrDamaged, err)
		}
		if s.head.Source != s.opt.Source {
			return fmt.Errorf("%w: %s, not %s; drain it under its own name, or move it away", ErrSource, s.head.Source, s.opt.Source)
		}
		first, _ := tx.Bucket(bucketOwed).Cursor().First()
		s.owing.Store(first != nil)
		first, _ = tx.Bucket(bucketTally).Cursor().First()
		s.tallied.Store(first != nil)
		return nil
	})
	if err != nil {
		return fail(err)
	}
	if !empty {
		return db, nil
	}
	s.head = head{Next: 1, Source: s.opt.Source}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		_, err := s.head.save(tx)
		return err
	})
	if err != nil {
		return fail(err)
	}
	return db, nil
}

// replace keeps the damaged file aside, takes over what still reads and starts
// above every sequence that may have been used.
func (s *Store) replace(m mark) error {
	kept, err := boltfile.Aside(s.path, s.opt.Now())
	if err != nil {
		return err
	}
	s.opt.Log.Error("the outbox's file is damaged; it is kept aside and a fresh one begins", "kept", kept)
	rows, sums := map[uint64]row{}, lostSums{}
	if err := boltfile.Scan(kept, func(k, v []byte) {
		sums.see(k, v)
		r, ok := parseRow(k, v)
		if ok {
			r.sealed = append([]byte(nil), r.sealed...)
			rows[r.first] = r
		}
	}); err != nil {
		s.opt.Log.Error("the damaged outbox cannot be searched for records", "kept", kept, "err", err)
	}
	db, err := s.openAndLoad()
	if err != nil {
		return err
	}
	s.setDB(db)
	var saved wire.Set
	s.allow(rows)
	for _, r := range rows {
		saved = saved.Add(wire.Range{First: r.first, Last: r.last})
	}
	if m.Reserved == 0 || m.Source != s.opt.Source || m.Reserved < saved.Highest() {
		m = mark{Source: s.opt.Source, Reserved: saved.Highest() + unknownStep}
	}
	if err := s.takeOver(rows); err != nil {
		return err
	}
	s.opt.Log.Info("records taken over from the damaged outbox", "records", saved.Count(), "seq", m.Reserved)
	text := fmt.Sprintf("the outbox's file was damaged and is kept aside; %d records were taken over", saved.Count()) + sums.text()
	return s.skipTo(m, wire.ReasonDamaged, text, saved)
}

// takeOver puts the rows of a damaged file into the fresh one. The hub knows
// those that were delivered before and counts them as duplicates.
func (s *Store) takeOver(rows map[uint64]row) error {
	todo := make([]row, 0, len(rows))
	for _, r := range rows {
		todo = append(todo, r)
	}
	for len(todo) > 0 {
		n := min(len(todo), 500)
		err := s.db.Update(func(tx *bolt.Tx) error {
			for _, r := range todo[:n] {
				if err := s.head.put(tx, &r, nil); err != nil {
					return err
				}
			}
			_, err := s.head.save(tx)
			return err
		})
		if err != nil {
			return fmt.Errorf("take over records from the damaged outbox: %w", err)
		}
		todo = todo[n:]
	}
	return nil
}

// skipTo lets the count go on above the mark and begins a new chain there. It
// owes the record that explains the jump: everything up to the mark except
// what is known to be delivered or is still here.
func (s *Store) skipTo(m mark, reason, text string, here wire.Set) error {
	known := append(wire.Set(nil), here...)
	if m.Delivered > 0 {
		known = known.Add(wire.Range{First: 1, Last: m.Delivered})
	}
	known = known.Add(wire.Range{First: m.Reserved + 1, Last: m.Reserved + 1})
	s.head.Next, s.head.Hash = m.Reserved+1, wire.Hash{}
	s.head.DeliveredTo = max(s.head.DeliveredTo, m.Delivered)
	err := s.db.Update(func(tx *bolt.Tx) error {
		if err := owe(tx, reason, text, known.Missing()); err != nil {
			return err
		}
		_, err := s.head.save(tx)
		return err
	})
	if err != nil {
		return fmt.Errorf("begin a fresh outbox: %w", err)
	}
	s.owed()
	s.mark = mark{Source: m.Source, Reserved: m.Reserved, Delivered: m.Delivered}
	return s.measure()
}

// measure reads how much of the file is in use. A file that grew under a larger
// quota may grow a little more: records are refused, but what is there can be
// acknowledged, for which bbolt copies pages.
func (s *Store) measure() error {
	live, err := s.measureLive()
	if err != nil {
		return fmt.Errorf("measure the outbox: %w", err)
	}
	s.live = live
	if size, err := fileSize(s.path); err == nil && s.live > s.limit() {
		s.db.MaxSize = max(s.db.MaxSize, int(size)+drainRoom)
	}
	return nil
}

// drainRoom is how many bytes a file above its quota may still grow.
const drainRoom = 4 << 20

// allow makes room for rows that are taken over, whatever the quota is now.
func (s *Store) allow(rows map[uint64]row) {
	need := drainRoom
	for _, r := range rows {
		need += 2 * (len(r.sealed) + rowHeader)
	}
	s.db.MaxSize = max(s.db.MaxSize, need)
}
