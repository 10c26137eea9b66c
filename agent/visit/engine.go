package visit

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"time"

	"tram/agent/profile"
	"tram/drivers/cccd"
	"tram/drivers/emrtd"
	"tram/drivers/privacy"
	"tram/sync/outbox"
	"tram/vision"
)

// Errors that a caller of the engine decides by.
var (
	ErrNoVisit  = errors.New("no such visit")
	ErrConflict = errors.New("the visit is at another stage")
	ErrBadQR    = errors.New("this is not the QR code of an ID card")
)

// ChipReader reads the chip of the card that lies on the reader.
type ChipReader interface {
	ReadChip(ctx context.Context, password emrtd.Password, progress func(emrtd.Progress)) (*emrtd.Document, error)
	// Trust is the operator's store of CSCA certificates as it is now.
	Trust() *emrtd.Trust
}

// Recorder accepts a record: when it returns, the record is on disk.
type Recorder interface {
	Accept(ctx context.Context, draft outbox.Draft) (outbox.Receipt, error)
}

// Options is what an Engine needs. Faces may be nil: then no picture is shown
// and no face is compared.
type Options struct {
	Profile  profile.Profile
	Chip     ChipReader
	Faces    Faces
	Recorder Recorder
	Online   Asker // nil: nobody can be asked
	Book     Book  // the local register; nil: none
	Door     Door  // what opens for a passage; nil: nothing
	// Catalogue is the list of that name, as far as the device has it; nil: there are none.
	Catalogue func(name string) []profile.Option
	Idle      time.Duration // a person who does nothing for so long is forgotten
	Slack     int           // so often the profile's time-outs are waited for before the engine ends a visit; 0: once
	Changed   func()        // signals a change; called under the engine's lock, so it must neither block nor call back
	// Ended tells how a visit ended: "recorded", "left", "forgotten" or the code of a failure. Called
	// under the engine's lock; may be nil.
	Ended func(result string)
	Now   func() time.Time
	Log   *slog.Logger
}

// Engine runs one visit after another at one counter. Its methods may be called
// from several goroutines.
type Engine struct {
	opt Options

	mu     sync.Mutex
	cur    *session // nil when nobody is here
	onDesk bool     // a card lies on the reader
	laid   int      // how often a card was laid down
	closed bool
	work   sync.WaitGroup
}

// session is all that is known of the person at the counter. It lives in memory
// only and is dropped as a whole.
type session struct {
	id     string
	ctx    context.Context
	cancel context.CancelFunc

	memory
}

// memory is what of a session is wiped when the person leaves.
type memory struct {
	stage   Stage
	started time.Time
	agreed  time.Time // when the person consented, or was told of the legal duty

	source   string
	online   privacy.Private[string] // a code that only the hub may know
	verifier string                  // who resolved it
	qr       *cccd.QR
	idNumber privacy.Private[string]
	person   cccd.Person
	portrait privacy.Private[[]byte] // JPEG for the screen
	picture  privacy.Private[[]byte] // the chip's own, where a face is compared
	likeness *vision.Likeness        // what the networks made of it

	password  privacy.Private[emrtd.Password] // what opens the chip; not set when nothing does
	insurance *cccd.Insurance
	needsCAN  bool // a card lies there, and nothing is known that opens it
	cardFirst bool // the card lay there before its code was scanned

	answers    map[string]string
	problems   map[string]string
	alarms     []Alarm
	recordType string
	closes     bool // the record ends a stay
	direction  string
	ticket     *Ticket

	base         emrtd.Assurance // before the chip
	assurance    emrtd.Assurance
	face         *FaceResult
	verification *emrtd.Verification
	mismatches   []cccd.Mismatch
	checks       []Check

	laid     int // Engine.laid when the read under way began
	progress *Progress
	failure  *Failure
	record   *RecordView
	saving   bool

	timer *time.Timer
}

// New makes an engine; nothing happens until a code is scanned.
func New(opt Options) *Engine {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Changed == nil {
		opt.Changed = func() {}
	}
	if opt.Ended == nil {
		opt.Ended = func(string) {}
	}
	return &Engine{opt: opt}
}

// Close forgets the person and waits for everything that was under way.
func (e *Engine) Close() {
	e.mu.Lock()
	e.closed = true
	e.forget()
	e.mu.Unlock()
	e.work.Wait()
}

// ScanQR begins a visit with a scanned or typed code and returns its id. A visit
// that is under way is not disturbed, unless it has ended or failed.
func (e *Engine) ScanQR(raw []byte) (string, error) {
	qr, err := cccd.ParseQR(raw)
	online := err == nil && onlineOnly(qr) && e.opt.Profile.Accepts(profile.EvidenceVNeID)
	if err == nil && qr.Kind == cccd.KindMRZ && e.opt.Profile.Accepts(profile.EvidencePassport) {
		return e.MRZ(qr.Text.Reveal())
	}
	insured := err == nil && qr.Kind == cccd.KindBHYT && e.opt.Profile.Accepts(profile.EvidenceBHYT)
	if err != nil || !qr.IsID() && !online && !insured {
		return e.rejectQR()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if insured {
		return e.insurance(qr)
	}
	if !online && !e.opt.Profile.Accepts(profile.EvidenceQR) || !e.free() {
		return "", ErrConflict
	}
	if online {
		return e.scanOnline(qr), nil
	}
	cardFirst := e.cur != nil && e.cur.needsCAN
	s := e.begin()
	s.source, s.base, s.cardFirst = "qr", emrtd.QR, cardFirst
	s.qr = &qr
	s.person = cccd.Merge(&qr, nil, nil)
	s.idNumber = s.person.IDCode
	s.assurance = s.base
	if password, err := qr.Password(); err == nil {
		s.password = privacy.New(password)
	}
	e.enterConsent(s)
	return s.id, nil
}

// rejectQR shows at an idle counter that the code is of no use. A visit that is
// under way goes on: a stray scan must not end it.
func (e *Engine) rejectQR() (string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cur == nil && !e.closed {
		s := e.begin()
		e.fail(s, "bad_qr", "the code holds no ID card's fields")
	}
	return "", ErrBadQR
}

// begin replaces whatever session there was. The caller holds the lock.
func (e *Engine) begin() *session {
	e.forget()
	ctx, cancel := context.WithCancel(context.Background())
	s := &session{id: rand.Text(), ctx: ctx, cancel: cancel, memory: memory{
		started: e.opt.Now(), answers: map[string]string{}, problems: map[string]string{}, recordType: e.opt.Profile.Record,
	}}
	e.cur = s
	return s
}

// forget drops the person. The caller holds the lock.
func (e *Engine) forget() {
	if e.cur == nil {
		return
	}
	e.cur.cancel()
	if e.cur.timer != nil {
		e.cur.timer.Stop()
	}
	e.cur.wipe()
	e.cur = nil
	e.opt.Changed()
}

// wipe leaves nothing of the person in a session that something may still point
// to, and nothing of the picture in memory.
func (s *session) wipe() {
	clear(s.portrait.Reveal())
	clear(s.picture.Reveal())
	s.likeness.Wipe()
	s.memory = memory{stage: s.stage}
}

// enter moves to a stage and starts its clock. The caller holds the lock.
func (e *Engine) enter(s *session, stage Stage) {
	s.stage = stage
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	switch stage {
	case StageReading, StageFace, StageOnline:
		// These end by themselves: the reader, the worker and the question have limits of their own.
	default:
		s.timer = time.AfterFunc(e.patience(stage), func() { e.expire(s, stage) })
	}
	e.opt.Changed()
}

// patience is how long a stage waits for the person.
func (e *Engine) patience(stage Stage) time.Duration {
	t := e.opt.Profile.Timeouts
	wait := t.Idle
	switch stage {
	case StageCard:
		wait = t.Card
	case StageAsk, StageConfirm:
		wait = t.Confirm
	}
	if wait == 0 {
		return e.opt.Idle
	}
	return time.Duration(max(e.opt.Slack, 1)) * wait.Value()
}

func (e *Engine) expire(s *session, stage Stage) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cur == s && s.stage == stage && !s.saving {
		e.opt.Log.Info("visit forgotten after idle time", "visit", s.id, "stage", string(stage))
		if stage != StageFailed && stage != StageRecorded {
			e.opt.Ended("forgotten")
		}
		e.forget()
	}
}

// fail ends the visit with a code that the screen explains. The caller holds the lock.
func (e *Engine) fail(s *session, code, detail string) {
	s.failure = &Failure{Code: code, Detail: detail}
	s.progress = nil
	e.opt.Log.Info("visit failed", "visit", s.id, "code", code, "detail", detail)
	e.opt.Ended(code)
	e.enter(s, StageFailed)
}

// at returns the session of that id if it is at one of the stages. The caller holds the lock.
func (e *Engine) at(id string, stages ...Stage) (*session, error) {
	if e.cur == nil || e.cur.id != id {
		return nil, ErrNoVisit
	}
	for _, stage := range stages {
		if e.cur.stage == stage {
			return e.cur, nil
		}
	}
	return nil, ErrConflict
}

// Consent says that the person agreed, or read what the law demands. The chip is
// read next, or, at a counter without one, the data are shown.
func (e *Engine) Consent(id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, err := e.at(id, StageConsent)
	if err != nil {
		return err
	}
	e.agree(s)
	return nil
}

// awaitCard asks for the card, or reads the one that lies there. The caller holds the lock.
func (e *Engine) awaitCard(s *session) {
	e.enter(s, StageCard)
	if e.onDesk {
		e.read(s)
	}
}

// SkipChip goes on with the QR code alone, at a counter where that is enough.
func (e *Engine) SkipChip(id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, err := e.at(id, StageCard)
	if err != nil {
		return err
	}
	if !s.known() || !e.opt.Profile.Enough(s.assurance) {
		return ErrConflict
	}
	e.afterEvidence(s)
	return nil
}

// Cancel forgets the person at once. A record that is being written stays.
func (e *Engine) Cancel(id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cur == nil || e.cur.id != id {
		return ErrNoVisit
	}
	if e.cur.saving {
		return ErrConflict
	}
	if e.cur.stage != StageFailed && e.cur.stage != StageRecorded {
		e.opt.Ended("left")
	}
	e.forget()
	return nil
}

// Card says whether a card lies on the reader.
func (e *Engine) Card(present bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.onDesk = present
	if present {
		e.laid++
	}
	switch s := e.cur; {
	case s == nil:
		if present && !e.closed && e.opt.Profile.Accepts(profile.EvidenceChip) {
			e.awaitCode()
		}
	case s.needsCAN:
		if !present {
			e.forget()
		}
	case present && (s.stage == StageCard || s.retryable()):
		e.read(s)
	}
}

// retryable is a visit that failed in a way that laying the card again can mend.
func (s *session) retryable() bool {
	if s.stage != StageFailed || s.failure == nil || s.agreed.IsZero() {
		return false
	}
	switch s.failure.Code {
	case "wrong_can", "card_removed", "card_error", "no_reader":
		return true
	}
	return false
}
