package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"tram/sync/boltfile"
	"tram/sync/wire"
)

// Errors that callers tell apart.
var (
	ErrLocked    = boltfile.ErrBusy
	ErrDamaged   = boltfile.ErrDamaged
	ErrDatabase  = errors.New("the database does not serve")
	ErrAddress   = errors.New("not the address of a database")
	ErrNewer     = errors.New("the store was made by a newer hub")
	ErrNoCommand = errors.New("no such command")
)

// Bounds on what devices may make the hub remember.
const (
	maxGaps     = 10_000   // ranges in one device's set
	maxRejected = 1_000    // envelopes kept aside
	maxAside    = 64 << 20 // bytes of them
)

// Store is the hub's memory. Its methods may be called by several goroutines,
// and with PostgreSQL by several processes.
type Store interface {
	// ID names the store: the same after each start, in every process.
	ID() string
	// Shared reports whether other hub processes may work on the store.
	Shared() bool
	// Known reports of each item whether exactly its bytes are stored for its
	// device, so that it need not be opened again.
	Known(ctx context.Context, items []Item) ([]bool, error)
	// Put stores everything with one commit, and says what became of it.
	Put(ctx context.Context, a Arrivals, now time.Time) (Outcome, error)
	// Report returns every device that ever sent something, by name.
	Report(ctx context.Context) ([]Device, error)
	// Records calls each for every stored record of a device, in order; a
	// device of "" means all. It stops at the first error and returns it.
	Records(ctx context.Context, device string, each func(Record) error) error
	// Asides returns at most max envelopes that are kept aside, from after on.
	Asides(ctx context.Context, after uint64, max int) ([]Aside, error)

	// AddCommand keeps an order; one whose id is there already changes nothing.
	AddCommand(ctx context.Context, c Command) error
	// Command returns one order, or ErrNoCommand.
	Command(ctx context.Context, id string) (Command, error)
	// Claim returns orders without a reply that were last sent before again,
	// at most max, and notes that they are sent now. An order is claimed by
	// one process only. A device of "" means those that are online.
	Claim(ctx context.Context, device string, now, again time.Time, max int) ([]Command, error)

	Close() error
}

// KeyRegistry is a store that also keeps the public keys of devices, for hubs
// on several machines.
type KeyRegistry interface {
	// DeviceKeys returns the JWKs of a device, nil where it has none.
	DeviceKeys(ctx context.Context, device string) (key, box []byte, err error)
	// SaveDeviceKeys replaces them; nil leaves one as it is.
	SaveDeviceKeys(ctx context.Context, device string, key, box []byte) error
	// RemoveDeviceKeys forgets them.
	RemoveDeviceKeys(ctx context.Context, device string) error
}

// Item is an envelope that arrived from a device.
type Item struct {
	Device string
	Site   string // where its topic says it is
	Sealed []byte
	Events []wire.Event // opened and verified; nil when Known or Refused is set
	Known  bool         // these bytes are stored already
	// Refused says why the envelope was not opened; First and Last are then
	// what the sender claims.
	Refused     string
	First, Last uint64
}

// Heard is what a device's status message says.
type Heard struct {
	Device, Site string
	Status       wire.Status
	Checks       bool // the device is known to check signatures, whatever its status says
}

// Answer is a device's reply to a command.
type Answer struct {
	Device string
	ID     string
	OK     bool
	Raw    []byte // as it came, sealed where the device seals replies
}

// Arrivals is what is stored together.
type Arrivals struct {
	Items   []Item
	Heard   []Heard
	Answers []Answer
}

// Outcome says what became of Arrivals.
type Outcome struct {
	Results []string            // of each item
	Acks    map[string]wire.Ack // to every device of Items and Heard, without the refusals
	Plain   map[string]bool     // of these devices, those that take unsigned words only
}

// What became of an Item; anything else is why it was refused.
const (
	Stored    = ""
	Duplicate = "duplicate" // counted, stored once
	Conflict  = "conflict"  // other records under sequences that are taken
	Gaps      = "gaps"      // more gaps than the hub remembers
)

// Device is what the hub says of one device. Its JSON is a contract.
type Device struct {
	Device      string       `json:"device"`
	Site        string       `json:"site"`
	Highwater   uint64       `json:"highwater"`   // highest sequence that arrived
	Missing     []wire.Range `json:"missing"`     // gaps below it that nobody explained, [first, last] each
	Duplicates  uint64       `json:"duplicates"`  // records that arrived again
	Rejected    uint64       `json:"rejected"`    // envelopes kept aside
	Records     uint64       `json:"records"`     // records stored
	Discarded   uint64       `json:"discarded"`   // records that the device says, signed, it will never deliver
	Discards    []Discard    `json:"discards"`    // the same by reason
	Verified    uint64       `json:"verified"`    // highest checkpoint that holds, with nothing missing and no break below
	Checkpoints uint64       `json:"checkpoints"` // checkpoints that held
	Mismatches  uint64       `json:"mismatches"`  // checkpoints that did not
	ChainBreaks uint64       `json:"chainBreaks"` // neighbours that do not name each other
	Online      bool         `json:"online"`      // by its last status
	Last        uint64       `json:"last"`        // highest sequence accepted, by its last status
	Pending     uint64       `json:"pending"`     // accepted and not delivered, by its last status
	Commands    uint64       `json:"commands"`    // orders without a reply
	FirstSeen   time.Time    `json:"firstSeen"`
	LastSeen    time.Time    `json:"lastSeen"`
}

// Discard counts sequences that a device discarded for one reason.
type Discard struct {
	Reason  string `json:"reason"`
	Records uint64 `json:"records"`
}

// Record is what the hub can say of a stored record without opening it.
type Record struct {
	Device   string    `json:"device"`
	Sequence uint64    `json:"sequence"`
	ID       string    `json:"id"`
	Type     string    `json:"type"`
	Time     time.Time `json:"time"`           // by the device's clock
	TrueTime time.Time `json:"trueTime"`       // with what the device later knew of its clock
	Clock    string    `json:"clock,omitzero"` // unsynced, when the device said so and never repaired it

	Stays *wire.StayCount `json:"stays,omitempty"` // of a count of stays: nothing of a person
}

// Aside is an envelope that the hub could not accept and keeps for a look.
type Aside struct {
	Number uint64    `json:"number,omitzero"`
	Device string    `json:"device"`
	Site   string    `json:"site,omitzero"`
	First  uint64    `json:"first"` // what the sender claims
	Last   uint64    `json:"last"`
	Reason string    `json:"reason"`
	Time   time.Time `json:"time"`
	Hash   wire.Hash `json:"hash"`
	Sealed []byte    `json:"sealed,omitempty"`
}

// Command is an order to a device.
type Command struct {
	ID       string    `json:"id"`
	Device   string    `json:"device"`
	Site     string    `json:"site,omitzero"` // where the device was last seen; "": never
	Name     string    `json:"name"`
	Message  []byte    `json:"message"`         // wire.Command; where Sealed is set, signed and sealed to the device
	Sealed   bool      `json:"sealed,omitzero"` // as it is published
	Plain    bool      `json:"plain,omitzero"`  // the device takes unsigned words only
	Issued   time.Time `json:"issued"`
	Sent     uint64    `json:"sent"` // times
	LastSent time.Time `json:"lastSent,omitzero"`
	Answered time.Time `json:"answered,omitzero"`
	OK       bool      `json:"ok"`
	Reply    []byte    `json:"reply,omitempty"` // as it came
}

// indexRow is what the hub keeps of a record beside the sealed envelope.
type indexRow struct {
	ID    string           `json:"id"`
	Type  string           `json:"type"`
	Time  time.Time        `json:"time"`
	Boot  string           `json:"boot,omitempty"`
	Mono  wire.Nanoseconds `json:"mono,omitempty"`
	Clock string           `json:"clock,omitempty"`

	Stays *wire.StayCount `json:"stays,omitempty"`
}

func rowOf(e *wire.Event) indexRow {
	r := indexRow{ID: e.ID, Type: e.Type, Time: e.Time, Boot: e.BootID, Mono: e.Monotonic, Clock: e.Clock}
	if e.Type == wire.TypeStaysCounted {
		// One that tells more than may be told, or nothing that can be read, stays sealed.
		if c, err := wire.ParseStayCount(e.Data); err == nil {
			r.Stays = &c
		}
	}
	return r
}

// record returns what is told of a row, its time repaired.
func (r *indexRow) record(device string, seq uint64, offsets []wire.ClockOffset) Record {
	out := Record{Device: device, Sequence: seq, ID: r.ID, Type: r.Type, Time: r.Time, TrueTime: r.Time, Clock: r.Clock, Stays: r.Stays}
	of := wire.Event{BootID: r.Boot, Monotonic: r.Mono}
	for i := range offsets {
		if offsets[i].Applies(&of) {
			out.TrueTime = offsets[i].Repair(out.TrueTime)
			out.Clock = ""
		}
	}
	return out
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain data of our own
	}
	return b
}
