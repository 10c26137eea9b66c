package register

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"tram/sync/boltfile"
)

// A rewritten file is made as .new; the one before is called .old until it is
// overwritten and gone.
func (r *Register) fresh() string { return r.path + ".new" }
func (r *Register) old() string   { return r.path + ".old" }

// leftovers ends an exchange of files that a crash cut short.
func (r *Register) leftovers() error {
	if !exists(r.path) && exists(r.old()) {
		return os.Rename(r.old(), r.path)
	}
	for _, p := range []string{r.fresh(), r.old()} {
		if exists(p) {
			if err := wipe(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// wipe overwrites a file and removes it. On a disk that writes elsewhere than it
// is told the old blocks stay until it reuses them.
func wipe(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("overwrite %s: %w", filepath.Base(path), err)
	}
	info, err := f.Stat()
	if err == nil {
		_, err = io.CopyN(f, zeros{}, info.Size())
	}
	err = errors.Join(err, f.Sync(), f.Close())
	return errors.Join(err, os.Remove(path), boltfile.SyncDir(filepath.Dir(path)))
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func (r *Register) scrubIfOwed() error {
	owed := false
	if err := r.view("look for deletions", func(tx *bolt.Tx) error {
		owed = tx.Bucket(bucketMeta).Get(metaScrub) != nil
		return nil
	}); err != nil || !owed {
		return err
	}
	return r.scrub()
}

// scrub rewrites the file without what was deleted, overwrites the one before,
// and removes damaged files that were kept aside, for they hold it too.
func (r *Register) scrub() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.copyTo(r.fresh()); err != nil {
		return fmt.Errorf("rewrite the register: %w", err)
	}
	if err := r.db.Close(); err != nil {
		return fmt.Errorf("rewrite the register: %w", err)
	}
	err := errors.Join(os.Rename(r.path, r.old()), os.Rename(r.fresh(), r.path), boltfile.SyncDir(filepath.Dir(r.path)))
	if !exists(r.path) && exists(r.old()) {
		err = errors.Join(err, os.Rename(r.old(), r.path))
	}
	if loadErr := r.load(); loadErr != nil {
		return errors.Join(err, fmt.Errorf("open the rewritten register: %w", loadErr))
	}
	if err != nil {
		return fmt.Errorf("rewrite the register: %w", err)
	}
	if exists(r.old()) {
		err = wipe(r.old())
	}
	aside, _ := filepath.Glob(r.path + ".corrupt-*")
	for _, p := range aside {
		err = errors.Join(err, wipe(p))
	}
	return err
}

// copyTo writes all that is here into a new file that lasts.
func (r *Register) copyTo(path string) error {
	if exists(path) {
		if err := wipe(path); err != nil {
			return err
		}
	}
	dst, err := boltfile.Open(path, boltfile.Options{})
	if err != nil {
		return err
	}
	err = r.db.View(func(src *bolt.Tx) error {
		return dst.Update(func(tx *bolt.Tx) error {
			for _, bucket := range buckets {
				to, err := tx.CreateBucket(bucket)
				if err != nil {
					return err
				}
				from := src.Bucket(bucket)
				if err := to.SetSequence(from.Sequence()); err != nil {
					return err
				}
				if err := from.ForEach(to.Put); err != nil {
					return err
				}
			}
			return tx.Bucket(bucketMeta).Delete(metaScrub)
		})
	})
	return errors.Join(err, dst.Close())
}
