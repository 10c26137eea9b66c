package wire

import (
	"encoding/json"
	"fmt"
	"sort"
)

// Range is the sequences First to Last, both included, written [first, last].
type Range struct{ First, Last uint64 }

// MarshalJSON writes [first, last].
func (r Range) MarshalJSON() ([]byte, error) { return json.Marshal([2]uint64{r.First, r.Last}) }

// UnmarshalJSON reads [first, last] with 1 ≤ first ≤ last.
func (r *Range) UnmarshalJSON(b []byte) error {
	var v []uint64
	if err := json.Unmarshal(b, &v); err != nil || len(v) != 2 || v[0] == 0 || v[0] > v[1] || v[1] > MaxSequence {
		return fmt.Errorf("range: %w ([first, last])", ErrFormat)
	}
	r.First, r.Last = v[0], v[1]
	return nil
}

// Len returns how many sequences the range holds.
func (r Range) Len() uint64 { return r.Last - r.First + 1 }

// Overlaps reports whether both ranges share a sequence.
func (r Range) Overlaps(o Range) bool { return r.First <= o.Last && o.First <= r.Last }

// Set is a set of sequences as sorted ranges that neither overlap nor touch.
type Set []Range

// Add returns the set with r in it.
func (s Set) Add(r Range) Set {
	i := sort.Search(len(s), func(i int) bool { return s[i].Last >= r.First || s[i].Last+1 == r.First })
	j := i
	for j < len(s) && (s[j].First <= r.Last || s[j].First == r.Last+1) {
		r.First = min(r.First, s[j].First)
		r.Last = max(r.Last, s[j].Last)
		j++
	}
	if j == i+1 { // the common case: the last range grows
		s[i] = r
		return s
	}
	return append(s[:i:i], append(Set{r}, s[j:]...)...)
}

// Overlaps reports whether any sequence of r is in the set.
func (s Set) Overlaps(r Range) bool {
	i := sort.Search(len(s), func(i int) bool { return s[i].Last >= r.First })
	return i < len(s) && s[i].Overlaps(r)
}

// Contains reports whether every sequence of r is in the set.
func (s Set) Contains(r Range) bool {
	i := sort.Search(len(s), func(i int) bool { return s[i].Last >= r.First })
	return i < len(s) && s[i].First <= r.First && r.Last <= s[i].Last
}

// Highest returns the set's last sequence, 0 when it is empty.
func (s Set) Highest() uint64 {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].Last
}

// Count returns how many sequences are in the set.
func (s Set) Count() uint64 {
	var n uint64
	for _, r := range s {
		n += r.Len()
	}
	return n
}

// Missing returns the gaps from 1 to the set's highest sequence.
func (s Set) Missing() Set {
	var gaps Set
	next := uint64(1)
	for _, r := range s {
		if r.First > next {
			gaps = append(gaps, Range{next, r.First - 1})
		}
		next = r.Last + 1
	}
	return gaps
}
