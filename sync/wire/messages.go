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
	MaxCommand     = 1 << 20   // bytes of a Command: lists travel in it
	MaxMessage     = 256 << 10 // bytes of any other message
	messageVersion = 1
)

// Envelope is one to a hundred records, sealed together.
type Envelope struct {
	First  uint64 `json:"first"` // sequence of the first record inside
	Last   uint64 `json:"last"`  // and of the last
	Sealed []byte `json:"sealed"`
}

// Batch is what a device publishes to its records topic, in CBOR. First and
// Last are what the sender says; the hub believes only what is signed inside.
type Batch struct {
	Envelopes []Envelope
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

// State is the retained message of one of the hub's instances on HubStateTopic.
type State struct {
	V        int       `json:"v"`
	State    string    `json:"state"`    // up, down
	Hub      string    `json:"hub"`      // its store's id: another one means that it has nothing of before
	Instance string    `json:"instance"` // one process of it: another one after each start
	Time     time.Time `json:"time"`
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
	Version  string    `json:"version,omitempty"`  // of the device's software
	Format   string    `json:"format,omitempty"`   // how its records are sealed
	HubKey   string    `json:"hubkey,omitempty"`   // id of the hub's key that it seals to
	Plain    bool      `json:"plain,omitempty"`    // it knows no signing key of the hub, so it takes unsigned words
	Oldest   time.Time `json:"oldest,omitzero"`    // when the oldest record not delivered was accepted
	Time     time.Time `json:"time"`
}

// TakesPlain reports whether the device says that it cannot check signatures.
func (s *Status) TakesPlain() bool { return s.Plain || s.Format == "" }

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

// QuestionPing asks the hub for nothing but an answer. Every hub answers it.
const QuestionPing = "ping"

// Request is an online question from a device to the hub.
type Request struct {
	V    int             `json:"v"`
	ID   string          `json:"id"`
	Name string          `json:"name"`
	Data json.RawMessage `json:"data,omitempty"`
}

// Response is the hub's answer to a Request.
type Response struct {
	V    int             `json:"v"`
	ID   string          `json:"id"` // the request's
	OK   bool            `json:"ok"`
	Text string          `json:"text,omitempty"`
	Data json.RawMessage `json:"data,omitempty"`
}

// Sealed is how replies and requests travel: sealed by the device to the hub.
type Sealed struct {
	V      int    `json:"v"`
	Sealed []byte `json:"sealed"` // base64
}

// Encode returns a message as it travels, with its version set.
func Encode[M Batch | Ack | State | Status | Command | Reply | Request | Response | Sealed](m M) []byte {
	switch v := any(&m).(type) {
	case *Batch:
		return v.encode()
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
	case *Request:
		v.V = messageVersion
	case *Response:
		v.V = messageVersion
	case *Sealed:
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
	if (m.State != "up" && m.State != "down") || !shortText(m.Hub, 64) || !shortText(m.Instance, 64) {
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
	if (m.State != "online" && m.State != "offline") || !shortText(m.Instance, 64) || !shortText(m.Commands, 128) ||
		!shortText(m.Version, 128) || !shortText(m.Format, 32) || !shortText(m.HubKey, 64) {
		return Status{}, fmt.Errorf("status: %w (online or offline)", ErrFormat)
	}
	return m, nil
}

// ParseCommand reads a Command.
func ParseCommand(b []byte) (Command, error) {
	var m Command
	if err := decode(b, MaxCommand, "command", &m, &m.V); err != nil {
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

// ParseRequest reads a Request.
func ParseRequest(b []byte) (Request, error) {
	var m Request
	if err := decode(b, MaxMessage, "request", &m, &m.V); err != nil {
		return Request{}, err
	}
	if m.ID == "" || m.Name == "" || !shortText(m.ID, 128) || !shortText(m.Name, 64) {
		return Request{}, fmt.Errorf("request: %w (id and name)", ErrFormat)
	}
	return m, nil
}

// ParseResponse reads a Response.
func ParseResponse(b []byte) (Response, error) {
	var m Response
	if err := decode(b, MaxMessage, "response", &m, &m.V); err != nil {
		return Response{}, err
	}
	if m.ID == "" || !shortText(m.ID, 128) || !shortText(m.Text, 1024) {
		return Response{}, fmt.Errorf("response: %w (id)", ErrFormat)
	}
	return m, nil
}

// ParseSealed reads what holds a sealed reply or request.
func ParseSealed(b []byte) (Sealed, error) {
	var m Sealed
	if err := decode(b, MaxSealed, "sealed message", &m, &m.V); err != nil {
		return Sealed{}, err
	}
	if len(m.Sealed) == 0 {
		return Sealed{}, fmt.Errorf("sealed message: %w (sealed)", ErrFormat)
	}
	return m, nil
}
