package wire

import (
	"encoding/json"
	"fmt"
	"time"
)

// ClockUnsynced is the value of an Event's clock attribute while the device's
// clock is below its floor or not known to be synchronised.
const ClockUnsynced = "unsynced"

// TypeClockOffset is the record by which a device repairs what it stamped
// before its clock was set.
const TypeClockOffset = "vn.tram.clock.offset.v1"

// Reasons of a ClockOffset record.
const (
	ReasonSynced  = "synced"  // the clock was set for the first time in this boot
	ReasonStepped = "stepped" // the clock jumped later
)

// ClockOffset is the data of a TypeClockOffset record: for records of BootID
// with monotonic below Before, the true time is the stamped one plus Offset.
// Several of one boot add up: each speaks of what was stamped before it.
type ClockOffset struct {
	BootID string `json:"bootid"`
	Before int64  `json:"before"` // nanoseconds since that boot
	Offset int64  `json:"offset"` // nanoseconds to add
	Reason string `json:"reason"` // synced, stepped
}

// Applies reports whether the offset speaks of the event.
func (c *ClockOffset) Applies(e *Event) bool {
	return e.BootID == c.BootID && e.Monotonic < Nanoseconds(max(c.Before, 0))
}

// Repair returns what a stamped time truly was.
func (c *ClockOffset) Repair(stamped time.Time) time.Time {
	return stamped.Add(time.Duration(c.Offset))
}

// ParseClockOffset reads the data of a TypeClockOffset record.
func ParseClockOffset(b []byte) (ClockOffset, error) {
	var c ClockOffset
	if len(b) > MaxMessage {
		return c, fmt.Errorf("clock offset of %d bytes: %w", len(b), ErrFormat)
	}
	if err := json.Unmarshal(b, &c); err != nil || c.BootID == "" || !shortText(c.BootID, 64) || c.Before <= 0 || !shortText(c.Reason, 64) {
		return ClockOffset{}, fmt.Errorf("clock offset: %w (bootid, before, offset, reason)", ErrFormat)
	}
	return c, nil
}
