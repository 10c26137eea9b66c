// Package keep holds the lists that a hub gives to a device: the roster of an
// examination, the allow list of a gate, notices for the idle screen. Each is
// encrypted on the disk with a key that stays on the device, replaced as a whole,
// and has a version, so that an old list that comes late changes nothing.
//
// A list that is too large for one message comes in parts; the old list holds
// until all parts of the new one are there.
package keep

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tram/sync/seal"
	"tram/sync/wire"
)

// Kind is what a list holds.
type Kind string

// The lists.
const (
	Roster    Kind = "roster"
	AllowList Kind = "allow-list"
	Notices   Kind = "notice"
	// Catalogues are all the lists that questions are answered from, such as services and departments.
	Catalogues Kind = "catalogue"
)

// The bounds.
const (
	MaxParts = 32
	MaxBytes = 4 << 20 // JSON of a whole list
)

// Errors that callers tell apart.
var (
	ErrOlder  = errors.New("a newer list is here already")
	ErrFormat = errors.New("not a list of this kind")
)

// A Box encrypts what lies on the disk; sync/seal/rest has one.
type Box interface {
	Seal(label string, plain []byte) ([]byte, error)
	Open(label string, sealed []byte) ([]byte, error)
}

// Part is one message's share of a list.
type Part struct {
	Version uint64          `json:"version"`         // of the list, rising from 1
	Part    int             `json:"part,omitempty"`  // 1 … Parts; 0 means the only one
	Parts   int             `json:"parts,omitempty"` // how many there are; 0 means 1
	Entries json.RawMessage `json:"entries"`

	// Of an allow list only, the same in all its parts: how its hashes are made, and when it ends as a whole.
	Salt   []byte    `json:"salt,omitempty"`
	Rounds int       `json:"rounds,omitempty"`
	Until  time.Time `json:"until,omitzero"`
}

// stored is a list, or what is there of it, as the file holds it.
type stored struct {
	Version  uint64                  `json:"version"`
	Parts    int                     `json:"parts"`
	Entries  map[int]json.RawMessage `json:"entries"` // by part
	Received time.Time               `json:"received"`
	Salt     []byte                  `json:"salt,omitempty"`
	Rounds   int                     `json:"rounds,omitempty"`
	Until    time.Time               `json:"until,omitzero"`
}

// Store is the folder of lists. Its methods may be called by several goroutines.
type Store struct {
	dir string
	box Box

	mu      sync.Mutex
	allow   *Allowance // as it was read last; nil when the file is newer
	changes atomic.Uint64
}

// Open uses a folder, which is made when the first list comes.
func Open(dir string, box Box) *Store { return &Store{dir: dir, box: box} }

func (s *Store) file(kind Kind, suffix string) string {
	return filepath.Join(s.dir, string(kind)+suffix)
}

const (
	whole   = ".jwe"
	partial = ".part.jwe"
)

// Put takes a part in. It reports how many entries the list has once it is
// whole, and false while parts are missing. The version that is here already, or
// a part that came before, changes nothing. Errors: ErrOlder, ErrFormat.
func (s *Store) Put(kind Kind, p Part) (entries int, complete bool, err error) {
	if p.Parts == 0 {
		p.Part, p.Parts = 1, 1
	}
	if p.Version == 0 || p.Parts < 1 || p.Parts > MaxParts || p.Part < 1 || p.Part > p.Parts {
		return 0, false, fmt.Errorf("%w: version from 1, part 1 to parts, at most %d parts", ErrFormat, MaxParts)
	}
	if err := p.head(kind); err != nil {
		return 0, false, err
	}
	if _, err := count(kind, p.Entries); err != nil {
		return 0, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, err := s.read(kind, whole)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		now = stored{} // it cannot be read any more: the new one replaces it
	}
	switch {
	case now.Version > p.Version:
		return 0, false, fmt.Errorf("%w: version %d", ErrOlder, now.Version)
	case now.Version == p.Version:
		n, err := now.count(kind)
		return n, true, err
	}
	return s.add(kind, p)
}

// add takes a part of a new list; s.mu is held.
func (s *Store) add(kind Kind, p Part) (int, bool, error) {
	next, err := s.read(kind, partial)
	if err != nil || next.Version < p.Version || next.Version == p.Version && !next.same(p) {
		next = stored{Version: p.Version, Parts: p.Parts, Entries: map[int]json.RawMessage{}, Salt: p.Salt, Rounds: p.Rounds, Until: p.Until}
	}
	if next.Version > p.Version {
		return 0, false, fmt.Errorf("%w: version %d is on its way", ErrOlder, next.Version)
	}
	next.Entries[p.Part] = p.Entries
	next.Received = time.Now().UTC()
	size := 0
	for _, e := range next.Entries {
		size += len(e)
	}
	if size > MaxBytes {
		return 0, false, fmt.Errorf("%w: %d bytes, at most %d", ErrFormat, size, MaxBytes)
	}
	if len(next.Entries) < next.Parts {
		return 0, false, s.write(kind, partial, next)
	}
	n, err := next.count(kind)
	if err != nil {
		return 0, false, err
	}
	if err := s.write(kind, whole, next); err != nil {
		return 0, false, err
	}
	if err := os.Remove(s.file(kind, partial)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return n, true, fmt.Errorf("remove the parts of %s: %w", kind, err)
	}
	return n, true, nil
}

// head checks what only an allow list has.
func (p Part) head(kind Kind) error {
	if kind != AllowList {
		if p.Salt != nil || p.Rounds != 0 || !p.Until.IsZero() {
			return fmt.Errorf("%w: salt, rounds and until belong to an allow list", ErrFormat)
		}
		return nil
	}
	if len(p.Salt) < wire.MinAllowSalt || len(p.Salt) > wire.MaxAllowSalt || p.Rounds < wire.MinAllowRounds || p.Rounds > wire.MaxAllowRounds {
		return fmt.Errorf("%w: an allow list holds hashes, made with a salt of %d to %d bytes and %d to %d rounds: make it with \"tram-hub allow-list\"", ErrFormat, wire.MinAllowSalt, wire.MaxAllowSalt, wire.MinAllowRounds, wire.MaxAllowRounds)
	}
	return nil
}

// same reports whether a part belongs to the list that is on its way.
func (st stored) same(p Part) bool {
	return st.Parts == p.Parts && bytes.Equal(st.Salt, p.Salt) && st.Rounds == p.Rounds && st.Until.Equal(p.Until)
}

func (st stored) count(kind Kind) (int, error) {
	n := 0
	for part := 1; part <= st.Parts; part++ {
		m, err := count(kind, st.Entries[part])
		if err != nil {
			return 0, err
		}
		n += m
	}
	return n, nil
}

func (s *Store) read(kind Kind, suffix string) (stored, error) {
	sealed, err := os.ReadFile(s.file(kind, suffix))
	if err != nil {
		return stored{}, err
	}
	plain, err := s.box.Open(string(kind), sealed)
	if err != nil {
		return stored{}, err
	}
	var st stored
	if err := json.Unmarshal(plain, &st); err != nil || st.Entries == nil {
		return stored{}, fmt.Errorf("%w: the file's content", ErrFormat)
	}
	return st, nil
}

func (s *Store) write(kind Kind, suffix string, st stored) error {
	plain, err := json.Marshal(st)
	if err != nil {
		return fmt.Errorf("keep the %s: %w", kind, err)
	}
	sealed, err := s.box.Seal(string(kind), plain)
	if err != nil {
		return fmt.Errorf("keep the %s: %w", kind, err)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("keep the %s: %w", kind, err)
	}
	s.allow = nil
	if err := seal.WriteFile(s.file(kind, suffix), sealed, 0o600); err != nil {
		return fmt.Errorf("keep the %s: %w", kind, err)
	}
	s.changes.Add(1)
	return nil
}

// Changes rises with each list that comes: who holds a list looks again.
func (s *Store) Changes() uint64 { return s.changes.Load() }

// Version is the version of the list that is here, 0 without one.
func (s *Store) Version(kind Kind) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.read(kind, whole)
	if err != nil {
		return 0
	}
	return st.Version
}

// load decodes the list that is here into entries; none is an empty list.
func load[T any](s *Store, kind Kind) ([]T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.read(kind, whole)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", kind, err)
	}
	var all []T
	for part := 1; part <= st.Parts; part++ {
		entries, err := decode[T](st.Entries[part])
		if err != nil {
			return nil, fmt.Errorf("read the %s: %w", kind, err)
		}
		all = append(all, entries...)
	}
	return all, nil
}

// decode reads entries strictly. Its errors quote nothing: the entries are
// persons' data.
func decode[T any](raw json.RawMessage) ([]T, error) {
	var list []T
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil || list == nil {
		what := ""
		if name, ok := strings.CutPrefix(fmt.Sprint(err), "json: unknown field "); ok && len(name) < 64 {
			what = ": unknown field"
		}
		return nil, fmt.Errorf("%w%s", ErrFormat, what)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrFormat
	}
	return list, nil
}
