package visit

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tram/agent/profile"
	"tram/drivers/cccd"
	"tram/drivers/emrtd"
	"tram/drivers/privacy"
)

// The other sources of a record, beside "qr" and "chip".
const (
	SourceBHYT   = "bhyt"   // the code of a health insurance card
	SourceMRZ    = "mrz"    // typed or scanned lines of a document
	SourceManual = "manual" // declared by hand
)

// ErrBadField says that what was typed is not what it should be.
var ErrBadField = errors.New("a field is missing or has a bad value")

var canText = regexp.MustCompile(`^(?:[0-9]{6}|[0-9]{12})$`)

// maxField bounds a field that a clerk types.
const maxField = 200

// free reports whether a new visit may begin. The caller holds the lock.
func (e *Engine) free() bool {
	return !e.closed && (e.cur == nil || e.cur.stage == StageFailed || e.cur.stage == StageRecorded || e.cur.needsCAN)
}

// CAN begins a visit with the chip alone: the last six digits of the number, or
// the whole number, open the card. Errors: ErrBadField, ErrConflict.
func (e *Engine) CAN(text string) (string, error) {
	text = strings.TrimSpace(text)
	if !canText.MatchString(text) {
		return "", ErrBadField
	}
	password, err := emrtd.CAN(text[len(text)-6:])
	if err != nil {
		return "", ErrBadField
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.opt.Profile.Accepts(profile.EvidenceChip) || !e.free() {
		return "", ErrConflict
	}
	s := e.begin()
	s.source, s.base = "chip", emrtd.None
	s.assurance = s.base
	s.password = privacy.New(password)
	if len(text) == 12 {
		s.idNumber = privacy.New(text)
	}
	e.enterConsent(s)
	return s.id, nil
}

// MRZ begins a visit with the lines of a passport or card, as typed or scanned.
// Until the chip confirms them they are a declaration. Errors: ErrBadField,
// ErrConflict.
func (e *Engine) MRZ(text string) (string, error) {
	if len(text) > cccd.MaxQR {
		return "", ErrBadField
	}
	qr, err := cccd.ParseQR([]byte(strings.Join(strings.Fields(strings.ToUpper(text)), "")))
	if err != nil || qr.Kind != cccd.KindMRZ {
		return "", ErrBadField
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.opt.Profile.Accepts(profile.EvidencePassport) || !e.free() {
		return "", ErrConflict
	}
	s := e.begin()
	s.source, s.base = SourceMRZ, emrtd.Declared
	s.assurance = s.base
	s.qr = &qr
	s.person = cccd.FromMRZ(*qr.MRZ)
	s.idNumber = s.person.IDCode
	if password, err := qr.Password(); err == nil {
		s.password = privacy.New(password)
	}
	e.enterConsent(s)
	return s.id, nil
}

// Declare begins a visit with what a clerk typed from a paper: at least
// personName, and other fields of a person. Errors: ErrBadField, ErrConflict.
func (e *Engine) Declare(fields map[string]string) (string, error) {
	person, ok := declared(fields)
	if !ok {
		return "", ErrBadField
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.opt.Profile.Accepts(profile.EvidenceTyped) || !e.free() {
		return "", ErrConflict
	}
	s := e.begin()
	s.source, s.base = SourceManual, emrtd.Declared
	s.assurance = s.base
	s.person = person
	s.idNumber = person.IDCode
	e.enterConsent(s)
	return s.id, nil
}

// declared checks typed fields.
func declared(fields map[string]string) (cccd.Person, bool) {
	var p cccd.Person
	places := map[string]*privacy.Private[string]{
		"idCode": &p.IDCode, "personName": &p.PersonName, "dateOfBirth": &p.DateOfBirth, "gender": &p.Gender,
		"nationality": &p.Nationality, "residencePlace": &p.ResidencePlace, "issueDate": &p.IssueDate,
		"expiryDate": &p.ExpiryDate, "documentNumber": &p.DocumentNumber,
	}
	for name, text := range fields {
		text = strings.Join(strings.Fields(text), " ")
		place := places[name]
		if place == nil || utf8.RuneCountInString(text) > maxField || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return p, false
		}
		if text == "" {
			continue
		}
		if strings.Contains(name, "Date") || name == "dateOfBirth" {
			d, err := cccd.ParseDate(text)
			if err != nil {
				return p, false
			}
			text = d.String()
		}
		*place = privacy.New(text)
	}
	number := p.IDCode.Reveal()
	if number != "" && !regexp.MustCompile(`^([0-9]{9}|[0-9]{12})$`).MatchString(number) {
		return p, false
	}
	if sex := p.Gender.Reveal(); sex != "" && !slices.Contains([]string{cccd.Male, cccd.Female}, sex) {
		return p, false
	}
	return p, p.PersonName.Reveal() != ""
}

// insurance takes the code of a health insurance card: into the visit of the
// same person, or as the beginning of one. The caller holds the lock.
func (e *Engine) insurance(qr cccd.QR) (string, error) {
	if s := e.cur; s != nil && !e.free() {
		same := strings.EqualFold(s.person.PersonName.Reveal(), qr.PersonName.Reveal()) && sameBirth(s.person.DateOfBirth.Reveal(), qr.DateOfBirth.Reveal())
		if !same || s.saving || s.stage == StageReading {
			return "", ErrConflict
		}
		s.insurance = qr.Insurance
		e.opt.Changed()
		return s.id, nil
	}
	if !e.free() {
		return "", ErrConflict
	}
	s := e.begin()
	s.source, s.base = SourceBHYT, emrtd.QR
	s.assurance = s.base
	s.qr, s.insurance = &qr, qr.Insurance
	s.person = qr.Person
	e.enterConsent(s)
	return s.id, nil
}

// sameBirth compares a date with another, or with its year alone.
func sameBirth(a, b string) bool {
	return a == b || len(a) == 4 && strings.HasSuffix(b, a) || len(b) == 4 && strings.HasSuffix(a, b)
}

// enterConsent asks the person; where nobody touches the screen, the law's
// notice stands on it. The caller holds the lock.
func (e *Engine) enterConsent(s *session) {
	e.enter(s, StageConsent)
	if e.opt.Profile.Quick {
		e.agree(s)
	}
}

// agree goes on after the consent. The caller holds the lock.
func (e *Engine) agree(s *session) {
	s.agreed = e.opt.Now()
	chip := s.password.IsSet() && e.opt.Profile.ReadsChips()
	switch {
	case s.online.IsSet():
		e.askOnline(s)
	case chip && !(e.opt.Profile.Quick && e.opt.Profile.Enough(s.assurance) && !s.cardFirst):
		e.awaitCard(s)
	default:
		e.afterEvidence(s)
	}
}

// awaitCode asks for the code of a card that was laid down first. The caller
// holds the lock.
func (e *Engine) awaitCode() {
	s := e.begin()
	s.needsCAN = true
	s.assurance = emrtd.None
	e.enter(s, StageCard)
}
