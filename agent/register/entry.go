package register

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/drivers/cccd"
)

// The states of an entry.
const (
	StatePending  = "pending" // its record is not accepted yet
	StateOpen     = "open"
	StateClosed   = "closed"
	StateBoarded  = "boarded"
	StateAdmitted = "admitted"
	StatePassed   = "passed"
	StateAnnulled = "annulled" // the gate opened and nobody passed
	StateRecorded = "recorded"
	StateExpected = "expected"
)

// The kinds of registers, as profiles name them.
const (
	Stays    = "stays"
	Trips    = "trips"
	RosterOf = "roster"
	Passages = "passages"
	Visits   = "visits"
)

// entry is a visit as the file holds it, encrypted. It lives in memory only
// while it is worked on.
type entry struct {
	ID         string            `json:"id"`
	Profile    string            `json:"profile"`
	Kind       string            `json:"kind"`
	State      string            `json:"state"`
	Time       time.Time         `json:"time"`
	Unsynced   bool              `json:"unsynced,omitempty"` // the clock was not known to be right
	Number     string            `json:"number,omitempty"`   // only where the profile keeps it
	Hash       []byte            `json:"hash,omitempty"`     // what it is found by
	Person     map[string]string `json:"person,omitempty"`
	Answers    map[string]string `json:"answers,omitempty"`
	Assurance  string            `json:"assurance"`
	Source     string            `json:"source,omitempty"`
	Face       string            `json:"face,omitempty"`
	Chip       map[string]string `json:"chip,omitempty"` // the five answers about the chip
	RecordType string            `json:"recordType"`
	Draft      []byte            `json:"draft,omitempty"` // until the record is accepted
	Closes     string            `json:"closes,omitempty"`
	Trip       string            `json:"trip,omitempty"`
	Direction  string            `json:"direction,omitempty"` // of a passage
	Passage    string            `json:"passage,omitempty"`   // what became of it
	Closed     time.Time         `json:"closed,omitzero"`
	Sequence   uint64            `json:"sequence,omitempty"`
	Delivered  time.Time         `json:"delivered,omitzero"` // when the hub was seen to have it
	Ticket     string            `json:"ticket,omitempty"`
	TicketNo   int               `json:"ticketNo,omitempty"`
	Retain     time.Duration     `json:"retain"`
	Expires    time.Time         `json:"expires,omitzero"`
	Hold       bool              `json:"hold,omitempty"`
	Alarms     []string          `json:"alarms,omitempty"`
}

// Row is an entry as people see it: the number masked. It holds a person's data
// and is for the clerk's screen and the command line only.
type Row struct {
	ID        string            `json:"id"`
	Time      time.Time         `json:"time,omitzero"` // zero of who is expected
	Unsynced  bool              `json:"unsynced,omitempty"`
	Profile   string            `json:"profile,omitempty"`
	Kind      string            `json:"kind"`
	State     string            `json:"state"`
	Number    string            `json:"number"` // masked: 0990****0017
	Name      string            `json:"name"`
	Person    map[string]string `json:"-"` // revealed, for papers
	Answers   map[string]string `json:"answers"`
	Assurance string            `json:"assurance"`
	Source    string            `json:"source,omitempty"`
	Face      string            `json:"face,omitempty"`
	Chip      map[string]string `json:"chip,omitempty"` // "hashes", "sodSignature", "chain", "chipAuthentication", "activeAuthentication"
	Trip      string            `json:"trip,omitempty"`
	Direction string            `json:"direction,omitempty"` // of a passage: "in", "out"
	Passage   string            `json:"passage,omitempty"`   // "confirmed", "annulled", "unconfirmed", "unknown"
	Closed    *time.Time        `json:"closed,omitempty"`
	Sequence  uint64            `json:"sequence,omitempty"`
	Delivered *time.Time        `json:"deliveredAt,omitempty"`
	Ticket    string            `json:"ticket,omitempty"`
	Expires   *time.Time        `json:"expires,omitempty"`
	Hold      bool              `json:"hold"`
	Alarms    []string          `json:"alarms"`
}

func (e *entry) row() Row {
	r := Row{
		ID: e.ID, Time: e.Time, Unsynced: e.Unsynced, Profile: e.Profile, Kind: e.Kind, State: e.State,
		Number: cccd.Mask(e.Number), Name: e.Person["personName"], Person: maps.Clone(e.Person), Answers: maps.Clone(e.Answers),
		Assurance: e.Assurance, Source: e.Source, Face: e.Face, Chip: maps.Clone(e.Chip), Trip: e.Trip, Direction: e.Direction, Passage: e.Passage, Sequence: e.Sequence, Ticket: e.Ticket, Hold: e.Hold, Alarms: slices.Clone(e.Alarms),
		Closed: set(e.Closed), Delivered: set(e.Delivered), Expires: set(e.Expires),
	}
	if r.Answers == nil {
		r.Answers = map[string]string{}
	}
	if r.Alarms == nil {
		r.Alarms = []string{}
	}
	return r
}

func set(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// indexKeys are the rows of the index that lead to an entry. None holds more of
// a person than the keyed hash.
func (e *entry) indexKeys() [][]byte {
	keys := [][]byte{[]byte("d" + day(e.Time) + e.ID)}
	if e.Hash != nil {
		keys = append(keys, []byte("n"+hex.EncodeToString(e.Hash)+e.ID))
	}
	if e.State == StatePending {
		keys = append(keys, []byte("p"+e.ID))
	}
	if e.State == StateOpen {
		keys = append(keys, []byte("o"+e.ID))
	}
	if e.Trip != "" {
		keys = append(keys, []byte("t"+e.Trip+"/"+e.ID))
	}
	if e.Sequence != 0 && e.Delivered.IsZero() {
		keys = append(keys, []byte("u"+e.ID))
	}
	if !e.Expires.IsZero() {
		keys = append(keys, expiryKey(e.Expires, kindEntry, e.ID))
	}
	return keys
}

// expiryKey sorts by time.
func expiryKey(at time.Time, kind byte, id string) []byte {
	return append(binary.BigEndian.AppendUint64([]byte("x"), uint64(max(at.Unix(), 0))), append([]byte{kind}, id...)...)
}

// save writes an entry and what leads to it; old is how it was, nil for a new one.
func (r *Register) save(tx *bolt.Tx, old, e *entry) error {
	index := tx.Bucket(bucketIndex)
	if old != nil {
		for _, k := range old.indexKeys() {
			if err := index.Delete(k); err != nil {
				return err
			}
		}
	}
	for _, k := range e.indexKeys() {
		if err := index.Put(k, nil); err != nil {
			return err
		}
	}
	return r.put(tx, kindEntry, e.ID, e)
}

// load reads an entry.
func (r *Register) entry(tx *bolt.Tx, id string) (*entry, error) {
	var e entry
	if err := r.get(tx, kindEntry, id, &e); err != nil {
		return nil, err
	}
	return &e, nil
}

// change rewrites an entry.
func (r *Register) change(tx *bolt.Tx, id string, do func(*entry) error) error {
	e, err := r.entry(tx, id)
	if err != nil {
		return err
	}
	old := *e
	if err := do(e); err != nil {
		return err
	}
	return r.save(tx, &old, e)
}

// erase destroys an entry's key and what leads to it.
func (r *Register) erase(tx *bolt.Tx, e *entry) error {
	for _, k := range e.indexKeys() {
		if err := tx.Bucket(bucketIndex).Delete(k); err != nil {
			return err
		}
	}
	return destroy(tx, kindEntry, e.ID)
}

// under lists the entries below a prefix of the index, the newest first.
func (r *Register) under(tx *bolt.Tx, prefix string, want func(*entry) bool) []*entry {
	var list []*entry
	scan(tx, []byte(prefix), func(rest []byte) bool {
		if e, err := r.entry(tx, string(rest)); err == nil && (want == nil || want(e)) {
			list = append(list, e)
		}
		return true
	})
	slices.SortStableFunc(list, func(a, b *entry) int { return cmp.Or(b.Time.Compare(a.Time), cmp.Compare(b.Sequence, a.Sequence)) })
	return list
}

func (r *Register) byNumber(tx *bolt.Tx, number string) []*entry {
	h := r.hash(number)
	if h == nil {
		return nil
	}
	return r.under(tx, "n"+hex.EncodeToString(h), nil)
}

func rows(list []*entry) []Row {
	out := make([]Row, len(list))
	for i, e := range list {
		out[i] = e.row()
	}
	return out
}

// kept takes the fields that the profile keeps.
func kept(person map[string]string, keeps []string) map[string]string {
	out := map[string]string{}
	for _, field := range keeps {
		v := person[field]
		if field == "birthYear" {
			v = yearOf(person["dateOfBirth"])
		}
		if v != "" {
			out[field] = v
		}
	}
	return out
}

// yearOf is the year of dd/MM/yyyy, MM/yyyy or yyyy.
func yearOf(date string) string {
	return date[strings.LastIndexByte(date, '/')+1:]
}
