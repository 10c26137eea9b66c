package register

import (
	"testing"
	"time"

	"tram/agent/visit"
)

func TestWhoChecksOutGetsNoNumberInAQueue(t *testing.T) {
	p := stays()
	p.Ticket, p.Prefix = true, "K"
	d := open(t, t.TempDir(), p)
	d.enter(t, person("v1", Stays, an, nil), 1)
	out := person("v2", Stays, an, nil)
	out.RecordType = closes
	if ticket, err := d.Begin(t.Context(), out); err != nil || ticket != (visit.Ticket{}) {
		t.Errorf("Begin of a check-out = %+v, %v", ticket, err)
	}
	if next, err := d.NextTicket(""); err != nil || next.Text != "K002" {
		t.Errorf("the next number is %+v, %v; want K002", next, err)
	}
}

func TestTicketsBeginAnewEachDayOfThePlaceAndSurviveARestart(t *testing.T) {
	d := open(t, t.TempDir(), Policy{Ticket: true, TicketBy: "service", Prefix: "A", Retain: time.Hour})
	next := func(want string) {
		t.Helper()
		got, err := d.NextTicket("birth")
		if err != nil || got.Text != want {
			t.Errorf("ticket %q, %v; want %q", got.Text, err, want)
		}
	}
	next("A001")
	d.reopen(t)
	next("A002")
	if other, err := d.NextTicket("land"); err != nil || other.Number != 1 {
		t.Errorf("another queue: %d, %v", other.Number, err)
	}
	d.now = time.Date(2026, 3, 2, 16, 59, 0, 0, time.UTC) // 23:59 there
	next("A003")
	d.now = d.now.Add(time.Minute)
	next("A001")
	d.now = d.now.Add(-time.Minute) // a clock set back goes on where it was
	next("A004")
	first, err := d.Begin(t.Context(), person("v1", Visits, an, map[string]string{"service": "birth"}))
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.Begin(t.Context(), person("v1", Visits, an, map[string]string{"service": "birth"}))
	if err != nil || again.Text != first.Text {
		t.Errorf("the same visit again: %q, %v; want %q", again.Text, err, first.Text)
	}
}
