package wire

import (
	"encoding/json"
	"fmt"
)

// TypeDiscarded is the record by which a device says, signed, that sequences
// will never be delivered: discarded by policy, or lost with a damaged file.
// The hub counts them as explained, not as missing.
const TypeDiscarded = "vn.tram.records.discarded.v1"

// Reasons of a Discarded record.
const (
	ReasonDamaged  = "damaged"  // the outbox's file was damaged and kept aside
	ReasonReplaced = "replaced" // the outbox's file was gone or older than its own high-water mark
	ReasonQuota    = "quota"    // the outbox was near its limit: photographs first, then counts that a sum replaces, then passages
)

// Discarded is the data of a TypeDiscarded record.
type Discarded struct {
	Ranges []Range `json:"ranges"`
	Reason string  `json:"reason"`
	Text   string  `json:"text,omitempty"`
}

// ParseDiscarded reads the data of a TypeDiscarded record.
func ParseDiscarded(b []byte) (Discarded, error) {
	var d Discarded
	if len(b) > MaxMessage {
		return d, fmt.Errorf("discard of %d bytes: %w", len(b), ErrFormat)
	}
	if err := json.Unmarshal(b, &d); err != nil || len(d.Ranges) > MaxMissing || !shortText(d.Reason, 64) {
		return Discarded{}, fmt.Errorf("discard: %w (ranges and reason)", ErrFormat)
	}
	return d, nil
}
