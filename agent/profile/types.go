package profile

import (
	"tram/configs"
	"tram/drivers/emrtd"
)

// Evidence is what a person may bring.
type Evidence string

// The kinds of evidence.
const (
	EvidenceQR       Evidence = "qr"       // the code printed on the card or shown by VNeID
	EvidenceVNeID    Evidence = "vneid"    // a code of VNeID that only the hub can resolve
	EvidenceBHYT     Evidence = "bhyt"     // the code of a health insurance card
	EvidenceChip     Evidence = "chip"     // the card's chip
	EvidencePassport Evidence = "passport" // a passport's chip, opened by its MRZ, typed or scanned
	EvidenceTyped    Evidence = "typed"    // declared by hand, by a clerk who saw the paper
	EvidenceCamera   Evidence = "camera"   // people counted at a gate; nobody is identified
)

// Basis is why the device may process a person's data.
type Basis string

// The bases. With a legal duty the person is told, and not asked.
const (
	BasisConsent   Basis = "consent"
	BasisLegalDuty Basis = "legal-duty"
)

// Face says whether the person present is compared with the chip's portrait.
type Face string

// FaceIfPossible compares where camera and networks are there and says so where
// they are not; FaceRequired refuses the visit then.
const (
	FaceOff        Face = "off"
	FaceIfPossible Face = "if-possible"
	FaceRequired   Face = "required"
)

// Liveness says whether the person is asked to show that no picture is held
// before the camera.
type Liveness string

// LivenessTurn asks the person to turn the head.
const (
	LivenessOff  Liveness = "off"
	LivenessTurn Liveness = "turn"
)

// Profile is one kind of counter. docs/contract/schema/profile.schema.json says
// the same to editors of profiles.
type Profile struct {
	Name      string            `yaml:"name" json:"name"`
	Title     map[string]string `yaml:"title" json:"title"`     // by language
	Purpose   map[string]string `yaml:"purpose" json:"purpose"` // by language: what the data are for
	Basis     Basis             `yaml:"basis" json:"basis"`
	Law       map[string]string `yaml:"law" json:"law,omitempty"` // by language: what demands or allows it, as the screen tells it
	Evidence  []Evidence        `yaml:"evidence" json:"evidence"`
	Assurance emrtd.Assurance   `yaml:"assurance" json:"assurance"` // the least that makes a record
	Face      Face              `yaml:"face" json:"face"`
	Liveness  Liveness          `yaml:"liveness" json:"liveness"`
	Keeps     []string          `yaml:"keeps" json:"keeps"` // names of a person's fields that go into the record
	Questions []Question        `yaml:"questions" json:"questions"`
	Record    string            `yaml:"record" json:"record"`               // CloudEvents type
	Closes    string            `yaml:"closes" json:"closes,omitempty"`     // type of the record that ends what Record began: a check-out
	Quick     bool              `yaml:"quick" json:"quick"`                 // nobody touches the screen: with a legal duty, what the evidence gives is recorded at once
	Register  *Register         `yaml:"register" json:"register,omitempty"` // nil: nothing of a visit stays on the device
	Ticket    *Ticket           `yaml:"ticket" json:"ticket,omitempty"`     // nil: none
	Exports   []Export          `yaml:"exports" json:"exports"`
	Languages []string          `yaml:"languages" json:"languages"`
	Timeouts  Timeouts          `yaml:"timeouts" json:"timeouts"`
	Model     []int             `yaml:"model" json:"model"` // numbers of the models of the plan
}

// QuestionKind is how a question is answered.
type QuestionKind string

// The kinds of questions.
const (
	KindText      QuestionKind = "text"
	KindChoice    QuestionKind = "choice"    // one of the options
	KindCatalogue QuestionKind = "catalogue" // one of a list that the hub keeps up to date
	KindDate      QuestionKind = "date"      // yyyy-MM-dd
	KindNumber    QuestionKind = "number"    // a whole number
)

// By is who answers a question.
type By string

// Who answers.
const (
	ByPerson By = "person"
	ByClerk  By = "clerk"
)

// Question is one thing that the counter has to know beside who is there.
type Question struct {
	ID        string            `yaml:"id" json:"id"`
	Label     map[string]string `yaml:"label" json:"label"`
	Help      map[string]string `yaml:"help" json:"help,omitempty"`
	Kind      QuestionKind      `yaml:"kind" json:"kind"`
	By        By                `yaml:"by" json:"by"`
	Required  bool              `yaml:"required" json:"required"`
	Options   []Option          `yaml:"options" json:"options,omitempty"`     // of a choice
	Catalogue string            `yaml:"catalogue" json:"catalogue,omitempty"` // name of the list
	Pattern   string            `yaml:"pattern" json:"pattern,omitempty"`     // of a text: what the whole of it must match (RE2)
	MaxLength int               `yaml:"maxLength" json:"maxLength,omitempty"` // of a text, in characters; 0: 200
	Min       *int              `yaml:"min" json:"min,omitempty"`             // of a number; of a date, in days from today
	Max       *int              `yaml:"max" json:"max,omitempty"`
	Default   string            `yaml:"default" json:"default,omitempty"` // the answer to begin with
}

// Option is one answer of a choice or a catalogue.
type Option struct {
	ID    string            `yaml:"id" json:"id"`
	Label map[string]string `yaml:"label" json:"label"`
}

// RegisterKind is what the local register is about.
type RegisterKind string

// The registers.
const (
	RegisterStays    RegisterKind = "stays"    // who stays here, from check-in to check-out
	RegisterTrips    RegisterKind = "trips"    // who boarded which trip
	RegisterRoster   RegisterKind = "roster"   // who of a list was admitted
	RegisterPassages RegisterKind = "passages" // who passed a gate
	RegisterVisits   RegisterKind = "visits"   // who was here
)

// Register is what the device itself remembers of a visit.
type Register struct {
	Kind   RegisterKind     `yaml:"kind" json:"kind"`
	Keeps  []string         `yaml:"keeps" json:"keeps"`   // fields of the person; at most those that the profile keeps
	Retain configs.Duration `yaml:"retain" json:"retain"` // after the visit, or after its end where it has one; then the keys are destroyed
}

// TicketKind is what the person takes away.
type TicketKind string

// The tickets.
const (
	TicketQueue TicketKind = "queue" // a number in a queue
	TicketSlip  TicketKind = "slip"  // what was verified, and how
)

// Ticket is what is shown at the end and printed where there is a printer.
type Ticket struct {
	Kind   TicketKind `yaml:"kind" json:"kind"`
	Prefix string     `yaml:"prefix" json:"prefix,omitempty"` // before the number: "A" makes A017
	By     string     `yaml:"by" json:"by,omitempty"`         // a question whose answers have queues of their own
}

// Export is a form that the counter's data come out in.
type Export string

// The exports.
const (
	ExportDD10   Export = "dd10"   // the register of guests
	ExportNA17   Export = "na17"   // the declaration of foreigners
	ExportQD4750 Export = "qd4750" // the check-in fields for a hospital's system, in the record
	ExportSlip   Export = "slip"   // the verification slip
)

// Timeouts are how long each part of a visit waits for the person; 0 is the
// device's kiosk.idle, but for the card 60 s.
type Timeouts struct {
	Idle    configs.Duration `yaml:"idle" json:"idle"`       // anywhere else
	Card    configs.Duration `yaml:"card" json:"card"`       // for the card to be laid down
	Confirm configs.Duration `yaml:"confirm" json:"confirm"` // for the answers and for the data to be found right
}
