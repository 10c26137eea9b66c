package visit

import (
	"context"
	"errors"
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
	Person     privacy.Private[map[string]string] // the fields that the register keeps, by their names in a record, and name and birthday to look for
	Answers    privacy.Private[map[string]string] // by question
	Assurance  string
	Source     string                  // "qr", "vneid", "bhyt", "chip", "typed"
	Face       string                  // "match", "unsure", …; "" when none was compared
	RecordType string                  // CloudEvents type of the record
	Direction  string                  // of a passage: "in", "out"
	Passage    string                  // what became of it; "" before that is known
	Clerk      string                  // who let a visitor in
	Draft      privacy.Private[[]byte] // the record, as [DecodeDraft] reads it; set for Begin only
}

// Finding is what the register says about an entry.
type Finding struct {
	Alarms     []Alarm
	RecordType string            // "": the profile's; vn.tram.stay.closed.v1 when the person checks out
	Direction  string            // of a passage: "in", "out"
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
	QR     string    `json:"qr,omitempty"` // GET it: an SVG that says number, day and place
}

// A Redrafter is a Book that takes another draft of an entry that was begun: what
// became of a passage is known only after the gate opened.
type Redrafter interface {
	Redraft(e Entry) error
}

// The results of a passage.
const (
	PassageConfirmed   = "confirmed"   // a sensor or the camera saw somebody go through
	PassageAnnulled    = "annulled"    // the gate opened and nobody went through in time
	PassageUnconfirmed = "unconfirmed" // there is nothing that could see it
	PassageUnknown     = "unknown"     // the power went between opening and seeing
)

// TypeAnnulled is the record of a gate that opened and that nobody went through.
const TypeAnnulled = "vn.tram.passage.annulled.v1"

// Passage is what became of a person at a gate.
type Passage struct {
	Result    string `json:"result"`
	Direction string `json:"direction"`         // "in", "out"
	By        string `json:"by,omitempty"`      // "sensor", "camera": what saw it
	Opened    bool   `json:"opened"`            // the relay was switched; false where the gate is opened by hand
	MS        int64  `json:"ms,omitempty"`      // from opening to passing
	Group     string `json:"group,omitempty"`   // of the allow list
	Visitor   bool   `json:"visitor,omitempty"` // not on the list; a clerk let them in
}

// Door lets a person through whose visit is good: the relay of a gate.
type Door interface {
	// Pass decides once more, opens, and returns what became of the passage when that is known. An error says
	// that nothing was opened; then the visit makes no record.
	Pass(ctx context.Context, e Entry) (Passage, error)
}

// ErrDoor means that the gate cannot be opened.
var ErrDoor = errors.New("the gate cannot be opened")

// ErrDenied means that the decision in the last moment was to refuse.
var ErrDenied = errors.New("this person may not pass")

// ErrNeedsClerk means that a clerk has to sign in and say so themselves.
var ErrNeedsClerk = errors.New("only a signed-in clerk may let in who is not on the list")

type clerkKey struct{}

// WithClerk says in ctx which signed-in clerk acts.
func WithClerk(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, clerkKey{}, name)
}

// ClerkOf is the signed-in clerk who acts, "" for none.
func ClerkOf(ctx context.Context) string {
	name, _ := ctx.Value(clerkKey{}).(string)
	return name
}
