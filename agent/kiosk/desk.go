package kiosk

import (
	"context"
	"errors"
	"time"

	"tram/agent/health"
	"tram/agent/visit"
	"tram/drivers"
)

// What a Desk or a Tech may answer; as with the Station's, each has an HTTP
// status and a code in the error's JSON.
var (
	ErrNoEntry   = errors.New("there is no such entry")          // 404 no_entry
	ErrNotKept   = errors.New("this counter does not keep that") // 404 not_kept
	ErrBadField  = visit.ErrBadField                             // 422 bad_field
	ErrHeld      = errors.New("a legal hold is on this entry")   // 409 held
	ErrNoPicture = errors.New("there is no picture now")         // 503 no_picture
)

// A Row is one line of the clerk's lists: a stay, a passenger, a candidate, a
// passage or a visit. Numbers are masked; fields that do not fit are empty.
type Row struct {
	ID   string    `json:"id"`
	Time time.Time `json:"time"` // when the person was here; zero for one who is expected
	Kind string    `json:"kind"` // of the register: "stays", "trips", "roster", "passages", "visits"
	// State is "open", "closed", "boarded", "admitted", "expected", "absent",
	// "passed", "annulled", "refused" or "recorded".
	State   string            `json:"state"`
	Number  string            `json:"number"`  // masked: 0990****0017
	Name    string            `json:"name"`    // empty where the profile does not keep it
	Answers map[string]string `json:"answers"` // by question: room, trip, seat, until, …; never null
	// Assurance is how sure the device was: "qr", "chip", "chip-trusted+face", …
	Assurance string     `json:"assurance"`
	Closed    *time.Time `json:"closed,omitempty"`    // when a stay or trip ended
	Deadline  *time.Time `json:"deadline,omitempty"`  // until when the law wants it declared
	Due       string     `json:"due,omitempty"`       // of the deadline: "", "soon", "over"
	Delivered string     `json:"delivered"`           // of its record: "accepted", "sent", "delivered"; "none" before it is made
	Late      bool       `json:"late"`                // its record was not delivered before the deadline
	Sequence  uint64     `json:"sequence,omitempty"`  // of its record
	Ticket    string     `json:"ticket,omitempty"`    // as printed: "A012"
	Hold      bool       `json:"hold"`                // a legal hold keeps it
	Direction string     `json:"direction,omitempty"` // of a passage: "in", "out"
	Passage   string     `json:"passage,omitempty"`   // "confirmed", "annulled", "unconfirmed", "unknown"
	Alarms    []string   `json:"alarms"`              // codes; never null
}

// A Trip is one run of a coach.
type Trip struct {
	ID       string     `json:"id"`
	Route    string     `json:"route"`             // "Buôn Ma Thuột – Đà Nẵng"
	Vehicle  string     `json:"vehicle,omitempty"` // plate
	Departs  *time.Time `json:"departs,omitempty"`
	State    string     `json:"state"` // "open", "closed"
	Opened   time.Time  `json:"opened"`
	Closed   *time.Time `json:"closed,omitempty"`
	Expected int        `json:"expected"` // on the passenger list; 0 without one
	Boarded  int        `json:"boarded"`
}

// A NewTrip is what a clerk says about a trip that begins.
type NewTrip struct {
	Route   string     `json:"route"` // 1 to 120 characters
	Vehicle string     `json:"vehicle,omitempty"`
	Departs *time.Time `json:"departs,omitempty"`
}

// A Roster is who is expected, and who came.
type Roster struct {
	Name     string    `json:"name"`              // "Ca thi 1"
	Version  uint64    `json:"version,omitempty"` // as the hub counts its lists; 0 for a file
	At       time.Time `json:"at"`
	Expected int       `json:"expected"`
	Present  int       `json:"present"`
	Absent   int       `json:"absent"`
	Rows     []Row     `json:"rows"` // never null
}

// Pending is the queue as the clerk sees it: what the hub does not have yet.
type Pending struct {
	visit.Queue
	Waiting uint64     `json:"waiting"`
	Oldest  *time.Time `json:"oldest"` // of what waits; null when nothing does
	Rows    []Row      `json:"rows"`   // entries of the register whose record waits; never null
}

// A Form asks for one of the papers.
type Form struct {
	Name   string `json:"name"`            // "dd10", "na17", "columns", "qd4750", "passengers", "slip"
	Day    string `json:"day,omitempty"`   // "2026-03-02"; empty: today
	Trip   string `json:"trip,omitempty"`  // whose passengers, and not the day's
	Format string `json:"format"`          // "xlsx", "csv", "html", "json"
	Entry  string `json:"entry,omitempty"` // the entry of a slip; else empty
}

// A File is a paper that is done.
type File struct {
	Name string `json:"name"` // "luu-tru-2026-03-02.xlsx"
	Type string `json:"type"` // MIME type
	Data []byte `json:"data"`
}

// An AlarmRow is something that a clerk must see.
type AlarmRow struct {
	ID     string    `json:"id"`
	Time   time.Time `json:"time"`
	Code   string    `json:"code"` // "twice_boarded", "not_on_list", "twice_admitted", "wrong_room", "stay_open", "not_allowed", "passback", "deadline", …
	Stop   bool      `json:"stop"` // it stopped the visit
	Entry  string    `json:"entry,omitempty"`
	Number string    `json:"number,omitempty"` // masked
	Name   string    `json:"name,omitempty"`
	Detail string    `json:"detail,omitempty"` // "A12"
}

// A Request is a person's request about their own data and its legal timers.
type Request struct {
	ID         string     `json:"id"`
	Kind       string     `json:"kind"` // "find", "export", "correct", "delete", "restrict"
	Entry      string     `json:"entry,omitempty"`
	Received   time.Time  `json:"received"`
	AnswerBy   time.Time  `json:"answerBy"`
	CarryOutBy time.Time  `json:"carryOutBy"`
	Answered   *time.Time `json:"answered,omitempty"`
	Done       *time.Time `json:"done,omitempty"`
	State      string     `json:"state"` // "open", "answered", "done", "refused"
	Due        string     `json:"due"`   // "", "soon", "over"
}

// A Desk is the local register as the signed-in clerk sees it. Each call names
// who looks, which goes into the access log. Lists are newest first and never
// nil. A counter whose profile keeps no such register answers ErrNotKept.
type Desk interface {
	// Today lists the entries of this day.
	Today(ctx context.Context, who string) ([]Row, error)
	// OpenStays lists the stays that are not closed; CloseStay ends one.
	OpenStays(ctx context.Context, who string) ([]Row, error)
	CloseStay(ctx context.Context, who, id string, when time.Time) error
	// Trips lists today's trips and those still open, OpenTrip begins one to
	// which boardings belong from now on, CloseTrip ends it, and Passengers is
	// its list.
	Trips(ctx context.Context, who string) ([]Trip, error)
	OpenTrip(ctx context.Context, who string, trip NewTrip) (Trip, error)
	CloseTrip(ctx context.Context, who, id string) error
	Passengers(ctx context.Context, who, trip string) ([]Row, error)
	// Roster is the list of who is expected with who came.
	Roster(ctx context.Context, who string) (Roster, error)
	// Deadlines lists the entries whose legal deadline is not met yet, the
	// nearest first.
	Deadlines(ctx context.Context, who string) ([]Row, error)
	// Queue tells what is not delivered.
	Queue(ctx context.Context, who string) (Pending, error)
	// Export makes a paper; ErrBadField for a form or format that is not known.
	Export(ctx context.Context, who string, form Form) (File, error)
	// Alarms lists what a clerk must see, and Requests what people asked for.
	Alarms(ctx context.Context, who string) ([]AlarmRow, error)
	Requests(ctx context.Context, who string) ([]Request, error)
}

// A Tech is the device as the signed-in technician sees it; nothing of a person
// but the two pictures, which are asked for one by one and kept nowhere.
type Tech interface {
	Devices(ctx context.Context, who string) ([]drivers.Status, error)
	Health(ctx context.Context, who string) ([]health.Check, error)
	// Queue is the outbox's own numbers, encoded as JSON.
	Queue(ctx context.Context, who string) (any, error)
	// Still is a picture of the counter's camera, and Gate the newest picture
	// of the gate with the line and the people drawn into it, both JPEG.
	// ErrNotKept without that camera, ErrNoPicture while it gives none.
	Still(ctx context.Context, who string) (jpeg []byte, err error)
	Gate(ctx context.Context, who string) (jpeg []byte, err error)
}
