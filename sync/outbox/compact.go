package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"tram/sync/boltfile"
)

// compactFrom is the size of a file, mostly free, that is worth rewriting.
const compactFrom = 8 << 20

// copyChunk is how many bytes one transaction of the copy holds.
const copyChunk = 1 << 20

var errClosing = errors.New("the outbox is closing")

// compactIfWorthIt gives a drained file's space back to the disk.
func (s *Store) compactIfWorthIt() {
	if size, err := fileSize(s.path); err == nil && s.compacting == nil && s.stopped == nil && size >= compactFrom && s.live <= size/8 {
		s.compactFor(nil)
	}
}

// Compact rewrites the file without its free pages. The copy is made beside the
// running outbox; accept and reads wait only while the files change places.
func (s *Store) Compact() error {
	if s.opt.ReadOnly {
		return ErrReadOnly
	}
	done := make(chan error, 1)
	select {
	case s.compacts <- done:
		return <-done
	case <-s.quit:
		return ErrClosed
	}
}

// compactFor starts a compaction, or joins the one that runs. The writer goes
// on writing to the old file; finishCompaction brings the copy up to it.
func (s *Store) compactFor(done chan error) {
	running := s.compacting != nil
	s.compacting = append(s.compacting, done)
	if running {
		return
	}
	db := s.db // only the writer swaps it, and not before this is over
	s.workers.Go(func() { s.copied <- s.copyTo(db, s.path+".compact") })
}

// endCompaction waits for a copy that is being made, when the outbox closes.
func (s *Store) endCompaction() {
	if s.compacting == nil {
		return
	}
	<-s.copied
	_ = os.Remove(s.path + ".compact")
	for _, done := range s.compacting {
		if done != nil {
			done <- ErrClosed
		}
	}
}

// finishCompaction takes the copy for the file.
func (s *Store) finishCompaction(err error) {
	before, _ := fileSize(s.path)
	if err == nil {
		err = s.swap()
	}
	if err != nil {
		_ = os.Remove(s.path + ".compact")
		err = fmt.Errorf("compact the outbox: %w", err)
		s.opt.Log.Warn("the outbox cannot be compacted", "err", err)
	} else {
		after, _ := fileSize(s.path)
		s.opt.Log.Info("the outbox is compacted", "before", before, "after", after)
	}
	for _, done := range s.compacting {
		if done != nil {
			done <- err
		}
	}
	s.compacting = nil
}

// copyTo copies a snapshot of the store into a new file, without its lasting
// yet. It is not the writer that calls it.
func (s *Store) copyTo(src *bolt.DB, fresh string) error {
	_ = os.Remove(fresh) // of a crash before
	dst, err := boltfile.Open(fresh, boltfile.Options{})
	if err != nil {
		return err
	}
	dst.NoSync = true // until it takes the name
	err = src.View(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if err := s.copyBucket(tx.Bucket(name), dst, name); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, dst.Close())
}

func (s *Store) copyBucket(from *bolt.Bucket, dst *bolt.DB, name []byte) error {
	c := from.Cursor()
	k, v := c.First()
	for first := true; first || k != nil; first = false {
		select {
		case <-s.quit:
			return errClosing
		default:
		}
		err := dst.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists(name)
			if err != nil {
				return err
			}
			b.FillPercent = 0.95
			for size := 0; k != nil && size < copyChunk; k, v = c.Next() {
				if err := b.Put(k, v); err != nil {
					return err
				}
				size += len(k) + len(v)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// swap brings the copy up to what was written meanwhile, makes it lasting, and
// gives it the file's name. A crash leaves one or the other. In the writer.
func (s *Store) swap() error {
	fresh := s.path + ".compact"
	dst, err := boltfile.Open(fresh, boltfile.Options{MaxBytes: s.opt.MaxBytes})
	if err != nil {
		return err
	}
	dst.MaxSize = max(dst.MaxSize, s.db.MaxSize)
	err = s.db.View(func(src *bolt.Tx) error {
		return dst.Update(func(tx *bolt.Tx) error {
			for _, name := range buckets {
				if err := catchUp(src.Bucket(name), tx.Bucket(name), bytes.Equal(name, bucketEnvelopes)); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err == nil {
		err = dst.Sync()
	}
	if err != nil {
		return errors.Join(err, dst.Close())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Rename(fresh, s.path); err != nil {
		return errors.Join(err, dst.Close())
	}
	old := s.db
	s.setDB(dst)
	_ = old.Close() // its name is gone; nobody reads it, the lock is held
	if err := boltfile.SyncDir(filepath.Dir(s.path)); err != nil {
		return err
	}
	live, err := s.measureLive()
	if err != nil {
		return err
	}
	s.state.Lock()
	s.live = live
	s.state.Unlock()
	return nil
}

// catchUp makes dst equal to src. Rows that never change under their key are
// compared by key.
func catchUp(src, dst *bolt.Bucket, immutable bool) error {
	var gone [][]byte
	a, b := src.Cursor(), dst.Cursor()
	k, v := a.First()
	d, w := b.First()
	type pair struct{ k, v []byte }
	var news []pair
	for k != nil || d != nil {
		switch cmp := bytes.Compare(k, d); {
		case d == nil || (k != nil && cmp < 0):
			news = append(news, pair{k, v})
			k, v = a.Next()
		case k == nil || cmp > 0:
			gone = append(gone, bytes.Clone(d))
			d, w = b.Next()
		default:
			if !immutable && !bytes.Equal(v, w) {
				news = append(news, pair{k, v})
			}
			k, v = a.Next()
			d, w = b.Next()
		}
	}
	for _, d := range gone {
		if err := dst.Delete(d); err != nil {
			return err
		}
	}
	dst.FillPercent = 0.95
	for _, n := range news {
		if err := dst.Put(n.k, n.v); err != nil {
			return err
		}
	}
	return nil
}

func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
