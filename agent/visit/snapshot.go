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
	Demo    bool             `json:"demo"`    // true when the hardware is virtual: the page shows the demo's buttons
}

// Notice is a text of the hub for people who pass by.
type Notice struct {
	ID   string            `json:"id"`
	Kind string            `json:"kind"` // "info", "warning"
	Text map[string]string `json:"text"` // by language
}

// ProfileView is the part of a profile that the screen needs.
type ProfileView struct {
	Name     string            `json:"name"`
	Title    map[string]string `json:"title"`    // by language: "vi", "en"
	Basis    string            `json:"basis"`    // "consent" or "legal-duty"
	Purpose  map[string]string `json:"purpose"`  // what the data is for, by language
	Keeps    []string          `json:"keeps"`    // field names kept in the record
	Evidence []string          `json:"evidence"` // "chip", "qr", "vneid"
}

// View is one visit as the screen sees it.
type View struct {
	ID        string      `json:"id"`
	Stage     Stage       `json:"stage"`
	Source    string      `json:"source"`              // "qr", "vneid", "chip"
	Person    *PersonView `json:"person,omitempty"`    // what is known of the person so far
	Portrait  bool        `json:"portrait"`            // GET /v1/portrait?visit=ID gives a JPEG
	Progress  *Progress   `json:"progress,omitempty"`  // while the chip is read
	Assurance string      `json:"assurance,omitempty"` // "declared", "qr", "chip", "chip-trusted", "chip-genuine", each "+face" if so; "none" when a check failed
	Checks    []Check     `json:"checks,omitempty"`
	// CanSkipChip is true while the card is awaited at a counter where the code alone is enough.
	CanSkipChip bool        `json:"canSkipChip"`
	Failure     *Failure    `json:"failure,omitempty"`
	Record      *RecordView `json:"record,omitempty"`
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
// "face_not_done", "online_offline", "online_timeout", "online_refused", "internal".
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
