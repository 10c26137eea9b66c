package register

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"
	"time"

	"tram/drivers/privacy"
	"tram/sync/wire"
)

func counting() Policy {
	p := stays()
	p.Keeps = append(p.Keeps, "nationality")
	p.Counts, p.Reasons = true, []string{"tourism", "health"}
	return p
}

// guests lets n people in who answer the same.
func (d *desk) guests(t *testing.T, n int, nationality, reason string, days int) {
	t.Helper()
	for range n {
		d.guestNo++
		e := person(fmt.Sprintf("g%d", d.guestNo), Stays, fmt.Sprintf("09909%07d", d.guestNo), map[string]string{"room": "101", "reason": reason, "until": d.now.AddDate(0, 0, days).Format(time.DateOnly)})
		fields := e.Person.Reveal()
		fields["nationality"] = nationality
		e.Person, e.Time = privacy.New(fields), d.now
		d.enter(t, e, uint64(d.guestNo))
	}
}

func (d *desk) due(t *testing.T) (string, *wire.StayCount) {
	t.Helper()
	id, c, err := d.DueStayCount()
	if err != nil {
		t.Fatal(err)
	}
	return id, c
}

// told ends the due count and returns it.
func (d *desk) told(t *testing.T) *wire.StayCount {
	t.Helper()
	id, c := d.due(t)
	if c == nil {
		t.Fatalf("at %s no count is due", d.now)
	}
	if err := d.StayCountDone(id); err != nil {
		t.Fatal(err)
	}
	if again, more := d.due(t); more != nil {
		t.Fatalf("a second count %s of the same days: %+v", again, more)
	}
	return c
}

func TestADaysStaysAreCountedOnceWhenTheDayIsOver(t *testing.T) {
	d := open(t, t.TempDir(), counting())
	if _, c := d.due(t); c != nil {
		t.Fatalf("before anybody came: %+v", c)
	}
	d.guests(t, 6, "Việt Nam", "tourism", 1)
	d.guests(t, 3, "FRA", "health", 3)
	d.guests(t, 2, "người Pháp", "thăm mẹ tôi", 9)
	d.now = time.Date(2026, 3, 2, 23, 59, 59, 0, Place)
	if _, c := d.due(t); c != nil {
		t.Fatalf("before the day is over: %+v", c)
	}
	// What is deleted before the day is over was here all the same.
	if err := d.Delete(t.Context(), "clerk", "g1", "their letter"); err != nil {
		t.Fatal(err)
	}
	d.now = time.Date(2026, 3, 3, 0, 0, 20, 0, Place)
	d.guests(t, 5, "VNM", "tourism", 1) // of the new day, before the old one is counted
	id, c := d.due(t)
	d.reopen(t)
	if again, same := d.due(t); again != id || fmt.Sprint(same) != fmt.Sprint(c) {
		t.Fatalf("after a restart %s %+v, before %s %+v", again, same, id, c)
	}
	want := wire.StayCount{
		From: time.Date(2026, 3, 2, 0, 0, 0, 0, Place).UTC(), To: time.Date(2026, 3, 3, 0, 0, 0, 0, Place).UTC(), Stays: 11,
		Reason: map[string]int{"tourism": 6}, Age: map[string]int{"18-34": 11}, Nationality: map[string]int{"VNM": 6}, Nights: map[string]int{"1": 6},
		Withheld: map[string]int{"reason": 5, "nationality": 5, "nights": 5},
	}
	got, _ := json.Marshal(d.told(t))
	if _, err := wire.ParseStayCount(got); err != nil {
		t.Errorf("the contract does not take it: %v", err)
	}
	wanted, _ := json.Marshal(want)
	if string(got) != string(wanted) {
		t.Errorf("told\n%s, want\n%s", got, wanted)
	}
	d.now = d.now.AddDate(0, 0, 1)
	if c := d.told(t); c.Stays != 5 || !c.From.Equal(want.To) {
		t.Errorf("the next day: %+v", c)
	}
}

func TestTooFewStaysToTellWaitForTheNextDays(t *testing.T) {
	d := open(t, t.TempDir(), counting())
	from := midnight(d.now)
	d.guests(t, 3, "VNM", "tourism", 1)
	d.now = d.now.AddDate(0, 0, 1)
	if c := d.told(t); c.Stays != 0 || c.Few != 1 || len(c.Reason)+len(c.Withheld) != 0 {
		t.Errorf("three stays: %+v", c)
	}
	d.now = d.now.AddDate(0, 0, 1) // a day without anybody
	if c := d.told(t); c.Stays != 0 || c.Few != 1 || !c.From.Equal(from) {
		t.Errorf("a day later: %+v", c)
	}
	d.guests(t, 2, "VNM", "tourism", 1)
	d.now = d.now.AddDate(0, 0, 4) // switched off for some days
	c := d.told(t)
	if c.Stays != 5 || c.Few != 0 || !c.From.Equal(from) || !c.To.Equal(midnight(d.now)) || !maps.Equal(c.Nights, map[string]int{"1": 5}) {
		t.Errorf("with those that waited: %+v", c)
	}
	d.now = d.now.AddDate(0, 0, 1)
	if c := d.told(t); c.Stays != 0 || !c.From.Equal(midnight(d.now).AddDate(0, 0, -1)) {
		t.Errorf("they are told twice: %+v", c)
	}
}

func TestNoDayIsCountedWhileTheClockIsNotRight(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir, counting())
	right := false
	d.opt.Clock = func() (time.Time, bool) { return d.now, right }
	d.reopen(t)
	d.guests(t, 5, "VNM", "tourism", 1)
	d.now = d.now.AddDate(3, 0, 0)
	d.guests(t, 1, "VNM", "tourism", 1) // a clock that is years ahead
	if _, c := d.due(t); c != nil {
		t.Fatalf("a count by a wrong clock: %+v", c)
	}
	right, d.now = true, time.Date(2026, 3, 3, 9, 0, 0, 0, Place)
	if c := d.told(t); c.Stays != 6 {
		t.Errorf("after the clock was set: %+v, want all six", c)
	}
	d.opt.Policy.Counts = false
	d.reopen(t)
	d.guests(t, 5, "VNM", "tourism", 1)
	d.now = d.now.AddDate(0, 0, 1)
	if _, c := d.due(t); c != nil {
		t.Errorf("counted although the operator does not want it: %+v", c)
	}
}
