package visit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"tram/drivers/cccd"
	"tram/drivers/emrtd"
	"tram/drivers/pcsc"
	"tram/drivers/privacy"
)

// readLimit is the longest that one chip may take; a contactless card at 106
// kbit/s needs about 6 s for a 20 KB portrait.
const readLimit = 60 * time.Second

// read starts reading the chip. The caller holds the lock.
func (e *Engine) read(s *session) {
	s.failure, s.checks, s.verification, s.mismatches = nil, nil, nil, nil
	s.assurance = s.base
	s.progress = &Progress{Step: "access"}
	s.laid = e.laid
	password, qr := s.password.Reveal(), s.qr
	e.enter(s, StageReading)
	e.work.Go(func() {
		// A card is hostile input: whatever it provokes ends this visit and nothing else.
		defer func() {
			if r := recover(); r != nil {
				e.opt.Log.Error("reading a chip panicked", "visit", s.id, "stack", string(debug.Stack()))
				e.update(s, func() { e.fail(s, "card_error", "internal error") })
			}
		}()
		e.readChip(s, password, qr)
	})
}

// readChip runs without the lock; what it learns goes into the session through
// update, which drops it when the person has left meanwhile.
func (e *Engine) readChip(s *session, password emrtd.Password, qr *cccd.QR) {
	ctx, cancel := context.WithTimeout(s.ctx, readLimit)
	defer cancel()
	doc, err := e.opt.Chip.ReadChip(ctx, password, func(p emrtd.Progress) {
		e.update(s, func() { s.progress = &Progress{Step: p.Step, File: p.File, Done: p.Done, Total: p.Total} })
	})
	if err != nil {
		e.update(s, func() {
			if e.laid != s.laid && FailureCode(err) == "card_removed" {
				e.read(s) // lifted and laid again meanwhile
				return
			}
			// Taken away before anything was read, or the service had not yet noticed that the last
			// person's card left: this person's is still awaited.
			if errors.Is(err, pcsc.ErrNoCard) || errors.Is(err, pcsc.ErrCardGone) && s.progress != nil && s.progress.Step == "access" {
				s.progress = nil
				e.enter(s, StageCard)
				return
			}
			e.fail(s, FailureCode(err), err.Error())
		})
		return
	}
	e.update(s, func() { s.progress = &Progress{Step: "verify"} })
	defer wipeFiles(doc.Files)
	evidence := Examine(emrtd.VerifyDocument(doc, e.opt.Chip.Trust(), e.opt.Now()), doc.Files, qr)
	defer func() { clear(evidence.Portrait.Reveal()) }()
	if !e.update(s, func() { e.apply(s, evidence) }) {
		return
	}
	e.showPortrait(s, evidence.Portrait)
	e.compareFace(s, evidence.Portrait)
	e.update(s, func() {
		if s.stage == StageReading || s.stage == StageFace {
			e.afterEvidence(s)
		}
	})
}

// wipeFiles leaves nothing of what a chip gave in memory.
func wipeFiles(files emrtd.Files) {
	for _, content := range files {
		clear(content)
	}
}

// update runs change under the lock if the session is still the current one and
// has not failed; it reports whether it did.
func (e *Engine) update(s *session, change func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.cur != s || s.stage == StageFailed {
		return false
	}
	change()
	e.opt.Changed()
	return e.cur == s && s.stage != StageFailed
}

// apply takes what the chip said into the visit. The caller holds the lock.
func (e *Engine) apply(s *session, ev Evidence) {
	s.source = "chip"
	s.person = ev.Person
	s.verification = &ev.Verification
	s.mismatches = ev.Mismatches
	s.assurance = ev.Assurance()
	s.checks = ev.Checks()
	switch {
	case s.assurance == emrtd.None:
		code, why := ev.failure()
		e.fail(s, code, why)
	case !s.sameAs(ev):
		// The code opened the chip, but the chip does not say that it is this person's.
		s.assurance = emrtd.None
		e.fail(s, "other_person", "the chip gives no ID number")
	case !e.opt.Profile.Enough(s.assurance):
		e.fail(s, "assurance_too_low", fmt.Sprintf("this counter asks for %s, the card gave %s", e.opt.Profile.Assurance, s.assurance))
	}
}

// sameAs reports whether the chip is of the person who was announced: by the
// number, by the passport's for a foreigner, and by nobody where only an access
// number opened it.
func (s *session) sameAs(ev Evidence) bool {
	switch {
	case s.idNumber.Reveal() != "":
		return ev.chipID() == s.idNumber.Reveal()
	case s.qr != nil && s.qr.MRZ != nil:
		return ev.MRZ != nil && ev.MRZ.DocumentNumber.Reveal() == s.qr.MRZ.DocumentNumber.Reveal()
	}
	return s.qr == nil
}

// showPortrait asks the worker for a picture that a browser can show. Without a
// worker the screen shows none; that is no failure of the visit.
func (e *Engine) showPortrait(s *session, picture privacy.Private[[]byte]) {
	if e.opt.Faces == nil || len(picture.Reveal()) == 0 {
		return
	}
	jpeg, err := e.opt.Faces.Portrait(s.ctx, picture.Reveal())
	if err != nil {
		e.opt.Log.Warn("no portrait for the screen", "visit", s.id, "err", err)
		return
	}
	jpeg = bytes.Clone(jpeg) // the worker's own is not ours to wipe
	if !e.update(s, func() { s.portrait = privacy.New(jpeg) }) {
		clear(jpeg)
	}
}

// FailureCode is the screen's word for an error of reading a chip.
func FailureCode(err error) string {
	switch {
	case errors.Is(err, emrtd.ErrAccessDenied):
		return "wrong_can"
	case errors.Is(err, emrtd.ErrNoApplication):
		return "not_an_id_card"
	// The reader's own words come first: emrtd calls every transport error a card that is gone.
	case errors.Is(err, pcsc.ErrNoReader), errors.Is(err, pcsc.ErrNoService), errors.Is(err, pcsc.ErrRefused):
		return "no_reader"
	case errors.Is(err, pcsc.ErrTimeout), errors.Is(err, pcsc.ErrMute):
		return "card_error"
	case errors.Is(err, emrtd.ErrCardGone), errors.Is(err, pcsc.ErrCardGone), errors.Is(err, pcsc.ErrNoCard):
		return "card_removed"
	}
	return "card_error"
}

// Evidence is what the files of a chip say, verified and compared with the code
// that led to it.
type Evidence struct {
	Verification emrtd.Verification
	MRZ          *emrtd.MRZInfo
	DG13         *cccd.DG13
	Person       cccd.Person // what the chip says; nothing of it comes from the code
	Portrait     privacy.Private[[]byte]
	Format       string // of the portrait: "jpeg", "jp2", "" without one
	Mismatches   []cccd.Mismatch
	Notes        []string // groups that could not be understood; no personal data

	sources int // of code, MRZ and DG13, how many are there to be compared
}

// Examine takes the person's data out of the files of a chip that was verified
// (emrtd.VerifyDocument, or Verify for saved files) and compares them with each
// other and with the code. A group that cannot be parsed is a note, not an
// error: whether it counts is the signature's business.
func Examine(verified emrtd.Verification, files emrtd.Files, qr *cccd.QR) Evidence {
	ev := Evidence{Verification: verified}
	if raw, ok := files[emrtd.DG1]; ok {
		if mrz, err := emrtd.ParseDG1(raw); err != nil {
			ev.Notes = append(ev.Notes, err.Error())
		} else {
			ev.MRZ = &mrz
		}
	}
	if raw, ok := files[emrtd.DG13]; ok {
		if dg13, err := cccd.ParseDG13(raw); err != nil {
			ev.Notes = append(ev.Notes, err.Error())
		} else {
			ev.DG13 = &dg13
		}
	}
	if raw, ok := files[emrtd.DG2]; ok {
		if portrait, err := emrtd.ParseDG2(raw); err != nil {
			ev.Notes = append(ev.Notes, err.Error())
		} else {
			ev.Portrait, ev.Format = portrait.Data, portrait.Format
		}
	}
	ev.Person = cccd.Merge(nil, ev.MRZ, ev.DG13)
	ev.Mismatches = cccd.CrossCheck(qr, ev.MRZ, ev.DG13)
	for _, there := range []bool{qr != nil, ev.MRZ != nil, ev.DG13 != nil} {
		if there {
			ev.sources++
		}
	}
	return ev
}

// Assurance is what the verified chip is worth for this person. A chip that
// withholds DG1 says nothing of anybody, and one whose ID number is not that of
// the code, or not the same in all its groups, is not this person's: none.
func (ev Evidence) Assurance() emrtd.Assurance {
	if ev.MRZ == nil || ev.idMismatch() {
		return emrtd.None
	}
	return ev.Verification.Assurance()
}

// failure is the screen's code for an assurance of none, and the reason for a
// technician.
func (ev Evidence) failure() (code, why string) {
	v := ev.Verification
	switch {
	case v.Hashes == emrtd.Failed || v.SODSignature == emrtd.Failed || v.Chain == emrtd.Failed:
		return "verification_failed", "failed: " + strings.Join(ev.failedChecks(), ", ")
	case v.Chain == emrtd.Expired || v.Chain == emrtd.Revoked:
		return "signer_not_valid", "the signer's certificate: " + string(v.Chain)
	case v.ChipAuthentication == emrtd.Failed || v.ActiveAuthentication == emrtd.Failed:
		return "chip_copied", "failed: " + strings.Join(ev.failedChecks(), ", ")
	case ev.idMismatch():
		return "other_person", "the ID number differs: " + strings.Join(MismatchNames(ev.Mismatches), "; ")
	}
	return "not_verifiable", "the chip gave too little to verify: " + strings.Join(ev.Notes, "; ")
}

// chipID is the ID number as the chip's signed groups say it, "" where none does.
func (ev Evidence) chipID() string { return ev.Person.IDCode.Reveal() }

// Checks lists the answers one by one, as the screen shows them.
func (ev Evidence) Checks() []Check {
	v := ev.Verification
	checks := []Check{
		{ID: "hashes", Status: string(v.Hashes), Detail: v.Detail["hashes"]},
		{ID: "sodSignature", Status: string(v.SODSignature), Detail: v.Detail["sodSignature"]},
		{ID: "chain", Status: string(v.Chain), Detail: v.Detail["chain"]},
		{ID: "chipAuthentication", Status: string(v.ChipAuthentication), Detail: v.Detail["chipAuthentication"]},
		{ID: "activeAuthentication", Status: string(v.ActiveAuthentication), Detail: v.Detail["activeAuthentication"]},
	}
	cross := Check{ID: "crossCheck", Status: "ok"}
	if ev.sources < 2 {
		cross.Status, cross.Detail = "not_done", "there is nothing to compare with"
	}
	if len(ev.Mismatches) > 0 {
		cross.Status = "failed"
		cross.Detail = "differs: " + strings.Join(MismatchNames(ev.Mismatches), "; ")
	}
	return append(checks, cross)
}

// MismatchNames tells which fields differ between which sources, without values.
func MismatchNames(ms []cccd.Mismatch) []string {
	names := make([]string, len(ms))
	for i, m := range ms {
		names[i] = m.Field + " between " + strings.Join(m.Between, " and ")
	}
	return names
}

func (ev Evidence) failedChecks() []string {
	var failed []string
	for _, c := range ev.Checks() {
		if c.Status == "failed" || c.Status == "expired" || c.Status == "revoked" {
			failed = append(failed, c.ID)
		}
	}
	return failed
}

func (ev Evidence) idMismatch() bool {
	return slices.ContainsFunc(ev.Mismatches, func(m cccd.Mismatch) bool { return m.Field == "idCode" })
}
