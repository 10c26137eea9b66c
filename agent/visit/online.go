package visit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode"

	"tram/agent/profile"
	"tram/drivers/cccd"
	"tram/drivers/emrtd"
	"tram/drivers/privacy"
	"tram/sync/uplink"
	"tram/sync/wire"
)

// QuestionVNeID asks the hub whose code VNeID showed. Its data are {"code": TEXT};
// its answer's data {"source": WHO SAYS SO, "person": {FIELD: VALUE}}, with the
// names of a record's fields.
const QuestionVNeID = "vneid.resolve"

// onlineLimit is how long the person waits for the hub's answer.
const onlineLimit = 5 * time.Second

// Asker asks the hub at once and never later; the uplink does.
type Asker interface {
	Ask(ctx context.Context, name string, data any) (wire.Response, error)
}

// Limits on a code that only the hub may know.
const (
	minOpaque   = 8
	maxAnswer   = 16 << 10
	maxVerifier = 64
)

var (
	address = regexp.MustCompile(`(?i)^([a-z][a-z0-9+.-]*://|www\.|mailto:|tel:|smsto:|sms:|wifi:|geo:|begin:v)`)
	barcode = regexp.MustCompile(`^[0-9]{1,14}$`)
)

// onlineOnly reports whether only the hub may know what a code means: it is none
// that the device understands, and neither an address nor the number of an article.
func onlineOnly(qr cccd.QR) bool {
	text := qr.Text.Reveal()
	switch {
	case qr.Kind != cccd.KindOpaque, len(text) < minOpaque, len(text) > cccd.MaxQR:
		return false
	case strings.Contains(text, "|"), address.MatchString(text), barcode.MatchString(text):
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) })
}

// scanOnline begins a visit with a code that the hub is asked about once the
// person has consented. The caller holds the lock.
func (e *Engine) scanOnline(qr cccd.QR) string {
	s := e.begin()
	s.source, s.base = SourceVNeID, emrtd.QR
	s.online = qr.Text
	s.assurance = emrtd.None
	e.enterConsent(s)
	return s.id
}

// askOnline asks the hub. The caller holds the lock.
func (e *Engine) askOnline(s *session) {
	e.enter(s, StageOnline)
	ctx, opaque := s.ctx, s.online
	e.work.Go(func() {
		answer, code := e.resolve(ctx, opaque)
		e.update(s, func() { e.resolved(s, answer, code) })
	})
}

// resolve returns what the hub says, or the code of the failure.
func (e *Engine) resolve(ctx context.Context, code privacy.Private[string]) (answer resolved, failure string) {
	if e.opt.Online == nil {
		return resolved{}, "online_offline"
	}
	ctx, cancel := context.WithTimeout(ctx, onlineLimit)
	defer cancel()
	r, err := e.opt.Online.Ask(ctx, QuestionVNeID, map[string]string{"code": code.Reveal()})
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return resolved{}, "online_timeout"
	case errors.Is(err, uplink.ErrOffline):
		return resolved{}, "online_offline"
	case err != nil:
		e.opt.Log.Warn("the hub was not asked about a code", "err", err)
		return resolved{}, "online_offline"
	case !r.OK:
		// The hub's words are not logged: they may name the person.
		return resolved{}, "online_refused"
	}
	if answer, err = parseResolved(r.Data); err != nil {
		e.opt.Log.Warn("the hub's answer about a code is of no use", "err", err)
		return resolved{}, "online_refused"
	}
	return answer, ""
}

// resolved takes the answer into the visit. The caller holds the lock.
func (e *Engine) resolved(s *session, answer resolved, failure string) {
	if failure != "" {
		e.fail(s, failure, "the code needs an online check")
		return
	}
	s.qr = &answer.qr
	s.verifier = answer.source
	s.person = cccd.Merge(s.qr, nil, nil)
	s.idNumber = s.person.IDCode
	s.assurance = s.base // a code on a telephone can be copied, whoever resolves it
	s.checks = []Check{{ID: "online", Status: "ok", Detail: answer.source}}
	if password, err := s.qr.Password(); err == nil {
		s.password = privacy.New(password)
	}
	s.online = privacy.Private[string]{}
	if e.opt.Profile.Accepts(profile.EvidenceChip) && s.password.IsSet() {
		e.awaitCard(s)
		return
	}
	e.afterEvidence(s)
}

// resolved is a usable answer of the hub.
type resolved struct {
	qr     cccd.QR
	source string // who says so, for the record
}

var errResolved = errors.New("it names no person and who says so")

// parseResolved reads the data of an answer. Errors tell nothing of its values.
func parseResolved(data json.RawMessage) (resolved, error) {
	var in struct {
		Source string            `json:"source"`
		Person map[string]string `json:"person"`
	}
	if len(data) > maxAnswer || json.NewDecoder(bytes.NewReader(data)).Decode(&in) != nil {
		return resolved{}, errResolved
	}
	if in.Source == "" || len(in.Source) > maxVerifier || strings.ContainsFunc(in.Source, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return resolved{}, errResolved
	}
	// The text of a card's code goes through the parser that every code goes through.
	fields := []string{in.Person["idCode"], in.Person["oldIdCode"], in.Person["personName"], digits(in.Person["dateOfBirth"]), in.Person["gender"], in.Person["residencePlace"], digits(in.Person["issueDate"])}
	for _, f := range fields {
		if strings.ContainsFunc(f, func(r rune) bool { return r == '|' || !unicode.IsPrint(r) }) {
			return resolved{}, errResolved
		}
	}
	qr, err := cccd.ParseQR([]byte(strings.Join(fields, "|")))
	if err != nil || !qr.IsID() || qr.PersonName.Reveal() == "" {
		return resolved{}, errResolved
	}
	return resolved{qr: qr, source: in.Source}, nil
}

// digits writes dd/MM/yyyy or yyyy-MM-dd as a card's code does.
func digits(date string) string {
	for _, layout := range []string{"02/01/2006", "2006-01-02"} {
		if t, err := time.Parse(layout, date); err == nil {
			return t.Format("02012006")
		}
	}
	return date
}
