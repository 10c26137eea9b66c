package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tram/agent"
	"tram/agent/register"
	"tram/agent/visit"
	"tram/drivers/sim"
)

// board shows a passenger's code at the coach's door, without a touch, and
// returns how the visit stands when it does not go on by itself.
func (d *desk) board(t *testing.T, c sim.Citizen) *visit.View {
	t.Helper()
	var created struct {
		Visit string `json:"visit"`
	}
	if err := d.client.PostJSON(t.Context(), "/v1/visits", map[string]string{"qr": c.QR2021()}, &created); err != nil {
		t.Fatal(err)
	}
	var snap visit.Snapshot
	eventually(t, "the code is dealt with", func() bool {
		if d.client.GetJSON(t.Context(), "/v1/state", &snap) != nil || snap.Visit == nil || snap.Visit.ID != created.Visit {
			return false
		}
		v := snap.Visit
		return v.Stage == visit.StageRecorded || v.Stage == visit.StageFailed || v.Stage == visit.StageConfirm && len(v.Alarms) > 0
	})
	return snap.Visit
}

// next clears the screen.
func (d *desk) next(t *testing.T, v *visit.View) {
	t.Helper()
	if err := d.client.PostJSON(t.Context(), "/v1/visits/"+v.ID+"/cancel", nil, nil); err != nil {
		t.Fatal(err)
	}
}

func passenger(i int) sim.Citizen {
	c := sim.DefaultCitizen()
	c.IDCode = fmt.Sprintf("09909900%04d", i)
	c.PersonName = "Nguyễn Văn " + string(rune('A'+i))
	return c
}

// TestAWholeTripFromTheCommandLineWithoutNetwork opens a trip, boards its
// passengers, closes it and prints its list while no hub is there.
func TestAWholeTripFromTheCommandLineWithoutNetwork(t *testing.T) {
	h, hubProcess := startHub(t)
	d := newDesk(t, h, "profile: coach\n")
	_ = hubProcess.end(syscall.SIGTERM)
	p := d.start(t)
	trip := func(args ...string) outcome {
		return tram(t.Context(), append([]string{"trip", "--state", d.state}, args...)...)
	}
	if o := trip("close"); o.code != exitFailed || !strings.Contains(o.err, "no such") {
		t.Errorf("close where none is open: %+v", o)
	}
	if o := trip("open", "Buôn Ma Thuột - Đà Nẵng", "--departs", "half past two"); o.code != exitUsage {
		t.Errorf("a departure that is none: %+v", o)
	}
	var opened register.Trip
	trip("open", "Buôn Ma Thuột - Đà Nẵng", "--vehicle", "47B-001.23", "--departs", "14:30", "--json").decode(t, &opened)
	if opened.ID == "" || opened.Vehicle != "47B-001.23" || opened.Departs.In(register.Place).Format("15:04") != "14:30" {
		t.Fatalf("opened %+v", opened)
	}
	// The contract's list, as a spreadsheet saves it: passengers 1 to 3.
	list := "STT;Họ và tên;Năm sinh\r\n1;Nguyễn Văn B;1999\r\n2;NGUYỄN VĂN C;1999\r\n3;Nguyễn Văn D;1999\r\n"
	file := filepath.Join(t.TempDir(), "list.csv")
	if err := os.WriteFile(file, []byte("\xef\xbb\xbf"+list), 0o600); err != nil {
		t.Fatal(err)
	}
	if o := tram(t.Context(), "register", "roster", file, "--state", d.state); o.code != exitDone {
		t.Fatalf("the passenger list: %+v", o)
	}
	for i := 1; i <= 2; i++ {
		v := d.board(t, passenger(i))
		if v.Stage != visit.StageRecorded {
			t.Fatalf("passenger %d: %s, %+v", i, v.Stage, v.Failure)
		}
		d.next(t, v)
	}
	twice := d.board(t, passenger(1))
	if twice.Failure == nil || twice.Failure.Code != "twice_boarded" {
		t.Errorf("boarded twice: %s, %+v", twice.Stage, twice.Failure)
	}
	d.next(t, twice)
	stranger := d.board(t, passenger(9))
	if stranger.Stage != visit.StageConfirm || len(stranger.Alarms) != 1 || stranger.Alarms[0].Code != "not_on_list" {
		t.Errorf("not on the list: %s, %+v", stranger.Stage, stranger.Alarms)
	}
	d.next(t, stranger)

	var all struct{ Trips []register.Trip }
	trip("ls", "--json").decode(t, &all)
	if len(all.Trips) != 1 || all.Trips[0].Boarded != 2 || all.Trips[0].Expected != 3 {
		t.Errorf("trips %+v", all.Trips)
	}
	// A power cut on the road.
	_ = p.end(syscall.SIGKILL)
	var closed agent.TripList
	p = d.start(t)
	trip("close", opened.ID[:6], "--json").decode(t, &closed.Trip)
	if closed.Trip.Closed.IsZero() || closed.Trip.Boarded != 2 {
		t.Errorf("closed %+v", closed.Trip)
	}
	if o := trip("close", opened.ID); o.code != exitFailed {
		t.Errorf("closed again: %+v", o)
	}
	trip("passengers", opened.ID, "--json").decode(t, &closed)
	if len(closed.Passengers) != 2 || closed.Passengers[0].Name != "Nguyễn Văn B" || closed.Passengers[0].Number != "" {
		t.Errorf("passengers %+v", closed.Passengers)
	}
	paper := filepath.Join(t.TempDir(), "list.html")
	if o := trip("passengers", "buôn ma thuột - đà nẵng", "--out", paper); o.code != exitDone {
		t.Errorf("the paper: %+v", o)
	}
	html, err := os.ReadFile(paper)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"47B-001.23", "14:30", "Nguyễn Văn B", "Nguyễn Văn C", "1999"} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the paper lacks %q", want)
		}
	}
	if strings.Contains(string(html), "0990") {
		t.Error("the paper has a number")
	}
	if o := trip("passengers", opened.ID, "--format", "xlsx"); o.code != exitUsage {
		t.Errorf("a workbook on the terminal: %+v", o)
	}
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
	// Without the daemon the file itself answers.
	if o := trip("passengers", opened.ID); o.code != exitDone || !strings.Contains(o.out, "Nguyễn Văn C") || !strings.Contains(o.out, "waits") {
		t.Errorf("without the daemon: %+v", o)
	}
	h.start(t)
	d.register(t, h)
	p = d.start(t)
	d.allDelivered(t)
	eventually(t, "the list says that the hub has it", func() bool {
		return strings.Count(trip("passengers", opened.ID).out, "has it") == 2
	})
	t.Log("\n" + trip("ls").out + trip("passengers", opened.ID).out)
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}

func TestACounterWithoutTripsOpensNone(t *testing.T) {
	h, _ := startHub(t)
	d := newDesk(t, h, "")
	p := d.start(t)
	if o := tram(t.Context(), "trip", "open", "X", "--state", d.state); o.code != exitFailed || !strings.Contains(o.err, "keeps no trips") {
		t.Errorf("a clinic opens a trip: %+v", o)
	}
	// A paper that the day has, from the command line.
	if _, err := d.visit(t.Context(), sim.DefaultCitizen()); err != nil {
		t.Fatal(err)
	}
	o := tram(t.Context(), "register", "paper", "qd4750", "--state", d.state, "--day", time.Now().In(register.Place).Format(time.DateOnly))
	if o.code != exitDone || !strings.Contains(o.out, sim.DefaultCitizen().IDCode+",") {
		t.Errorf("the check-in table: %+v", o)
	}
	if o := tram(t.Context(), "register", "paper", "no-such", "--state", d.state); o.code != exitFailed {
		t.Errorf("a paper that is none: %+v", o)
	}
	var log []register.Look
	tram(t.Context(), "register", "log", "--state", d.state, "--json").decode(t, &log)
	if len(log) == 0 || !strings.HasPrefix(log[len(log)-1].What, "papers of ") || log[len(log)-1].Who == "" {
		t.Errorf("the access log ends with %+v", log)
	}
	if err := p.end(syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v", err)
	}
}
