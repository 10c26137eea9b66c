package register

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tram/agent/keep"
	"tram/agent/privacytest"
	"tram/agent/visit"
	"tram/drivers/privacy"
	"tram/sync/seal/rest"
)

const (
	an     = "099099000017"
	anName = "Nguyễn Văn Thử Nghiệm"
	closes = "vn.tram.stay.closed.v1"
)

// desk is a register whose clock the test sets.
type desk struct {
	*Register
	path string
	now  time.Time
	opt  Options

	guestNo int // of the last that guests let in
}

func open(t *testing.T, dir string, p Policy) *desk {
	t.Helper()
	box, err := rest.LoadOrCreate(filepath.Join(dir, "rest.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{path: filepath.Join(dir, "register.db"), now: time.Date(2026, 3, 2, 14, 0, 0, 0, Place)}
	d.opt = Options{Box: box, Policy: p, Clock: func() (time.Time, bool) { return d.now, true }}
	d.reopen(t)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func (d *desk) reopen(t *testing.T) {
	t.Helper()
	if d.Register != nil {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if d.Register, err = Open(d.path, d.opt); err != nil {
		t.Fatal(err)
	}
}

func stays() Policy {
	return Policy{Keeps: []string{"idCode", "personName", "dateOfBirth"}, Retain: 720 * time.Hour, Closes: closes}
}

func person(id, kind, number string, answers map[string]string) visit.Entry {
	return visit.Entry{
		ID: id, Profile: "test", Kind: kind, Time: time.Date(2026, 3, 2, 14, 0, 0, 0, Place), Number: privacy.New(number),
		Person:  privacy.New(map[string]string{"idCode": number, "personName": anName, "dateOfBirth": "15/08/1999", "religion": "Không"}),
		Answers: privacy.New(answers), Assurance: "chip", RecordType: "vn.tram.test.v1", Draft: privacy.New([]byte(`{"draft of":"` + anName + `"}`)),
	}
}

// enter plays a visit up to its accepted record.
func (d *desk) enter(t *testing.T, e visit.Entry, seq uint64) visit.Finding {
	t.Helper()
	f, err := d.Look(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range f.Alarms {
		if a.Stop {
			return f
		}
	}
	if f.RecordType != "" {
		e.RecordType = f.RecordType
	}
	if _, err := d.Begin(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := d.Done(e.ID, seq); err != nil {
		t.Fatal(err)
	}
	return f
}

func codes(f visit.Finding) string {
	var list []string
	for _, a := range f.Alarms {
		list = append(list, a.Code)
	}
	return strings.Join(list, " ")
}

func searcher() *privacytest.Searcher {
	return privacytest.New(privacytest.Value{Name: "number", Text: an}, privacytest.Value{Name: "name", Text: anName}, privacytest.Value{Name: "birth", Text: "15/08/1999"})
}

func clean(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range searcher().Search(data) {
		t.Errorf("%s holds the %s as %s", filepath.Base(path), f.Value, f.Encoding)
	}
}

func TestTheFileHoldsNothingOfAPersonInClear(t *testing.T) {
	d := open(t, t.TempDir(), stays())
	d.enter(t, person("v1", Stays, an, map[string]string{"room": "101"}), 1)
	if _, err := d.Find(t.Context(), "clerk", an, "asked about "+an); err != nil {
		t.Fatal(err)
	}
	clean(t, d.path)
	log, err := d.AccessLog()
	if err != nil || len(log) != 1 || log[0].Why != "asked about [number]" {
		t.Errorf("AccessLog = %+v, %v; want one line whose reason names no number", log, err)
	}
}

func TestWhatIsDeletedCannotBeOpenedAnyMore(t *testing.T) {
	d := open(t, t.TempDir(), stays())
	d.enter(t, person("v1", Stays, an, map[string]string{"room": "101"}), 1)
	d.enter(t, person("v2", Stays, "099099000025", map[string]string{"room": "102"}), 2)
	before := keyRows(t, d, "v1")
	if before == 0 {
		t.Fatal("the key of the entry is not in the file before: the test looks for the wrong thing")
	}
	if err := d.Delete(t.Context(), "clerk", "v1", "request"); err != nil {
		t.Fatal(err)
	}
	if n := keyRows(t, d, "v1"); n != 0 {
		t.Errorf("the deleted entry's key is in the file's pages %d times", n)
	}
	if n := keyRows(t, d, "v2"); n == 0 {
		t.Error("the other entry's key is gone, too")
	}
	if list, err := d.Find(t.Context(), "clerk", an, "check"); err != nil || len(list) != 0 {
		t.Errorf("Find after Delete: %d entries, %v", len(list), err)
	}
	proof, err := d.Deletions()
	if err != nil || len(proof) != 1 || proof[0].Why != "request" || proof[0].Entry != "v1" {
		t.Errorf("Deletions = %+v, %v", proof, err)
	}
	left, err := filepath.Glob(d.path + ".*")
	if err != nil || len(left) != 0 {
		t.Errorf("files left: %v, %v", left, err)
	}
}

// keyRows counts how often the name of an entry stands in any page, free or not.
func keyRows(t *testing.T, d *desk, id string) int {
	t.Helper()
	data, err := os.ReadFile(d.path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(data), "e"+id+"eyJ")
}

func TestNothingButTheProofStaysWhereTheProfileKeepsNothing(t *testing.T) {
	d := open(t, t.TempDir(), Policy{})
	e := person("v1", "", an, map[string]string{"contract": "HD-12345678"})
	e.Draft = privacy.New([]byte(`{"id":"v1","data":{"person":{"personName":"` + anName + `"},"verification":{"hashes":"ok","chain":"trusted"}}}`))
	d.enter(t, e, 7)
	if err := d.scrubIfOwed(); err != nil {
		t.Fatal(err)
	}
	got, err := d.Export(t.Context(), "clerk", "v1", "look")
	if err != nil {
		t.Fatal(err)
	}
	row := got["entry"].(Row)
	if row.Name != "" || row.Number != "" || len(row.Answers) != 0 || row.Sequence != 7 || row.Assurance != "chip" || row.Chip["chain"] != "trusted" {
		t.Errorf("what stays is %+v, want time, assurance and sequence alone", row)
	}
}

func TestOnlyTheFieldsOfTheProfileStay(t *testing.T) {
	d := open(t, t.TempDir(), Policy{Keeps: []string{"personName", "birthYear"}, Retain: time.Hour})
	if _, err := d.OpenTrip(t.Context(), "clerk", Trip{Route: "Buôn Ma Thuột – Đà Nẵng"}); err != nil {
		t.Fatal(err)
	}
	d.enter(t, person("v1", Trips, an, nil), 1)
	got, err := d.Export(t.Context(), "clerk", "v1", "look")
	if err != nil {
		t.Fatal(err)
	}
	if p := got["person"].(map[string]string); len(p) != 2 || p["birthYear"] != "1999" || got["number"] != "" {
		t.Errorf("a coach keeps %d fields and number %q, want name and year of birth", len(p), got["number"])
	}
}

func TestSeveralGuestsOfARoomCheckOutOneByOne(t *testing.T) {
	d := open(t, t.TempDir(), stays())
	room := map[string]string{"room": "101"}
	d.enter(t, person("v1", Stays, an, room), 1)
	d.enter(t, person("v2", Stays, "099099000025", room), 2)
	if list, err := d.OpenStays(t.Context(), "clerk"); err != nil || len(list) != 2 {
		t.Fatalf("OpenStays = %d, %v", len(list), err)
	}
	d.now = d.now.Add(20 * time.Hour)
	out := person("v3", Stays, an, nil)
	out.Time = d.now
	f := d.enter(t, out, 3)
	if codes(f) != "stay_open" || f.RecordType != closes || f.Fill["room"] != "101" {
		t.Errorf("Look of a guest who stays here: %s, %q, room %q", codes(f), f.RecordType, f.Fill["room"])
	}
	list, err := d.OpenStays(t.Context(), "clerk")
	if err != nil || len(list) != 1 || list[0].ID != "v2" || list[0].Number != "0990****0025" {
		t.Errorf("after one check-out %d stays are open, %v", len(list), err)
	}
	if err := d.CheckOut("clerk", "v2", "out", d.now.Add(-48*time.Hour), nil); !errors.Is(err, ErrBad) {
		t.Errorf("a check-out before the arrival: %v, want ErrBad", err)
	}
	if err := errors.Join(d.CheckOut("clerk", "v2", "out", d.now, []byte("{}")), d.Done("out", 4)); err != nil {
		t.Errorf("CheckOut: %v", err)
	}
	if err := d.CheckOut("clerk", "v2", "again", d.now, nil); !errors.Is(err, ErrState) {
		t.Errorf("a second CheckOut: %v, want ErrState", err)
	}
	if list, err := d.Today(t.Context(), "clerk"); err != nil || len(list) != 0 {
		t.Errorf("the check-outs themselves are listed: %d, %v", len(list), err)
	}
}

func TestAPassengerBoardsOnceAndAStrangerIsNoticed(t *testing.T) {
	d := open(t, t.TempDir(), Policy{Keeps: []string{"personName", "birthYear"}, Retain: time.Hour})
	trip, err := d.OpenTrip(t.Context(), "clerk", Trip{Route: "Buôn Ma Thuột – Đà Nẵng"})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ImportRoster(t.Context(), "clerk", []Candidate{{PersonName: strings.ToUpper(anName), DateOfBirth: "1999"}, {IDCode: "099099000033"}}); err != nil {
		t.Fatal(err)
	}
	if f := d.enter(t, person("v1", Trips, an, nil), 1); codes(f) != "" || f.Fill["trip"] != trip.ID {
		t.Errorf("a listed passenger: %q, trip %q", codes(f), f.Fill["trip"])
	}
	if f := d.enter(t, person("v2", Trips, an, nil), 2); codes(f) != "twice_boarded" || !f.Alarms[0].Stop {
		t.Errorf("the same passenger again: %q", codes(f))
	}
	stranger := person("v3", Trips, "099099000041", nil)
	stranger.Person = privacy.New(map[string]string{"personName": "Trần Thị Lạ", "dateOfBirth": "01/01/1980"})
	if f := d.enter(t, stranger, 3); codes(f) != "not_on_list" || f.Alarms[0].Stop {
		t.Errorf("a stranger: %q", codes(f))
	}
	list, err := d.Passengers(t.Context(), "clerk", trip.ID)
	if err != nil || len(list) != 2 || list[0].ID != "v1" {
		t.Errorf("Passengers = %d, %v", len(list), err)
	}
	alarms, err := d.Alarms(t.Context(), "clerk")
	if err != nil || len(alarms) != 2 {
		t.Errorf("Alarms = %d, %v; want 2", len(alarms), err)
	}
	if err := d.CloseTrip(t.Context(), "clerk", trip.ID); err != nil {
		t.Fatal(err)
	}
	if n, err := d.Sweep(d.now.Add(2 * time.Hour)); err != nil || n != 2 {
		t.Errorf("Sweep after the trip's time: %d, %v; want 2", n, err)
	}
}

func TestACandidateIsAdmittedOnceInTheirOwnRoom(t *testing.T) {
	d := open(t, t.TempDir(), Policy{Keeps: []string{"idCode", "personName"}, Retain: time.Hour, Room: "P1"})
	d.opt.Roster = func() ([]keep.Candidate, error) {
		return []keep.Candidate{
			{IDCode: privacy.New(an), Number: "SBD01", Room: "P1"}, {IDCode: privacy.New("099099000025"), Number: "SBD02", Room: "P2"},
			{IDCode: privacy.New("099099000033"), Number: "SBD03", Room: "P1"},
		}, nil
	}
	d.reopen(t)
	for _, c := range []struct{ id, number, want string }{
		{"v1", an, ""}, {"v2", an, "twice_admitted"}, {"v3", "099099000025", "wrong_room"}, {"v4", "099099000041", "not_on_list"},
	} {
		if f := d.enter(t, person(c.id, RosterOf, c.number, nil), 1); codes(f) != c.want {
			t.Errorf("%s: %q, want %q", c.id, codes(f), c.want)
		}
	}
	present, absent, err := d.Roster(t.Context(), "clerk")
	if err != nil || len(present) != 1 || len(absent) != 2 || absent[0].Answers["candidate"] != "SBD02" {
		t.Errorf("Roster = %d present, %d absent, %v; want 1 and 2", len(present), len(absent), err)
	}
}

func TestWhoWentInIsInsideUntilTheyGoOut(t *testing.T) {
	d := open(t, t.TempDir(), Policy{Keeps: []string{"personName"}, Retain: time.Hour})
	way := func(w string) map[string]string { return map[string]string{"direction": w} }
	d.enter(t, person("v1", Passages, an, way("in")), 1)
	d.enter(t, person("v2", Passages, "099099000025", way("in")), 2)
	if f := d.enter(t, person("v3", Passages, an, way("in")), 3); codes(f) != "passback" {
		t.Errorf("in twice: %q, want passback", codes(f))
	}
	out := person("v4", Passages, an, way("out"))
	out.Time = out.Time.Add(time.Minute)
	d.enter(t, out, 4)
	if list, err := d.Inside(t.Context(), "guard"); err != nil || len(list) != 1 || list[0].ID != "v2" {
		t.Errorf("Inside = %d, %v; want one", len(list), err)
	}
}

// A device without a battery starts in another year after a power cut, which is
// when people have to be found; and a clock that ran ahead once is set right.
func TestWhoIsInsideDoesNotDependOnTheClock(t *testing.T) {
	d := open(t, t.TempDir(), Policy{Keeps: []string{"personName"}, Direction: DirectionBoth, Retain: 24 * time.Hour})
	right := true
	d.opt.Clock = func() (time.Time, bool) { return d.now, right }
	d.reopen(t)
	pass := func(id, number string, sequence uint64, want string) {
		t.Helper()
		e := person(id, Passages, number, nil)
		e.Time = d.now
		f, err := d.Look(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if f.Direction != want || codes(f) != "" {
			t.Errorf("%s: %s %q, want %s", id, f.Direction, codes(f), want)
		}
		e.Direction = f.Direction
		d.enter(t, e, sequence)
	}
	inside := func(when string, want ...string) {
		t.Helper()
		list, err := d.Inside(t.Context(), "guard")
		var got []string
		for _, r := range list {
			got = append(got, r.ID)
		}
		tally, _, tallyErr := d.Tally()
		if err != nil || tallyErr != nil || !slices.Equal(got, want) || tally.Inside != len(want) {
			t.Errorf("%s: %v and %d inside, %v %v; want %v", when, got, tally.Inside, err, tallyErr, want)
		}
	}
	pass("v1", an, 1, DirectionIn)
	d.now = d.now.Add(time.Hour)
	pass("v2", "099099000025", 2, DirectionIn)
	inside("the day itself", "v2", "v1")

	was := d.now
	for _, wrong := range []time.Time{time.Date(1970, 1, 1, 0, 3, 0, 0, time.UTC), was.AddDate(10, 0, 0)} {
		d.now, right = wrong, false
		d.reopen(t)
		inside("started in "+wrong.Format("2006"), "v2", "v1")
	}
	pass("v3", an, 3, DirectionOut) // in the wrong year
	inside("who went out in it", "v2")
	d.now, right = was.Add(time.Hour), true
	d.reopen(t)
	pass("v4", an, 4, DirectionIn) // they are out, though that is said to be in ten years
	inside("with the clock right again", "v4", "v2")
	d.now = d.now.AddDate(0, 0, 5)
	d.reopen(t)
	inside("days later, by a clock that is right")
}

func TestWhatACrashLeftIsPendingWithItsDraft(t *testing.T) {
	d := open(t, t.TempDir(), stays())
	e := person("v1", Stays, an, nil)
	if _, err := d.Begin(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := d.Delete(t.Context(), "clerk", "v1", "too early"); !errors.Is(err, ErrState) {
		t.Errorf("Delete while the record is made: %v, want ErrState", err)
	}
	d.reopen(t)
	left, err := d.Pending(t.Context())
	if err != nil || len(left) != 1 || string(left[0].Draft.Reveal()) != string(e.Draft.Reveal()) {
		t.Fatalf("Pending = %d, %v", len(left), err)
	}
	if list, err := d.Today(t.Context(), "clerk"); err != nil || len(list) != 0 {
		t.Errorf("an entry without a record is listed: %d, %v", len(list), err)
	}
	for range 2 { // Done again is no error
		if err := d.Done("v1", 5); err != nil {
			t.Fatal(err)
		}
	}
	if left, err := d.Pending(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("Pending after Done: %d, %v", len(left), err)
	}
	if _, err := d.Begin(t.Context(), person("v2", Stays, "099099000025", nil)); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Drop("v2"), d.Drop("v2")); err != nil {
		t.Errorf("Drop: %v", err)
	}
	if list, err := d.Undelivered(); err != nil || len(list) != 1 || list["v1"] != 5 {
		t.Errorf("Undelivered = %v, %v", list, err)
	}
}

func TestADamagedFileIsKeptAsideAndWhatReadsIsTakenOver(t *testing.T) {
	d := open(t, t.TempDir(), stays())
	for i := range 40 {
		d.enter(t, person(fmt.Sprintf("visit-%d", i), Stays, fmt.Sprintf("0990990001%02d", i), nil), uint64(i+1))
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(d.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(make([]byte, 4096), 0); err != nil { // the first meta page
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	d.Register = nil
	d.reopen(t)
	kept, n := d.Replaced()
	if kept == "" || n < 30 {
		t.Errorf("kept aside as %q with %d objects taken over, want 30 or more of 40", filepath.Base(kept), n)
	}
	list, err := d.OpenStays(t.Context(), "clerk")
	if err != nil || len(list) < 30 {
		t.Errorf("%d stays are open after the damage, %v", len(list), err)
	}
	if found, err := d.Find(t.Context(), "clerk", list[0].Person["idCode"], "look"); err != nil || len(found) != 1 {
		t.Errorf("a person is found %d times, %v", len(found), err)
	}
	if err := d.Delete(t.Context(), "clerk", list[0].ID, "request"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(kept); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the damaged file, which holds the deleted entry's key, is still there: %v", err)
	}
}
