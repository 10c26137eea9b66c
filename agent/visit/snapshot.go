package visit

import (
	"time"

	"tram/drivers"
)

// SourceVNeID is a visit that began with a code that only the hub may know.
const SourceVNeID = "vneid"

// Stage is where a visit stands.
type Stage string

// The stages of a visit, in their usual order.
const (
	StageIdle     Stage = "idle"     // nobody is here
	StageConsent  Stage = "consent"  // identified; asked whether the chip may be read
	StageOnline   Stage = "online"   // agreed; the hub is asked about the code
	StageCard     Stage = "card"     // agreed; the card is awaited on the reader
	StageReading  Stage = "reading"  // the chip is being read
	StageFace     Stage = "face"     // the chip portrait is compared with the person present
	StageAsk      Stage = "ask"      // the profile's questions are answered
	StageConfirm  Stage = "confirm"  // the person checks their data
	StageRecorded Stage = "recorded" // the record is accepted: on disk, on its way to the hub
	StageFailed   Stage = "failed"   // the visit cannot go on; Failure says why
)

// Snapshot is all that a screen shows at one moment. It goes to the local
// screen only and holds a person's data in clear.
type Snapshot struct {
	Device  string           `json:"device"`
	Site    string           `json:"site"`
	Time    time.Time        `json:"time"`
	Profile ProfileView      `json:"profile"`
	Visit   *View            `json:"visit"` // null when nobody is here
	Devices []drivers.Status `json:"devices"`
	Queue   Queue            `json:"queue"`
	Recent  []RecordView     `json:"recent"`  // the last records of this device, newest first, without personal data
	Notices []Notice         `json:"notices"` // the hub's texts for the idle screen
	Gate    *GateTally       `json:"gate,omitempty"`
	Demo    bool             `json:"demo"` // true when the hardware is virtual: the page shows the demo's buttons
}

// Notice is something of the hub for people who pass by.
type Notice struct {
	ID      string            `json:"id"`
	Kind    string            `json:"kind"` // "info", "warning", "contact"
	Title   map[string]string `json:"title,omitempty"`
	Text    map[string]string `json:"text"`              // by language
	Picture string            `json:"picture,omitempty"` // GET it: a JPEG
	QR      string            `json:"qr,omitempty"`      // GET it: an SVG
	Link    string            `json:"link,omitempty"`    // what the code says
	Phone   string            `json:"phone,omitempty"`
	Seconds int               `json:"seconds,omitempty"` // how long it stands; 0: as the screen likes
}

// GateTally is a gate in numbers, of today: where people are only counted, since
// the gate's time of reset.
type GateTally struct {
	Inside int `json:"inside"` // in less out where people are counted, who is inside where passages are kept
	In     int `json:"in"`
	Out    int `json:"out"`

	Since *time.Time `json:"since,omitempty"`
}

// GateView is the gate in the moment, for the person before it.
type GateView struct {
	State     string     `json:"state"`               // "open", "waiting", "passed", "annulled", "denied"
	Direction string     `json:"direction,omitempty"` // "in", "out"
	Until     *time.Time `json:"until,omitempty"`     // so long they are waited for
}

// ProfileView is the part of a profile that the screen needs.
type ProfileView struct {
	Name      string            `json:"name"`
	Title     map[string]string `json:"title"`              // by language: "vi", "en"
	Basis     string            `json:"basis"`              // "consent" or "legal-duty"
	Purpose   map[string]string `json:"purpose"`            // what the data is for, by language
	Law       map[string]string `json:"law,omitempty"`      // what demands or allows it, by language
	Keeps     []string          `json:"keeps"`              // field names kept in the record
	Evidence  []string          `json:"evidence"`           // "chip", "qr", "vneid", "bhyt", "passport", "typed", "camera"
	Questions []QuestionView    `json:"questions"`          // in the order to ask them; never null
	Languages []string          `json:"languages"`          // that the profile has texts in: "vi", "en"
	Assurance string            `json:"assurance"`          // the least that makes a record
	Face      string            `json:"face"`               // "off", "if-possible", "required"
	Liveness  string            `json:"liveness"`           // "off", "turn"
	Register  string            `json:"register,omitempty"` // "stays", "trips", "roster", "passages", "visits"; "" keeps nothing here
	Retain    string            `json:"retain,omitempty"`   // how long the register keeps it: "720h0m0s"
	Ticket    string            `json:"ticket,omitempty"`   // "queue", "slip"; "" for none
	Exports   []string          `json:"exports"`
	Timeouts  TimeoutsView      `json:"timeouts"`
	Quick     bool              `json:"quick"` // nobody touches the screen: what the evidence gives is recorded at once
}

// TimeoutsView is how long the parts of a visit wait, in seconds.
type TimeoutsView struct {
	Idle    int `json:"idle"`
	Card    int `json:"card"`
	Confirm int `json:"confirm"` // also for the answers
}

// QuestionView is a question as the screen asks it. A catalogue's entries stand
// in Options, as far as the device has them.
type QuestionView struct {
	ID        string            `json:"id"`
	Label     map[string]string `json:"label"`
	Help      map[string]string `json:"help,omitempty"`
	Kind      string            `json:"kind"` // "text", "choice", "catalogue", "date", "number"
	By        string            `json:"by"`   // "person", "clerk"
	Required  bool              `json:"required"`
	Options   []OptionView      `json:"options,omitempty"`
	Pattern   string            `json:"pattern,omitempty"`
	MaxLength int               `json:"maxLength,omitempty"`
	Min       *int              `json:"min,omitempty"` // of a number; of a date, in days from today
	Max       *int              `json:"max,omitempty"`
	Default   string            `json:"default,omitempty"`
}

// OptionView is one answer to choose.
type OptionView struct {
	ID    string            `json:"id"`
	Label map[string]string `json:"label"`
}

// View is one visit as the screen sees it.
type View struct {
	ID        string      `json:"id"`
	Stage     Stage       `json:"stage"`
	Source    string      `json:"source"`             // "chip", "qr", "mrz", "manual": what the person's data come from
	Code      string      `json:"code,omitempty"`     // "vneid", "bhyt": a code of another kind than an ID card's began the visit
	Person    *PersonView `json:"person,omitempty"`   // what is known of the person so far
	Portrait  bool        `json:"portrait"`           // GET /v1/portrait?visit=ID gives a JPEG
	Progress  *Progress   `json:"progress,omitempty"` // while the chip is read
	Assurance string      `json:"assurance"`          // "declared", "qr", "chip", "chip-trusted", "chip-genuine", each "+face" if so; "none" when a check failed, and before there is evidence
	// Verification is what was found about the chip; the same words as in a [Result].
	Verification Verdicts `json:"verification"`
	ConsentID    string   `json:"consentId"` // "" until the person agreed, or was told of the legal duty
	Checks       []Check  `json:"checks,omitempty"`
	// CanSkipChip is true while the card is awaited at a counter where the code alone is enough.
	CanSkipChip bool `json:"canSkipChip"`
	// NeedsCAN is true when a card lies there and no code was scanned: scan it, or type the
	// last six digits of the number (POST /v1/visits {"can": …}).
	NeedsCAN bool              `json:"needsCan"`
	Answers  map[string]string `json:"answers"`  // by question; never null
	Problems map[string]string `json:"problems"` // by question: "required", "format", "range", "unknown_choice"; never null
	Alarms   []Alarm           `json:"alarms"`   // what the register says; never null
	// CanGoBack is true where Back leads to the questions again.
	CanGoBack bool `json:"canGoBack"`
	// CanCompareAgain is true where no face could be compared and CompareAgain looks once more.
	CanCompareAgain bool        `json:"canCompareAgain"`
	Failure         *Failure    `json:"failure,omitempty"`
	Record          *RecordView `json:"record,omitempty"`
	Ticket          *Ticket     `json:"ticket,omitempty"` // once recorded
	Gate            *GateView   `json:"gate,omitempty"`   // at a gate that keeps passages
}

// PersonView holds the person's data as the screen shows it. Fields that the
// evidence does not give are empty. Dates are dd/MM/yyyy as on the card.
type PersonView struct {
	IDCode         string `json:"idCode"` // masked: 0990****0017
	PersonName     string `json:"personName"`
	DateOfBirth    string `json:"dateOfBirth"`
	Gender         string `json:"gender"` // "Nam", "Nữ"
	Nationality    string `json:"nationality"`
	ResidencePlace string `json:"residencePlace"`
	IssueDate      string `json:"issueDate"`
	ExpiryDate     string `json:"expiryDate"`
	DocumentNumber string `json:"documentNumber"` // masked
}

// Progress is how far the chip is read.
type Progress struct {
	Step string `json:"step"` // "access", "files", "verify", "face"
	File string `json:"file"` // "DG2"; empty outside "files"
	// Guide says what the person before the camera should do now: "look_straight", "turn_left", "turn_right",
	// "come_closer", "too_dark", "too_bright", "hold_still", "two_people", "face_covered", "no_face".
	Guide string `json:"guide,omitempty"`
	// Done and Total count bytes of File.
	Done  int `json:"done"`
	Total int `json:"total"`
}

// Check is one question asked of the evidence and its answer. The ids are
// "hashes", "sodSignature", "chain", "chipAuthentication",
// "activeAuthentication", "crossCheck", "face", "online".
type Check struct {
	ID     string `json:"id"`
	Status string `json:"status"` // "ok", "trusted" (chain), "failed", "unknown_ca", "expired", "revoked", "not_supported", "not_done", "unsure"
	Detail string `json:"detail,omitempty"`
}

// Failure says why a visit stopped, as a code that the page's table turns into
// the citizen's language: "wrong_can", "card_removed", "card_error",
// "not_an_id_card", "bad_qr", "verification_failed", "signer_not_valid",
// "chip_copied", "other_person", "not_verifiable", "no_reader", "queue_full",
// "timeout", "assurance_too_low", "face_mismatch", "face_unsure",
// "face_not_done", "online_offline", "online_timeout", "online_refused", "no_register",
// "passage_annulled", "no_gate", "internal", or the code of an alarm that stops the visit
// ([Alarm]); from that one Back leads to the questions.
type Failure struct {
	Code   string `json:"code"`
	Detail string `json:"detail,omitempty"` // for a technician; no personal data
}

// RecordView is a record on its way to the hub.
type RecordView struct {
	Sequence  uint64    `json:"sequence"`
	Type      string    `json:"type"`
	Assurance string    `json:"assurance,omitempty"`
	State     string    `json:"state"` // "accepted", "sent", "delivered"
	Time      time.Time `json:"time"`
}

// Queue is the outbox in numbers.
type Queue struct {
	Accepted  uint64 `json:"accepted"`
	Sent      uint64 `json:"sent"`
	Delivered uint64 `json:"delivered"`
	Hub       string `json:"hub"` // "connected", "offline", "hub-down"
}
