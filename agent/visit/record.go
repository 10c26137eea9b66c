package visit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"time"

	"tram/agent/profile"
	"tram/drivers/cccd"
	"tram/drivers/emrtd"
	"tram/sync/outbox"
)

// Record is the data of a visit's CloudEvent: what the profile keeps of the
// person and how sure the device was.
type Record struct {
	Profile      string            `json:"profile"`
	Person       map[string]string `json:"person"`             // the profile's fields only
	FromCode     []string          `json:"fromCode,omitempty"` // fields that only the code gave: the chip's assurance does not cover them
	Source       string            `json:"source"`             // "qr", "vneid", "chip"
	Verifier     string            `json:"verifier,omitempty"` // who resolved the code of VNeID that began the visit
	Assurance    string            `json:"assurance"`
	Verification *Verification     `json:"verification,omitempty"`
	Differs      []string          `json:"differs,omitempty"` // fields that differ between code, MRZ and DG13
	Face         *FaceResult       `json:"face,omitempty"`
	ConsentID    string            `json:"consentId"` // the visit's id, which is the record's too
	Consent      Consent           `json:"consent"`
	Answers      map[string]string `json:"answers,omitempty"` // to the profile's questions
	Alarms       []string          `json:"alarms,omitempty"`  // what the register warned of, and the clerk accepted
	CheckIn      map[string]string `json:"checkin,omitempty"` // QĐ 4750: what the reception knows
	Passage      *Passage          `json:"passage,omitempty"` // what became of the person at a gate
	Started      time.Time         `json:"started"`
}

// Verification is the five separate answers about a chip.
type Verification struct {
	Hashes               string `json:"hashes"`
	SODSignature         string `json:"sodSignature"`
	Chain                string `json:"chain"`
	ChipAuthentication   string `json:"chipAuthentication"`
	ActiveAuthentication string `json:"activeAuthentication"`
}

// Consent says on which ground the data are processed, and since when.
type Consent struct {
	ID    string        `json:"id"`
	Basis profile.Basis `json:"basis"`
	Time  time.Time     `json:"time"`
	Text  string        `json:"text"` // which text was shown: changes when purpose, law or kept fields do
}

// Answers puts the reader's five answers into the form that records and the
// command line share.
func Answers(v emrtd.Verification) Verification {
	return Verification{
		Hashes:               string(v.Hashes),
		SODSignature:         string(v.SODSignature),
		Chain:                string(v.Chain),
		ChipAuthentication:   string(v.ChipAuthentication),
		ActiveAuthentication: string(v.ActiveAuthentication),
	}
}

// Confirm says that the person found their data right. When it returns without
// an error the record is accepted: it is on disk and will reach the hub.
func (e *Engine) Confirm(ctx context.Context, id string) error {
	s, entry, draft, err := e.draft(id, ClerkOf(ctx))
	if err != nil {
		return err
	}
	// A browser that goes away must not turn an accepted record into a failure that the person repeats.
	receipt, ticket, err := e.save(context.WithoutCancel(ctx), entry, &draft)
	e.mu.Lock()
	defer e.mu.Unlock()
	s.saving = false
	switch {
	case err != nil:
		if e.cur == s {
			e.fail(s, saveCode(err), err.Error())
		}
		return err
	case draft.Type == TypeAnnulled:
		if e.cur == s {
			e.fail(s, saveCode(errAnnulled), errAnnulled.Error())
		}
		return nil
	}
	e.opt.Ended("recorded")
	if e.cur == s {
		s.record = &RecordView{Sequence: receipt.Sequence, Type: draft.Type, Assurance: s.level(), State: "accepted", Time: draft.Time}
		s.ticket = ticket
		e.enter(s, StageRecorded)
	}
	return nil
}

// errAnnulled says that nobody went through the gate.
var errAnnulled = errors.New("nobody passed")

func saveCode(err error) string {
	switch {
	case errors.Is(err, outbox.ErrFull):
		return "queue_full"
	case errors.Is(err, errAnnulled):
		return "passage_annulled"
	case errors.Is(err, ErrDoor):
		return "no_gate"
	case errors.Is(err, ErrDenied):
		return codeNotAllowed
	case errors.Is(err, errRegister):
		return "no_register"
	}
	return "internal"
}

// errRegister says that the local register did not take the entry.
var errRegister = errors.New("the register did not take the entry")

// refused reports whether the queue certainly does not have the record.
func refused(err error) bool {
	for _, sure := range []error{outbox.ErrFull, outbox.ErrTooLarge, outbox.ErrDraft, outbox.ErrClosed} {
		if errors.Is(err, sure) {
			return true
		}
	}
	return false
}

// draft makes the record and marks the session as being saved, so that neither
// a timeout nor a second touch of the button interferes.
func (e *Engine) draft(id, clerk string) (*session, Entry, outbox.Draft, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, err := e.at(id, StageConfirm, StageAsk)
	if err != nil {
		return nil, Entry{}, outbox.Draft{}, err
	}
	// Who has nothing to answer need not: what is asked and not required may stay open.
	if s.stage == StageAsk && (len(e.missing(s)) > 0 || len(s.problems) > 0) {
		return nil, Entry{}, outbox.Draft{}, ErrConflict
	}
	if s.saving || !s.known() || !e.opt.Profile.Enough(s.assurance) {
		return nil, Entry{}, outbox.Draft{}, ErrConflict
	}
	if err := e.stopped(s, clerk); err != nil {
		return nil, Entry{}, outbox.Draft{}, err
	}
	s.saving = true
	record := Record{
		Profile:   e.opt.Profile.Name,
		Source:    s.source,
		Verifier:  s.verifier,
		Assurance: s.level(),
		Differs:   MismatchNames(s.mismatches),
		Face:      s.face,
		ConsentID: s.id,
		Consent:   Consent{ID: s.id, Basis: e.opt.Profile.Basis, Time: s.agreed.UTC().Truncate(time.Millisecond), Text: consentText(e.opt.Profile)},
		Started:   s.started.UTC().Truncate(time.Millisecond),
	}
	record.Person, record.FromCode = keep(s, e.opt.Profile.Keeps)
	if s.verification != nil {
		answers := Answers(*s.verification)
		record.Verification = &answers
	}
	if len(s.answers) > 0 {
		record.Answers = maps.Clone(s.answers)
	}
	for _, a := range s.alarms {
		record.Alarms = append(record.Alarms, a.Code)
	}
	now := e.opt.Now()
	if slices.Contains(e.opt.Profile.Exports, profile.ExportQD4750) {
		record.CheckIn = checkIn(s.person, s.insurance, now)
	}
	entry := e.entry(s)
	entry.Clerk = clerk
	return s, entry, outbox.Draft{ID: s.id, Type: s.recordType, Time: now, Data: record}, nil
}

// consentText names the text that the person agreed to, so that a later change
// of it can be told: the beginning of a SHA-256 over purpose, law and fields.
func consentText(p profile.Profile) string {
	text, _ := json.Marshal([]any{p.Purpose, p.Law, p.Basis, p.Keeps}) // strings only: never fails
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// keep takes the profile's fields of the person. What the chip does not say is
// taken from the code, and named.
func keep(s *session, names []string) (kept map[string]string, fromCode []string) {
	kept = map[string]string{}
	person, code := s.person.Fields(), cccd.Merge(s.qr, nil, nil).Fields()
	insurance := s.insurance.PersonFields()
	maps.Copy(code, insurance)
	if s.verification == nil { // no chip of which the assurance speaks
		maps.Copy(person, insurance)
	}
	for _, name := range names {
		if _, ofCard := insurance[name]; ofCard && s.insurance == nil {
			continue // there is no such card
		}
		kept[name] = person[name]
		if kept[name] == "" && code[name] != "" {
			kept[name] = code[name]
			fromCode = append(fromCode, name)
		}
	}
	return kept, fromCode
}

// level is the assurance with "+face" where the person was matched.
func (s *session) level() string {
	if s.assurance == emrtd.None || s.face == nil || s.face.Result != "match" {
		return string(s.assurance)
	}
	return string(s.assurance) + "+face"
}

// View is the current visit as the screen shows it, or nil.
func (e *Engine) View() *View {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.cur
	if s == nil {
		return nil
	}
	v := &View{
		ID: s.id, Stage: s.stage, Source: sourceName(s.source), Portrait: s.portrait.IsSet(),
		Assurance: s.level(), Verification: s.verdicts(), Checks: slices.Clone(s.checks),
		CanSkipChip: s.stage == StageCard && s.known() && e.opt.Profile.Enough(s.assurance),
		NeedsCAN:    s.needsCAN, CanGoBack: e.canGoBack(s), CanCompareAgain: s.canCompareAgain(),
		Answers: maps.Clone(s.answers), Problems: maps.Clone(s.problems), Alarms: append([]Alarm{}, s.alarms...),
	}
	if s.source == SourceVNeID || s.source == SourceBHYT {
		v.Code = s.source
	}
	if !s.agreed.IsZero() {
		v.ConsentID = s.id
	}
	if s.ticket != nil {
		t := *s.ticket
		v.Ticket = &t
	}
	if s.known() {
		v.Person = personView(s.person)
	}
	if s.progress != nil {
		p := *s.progress
		v.Progress = &p
	}
	if s.failure != nil {
		f := *s.failure
		v.Failure = &f
	}
	if s.record != nil {
		r := *s.record
		v.Record = &r
	}
	return v
}

// Portrait is the picture of the visit's person for the screen.
func (e *Engine) Portrait(id string) ([]byte, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cur == nil || e.cur.id != id || !e.cur.portrait.IsSet() {
		return nil, false
	}
	return bytes.Clone(e.cur.portrait.Reveal()), true // the engine's own is wiped
}

func personView(p cccd.Person) *PersonView {
	f := p.Fields()
	return &PersonView{
		IDCode:         cccd.Mask(f["idCode"]),
		PersonName:     f["personName"],
		DateOfBirth:    f["dateOfBirth"],
		Gender:         f["gender"],
		Nationality:    f["nationality"],
		ResidencePlace: f["residencePlace"],
		IssueDate:      f["issueDate"],
		ExpiryDate:     f["expiryDate"],
		DocumentNumber: cccd.Mask(f["documentNumber"]),
	}
}
