package wire

import (
	"encoding/json"
	"fmt"
)

// TypeCheckpoint is the record in which a device signs how far its chain has
// come, so that the hub can state "delivered 1 to 48,212, nothing missing".
const TypeCheckpoint = "vn.tram.checkpoint.v1"

// Checkpoint is the data of a TypeCheckpoint record. It speaks of what lies
// before the envelope that it is sealed in.
type Checkpoint struct {
	Last      uint64 `json:"last"`      // highest sequence of the envelope before
	Hash      Hash   `json:"hash"`      // of that sealed envelope
	Records   uint64 `json:"records"`   // records ever accepted up to Last
	Discarded uint64 `json:"discarded"` // of these, records ever discarded by policy
}

// ParseCheckpoint reads the data of a TypeCheckpoint record.
func ParseCheckpoint(b []byte) (Checkpoint, error) {
	var c Checkpoint
	if len(b) > MaxMessage {
		return c, fmt.Errorf("checkpoint of %d bytes: %w", len(b), ErrFormat)
	}
	if err := json.Unmarshal(b, &c); err != nil || c.Last == 0 || c.Last > MaxSequence || c.Records > MaxSequence || c.Discarded > c.Records {
		return Checkpoint{}, fmt.Errorf("checkpoint: %w (last, hash, records, discarded)", ErrFormat)
	}
	return c, nil
}
