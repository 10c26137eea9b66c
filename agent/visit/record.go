package visit

import (
	"context"
	"errors"
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
	Consent      Consent           `json:"consent"`
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
	s, draft, err := e.draft(id)
	if err != nil {
		return err
	}
	// A browser that goes away must not turn an accepted record into a failure that the person repeats.
	receipt, err := e.opt.Recorder.Accept(context.WithoutCancel(ctx), draft)
	e.mu.Lock()
	defer e.mu.Unlock()
	s.saving = false
	if err == nil {
		e.opt.Ended("recorded")
	}
	if err != nil {
		code := "internal"
		if errors.Is(err, outbox.ErrFull) {
			code = "queue_full"
		}
		if e.cur == s {
			e.fail(s, code, err.Error())
		}
		return err
	}
	if e.cur == s {
		s.record = &RecordView{Sequence: receipt.Sequence, Type: draft.Type, Assurance: s.level(), State: "accepted", Time: draft.Time}
		e.enter(s, StageRecorded)
	}
	return nil
}

// draft makes the record and marks the session as being saved, so that neither
// a timeout nor a second touch of the button interferes.
func (e *Engine) draft(id string) (*session, outbox.Draft, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, err := e.at(id, StageConfirm)
	if err != nil {
		return nil, outbox.Draft{}, err
	}
	if s.saving || !e.opt.Profile.Enough(s.assurance) {
		return nil, outbox.Draft{}, ErrConflict
	}
	s.saving = true
	record := Record{
		Profile:   e.opt.Profile.Name,
		Source:    s.source,
		Verifier:  s.verifier,
		Assurance: s.level(),
		Differs:   MismatchNames(s.mismatches),
		Face:      s.face,
		Consent:   Consent{ID: s.id, Basis: e.opt.Profile.Basis, Time: s.agreed.UTC().Truncate(time.Millisecond)},
		Started:   s.started.UTC().Truncate(time.Millisecond),
	}
	record.Person, record.FromCode = keep(s, e.opt.Profile.Keeps)
	if s.verification != nil {
		answers := Answers(*s.verification)
		record.Verification = &answers
	}
	return s, outbox.Draft{Type: e.opt.Profile.Record, Time: e.opt.Now(), Data: record}, nil
}

// keep takes the profile's fields of the person. What the chip does not say is
// taken from the code, and named.
func keep(s *session, names []string) (kept map[string]string, fromCode []string) {
	kept = map[string]string{}
	person, code := s.person.Fields(), cccd.Merge(s.qr, nil, nil).Fields()
	for _, name := range names {
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
		ID: s.id, Stage: s.stage, Source: s.source, Portrait: s.portrait.IsSet(),
		Assurance: s.level(), Checks: slices.Clone(s.checks),
		CanSkipChip: s.stage == StageCard && e.opt.Profile.Enough(s.assurance),
	}
	if s.qr != nil {
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
	return e.cur.portrait.Reveal(), true
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
