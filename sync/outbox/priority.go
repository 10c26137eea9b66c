package outbox

import (
	"fmt"
	"strings"

	"tram/sync/wire"
)

// Priority says what goes first when the outbox nears its limit. Records of
// different priorities are sealed apart, since an envelope goes whole.
type Priority uint8

// The priorities, from the first to go to the last. Photographs are discarded,
// oldest first. Counts are merged: nothing of their sums is lost. Passages are
// discarded only to let an identity in. An identity is refused, never discarded.
const (
	ByType Priority = iota // the record's type decides
	Photo
	Count
	Passage
	Identity
	own // records that the outbox makes itself: they may use the reserve
)

// String returns the name that people read.
func (p Priority) String() string {
	switch p {
	case Photo:
		return "photo"
	case Count:
		return "count"
	case Passage:
		return "passage"
	case own:
		return "audit"
	}
	return "identity"
}

// priorityOf returns the priority of a draft.
func priorityOf(d *Draft) Priority {
	if d.Priority > ByType && d.Priority <= Identity {
		return d.Priority
	}
	switch d.Type {
	case wire.TypeDiscarded, wire.TypeCheckpoint, wire.TypeClockOffset:
		return own
	}
	for _, part := range strings.Split(d.Type, ".") {
		switch part {
		case "photo", "photographed":
			return Photo
		case "counted":
			return Count
		case "passage", "passed":
			return Passage
		}
	}
	return Identity
}

// Why an outbox is full.
const (
	FullQuota = "quota" // its own limit
	FullDisk  = "disk"  // the disk's
)

// FullError is the ErrFull that Accept returns: nothing of the record is kept.
type FullError struct {
	Reason      string // FullQuota, FullDisk
	Priority    Priority
	Used, Limit int64 // bytes of the file in use, and where records of this priority are refused
	err         error
}

// Error says what is full.
func (e *FullError) Error() string {
	if e.Reason == FullDisk {
		return fmt.Sprintf("%v: the disk takes no more (%v)", ErrFull, e.err)
	}
	return fmt.Sprintf("%v: %d of %d bytes in use, no room for a record of priority %s", ErrFull, e.Used, e.Limit, e.Priority)
}

// Unwrap returns ErrFull and what the system said.
func (e *FullError) Unwrap() []error {
	if e.err == nil {
		return []error{ErrFull}
	}
	return []error{ErrFull, e.err}
}
