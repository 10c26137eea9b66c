package visit

import (
	"context"
	"time"

	"tram/drivers/privacy"
)

// Book is the device's local register as a visit needs it: open stays, the
// passengers of a trip, a roster, the queue's tickets. A profile without a
// register and without a ticket needs none.
type Book interface {
	// Look is asked when person and answers are known: what the register says
	// about them (already boarded, not on the list, a stay is open).
	Look(ctx context.Context, e Entry) (Finding, error)
	// Begin writes the entry down before the record is made, sealed at rest
	// together with the draft, so that a crash between register and queue is
	// repaired at the next start: the draft is accepted again with the same event id.
	Begin(ctx context.Context, e Entry) (Ticket, error)
	// Done says under which sequence the record was accepted; Drop that it was not.
	Done(entry string, sequence uint64) error
	Drop(entry string) error
}

// Entry is one visit as the register keeps it.
type Entry struct {
	ID         string // the visit's; also the id of its record
	Profile    string
	Kind       string // the profile's register.kind: stays, trips, roster, passages, visits; "" without a register
	Time       time.Time
	Number     privacy.Private[string]            // personal number, or the passport's for a foreigner; "" when unknown
	Person     privacy.Private[map[string]string] // the fields that the register keeps, by their names in a record
	Answers    privacy.Private[map[string]string] // by question
	Assurance  string
	Source     string                  // "qr", "vneid", "bhyt", "chip", "typed"
	Face       string                  // "match", "unsure", …; "" when none was compared
	RecordType string                  // CloudEvents type of the record
	Draft      privacy.Private[[]byte] // the record, as [DecodeDraft] reads it; set for Begin only
}

// Finding is what the register says about an entry.
type Finding struct {
	Alarms     []Alarm
	RecordType string            // "": the profile's; vn.tram.stay.closed.v1 when the person checks out
	Fill       map[string]string // answers that the register knows, such as the room of an open stay
}

// Alarm is something that a clerk must know of before the visit is recorded.
// The codes are twice_boarded, not_on_list, twice_admitted, wrong_room,
// stay_open, not_allowed and passback.
type Alarm struct {
	Code   string `json:"code"`
	Stop   bool   `json:"stop"`             // the visit cannot be recorded
	Detail string `json:"detail,omitempty"` // for the clerk, such as the right room; no personal data
}

// Ticket is what the person takes away.
type Ticket struct {
	Number int       `json:"number"`
	Text   string    `json:"text"` // as it is called: "A017"
	At     time.Time `json:"at"`
}

// Door lets a person through whose visit is good: the relay of a gate.
type Door interface {
	// Pass opens and returns when the person went through (true), or did not within the time that a
	// passage may take (false): then the visit makes no record. An error says that it could not be opened.
	Pass(ctx context.Context, visit string) (passed bool, err error)
}
