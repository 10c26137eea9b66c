package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"time"
)

// Limits on what a device may seal in one envelope.
const (
	MaxEvents      = 100     // records in one envelope
	MaxEventBytes  = 1 << 20 // JSON of one record
	MaxEventsBytes = 4 << 20 // JSON of all records of one envelope
	MaxSequence    = 1 << 62 // no device counts so far; keeps sums from overflowing
)

// ErrFormat is returned for a message that is not what the contract says.
var ErrFormat = errors.New("not in the format of the contract")

// Hash is a SHA-256, written as 64 lower case hexadecimal digits.
type Hash [32]byte

// String returns the 64 digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText writes the 64 digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 lower case digits.
func (h *Hash) UnmarshalText(b []byte) error {
	if len(b) != 64 || !bytes.Equal(b, bytes.ToLower(b)) {
		return fmt.Errorf("hash: %w (64 lower case hexadecimal digits)", ErrFormat)
	}
	if _, err := hex.Decode(h[:], b); err != nil {
		return fmt.Errorf("hash: %w (64 lower case hexadecimal digits)", ErrFormat)
	}
	return nil
}

// Sequence is a record's number on its device, from 1 without gaps, written
// with 20 digits so that text sorts as numbers do.
type Sequence uint64

// String returns 20 digits.
func (s Sequence) String() string { return fmt.Sprintf("%020d", uint64(s)) }

// MarshalText writes 20 digits.
func (s Sequence) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads 20 digits.
func (s *Sequence) UnmarshalText(b []byte) error {
	n, err := parseDigits(b, 20)
	if err != nil || n == 0 || n > MaxSequence {
		return fmt.Errorf("sequence: %w (20 digits, from 1)", ErrFormat)
	}
	*s = Sequence(n)
	return nil
}

// Nanoseconds is a time span written as decimal text, since CloudEvents'
// integers have 32 bits.
type Nanoseconds uint64

// MarshalText writes the decimal digits.
func (n Nanoseconds) MarshalText() ([]byte, error) {
	return strconv.AppendUint(nil, uint64(n), 10), nil
}

// UnmarshalText reads decimal digits.
func (n *Nanoseconds) UnmarshalText(b []byte) error {
	v, err := parseDigits(b, 0)
	if err != nil {
		return fmt.Errorf("nanoseconds: %w (decimal digits)", ErrFormat)
	}
	*n = Nanoseconds(v)
	return nil
}

// parseDigits reads digits only; width 0 allows any number of them.
func parseDigits(b []byte, width int) (uint64, error) {
	if len(b) == 0 || len(b) > 20 || (width > 0 && len(b) != width) {
		return 0, ErrFormat
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, ErrFormat
		}
	}
	return strconv.ParseUint(string(b), 10, 64)
}

// Event is a record: a CloudEvents 1.0 event in structured JSON with Tram's
// extension attributes. Data may hold a person's data: an Event prints as its
// sequence and type only, and shows its data nowhere but in its JSON.
type Event struct {
	SpecVersion     string          `json:"specversion"` // "1.0"
	ID              string          `json:"id"`
	Source          string          `json:"source"` // the device's URN
	Type            string          `json:"type"`   // vn.tram.….v1
	Subject         string          `json:"subject,omitempty"`
	Time            time.Time       `json:"time"` // when it happened, by the device's clock
	DataContentType string          `json:"datacontenttype,omitempty"`
	Sequence        Sequence        `json:"sequence"`
	PrevHash        Hash            `json:"prevhash"`        // of the sealed envelope before; zeros at a chain's start
	RecordedTime    time.Time       `json:"recordedtime"`    // when it was accepted, by the same clock
	BootID          string          `json:"bootid"`          // of the running kernel
	Monotonic       Nanoseconds     `json:"monotonic"`       // since that boot, sleep included
	Clock           string          `json:"clock,omitempty"` // ClockUnsynced while the clock is not to be trusted
	Data            json.RawMessage `json:"data,omitempty"`
}

// Format prints sequence and type and nothing else, for every verb.
func (e Event) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "record "+strconv.FormatUint(uint64(e.Sequence), 10)+" "+e.Type)
}

// LogValue logs sequence and type.
func (e Event) LogValue() slog.Value {
	return slog.GroupValue(slog.Uint64("seq", uint64(e.Sequence)), slog.String("type", e.Type))
}

// Check returns what is wrong with the event's attributes.
func (e *Event) Check() error {
	switch {
	case e.SpecVersion != "1.0":
		return fmt.Errorf("specversion: %w (1.0)", ErrFormat)
	case !shortText(e.ID, 128), e.ID == "":
		return fmt.Errorf("id: %w", ErrFormat)
	case !shortText(e.Type, 128), e.Type == "":
		return fmt.Errorf("type: %w", ErrFormat)
	case !shortText(e.Subject, 256):
		return fmt.Errorf("subject: %w", ErrFormat)
	case !shortText(e.BootID, 64):
		return fmt.Errorf("bootid: %w", ErrFormat)
	case !shortText(e.Clock, 32):
		return fmt.Errorf("clock: %w", ErrFormat)
	case e.Sequence == 0:
		return fmt.Errorf("sequence: %w (from 1)", ErrFormat)
	case e.Time.IsZero(), e.RecordedTime.IsZero():
		return fmt.Errorf("time or recordedtime: %w (RFC 3339)", ErrFormat)
	}
	if _, err := DeviceOf(e.Source); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	return nil
}

// shortText reports whether s is at most max bytes without control characters.
func shortText(s string, max int) bool {
	if len(s) > max {
		return false
	}
	for _, r := range s {
		if r < 0x20 || r == 0x7f || r == 0xfffd {
			return false
		}
	}
	return true
}

// MarshalEvents returns the CloudEvents batch (a JSON array) that an envelope
// seals.
func MarshalEvents(events []Event) ([]byte, error) {
	if len(events) == 0 || len(events) > MaxEvents {
		return nil, fmt.Errorf("an envelope of %d records: %w (1 to %d)", len(events), ErrFormat, MaxEvents)
	}
	b, err := json.Marshal(events)
	if err != nil {
		return nil, fmt.Errorf("encode %d records: %w", len(events), err)
	}
	if len(b) > MaxEventsBytes {
		return nil, fmt.Errorf("an envelope of %d bytes: %w (at most %d)", len(b), ErrFormat, MaxEventsBytes)
	}
	return b, nil
}

// ParseEvents reads what an envelope sealed and checks that it is one device's
// contiguous piece of a chain: the same source and the same prevhash in every
// record, sequences that rise by one.
func ParseEvents(b []byte) ([]Event, error) {
	if len(b) > MaxEventsBytes {
		return nil, fmt.Errorf("an envelope of %d bytes: %w (at most %d)", len(b), ErrFormat, MaxEventsBytes)
	}
	var events []Event
	if err := json.Unmarshal(b, &events); err != nil {
		return nil, fmt.Errorf("records: %w (a JSON array of CloudEvents)", ErrFormat)
	}
	if len(events) == 0 || len(events) > MaxEvents {
		return nil, fmt.Errorf("an envelope of %d records: %w (1 to %d)", len(events), ErrFormat, MaxEvents)
	}
	first := &events[0]
	for i := range events {
		e := &events[i]
		if err := e.Check(); err != nil {
			return nil, fmt.Errorf("record %d of %d: %w", i+1, len(events), err)
		}
		if e.Source != first.Source || e.PrevHash != first.PrevHash || uint64(e.Sequence)-uint64(first.Sequence) != uint64(i) {
			return nil, fmt.Errorf("record %d of %d does not continue the one before: %w", i+1, len(events), ErrFormat)
		}
		if len(e.Data) > MaxEventBytes {
			return nil, fmt.Errorf("record %d of %d has %d bytes: %w (at most %d)", i+1, len(events), len(e.Data), ErrFormat, MaxEventBytes)
		}
	}
	return events, nil
}
