package boltfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
	"golang.org/x/sys/unix"
)

// Errors that callers tell apart.
var (
	ErrDamaged = errors.New("the file is damaged")
	ErrBusy    = errors.New("another process has the file open")
)

// LockTimeout is how long Open waits for another process to let go.
const LockTimeout = 2 * time.Second

// Options says how to open a file.
type Options struct {
	MaxBytes int64 // size the file never exceeds; 0: no limit
	ReadOnly bool  // shared lock, the file must be there
}

// Open opens or makes a bbolt file, mode 0600. The map freelist, which is not
// written out, keeps commits short however many pages are free. Errors: ErrBusy,
// ErrDamaged, or the operating system's.
func Open(path string, o Options) (db *bolt.DB, err error) {
	var file *os.File
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, fmt.Errorf("open %s: %w (%v)", path, ErrDamaged, p)
			if file != nil {
				_ = file.Close() // bbolt panicked before it owned the file
			}
		}
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	db, err = bolt.Open(path, 0o600, &bolt.Options{
		Timeout:        LockTimeout,
		FreelistType:   bolt.FreelistMapType,
		NoFreelistSync: true,
		MaxSize:        int(o.MaxBytes),
		ReadOnly:       o.ReadOnly,
		OpenFile: func(name string, flag int, mode fs.FileMode) (*os.File, error) {
			var err error
			if file, err = os.OpenFile(name, flag, mode); err != nil {
				return nil, err
			}
			if err = lockAndCheck(file, o.ReadOnly); err != nil {
				_ = file.Close()
				return nil, err
			}
			return file, nil
		},
	})
	if err != nil {
		if errors.As(err, new(*fs.PathError)) {
			return nil, err // it says the same
		}
		return nil, fmt.Errorf("open %s: %w", path, classify(err))
	}
	db.AllocSize = 1 << 20
	if o.MaxBytes > 0 {
		db.AllocSize = int(min(1<<20, max(o.MaxBytes/16, 64<<10)))
	}
	return db, nil
}

func classify(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return ErrBusy
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, bolterrors.ErrChecksum):
		return fmt.Errorf("%w (%v)", ErrDamaged, err)
	}
	return err
}

// lockAndCheck takes the lock that bbolt takes too (the same open file, so the
// two do not meet) and looks at the pages while nobody can write them.
func lockAndCheck(f *os.File, shared bool) error {
	how := unix.LOCK_EX
	if shared {
		how = unix.LOCK_SH
	}
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("lock: %w", err)
		}
		if time.Since(begin) > LockTimeout {
			return ErrBusy
		}
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 && !shared {
		return nil // a new file
	}
	return checkFile(f, info.Size())
}

// Aside renames a damaged file to PATH.corrupt-TIME, makes that lasting, and
// returns the new name.
func Aside(path string, at time.Time) (string, error) {
	base := path + ".corrupt-" + at.UTC().Format("20060102T150405.000000000Z")
	kept := base
	for n := 2; ; n++ { // a clock that was set back may have named one so before
		if _, err := os.Lstat(kept); errors.Is(err, fs.ErrNotExist) {
			break
		}
		kept = fmt.Sprintf("%s-%d", base, n)
	}
	if err := os.Rename(path, kept); err != nil {
		return "", fmt.Errorf("keep the damaged file aside: %w", err)
	}
	return kept, SyncDir(filepath.Dir(path))
}

// SyncDir makes the names in a folder lasting.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("fsync folder %s: %w", dir, err)
	}
	return nil
}
