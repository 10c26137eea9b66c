package signin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// Errors of the two stores.
var (
	ErrName    = errors.New("a name has 1 to 32 small letters, digits, dots and hyphens")
	ErrUnknown = errors.New("there is no such name")
	ErrTaken   = errors.New("this name is taken")
)

var name = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9.-]{0,30}[a-z0-9])?$`)

// maxFileBytes is far above what a counter needs; more is not ours.
const maxFileBytes = 1 << 20

// file is a JSON file that is read again when it changed. A change by another
// process is seen with the next call.
type file[T any] struct {
	path string

	mu   sync.Mutex
	seen os.FileInfo
	at   time.Time
	last T
}

// load returns the content; a file that is not there is the zero T. The caller
// holds the lock.
func (f *file[T]) load() (T, error) {
	var zero T
	info, err := os.Stat(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		f.seen, f.last = nil, zero
		return zero, nil
	}
	if err != nil {
		return zero, fmt.Errorf("read %s: %w", filepath.Base(f.path), err)
	}
	// Two writes within the clock's tick look alike: a young file is read each time.
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.ModTime().Equal(info.ModTime()) && f.seen.Size() == info.Size() && f.at.Sub(info.ModTime()) > time.Second {
		return f.last, nil
	}
	if info.Size() > maxFileBytes {
		return zero, fmt.Errorf("read %s: it is larger than %d bytes", filepath.Base(f.path), maxFileBytes)
	}
	data, err := os.ReadFile(f.path)
	if err != nil {
		return zero, fmt.Errorf("read %s: %w", filepath.Base(f.path), err)
	}
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return zero, fmt.Errorf("read %s: it is damaged; move it away and make the entries anew", filepath.Base(f.path))
	}
	f.seen, f.at, f.last = info, time.Now(), v
	return v, nil
}

// save replaces the file at once and for good. The caller holds the lock.
func (f *file[T]) save(v T) error {
	data, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(f.path), err)
	}
	if err := os.MkdirAll(filepath.Dir(f.path), 0o700); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(f.path), err)
	}
	t, err := os.CreateTemp(filepath.Dir(f.path), ".signin-*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(f.path), err)
	}
	defer func() { _ = os.Remove(t.Name()) }()
	_, err = t.Write(append(data, '\n'))
	err = errors.Join(err, t.Sync(), t.Close())
	if err == nil {
		err = os.Rename(t.Name(), f.path)
	}
	if err == nil {
		err = syncDir(filepath.Dir(f.path))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(f.path), err)
	}
	f.seen = nil
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
