package visit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tram/agent/profile"
	"tram/drivers/emrtd"
	"tram/drivers/pcsc"
	"tram/drivers/sim"
	"tram/drivers/sim/picture"
	"tram/sync/outbox"
	"tram/vision"
)

// portrait is drawn once: it takes a while under the race detector.
var portrait = sync.OnceValue(func() []byte { return picture.PortraitJPEG(1) })

func TestAVisitWithChipAndFaceBecomesARecordOfTheProfilesFields(t *testing.T) {
	faces := answeringFaces{answer: vision.FaceAnswer{Score: .9, Threshold: .4, Match: true, Model: vision.ModelID{Name: "m", SHA256: "ab"}}}
	c := newCounter(t, "clinic", faces)
	id := c.scan(t)
	c.Card(true)
	v := c.await(t, StageConfirm)
	if v.Person.PersonName != "Nguyễn Văn Thử" || !v.Portrait || v.Source != "chip" {
		t.Errorf("shown: %+v", v)
	}
	if !strings.HasPrefix(v.Assurance, "chip-") || !strings.HasSuffix(v.Assurance, "+face") {
		t.Errorf("assurance %q", v.Assurance)
	}
	if err := c.Confirm(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := c.Confirm(t.Context(), id); !errors.Is(err, ErrConflict) {
		t.Errorf("confirmed twice: %v, want ErrConflict", err)
	}
	r := c.record(t)
	want := map[string]string{
		"idCode": "099099000017", "personName": "Nguyễn Văn Thử", "dateOfBirth": "15/01/1999", "gender": "Nam",
		"residencePlace": "Số 1 Đường Mẫu, Phường Mẫu, Tỉnh Mẫu",
	}
	if len(r.Person) != len(want) {
		t.Errorf("the record keeps %v, want only %v", r.Person, want)
	}
	for key, value := range want {
		if r.Person[key] != value {
			t.Errorf("%s = %q, want %q", key, r.Person[key], value)
		}
	}
	if r.Verification == nil || r.Verification.Chain != "trusted" || r.Face.Result != "match" || r.Consent.Basis != profile.BasisConsent || r.Consent.Time.IsZero() {
		t.Errorf("record %+v", r)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
	if v := c.await(t, StageRecorded); v.Record.Sequence != 1 || v.Record.State != "accepted" {
		t.Errorf("shown record: %+v", v.Record)
	}
}

func TestNothingIsReadBeforeThePersonConsents(t *testing.T) {
	c := newCounter(t, "clinic", nil)
	c.chip.err = errors.New("read without consent")
	id, err := c.ScanQR([]byte(sim.DefaultCitizen().QR2021()))
	if err != nil {
		t.Fatal(err)
	}
	c.Card(true)
	if v := c.View(); v.Stage != StageConsent {
		t.Errorf("a card on the reader before consent: stage %s", v.Stage)
	}
	if err := c.Confirm(t.Context(), id); !errors.Is(err, ErrConflict) {
		t.Errorf("confirmed before consent: %v, want ErrConflict", err)
	}
	if err := c.Consent("another"); !errors.Is(err, ErrNoVisit) {
		t.Errorf("consent to another visit: %v, want ErrNoVisit", err)
	}
}

func TestWithoutAModelTheFaceIsNotDoneAndSaysHowToGetIt(t *testing.T) {
	c := newCounter(t, "clinic", answeringFaces{err: vision.ErrNoModel})
	id := c.scan(t)
	c.Card(true)
	v := c.await(t, StageConfirm)
	last := v.Checks[len(v.Checks)-1]
	if last.ID != "face" || last.Status != "not_done" || !strings.Contains(last.Detail, "tram models pull") || strings.Contains(v.Assurance, "face") {
		t.Errorf("check %+v, assurance %q", last, v.Assurance)
	}
	if err := c.Confirm(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if r := c.record(t); r.Face.Result != "not_done" || r.Face.Score != 0 || strings.Contains(r.Assurance, "face") {
		t.Errorf("record: %+v, %s", r.Face, r.Assurance)
	}
}

func TestAMismatchedFaceNeverRaisesTheAssurance(t *testing.T) {
	for _, answer := range []vision.FaceAnswer{{Score: .1, Threshold: .4}, {Score: .35, Threshold: .4, Unsure: true}} {
		c := newCounter(t, "clinic", answeringFaces{answer: answer})
		c.scan(t)
		c.Card(true)
		v := c.await(t, StageConfirm)
		if last := v.Checks[len(v.Checks)-1]; last.Status == "ok" || strings.Contains(v.Assurance, "face") {
			t.Errorf("score %.2f: check %+v, assurance %q", answer.Score, last, v.Assurance)
		}
	}
}

func TestFailedVerificationEndsTheVisitWithoutARecord(t *testing.T) {
	for _, c := range []struct {
		name, code string
		fault      sim.Option
		withheld   []emrtd.FileID
	}{
		{"changed portrait", "verification_failed", sim.TamperDG2(), nil},
		{"changed residence", "verification_failed", sim.TamperDG13(), nil},
		{"expired signer", "signer_not_valid", sim.ExpiredSigner(), nil},
		{"copied chip", "chip_copied", sim.ClonedChip(), nil},
		{"a chip that withholds who it is of", "not_verifiable", sim.NestedParents(), []emrtd.FileID{emrtd.DG1, emrtd.DG13}},
		{"a chip that withholds DG1", "not_verifiable", sim.NestedParents(), []emrtd.FileID{emrtd.DG1}},
		{"a chip without a SOD", "not_verifiable", sim.NestedParents(), []emrtd.FileID{emrtd.EFSOD}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, withheld := c.code, c.withheld
			c := newCounter(t, "clinic", nil, c.fault)
			c.chip.withheld = withheld
			id := c.scan(t)
			c.Card(true)
			v := c.await(t, StageFailed)
			if v.Failure.Code != code || v.Assurance != "none" {
				t.Errorf("%+v, assurance %s; want %s, none", v.Failure, v.Assurance, code)
			}
			if err := c.Confirm(t.Context(), id); !errors.Is(err, ErrConflict) {
				t.Errorf("Confirm: %v, want ErrConflict", err)
			}
			if len(c.book.drafts) != 0 {
				t.Errorf("%d records were made", len(c.book.drafts))
			}
		})
	}
}

func TestAnUnknownSignerIsNotEnoughWhereTheCounterAsksForMore(t *testing.T) {
	const text = `name: strict
title: {vi: a, en: b}
purpose: {vi: a, en: b}
evidence: [qr, chip]
assurance: chip-trusted
record: vn.tram.identity.verified.v1
`
	p, err := profile.Parse("strict.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	c := newCounter(t, "clinic", nil, sim.WrongSigner())
	c.opt.Profile = p
	c.scan(t)
	c.Card(true)
	if v := c.await(t, StageFailed); v.Failure.Code != "assurance_too_low" {
		t.Errorf("%+v", v.Failure)
	}
}

func TestACardThatWasRemovedIsReadAgainWhenLaidBack(t *testing.T) {
	c := newCounter(t, "clinic", nil)
	c.scan(t)
	c.chip.err = emrtd.ErrCardGone
	c.Card(true)
	if v := c.await(t, StageFailed); v.Failure.Code != "card_removed" {
		t.Errorf("%+v", v.Failure)
	}
	c.Card(false)
	c.chip.err = nil
	c.Card(true)
	c.await(t, StageConfirm)
}

func TestACardThatLeavesBeforeAnythingIsReadIsStillAwaited(t *testing.T) {
	for _, err := range []error{pcsc.ErrNoCard, pcsc.ErrCardGone} {
		c := newCounter(t, "clinic", nil)
		c.scan(t)
		c.chip.err, c.chip.wait = err, make(chan struct{})
		c.Card(true)
		c.await(t, StageReading)
		close(c.chip.wait)
		c.await(t, StageCard)
		c.chip.err = nil
		c.Card(true)
		c.await(t, StageConfirm)
	}
}

func TestCodeAndChipOfDifferentPeopleDoNotMakeARecord(t *testing.T) {
	c := newCounter(t, "clinic", nil)
	other := sim.DefaultCitizen()
	other.IDCode = "098099000017" // another person whose last six digits open this chip too
	id, err := c.ScanQR([]byte(other.QR2021()))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Consent(id); err != nil {
		t.Fatal(err)
	}
	c.Card(true)
	if v := c.await(t, StageFailed); v.Failure.Code != "other_person" || v.Assurance != "none" {
		t.Errorf("%+v, assurance %s", v.Failure, v.Assurance)
	}
}

func TestWhatOnlyTheCodeSaysIsNamedInTheRecord(t *testing.T) {
	c := newCounter(t, "clinic", nil)
	c.chip.withheld = []emrtd.FileID{emrtd.DG13}
	id := c.scan(t)
	c.Card(true)
	if v := c.await(t, StageConfirm); v.Person.ResidencePlace != "" {
		t.Errorf("the screen shows %q beside a chip that does not say it", v.Person.ResidencePlace)
	}
	if err := c.Confirm(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if r := c.record(t); !slices.Equal(r.FromCode, []string{"residencePlace"}) || r.Person["residencePlace"] == "" {
		t.Errorf("from the code alone: %v; record %v", r.FromCode, r.Person)
	}
}

func TestABrowserThatGoesAwayDoesNotUndoARecord(t *testing.T) {
	c := newCounter(t, "clinic", nil)
	id := c.scan(t)
	if err := c.SkipChip(id); err != nil {
		t.Fatal(err)
	}
	ctx, gone := context.WithCancel(t.Context())
	gone()
	if err := c.Confirm(ctx, id); err != nil {
		t.Errorf("Confirm of a request that was cancelled: %v", err)
	}
	c.await(t, StageRecorded)
}

func TestACardLaidAgainDuringTheReadIsRead(t *testing.T) {
	c := newCounter(t, "clinic", nil)
	c.scan(t)
	c.chip.wait, c.chip.errs = make(chan struct{}), []error{emrtd.ErrCardGone}
	c.Card(true)
	c.await(t, StageReading)
	c.Card(false)
	c.Card(true)
	close(c.chip.wait)
	c.await(t, StageConfirm)
}

func TestARequiredFaceThatWasNotComparedIsNotCalledAMismatch(t *testing.T) {
	for err, code := range map[error]string{vision.ErrNoModel: "face_not_done", vision.ErrNoFace: "face_not_done", nil: "face_mismatch"} {
		c := newCounter(t, "clinic", answeringFaces{err: err, answer: vision.FaceAnswer{Score: .1, Threshold: .4}})
		c.opt.Profile.Face = profile.FaceRequired
		c.scan(t)
		c.Card(true)
		if v := c.await(t, StageFailed); v.Failure.Code != code {
			t.Errorf("%v: %+v, want %s", err, v.Failure, code)
		}
	}
}

func TestFailureCodesKeepTheReadersOwnWords(t *testing.T) {
	for err, want := range map[error]string{
		fmt.Errorf("%w: %w", emrtd.ErrCardGone, pcsc.ErrTimeout):   "card_error",
		fmt.Errorf("%w: %w", emrtd.ErrCardGone, pcsc.ErrNoService): "no_reader",
		fmt.Errorf("%w: %w", emrtd.ErrCardGone, pcsc.ErrCardGone):  "card_removed",
		emrtd.ErrAccessDenied: "wrong_can",
		emrtd.ErrProtocol:     "card_error",
	} {
		if got := FailureCode(err); got != want {
			t.Errorf("FailureCode(%v) = %s, want %s", err, got, want)
		}
	}
}

func TestCancelAndIdleTimeForgetThePerson(t *testing.T) {
	c := newCounter(t, "clinic", nil)
	id := c.scan(t)
	c.chip.wait = make(chan struct{})
	c.Card(true)
	c.await(t, StageReading)
	if err := c.Cancel(id); err != nil {
		t.Fatal(err)
	}
	if v := c.View(); v != nil {
		t.Errorf("after Cancel the visit is %+v", v)
	}
	c.opt.Idle = time.Millisecond
	if _, err := c.ScanQR([]byte(sim.DefaultCitizen().QR2024())); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); c.View() != nil; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("an idle visit was never forgotten")
		}
	}
}

func TestAStrayCodeDoesNotDisturbAVisit(t *testing.T) {
	c := newCounter(t, "clinic", nil)
	if _, err := c.ScanQR([]byte("https://example.vn/")); !errors.Is(err, ErrBadQR) {
		t.Errorf("not a card's code: %v", err)
	}
	if v := c.await(t, StageFailed); v.Failure.Code != "bad_qr" || v.Person != nil {
		t.Errorf("shown: %+v", v)
	}
	id := c.scan(t)
	if _, err := c.ScanQR([]byte("https://example.vn/")); !errors.Is(err, ErrBadQR) {
		t.Errorf("not a card's code during a visit: %v", err)
	}
	if _, err := c.ScanQR([]byte(sim.DefaultCitizen().QR2024())); !errors.Is(err, ErrConflict) {
		t.Errorf("a second code during a visit: %v", err)
	}
	if v := c.View(); v.ID != id || v.Stage != StageCard {
		t.Errorf("the visit is %+v", v)
	}
}

func TestAFullQueueIsSaidOnTheScreen(t *testing.T) {
	c := newCounter(t, "clinic", nil)
	c.book.err = outbox.ErrFull
	id := c.scan(t)
	if err := c.SkipChip(id); err != nil {
		t.Fatal(err)
	}
	if err := c.Confirm(t.Context(), id); !errors.Is(err, outbox.ErrFull) {
		t.Errorf("Confirm: %v", err)
	}
	if v := c.await(t, StageFailed); v.Failure.Code != "queue_full" {
		t.Errorf("%+v", v.Failure)
	}
}

func TestTheChipCannotBeSkippedWhereItIsRequired(t *testing.T) {
	c := newCounter(t, "hospital-kiosk", nil)
	id := c.scan(t)
	if err := c.SkipChip(id); !errors.Is(err, ErrConflict) {
		t.Errorf("SkipChip: %v, want ErrConflict", err)
	}
}
