package visit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tram/agent/profile"
	"tram/drivers/emrtd"
	"tram/drivers/privacy"
)

// ErrBadAnswer says that an answer is wrong, or answers nothing that is asked;
// the visit's problems say which.
var ErrBadAnswer = errors.New("an answer is wrong")

// lookLimit is how long the register may think about a person.
const lookLimit = 2 * time.Second

// afterEvidence goes on when it is known who is here: to the questions, or to
// the confirmation where none are asked. The caller holds the lock.
func (e *Engine) afterEvidence(s *session) {
	s.progress = nil
	if !e.opt.Profile.Enough(s.assurance) {
		e.fail(s, "assurance_too_low", fmt.Sprintf("this counter asks for %s, the evidence gave %s", e.opt.Profile.Assurance, s.assurance))
		return
	}
	for _, q := range e.opt.Profile.Questions {
		if q.Default != "" {
			s.answers[q.ID] = q.Default
		}
	}
	if !e.look(s) {
		return
	}
	missing := e.missing(s)
	switch {
	case s.closes || len(e.opt.Profile.Questions) == 0:
		e.toConfirm(s)
	case len(missing) == 0:
		// What is asked and not required may be answered on the way back from the confirmation.
		e.toConfirm(s)
	default:
		e.enter(s, StageAsk)
	}
}

// look asks the register about the person and the answers so far; false when
// that ended the visit. The caller holds the lock.
func (e *Engine) look(s *session) bool {
	s.alarms, s.recordType, s.closes = nil, e.opt.Profile.Record, false
	if e.opt.Book == nil {
		return true
	}
	ctx, cancel := context.WithTimeout(s.ctx, lookLimit)
	defer cancel()
	found, err := e.opt.Book.Look(ctx, e.entry(s))
	if err != nil {
		e.fail(s, "no_register", err.Error())
		return false
	}
	s.alarms, s.direction = slices.Clone(found.Alarms), found.Direction
	if found.RecordType != "" {
		s.recordType = found.RecordType
		s.closes = found.RecordType == e.opt.Profile.Closes
	}
	for id, value := range found.Fill {
		if _, asked := e.opt.Profile.Question(id); asked && (s.answers[id] == "" || s.closes) {
			s.answers[id] = value
		}
	}
	for _, a := range s.alarms {
		if a.Stop {
			e.fail(s, a.Code, a.Detail)
			return false
		}
	}
	return true
}

// toConfirm shows the data; at a counter without a touch it records them. The
// caller holds the lock.
func (e *Engine) toConfirm(s *session) {
	e.enter(s, StageConfirm)
	if !e.opt.Profile.Quick || len(s.alarms) > 0 {
		return
	}
	id := s.id
	e.work.Go(func() {
		if err := e.Confirm(context.Background(), id); err != nil {
			e.opt.Log.Warn("not recorded", "visit", id, "err", err)
		}
	})
}

// missing notes which required questions have no answer. The caller holds the lock.
func (e *Engine) missing(s *session) []string {
	var ids []string
	for _, q := range e.opt.Profile.Questions {
		if q.Required && s.answers[q.ID] == "" && s.problems[q.ID] == "" {
			ids = append(ids, q.ID)
		}
	}
	return ids
}

// Answer takes answers to the profile's questions, from the person or the clerk.
// Those that are right are kept. The visit stays where it is while one is wrong
// or a required one is missing, and is then to be confirmed. Errors: ErrBadAnswer.
func (e *Engine) Answer(id string, answers map[string]string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, err := e.at(id, StageAsk, StageConfirm)
	if err != nil {
		return err
	}
	if s.closes || s.saving {
		return ErrConflict
	}
	for name := range answers {
		if _, ok := e.opt.Profile.Question(name); !ok {
			return ErrBadAnswer
		}
	}
	s.problems = map[string]string{}
	for _, q := range e.opt.Profile.Questions {
		text, given := answers[q.ID]
		if !given {
			continue
		}
		clean, wrong := q.Answer(text, e.options(q), e.opt.Now().In(vietnam))
		if wrong != "" && wrong != profile.WrongRequired {
			s.problems[q.ID] = wrong
			continue
		}
		if clean == "" {
			delete(s.answers, q.ID)
		} else {
			s.answers[q.ID] = clean
		}
	}
	wrong := len(s.problems) > 0
	for _, q := range e.missing(s) {
		s.problems[q] = profile.WrongRequired
	}
	e.enter(s, StageAsk)
	if wrong {
		return ErrBadAnswer
	}
	if len(s.problems) == 0 && e.look(s) {
		e.toConfirm(s)
	}
	return nil
}

// options are what a choice or catalogue is answered from.
func (e *Engine) options(q profile.Question) []profile.Option {
	if q.Kind == profile.KindCatalogue && e.opt.Catalogue != nil {
		return e.opt.Catalogue(q.Catalogue)
	}
	return q.Options
}

// Back leads from the confirmation, or from an alarm that stopped the visit, to
// the questions again.
func (e *Engine) Back(id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, err := e.at(id, StageConfirm, StageFailed)
	if err != nil {
		return err
	}
	if !e.canGoBack(s) {
		return ErrConflict
	}
	s.failure = nil
	e.enter(s, StageAsk)
	return nil
}

func (e *Engine) canGoBack(s *session) bool {
	if len(e.opt.Profile.Questions) == 0 || s.closes || s.saving {
		return false
	}
	stopped := s.stage == StageFailed && s.failure != nil &&
		slices.ContainsFunc(s.alarms, func(a Alarm) bool { return a.Stop && a.Code == s.failure.Code })
	return s.stage == StageConfirm || stopped
}

// entry is the visit as the register sees it. The caller holds the lock.
func (e *Engine) entry(s *session) Entry {
	number := s.person.IDCode.Reveal()
	if number == "" {
		number = s.person.DocumentNumber.Reveal()
	}
	en := Entry{
		ID: s.id, Profile: e.opt.Profile.Name, Time: e.opt.Now(), Number: privacy.New(number),
		Assurance: s.level(), Source: s.source, RecordType: s.recordType, Direction: s.direction,
	}
	if r := e.opt.Profile.Register; r != nil {
		en.Kind = string(r.Kind)
		// By name and birthday people are found on lists; the register writes down only what it keeps.
		person, _ := keep(s, append([]string{"personName", "dateOfBirth"}, r.Keeps...))
		en.Person = privacy.New(person)
	}
	answers := map[string]string{}
	for id, value := range s.answers {
		answers[id] = value
	}
	en.Answers = privacy.New(answers)
	if s.face != nil {
		en.Face = s.face.Result
	}
	return en
}

// known reports whether there is a person to show and to record.
func (s *session) known() bool {
	return s.person.PersonName.Reveal() != "" || s.assurance != emrtd.None && s.qr != nil
}
