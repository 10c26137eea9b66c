package visit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tram/agent/profile"
	"tram/drivers/emrtd"
	"tram/drivers/sim"
	"tram/sync/outbox"
	"tram/testdata"
	"tram/vision"
)

// register is a Book in memory.
type register struct {
	mu      sync.Mutex
	find    func(Entry) Finding
	begun   map[string]Entry
	done    map[string]uint64
	dropped []string
}

func (r *register) Look(_ context.Context, e Entry) (Finding, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.find == nil {
		return Finding{}, nil
	}
	return r.find(e), nil
}

func (r *register) Begin(_ context.Context, e Entry) (Ticket, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun == nil {
		r.begun, r.done = map[string]Entry{}, map[string]uint64{}
	}
	r.begun[e.ID] = e
	return Ticket{Number: len(r.begun), Text: fmt.Sprintf("A%03d", len(r.begun)), At: e.Time}, nil
}

func (r *register) Done(id string, sequence uint64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done[id] = sequence
	return nil
}

func (r *register) Drop(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dropped = append(r.dropped, id)
	return nil
}

// desk is a counter as its profile has it, with a register.
func newDesk(t *testing.T, p profile.Profile, book *register) *counter {
	t.Helper()
	c := newCounter(t, "clinic", nil)
	match := answeringFaces{answer: vision.FaceAnswer{Match: true, Score: 0.8, Threshold: 0.4}}
	e := New(Options{
		Profile: p, Chip: c.chip, Faces: match, Recorder: c.book, Book: book, Idle: time.Hour,
		Catalogue: func(name string) []profile.Option { list, _ := profile.Catalogue(name); return list },
		Log:       slog.New(slog.NewTextHandler(c.log, nil)),
	})
	c.Engine = e
	t.Cleanup(func() {
		e.Close()
		for _, d := range c.book.drafts {
			validate(t, d)
		}
	})
	return c
}

// validate holds a record's data against the schema of its type.
func validate(t *testing.T, d outbox.Draft) {
	t.Helper()
	name, ok := strings.CutPrefix(d.Type, "vn.tram.")
	if !ok {
		name = "visit.registered.v1" // a made-up profile's
	}
	name = strings.ReplaceAll(strings.TrimSuffix(name, ".v1"), ".", "-")
	if name == "visit-registered" {
		name = "visit"
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	for _, file := range []string{"common", "data-visit", "data-" + name} {
		file += ".json"
		f, err := os.Open(testdata.Project("docs/contract/schema/" + file))
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		if err := compiler.AddResource("https://contract.tram.invalid/v1/"+file, doc); err != nil && file != "data-visit.json" {
			t.Fatal(err)
		}
	}
	schema, err := compiler.Compile("https://contract.tram.invalid/v1/data-" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(d.Data)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("a record of %s is not as its schema says: %v", d.Type, err)
	}
}

func shipped(t *testing.T, name string) profile.Profile {
	t.Helper()
	p, err := profile.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func inDays(n int) string { return time.Now().AddDate(0, 0, n).Format(time.DateOnly) }

func TestEveryProfileIsPlayedFromTheCodeToTheRecord(t *testing.T) {
	for name, answers := range map[string]map[string]string{
		"one-stop":       {"service": "birth-registration"},
		"clinic":         {"department": "eye", "reason": "Đau mắt"},
		"hospital-kiosk": {"department": "internal"},
		"notary":         {"contract": "12/2026", "purpose": "will"},
		"lodging":        {"room": "101", "reason": "tourism", "until": inDays(2)},
		"rental":         {"room": "A2", "from": inDays(0), "until": inDays(20)},
		"inpatient":      {"ward": "surgery", "bed": "12"},
		"pawn-security":  {"contract": "CD-17"},
		"exam-room":      {},
	} {
		t.Run(name, func(t *testing.T) {
			book := &register{}
			c := newDesk(t, shipped(t, name), book)
			id := c.code(t)
			if err := c.Consent(id); err != nil {
				t.Fatal(err)
			}
			c.Card(true)
			v := c.awaitOneOf(t, StageAsk, StageConfirm)
			if v.Stage == StageAsk {
				if err := c.Confirm(t.Context(), id); !errors.Is(err, ErrConflict) {
					t.Errorf("confirmed with a required answer missing: %v", err)
				}
				if err := c.Answer(id, map[string]string{}); err != nil {
					t.Errorf("no answers at all: %v, want problems and no error", err)
				}
				if v := c.View(); v.Stage != StageAsk || len(v.Problems) == 0 {
					t.Errorf("nothing is said of what is missing: %+v", v.Problems)
				}
			}
			if len(answers) > 0 {
				if err := c.Answer(id, answers); err != nil {
					t.Fatal(err, c.View().Problems)
				}
			}
			if v = c.await(t, StageConfirm); !maps.Equal(v.Answers, answers) {
				t.Errorf("answers %v, want %v", v.Answers, answers)
			}
			if err := c.Confirm(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			v = c.await(t, StageRecorded)
			r := c.record(t)
			if !maps.Equal(r.Answers, answers) || r.ConsentID != id || r.Consent.Text == "" || !strings.HasPrefix(r.Assurance, "chip-") {
				t.Errorf("the record has answers %v, consent %q, assurance %q", r.Answers, r.ConsentID, r.Assurance)
			}
			if c.book.drafts[0].ID != id || book.done[id] != 1 || v.Ticket == nil {
				t.Errorf("event %q, register %v, ticket %v", c.book.drafts[0].ID, book.done, v.Ticket)
			}
			// No card of the health insurance was shown.
			want := slices.DeleteFunc(slices.Clone(shipped(t, name).Keeps), func(field string) bool { return strings.HasPrefix(field, "insurance") })
			if len(r.Person) != len(want) {
				t.Errorf("%d fields kept, want %d", len(r.Person), len(want))
			}
		})
	}
}

func TestACoachBoardsByItsCodeWithoutATouch(t *testing.T) {
	boarded := map[string]bool{}
	book := &register{}
	book.find = func(e Entry) Finding {
		if boarded[e.Number.Reveal()] {
			return Finding{Alarms: []Alarm{{Code: "twice_boarded", Stop: true}}}
		}
		return Finding{Fill: map[string]string{"trip": "t-1"}}
	}
	c := newDesk(t, shipped(t, "coach"), book)
	c.code(t)
	c.await(t, StageRecorded)
	if r := c.record(t); r.Answers["trip"] != "t-1" || r.Person["idCode"] != "" || r.Person["personName"] == "" || r.Assurance != "qr" {
		t.Errorf("the record has answers %v, assurance %s, number kept: %v", r.Answers, r.Assurance, r.Person["idCode"] != "")
	}
	boarded[sim.DefaultCitizen().IDCode] = true
	id := c.code(t)
	if v := c.await(t, StageFailed); v.Failure.Code != "twice_boarded" || len(v.Alarms) != 1 || !v.CanGoBack {
		t.Errorf("boarded twice: %+v, alarms %v", v.Failure, v.Alarms)
	}
	if err := c.Back(id); err != nil {
		t.Fatal(err)
	}
	c.await(t, StageAsk)
	if len(c.book.drafts) != 1 {
		t.Errorf("%d records, want 1", len(c.book.drafts))
	}
}

// door lets pass, or not; an empty one is no gate that opens.
type door string

func (d door) Pass(_ context.Context, e Entry) (Passage, error) {
	if d == "" {
		return Passage{}, ErrDoor
	}
	return Passage{Result: string(d), Direction: e.Direction, Opened: true, By: "sensor"}, nil
}

func (r *register) Redraft(e Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.begun[e.ID] = e
	return nil
}

func TestARecordSaysWhatBecameOfAPassage(t *testing.T) {
	for result, want := range map[door]struct {
		stage      Stage
		code, kind string
	}{
		PassageConfirmed:   {StageRecorded, "", "vn.tram.gate.passed.v1"},
		PassageUnconfirmed: {StageRecorded, "", "vn.tram.gate.passed.v1"},
		PassageAnnulled:    {StageFailed, "passage_annulled", TypeAnnulled},
		"":                 {StageFailed, "no_gate", ""},
	} {
		book := &register{find: func(Entry) Finding { return Finding{Direction: "out"} }}
		c := newDesk(t, shipped(t, "industrial-gate"), book)
		c.opt.Door = result
		id := c.code(t)
		v := c.await(t, want.stage)
		if want.code != "" && v.Failure.Code != want.code {
			t.Errorf("%s: failure %+v, want %s", result, v.Failure, want.code)
		}
		if want.kind == "" {
			if len(c.book.drafts) != 0 || len(book.dropped) != 1 {
				t.Errorf("a gate that does not open: %d records, dropped %v", len(c.book.drafts), book.dropped)
			}
			continue
		}
		d := c.book.drafts[0]
		if p := c.record(t).Passage; d.Type != want.kind || p == nil || p.Result != string(result) || p.Direction != "out" {
			t.Errorf("%s: recorded %s with passage %+v", result, d.Type, p)
		}
		if e := book.begun[id]; e.Passage != string(result) || e.RecordType != want.kind || book.done[id] != 1 {
			t.Errorf("%s: the register has passage %q, type %s", result, e.Passage, e.RecordType)
		}
	}
}

func TestAVisitorIsLetInByTheGuardAndNobodyElse(t *testing.T) {
	book := &register{find: func(e Entry) Finding {
		return Finding{Alarms: []Alarm{{Code: "not_allowed", Stop: e.Answers.Reveal()["host"] == ""}}}
	}}
	c := newDesk(t, shipped(t, "industrial-gate"), book)
	id := c.code(t)
	if v := c.await(t, StageFailed); v.Failure.Code != "not_allowed" {
		t.Fatalf("%+v", v.Failure)
	}
	if err := c.Back(id); err != nil {
		t.Fatal(err)
	}
	if err := c.Confirm(WithClerk(t.Context(), "lan"), id); !errors.Is(err, ErrConflict) {
		t.Errorf("confirmed although it was stopped: %v", err)
	}
	if err := c.Answer(id, map[string]string{"host": "Phòng kỹ thuật"}); err != nil {
		t.Fatal(err)
	}
	c.await(t, StageConfirm) // a warning is looked at, also where nobody usually touches
	if err := c.Confirm(t.Context(), id); !errors.Is(err, ErrNeedsClerk) || len(c.book.drafts) != 0 {
		t.Errorf("a visitor lets themselves in: %v", err)
	}
	if err := c.Confirm(WithClerk(t.Context(), "lan"), id); err != nil {
		t.Fatal(err)
	}
	if r := c.record(t); len(r.Alarms) != 1 || r.Alarms[0] != "not_allowed" || book.begun[id].Clerk != "lan" {
		t.Errorf("the record says nothing of the alarm: %v", r.Alarms)
	}
}

// Who boarded already goes back to the questions and confirms: nothing is recorded.
func TestWhatStopsAVisitCannotBeWalkedAround(t *testing.T) {
	book := &register{find: func(Entry) Finding {
		return Finding{Alarms: []Alarm{{Code: "twice_boarded", Stop: true}}, Fill: map[string]string{"trip": "t-1"}}
	}}
	c := newDesk(t, shipped(t, "coach"), book)
	id := c.code(t)
	c.await(t, StageFailed)
	if err := c.Back(id); err != nil {
		t.Fatal(err)
	}
	if err := c.Confirm(t.Context(), id); !errors.Is(err, ErrConflict) || len(c.book.drafts) != 0 {
		t.Errorf("confirmed: %v, %d records", err, len(c.book.drafts))
	}
}

func TestTheSamePersonAgainIsACheckOut(t *testing.T) {
	book := &register{find: func(Entry) Finding {
		return Finding{RecordType: "vn.tram.stay.closed.v1", Fill: map[string]string{"room": "101"}}
	}}
	c := newDesk(t, shipped(t, "lodging"), book)
	id := c.code(t)
	if err := c.Consent(id); err != nil {
		t.Fatal(err)
	}
	c.Card(true)
	if v := c.await(t, StageConfirm); v.Answers["room"] != "101" || v.CanGoBack {
		t.Errorf("answers %v, back %v", v.Answers, v.CanGoBack)
	}
	if err := c.Confirm(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := c.book.drafts[0].Type; got != "vn.tram.stay.closed.v1" {
		t.Errorf("recorded %s", got)
	}
}

func TestAGuestWithoutACardIsDeclaredByTheClerk(t *testing.T) {
	c := newDesk(t, shipped(t, "lodging"), &register{})
	for _, wrong := range []map[string]string{{}, {"personName": "A", "shoe": "1"}, {"personName": "A", "idCode": "17"}, {"personName": "A", "dateOfBirth": "x"}, {"personName": "A\x00"}} {
		if _, err := c.Declare(wrong); !errors.Is(err, ErrBadField) {
			t.Errorf("%v is taken: %v", wrong, err)
		}
	}
	id, err := c.Declare(map[string]string{"personName": "Nguyễn Văn Thử", "dateOfBirth": "15/01/1999"})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(c.Consent(id), c.Answer(id, map[string]string{"room": "1", "until": inDays(1)}), c.Confirm(t.Context(), id)); err != nil {
		t.Fatal(err, c.View())
	}
	if r := c.record(t); r.Source != SourceManual || r.Assurance != "declared" {
		t.Errorf("source %s, assurance %s", r.Source, r.Assurance)
	}
	if _, err := newDesk(t, shipped(t, "exam-room"), &register{}).Declare(map[string]string{"personName": "A"}); !errors.Is(err, ErrConflict) {
		t.Errorf("a counter that takes no declarations: %v", err)
	}
}

func TestACardLaidFirstIsOpenedByTheNumberTyped(t *testing.T) {
	c := newDesk(t, shipped(t, "one-stop"), &register{})
	c.Card(true)
	if v := c.View(); v == nil || !v.NeedsCAN || v.Person != nil || v.CanSkipChip {
		t.Fatalf("a card lies there and the screen says %+v", v)
	}
	if _, err := c.CAN("17"); !errors.Is(err, ErrBadField) {
		t.Errorf("two digits: %v", err)
	}
	number := sim.DefaultCitizen().IDCode
	id, err := c.CAN(number[6:])
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Consent(id); err != nil {
		t.Fatal(err)
	}
	c.await(t, StageAsk)
	if err := errors.Join(c.Answer(id, map[string]string{"service": "other"}), c.Confirm(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	if r := c.record(t); r.Source != "chip" || r.Person["idCode"] != number || r.Assurance != "chip-genuine" {
		t.Errorf("source %s, assurance %s", r.Source, r.Assurance)
	}
	c.Card(false)
	if err := c.Cancel(id); err != nil {
		t.Fatal(err)
	}
	c.Card(true)
	c.Card(false)
	if v := c.View(); v != nil {
		t.Errorf("the card is gone and the screen still asks: %+v", v)
	}
}

func TestAKindOfCounterThatNobodyThoughtOfIsAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "library.yaml")
	text := `name: library
title: {vi: Thư viện, en: Library, rad: Hdruôm}
purpose: {vi: Mượn sách, en: To lend books, rad: Mượn}
languages: [vi, en, rad]
evidence: [qr]
assurance: qr
keeps: [personName]
questions:
  - id: books
    label: {vi: Mấy quyển?, en: How many books, rad: Dum}
    kind: number
    required: true
    min: 1
    max: 5
  - {id: shelf, label: {vi: Kệ, en: Shelf, rad: Kệ}, kind: choice, options: [{id: a, label: {vi: A, en: A, rad: A}}]}
record: vn.example.book.lent.v1
`
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "Mấy quyển?", "\"Mấy quyển?\"")), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	c := newDesk(t, p, &register{})
	id := c.code(t)
	if err := c.Consent(id); err != nil {
		t.Fatal(err)
	}
	for answer, want := range map[string]string{"9": profile.WrongRange, "many": profile.WrongFormat} {
		if err := c.Answer(id, map[string]string{"books": answer}); !errors.Is(err, ErrBadAnswer) || c.View().Problems["books"] != want {
			t.Errorf("%q: %v, %v, want %s", answer, err, c.View().Problems, want)
		}
	}
	if err := c.Answer(id, map[string]string{"books": "2", "shelf": "z"}); !errors.Is(err, ErrBadAnswer) || c.View().Problems["shelf"] != profile.WrongChoice {
		t.Errorf("an unknown shelf: %v, %v", err, c.View().Problems)
	}
	if err := c.Answer(id, map[string]string{"size": "2"}); !errors.Is(err, ErrBadAnswer) {
		t.Errorf("an answer to nothing: %v", err)
	}
	if err := errors.Join(c.Answer(id, map[string]string{"books": "2"}), c.Confirm(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	if got := c.book.drafts[0].Type; got != "vn.example.book.lent.v1" || c.record(t).Answers["books"] != "2" {
		t.Errorf("recorded %s with %v", got, c.record(t).Answers)
	}
}

func TestAHealthInsuranceCodeGoesIntoTheCheckInFields(t *testing.T) {
	const text = "GD4950000000017|4e677579e1bb856e2056c4836e205468e1bbad|15/01/1999|1|53e1bb91|66 - 001|01/01/2026|-|01/01/2026|66001|-|-|01/01/2031|17$"
	book := &register{}
	c := newDesk(t, shipped(t, "clinic"), book)
	id := c.code(t)
	if again, err := c.ScanQR([]byte(text)); err != nil || again != id {
		t.Fatalf("the insurance card of the same person: %v", err)
	}
	if err := errors.Join(c.Consent(id), c.SkipChip(id), c.Confirm(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	in := c.record(t).CheckIn
	want := map[string]string{"ma_the_bhyt": "GD4950000000017", "ma_dkbd": "66001", "gt_the_tu": "20260101", "gt_the_den": "", "ngay_sinh": "199901150000", "gioi_tinh": "1"}
	for name, value := range want {
		if in[name] != value {
			t.Errorf("%s is %q, want %q", name, in[name], value)
		}
	}
	if len(in["ngay_vao"]) != 12 || len(in) != 9 {
		t.Errorf("%d fields, arrival of %d digits", len(in), len(in["ngay_vao"]))
	}
	// The register keeps what the profile says, so that the day's table has it, too.
	kept := map[string]string{"insuranceNumber": "GD4950000000017", "insurancePlace": "66001", "insuranceFrom": "01/01/2026", "insuranceUntil": ""}
	person := book.begun[id].Person.Reveal()
	for name, value := range kept {
		if person[name] != value || c.record(t).Person[name] != value {
			t.Errorf("%s is kept as %q, recorded as %q, want %q", name, person[name], c.record(t).Person[name], value)
		}
	}
	if id, err := c.ScanQR([]byte(text)); err != nil || c.View().Code != SourceBHYT || c.View().ID != id {
		t.Errorf("a visit that begins with it: %v", err)
	}
}

func TestNothingOfThePersonStaysAfterTheyLeave(t *testing.T) {
	c := newDesk(t, shipped(t, "hospital-kiosk"), &register{})
	for _, stage := range []Stage{StageConsent, StageCard, StageAsk, StageConfirm, StageRecorded} {
		id := c.code(t)
		steps := map[Stage]func() error{
			StageCard: func() error { return c.Consent(id) },
			StageAsk:  func() error { c.Card(true); c.await(t, StageAsk); return nil },
			StageConfirm: func() error {
				return c.Answer(id, map[string]string{"department": "eye"})
			},
			StageRecorded: func() error { return c.Confirm(t.Context(), id) },
		}
		for _, next := range []Stage{StageCard, StageAsk, StageConfirm, StageRecorded} {
			if c.View().Stage == stage {
				break
			}
			if err := steps[next](); err != nil {
				t.Fatal(stage, next, err)
			}
		}
		v := c.await(t, stage)
		c.mu.Lock()
		s := c.cur
		picture := s.portrait.Reveal()
		c.mu.Unlock()
		if v.Portrait != (len(picture) > 0) {
			t.Errorf("%s: portrait %v, %d bytes", stage, v.Portrait, len(picture))
		}
		if err := c.Cancel(id); err != nil {
			t.Fatal(err)
		}
		c.Card(false)
		if c.View() != nil || s.qr != nil || s.person.PersonName.IsSet() || s.answers != nil || s.portrait.IsSet() || s.idNumber.IsSet() || s.password.IsSet() {
			t.Errorf("%s: something of the person stays", stage)
		}
		for _, b := range picture {
			if b != 0 {
				t.Fatalf("%s: the picture stays in memory", stage)
			}
		}
	}
}

func TestEveryStageForgetsAnIdlePerson(t *testing.T) {
	for _, stage := range []Stage{StageConsent, StageCard, StageAsk} {
		p := shipped(t, "one-stop")
		p.Timeouts = profile.Timeouts{}
		c := newDesk(t, p, &register{})
		id := c.code(t)
		if stage != StageConsent {
			_ = c.Consent(id)
		}
		if stage == StageAsk {
			_ = c.SkipChip(id)
		}
		c.await(t, stage)
		c.mu.Lock()
		c.opt.Idle = time.Millisecond
		c.enter(c.cur, stage)
		c.mu.Unlock()
		for deadline := time.Now().Add(20 * time.Second); c.View() != nil; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("an idle visit at %s was never forgotten", stage)
			}
		}
	}
}

func TestARecordThatThePowerCutOffIsRepairedUnderItsOwnID(t *testing.T) {
	book := &register{}
	c := newDesk(t, shipped(t, "exam-room"), book)
	c.book.err = errors.New("the disk went away") // kept or not: nobody knows
	id := c.code(t)
	_ = c.Consent(id)
	c.Card(true)
	c.await(t, StageConfirm)
	if err := c.Confirm(t.Context(), id); err == nil {
		t.Fatal("accepted by a disk that is not there")
	}
	if len(book.dropped) != 0 || len(book.done) != 0 {
		t.Fatalf("dropped %v, done %v: want it pending", book.dropped, book.done)
	}
	c.book.err = nil
	n, err := Repair(t.Context(), []Entry{book.begun[id], {ID: "broken"}}, c.book, book)
	if n != 1 || err == nil || book.done[id] != 1 || c.book.drafts[0].ID != id || len(book.dropped) != 1 {
		t.Errorf("repaired %d, %v, done %v, dropped %v", n, err, book.done, book.dropped)
	}
	c.book.err = outbox.ErrFull
	id = c.code(t)
	_ = c.Consent(id)
	c.Card(true)
	c.await(t, StageConfirm)
	if err := c.Confirm(t.Context(), id); !errors.Is(err, outbox.ErrFull) || len(book.dropped) != 2 {
		t.Errorf("a full queue: %v, dropped %v", err, book.dropped)
	}
}

func TestAnAssuranceThatIsTooLowMakesNoRecord(t *testing.T) {
	p := shipped(t, "pawn-security")
	p.Assurance = emrtd.ChipTrusted
	c := newDesk(t, p, &register{})
	c.chip.trust, _ = emrtd.NewTrust()
	id := c.code(t)
	_ = c.Consent(id)
	if err := c.SkipChip(id); !errors.Is(err, ErrConflict) {
		t.Errorf("the chip was skipped: %v", err)
	}
	c.Card(true)
	if v := c.await(t, StageFailed); v.Failure.Code != "assurance_too_low" || len(c.book.drafts) != 0 {
		t.Errorf("%+v, %d records", v.Failure, len(c.book.drafts))
	}
}

// code scans the citizen's code and does nothing else.
func (c *counter) code(t *testing.T) string {
	t.Helper()
	id, err := c.ScanQR([]byte(sim.DefaultCitizen().QR2021()))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestAForeignersPassportIsOpenedByItsLines(t *testing.T) {
	passport := &sim.Document{
		Format: "TD3", State: "UTO", Number: "L898902C3", Surname: "Eriksson", GivenNames: "Anna Maria",
		DateOfBirth: "12/08/1974", Sex: "F", DateOfExpiry: "15/04/2036",
	}
	pki, err := sim.NewPKI()
	if err != nil {
		t.Fatal(err)
	}
	card, err := sim.NewHolderCard(sim.Holder{Document: passport}, pki, portrait())
	if err != nil {
		t.Fatal(err)
	}
	c := newDesk(t, shipped(t, "lodging"), &register{})
	c.chip.card = card
	if c.chip.trust, err = emrtd.NewTrust(pki.CSCA()); err != nil {
		t.Fatal(err)
	}
	for _, wrong := range []string{"", "P<UTO", "hello"} {
		if _, err := c.MRZ(wrong); !errors.Is(err, ErrBadField) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	id, err := c.MRZ(strings.ToLower(passport.MRZ()[:44] + "\n" + passport.MRZ()[44:]))
	if err != nil {
		t.Fatal(err)
	}
	if v := c.View(); v.Source != SourceMRZ || v.Assurance != "declared" {
		t.Errorf("before the chip: source %s, assurance %s", v.Source, v.Assurance)
	}
	if err := c.Consent(id); err != nil {
		t.Fatal(err)
	}
	c.Card(true)
	c.await(t, StageAsk)
	if err := errors.Join(c.Answer(id, map[string]string{"room": "7", "until": inDays(3)}), c.Confirm(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	if r := c.record(t); r.Source != "chip" || !strings.HasPrefix(r.Assurance, "chip-") || r.Person["documentNumber"] != "L898902C3" || r.Person["nationality"] != "UTO" {
		t.Errorf("source %s, assurance %s, number %q", r.Source, r.Assurance, r.Person["documentNumber"])
	}
}

// awaitOneOf waits for one of the stages.
func (c *counter) awaitOneOf(t *testing.T, stages ...Stage) *View {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if v := c.View(); v != nil {
			for _, s := range stages {
				if v.Stage == s {
					return v
				}
			}
		}
	}
	t.Fatalf("waited in vain for %v: %+v", stages, c.View())
	return nil
}
