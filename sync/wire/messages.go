package wire

import (
	"encoding/json"
	"fmt"
	"time"
)

// Limits on messages.
const (
	MaxSealed      = 2 << 20   // bytes of one sealed envelope
	MaxBatch       = 4 << 20   // bytes of one Batch
	MaxEnvelopes   = 256       // envelopes in one Batch
	MaxMissing     = 256       // ranges in one Ack; an Ack with more gaps names a lower highwater
	MaxMessage     = 256 << 10 // bytes of any other message
	messageVersion = 1
)

// Envelope is one to a hundred records, sealed together.
type Envelope struct {
	First  uint64 `json:"first"` // sequence of the first record inside
	Last   uint64 `json:"last"`  // and of the last
	Sealed string `json:"sealed"`
}

// Batch is what a device publishes to its records topic. First and Last are
// what the sender says; the hub believes only what is signed inside.
type Batch struct {
	V         int        `json:"v"`
	Envelopes []Envelope `json:"envelopes"`
}

// Ack is what the hub publishes to a device's ack topic after its commit: it
// has every sequence up to Highwater except those of Missing. Only this
// message frees records on the device.
type Ack struct {
	V         int        `json:"v"`
	Highwater uint64     `json:"highwater"`
	Missing   []Range    `json:"missing,omitempty"`
	Hash      Hash       `json:"hash"`               // of the sealed envelope that holds Highwater; zeros when unknown
	Rejected  []Rejected `json:"rejected,omitempty"` // of this batch: kept aside, not acknowledged
	Hub       string     `json:"hub,omitempty"`      // the hub's instance
}

// Rejected is an envelope that the hub could not accept.
type Rejected struct {
	First  uint64 `json:"first"`
	Last   uint64 `json:"last"`
	Reason string `json:"reason"` // unknown-device, unknown-key, seal, source, format, conflict, gaps
}

// Has reports whether the ack says that the hub has all of r.
func (a *Ack) Has(r Range) bool {
	return r.Last <= a.Highwater && !Set(a.Missing).Overlaps(r)
}

// State is the hub's retained message on HubStateTopic.
type State struct {
	V     int       `json:"v"`
	State string    `json:"state"` // up, down
	Hub   string    `json:"hub"`   // the hub's instance: another one after each start
	Time  time.Time `json:"time"`
}

// Up reports whether the hub says that it takes records.
func (s *State) Up() bool { return s.State == "up" }

// Status is a device's retained message on its status topic, and its last will.
type Status struct {
	V        int       `json:"v"`
	State    string    `json:"state"`              // online, offline
	Instance string    `json:"instance"`           // of the device's process
	Last     uint64    `json:"last,omitempty"`     // highest sequence accepted
	Pending  uint64    `json:"pending,omitempty"`  // accepted and not delivered
	Commands string    `json:"commands,omitempty"` // id of the last command stored
	Time     time.Time `json:"time"`
}

// Command is an order from the hub to one device.
type Command struct {
	V       int             `json:"v"`
	ID      string          `json:"id"`
	Name    string          `json:"name"`
	Issued  time.Time       `json:"issued,omitzero"`  // for people
	Expires time.Time       `json:"expires,omitzero"` // honoured only while the device's clock is known to be right
	Data    json.RawMessage `json:"data,omitempty"`
}

// Reply is a device's answer to a Command.
type Reply struct {
	V    int             `json:"v"`
	ID   string          `json:"id"`
	OK   bool            `json:"ok"`
	Text string          `json:"text,omitempty"`
	Data json.RawMessage `json:"data,omitempty"`
}

// Encode returns a message's JSON with its version set.
func Encode[M Batch | Ack | State | Status | Command | Reply](m M) []byte {
	switch v := any(&m).(type) {
	case *Batch:
		v.V = messageVersion
	case *Ack:
		v.V = messageVersion
	case *State:
		v.V = messageVersion
	case *Status:
		v.V = messageVersion
	case *Command:
		v.V = messageVersion
	case *Reply:
		v.V = messageVersion
	}
	b, err := json.Marshal(m)
	if err != nil { // only raw JSON that is none can fail: the caller's mistake
		return []byte(`{}`)
	}
	return b
}

// decode reads one message of at most max bytes.
func decode(b []byte, limit int, name string, into any, version *int) error {
	if len(b) > limit {
		return fmt.Errorf("%s of %d bytes: %w (at most %d)", name, len(b), ErrFormat, limit)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w (JSON)", name, ErrFormat)
	}
	if *version != messageVersion {
		return fmt.Errorf("%s of version %d: %w (version %d)", name, *version, ErrFormat, messageVersion)
	}
	return nil
}

// ParseBatch reads a Batch.
func ParseBatch(b []byte) (Batch, error) {
	var m Batch
	if err := decode(b, MaxBatch, "batch", &m, &m.V); err != nil {
		return Batch{}, err
	}
	if len(m.Envelopes) == 0 || len(m.Envelopes) > MaxEnvelopes {
		return Batch{}, fmt.Errorf("batch of %d envelopes: %w (1 to %d)", len(m.Envelopes), ErrFormat, MaxEnvelopes)
	}
	for i, e := range m.Envelopes {
		if e.First == 0 || e.Last < e.First || e.Last-e.First >= MaxEvents {
			return Batch{}, fmt.Errorf("envelope %d of the batch: sequences: %w", i+1, ErrFormat)
		}
		if e.Sealed == "" || len(e.Sealed) > MaxSealed {
			return Batch{}, fmt.Errorf("envelope %d of the batch has %d bytes: %w (1 to %d)", i+1, len(e.Sealed), ErrFormat, MaxSealed)
		}
	}
	return m, nil
}

// ParseAck reads an Ack. Its missing ranges are sorted, apart, and below Highwater.
func ParseAck(b []byte) (Ack, error) {
	var m Ack
	if err := decode(b, MaxMessage, "ack", &m, &m.V); err != nil {
		return Ack{}, err
	}
	if len(m.Missing) > MaxMissing || len(m.Rejected) > MaxEnvelopes {
		return Ack{}, fmt.Errorf("ack with %d missing ranges, %d rejected envelopes: %w", len(m.Missing), len(m.Rejected), ErrFormat)
	}
	last := uint64(0)
	for _, r := range m.Missing {
		if r.First <= last || r.Last > m.Highwater {
			return Ack{}, fmt.Errorf("ack: missing ranges: %w (rising, below highwater)", ErrFormat)
		}
		last = r.Last
	}
	for _, r := range m.Rejected {
		if r.First == 0 || r.Last < r.First || !shortText(r.Reason, 64) {
			return Ack{}, fmt.Errorf("ack: rejected envelopes: %w", ErrFormat)
		}
	}
	if !shortText(m.Hub, 64) {
		return Ack{}, fmt.Errorf("ack: hub: %w", ErrFormat)
	}
	return m, nil
}

// ParseState reads a hub's State.
func ParseState(b []byte) (State, error) {
	var m State
	if err := decode(b, MaxMessage, "hub state", &m, &m.V); err != nil {
		return State{}, err
	}
	if (m.State != "up" && m.State != "down") || !shortText(m.Hub, 64) {
		return State{}, fmt.Errorf("hub state: %w (up or down)", ErrFormat)
	}
	return m, nil
}

// ParseStatus reads a device's Status.
func ParseStatus(b []byte) (Status, error) {
	var m Status
	if err := decode(b, MaxMessage, "status", &m, &m.V); err != nil {
		return Status{}, err
	}
	if (m.State != "online" && m.State != "offline") || !shortText(m.Instance, 64) || !shortText(m.Commands, 128) {
		return Status{}, fmt.Errorf("status: %w (online or offline)", ErrFormat)
	}
	return m, nil
}

// ParseCommand reads a Command.
func ParseCommand(b []byte) (Command, error) {
	var m Command
	if err := decode(b, MaxMessage, "command", &m, &m.V); err != nil {
		return Command{}, err
	}
	if m.ID == "" || m.Name == "" || !shortText(m.ID, 128) || !shortText(m.Name, 64) {
		return Command{}, fmt.Errorf("command: %w (id and name)", ErrFormat)
	}
	return m, nil
}

// ParseReply reads a Reply.
func ParseReply(b []byte) (Reply, error) {
	var m Reply
	if err := decode(b, MaxMessage, "reply", &m, &m.V); err != nil {
		return Reply{}, err
	}
	if m.ID == "" || !shortText(m.ID, 128) || !shortText(m.Text, 1024) {
		return Reply{}, fmt.Errorf("reply: %w (id)", ErrFormat)
	}
	return m, nil
}
