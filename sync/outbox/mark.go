package outbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tram/sync/boltfile"
	"tram/sync/wire"
)

// markStep is how many sequences are reserved at a time. After a damaged file
// the count goes on above the reserved ones.
const markStep = 10_000

// mark is the content of PATH.mark.
type mark struct {
	Source    string `json:"source"`
	Reserved  uint64 `json:"reserved"`          // no record ever had a higher sequence
	Delivered uint64 `json:"delivered"`         // the hub had these when the mark was written
	Suspect   bool   `json:"suspect,omitempty"` // bbolt stumbled over the file: it is not opened again
	Closed    bool   `json:"closed,omitempty"`  // the outbox was closed in order: Reserved is its last sequence
}

func markPath(path string) string { return path + ".mark" }

// readMark returns the zero mark when there is none or it does not read.
func readMark(path string) (mark, error) {
	var m mark
	b, err := os.ReadFile(markPath(path))
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, fmt.Errorf("read the outbox's mark: %w", err)
	}
	if err := json.Unmarshal(b, &m); err != nil || m.Reserved > wire.MaxSequence {
		return mark{}, nil
	}
	return m, nil
}

// write replaces the mark: temporary file, fsync, rename, fsync of the folder.
func (m mark) write(path string) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	name := markPath(path)
	f, err := os.OpenFile(name+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the outbox's mark: %w", err)
	}
	_, err = f.Write(append(b, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err == nil {
		err = boltfile.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("write the outbox's mark: %w", err)
	}
	return nil
}

// reserve makes sure that seq is below the lasting mark before it is used.
// Only the sealer calls it.
func (s *Store) reserve(seq uint64) error {
	if seq <= s.mark.Reserved {
		return nil
	}
	s.state.Lock()
	m := mark{Source: s.opt.Source, Reserved: seq + markStep, Delivered: s.head.DeliveredTo, Suspect: s.suspect.Load()}
	s.state.Unlock()
	if err := m.write(s.path); err != nil {
		return err
	}
	s.mark = m
	return nil
}
