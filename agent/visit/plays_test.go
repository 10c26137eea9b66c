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
