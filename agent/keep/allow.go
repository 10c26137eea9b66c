package keep

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"tram/sync/wire"
)

// Allowed is a line of an allow list: who may pass, and when. It holds a hash,
// not a number, and no name.
type Allowed struct {
	Hash  []byte    `json:"hash"`            // wire.AllowHash of the number
	Group string    `json:"group,omitempty"` // such as a company or a shift
	From  time.Time `json:"from,omitzero"`   // zero: at once
	Until time.Time `json:"until,omitzero"`  // zero: as long as the list holds
}

func (a Allowed) ok() bool {
	return len(a.Hash) == sha256.Size && short(a.Group) && (a.Until.IsZero() || a.Until.After(a.From))
}

// Allowance is the allow list that is here.
type Allowance struct {
	Version  uint64 // 0: none ever came
	Until    time.Time
	Received time.Time
	Entries  int

	salt   []byte
	rounds int
	lines  map[[sha256.Size]byte][]Allowed
}

// Of returns the lines of a number; none when it is not on the list.
func (a *Allowance) Of(number string) []Allowed {
	if a.Version == 0 || number == "" {
		return nil
	}
	h, err := wire.AllowHash(number, a.salt, a.rounds)
	if err != nil {
		return nil
	}
	return a.lines[h]
}

// Allowance is the allow list. It is read once and kept until another one comes:
// a gate decides in the time of one hash.
func (s *Store) Allowance() (*Allowance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.allow != nil {
		return s.allow, nil
	}
	a := &Allowance{lines: map[[sha256.Size]byte][]Allowed{}}
	st, err := s.read(AllowList, whole)
	if errors.Is(err, fs.ErrNotExist) {
		s.allow = a
		return a, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", AllowList, err)
	}
	for part := 1; part <= st.Parts; part++ {
		list, err := decode[Allowed](st.Entries[part])
		if err != nil {
			return nil, fmt.Errorf("read the %s: %w", AllowList, err)
		}
		for _, l := range list {
			if !l.ok() {
				return nil, fmt.Errorf("read the %s: %w", AllowList, ErrFormat)
			}
			a.lines[[sha256.Size]byte(l.Hash)] = append(a.lines[[sha256.Size]byte(l.Hash)], l)
			a.Entries++
		}
	}
	a.Version, a.Until, a.Received, a.salt, a.rounds = st.Version, st.Until, st.Received, st.Salt, st.Rounds
	s.allow = a
	return a, nil
}
