package models

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// What a caller decides on.
var (
	ErrMissing = errors.New("model is not there")
	ErrWrong   = errors.New("model is not the pinned one")
	ErrNoURL   = errors.New("model has no address upstream, it must be imported")
)

// Status is a pinned file and how it is in a folder.
type Status struct {
	Entry
	State  string `json:"state"` // ok, missing, wrong, optional (missing, and nobody misses it)
	Detail string `json:"detail,omitempty"`
}

// The states of a file.
const (
	OK      = "ok"
	Missing = "missing"
	Wrong   = "wrong"
	Absent  = "optional"
)

// List says for each pinned file whether it lies in dir with the right size.
// It reads no contents; Verify does.
func List(dir string) []Status {
	return list(dir, func(e Entry) error {
		st, err := os.Stat(filepath.Join(dir, e.File))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return ErrMissing
		case err != nil:
			return err
		case st.Size() != e.Size:
			return fmt.Errorf("%w: %d bytes, want %d", ErrWrong, st.Size(), e.Size)
		}
		return nil
	})
}

// Verify is List with every SHA-256 computed.
func Verify(dir string) []Status {
	return list(dir, func(e Entry) error {
		_, err := read(filepath.Join(dir, e.File), e)
		return err
	})
}

func list(dir string, check func(Entry) error) []Status {
	out := make([]Status, len(pinned))
	for i, e := range pinned {
		out[i] = Status{Entry: e, State: OK}
		if err := check(e); err != nil {
			out[i].State, out[i].Detail = Wrong, err.Error()
			if errors.Is(err, ErrMissing) {
				out[i].State, out[i].Detail = Missing, ""
				if e.Optional {
					out[i].State = Absent
				}
			}
		}
	}
	return out
}

// Load reads the network of a name from dir. The bytes returned are those whose
// SHA-256 was compared, so that nothing can change between check and use.
func Load(dir, name string) (Entry, []byte, error) {
	e, ok := Named(name)
	if !ok {
		return Entry{}, nil, fmt.Errorf("model %q: %w", name, ErrMissing)
	}
	data, err := read(filepath.Join(dir, e.File), e)
	return e, data, err
}

func read(path string, e Entry) ([]byte, error) {
	// Without O_NONBLOCK a pipe of that name would be waited for.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", path, ErrMissing)
	}
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w: it is no file", path, ErrWrong)
	}
	data, err := io.ReadAll(io.LimitReader(f, e.Size+1))
	if err != nil {
		return nil, fmt.Errorf("read model %s: %w", path, err)
	}
	return data, e.check(path, data)
}

func (e Entry) check(path string, data []byte) error {
	if int64(len(data)) != e.Size {
		more := ""
		if int64(len(data)) > e.Size {
			more = "more than "
		}
		return fmt.Errorf("%s: %w: %s%d bytes, want %d", path, ErrWrong, more, min(int64(len(data)), e.Size), e.Size)
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != e.SHA256 {
		return fmt.Errorf("%s: %w: SHA-256 %x, want %s", path, ErrWrong, sum, e.SHA256)
	}
	return nil
}

// Import copies the pinned files that from holds into dir, each only when its
// SHA-256 is the pinned one. It returns the names installed and, joined, what
// was wrong; files that are not on the list are left alone.
func Import(from, dir string) ([]string, error) {
	if _, err := os.ReadDir(from); err != nil {
		return nil, fmt.Errorf("import models: %w", err)
	}
	var done []string
	var problems []error
	for _, e := range pinned {
		data, err := read(filepath.Join(from, e.File), e)
		if errors.Is(err, ErrMissing) {
			continue
		}
		if err == nil {
			err = install(dir, e, data)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		done = append(done, e.Name)
	}
	if len(done) == 0 && len(problems) == 0 {
		problems = append(problems, fmt.Errorf("%s: %w: it holds no file of the list", from, ErrMissing))
	}
	return done, errors.Join(problems...)
}

// install writes data as e's file: a temporary one beside it, synced, renamed.
func install(dir string, e Entry, data []byte) (err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the models folder: %w", err)
	}
	tmp, err := os.CreateTemp(dir, "."+e.File+".*")
	if err != nil {
		return fmt.Errorf("install %s: %w", e.File, err)
	}
	defer func() {
		if err != nil {
			_ = tmp.Close()
			_ = os.Remove(tmp.Name())
			err = fmt.Errorf("install %s: %w", e.File, err)
		}
	}()
	if _, err := tmp.Write(data); err != nil {
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), filepath.Join(dir, e.File)); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
