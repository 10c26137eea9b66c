package outbox

import (
	"fmt"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"tram/sync/boltfile"
)

// compactFrom is the size of a file, mostly free, that is worth rewriting.
const compactFrom = 8 << 20

// compactIfWorthIt gives a drained file's space back to the disk.
func (s *Store) compactIfWorthIt() {
	s.state.Lock()
	live := s.live
	s.state.Unlock()
	size, err := fileSize(s.path)
	if err != nil || size < compactFrom || live > size/8 {
		return
	}
	if err := s.compact(); err != nil {
		s.opt.Log.Warn("the outbox cannot be compacted", "err", err)
		return
	}
	after, _ := fileSize(s.path)
	s.opt.Log.Info("the outbox is compacted", "before", size, "after", after)
}

// Compact rewrites the file without its free pages. Accept and reads wait
// meanwhile; a file that is nearly drained takes a few milliseconds.
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

// compact runs in the writer. The new file is complete and on disk before it
// takes the old one's name; a crash leaves one or the other.
func (s *Store) compact() error {
	fresh := s.path + ".compact"
	_ = os.Remove(fresh) // of a crash before
	if err := s.copyTo(fresh); err != nil {
		_ = os.Remove(fresh)
		return fmt.Errorf("compact the outbox: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := os.Rename(fresh, s.path); err != nil {
		_ = os.Remove(fresh)
		return fmt.Errorf("compact the outbox: %w", err)
	}
	if err := boltfile.SyncDir(filepath.Dir(s.path)); err != nil {
		return fmt.Errorf("compact the outbox: %w", err)
	}
	db, err := boltfile.Open(s.path, boltfile.Options{MaxBytes: s.opt.MaxBytes})
	if err != nil {
		// The old file has no name any more: nothing may be accepted into it.
		s.stopped = fmt.Errorf("open the compacted outbox: %w", err)
		return s.stopped
	}
	_ = s.db.Close()
	s.db = db
	return db.View(func(tx *bolt.Tx) error {
		live := s.liveBytes(tx.Size())
		s.state.Lock()
		s.live = live
		s.state.Unlock()
		return nil
	})
}

// copyTo writes the store into a new file and makes it lasting.
func (s *Store) copyTo(fresh string) error {
	dst, err := boltfile.Open(fresh, boltfile.Options{MaxBytes: s.opt.MaxBytes})
	if err != nil {
		return err
	}
	err = bolt.Compact(dst, s.db, 1<<20)
	if cerr := dst.Close(); err == nil {
		err = cerr
	}
	return err
}

func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
