package agent

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/agent/health"
	"tram/agent/kiosk"
	"tram/agent/register"
	"tram/agent/visit"
	"tram/drivers/privacy"
	"tram/drivers/sim"
	"tram/hub/hubtest"
	"tram/sync/outbox"
	"tram/sync/seal/rest"
)

// TestAnEntryThatACrashLeftBecomesARecordAndAClerkClosesTheStay begins an entry
// as a daemon that dies before the queue has the record, and starts the daemon.
func TestAnEntryThatACrashLeftBecomesARecordAndAClerkClosesTheStay(t *testing.T) {
	r := newRig(t)
	r.config.Profile = "lodging"
	r.config.Reader.Enabled = true
	box, err := rest.LoadOrCreate(RestKeyPath(r.config.State))
	if err != nil {
		t.Fatal(err)
	}
	reg, err := register.Open(RegisterPath(r.config.State), register.Options{Box: box, Policy: register.Policy{Keeps: []string{"idCode", "personName"}, Retain: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := visit.EncodeDraft(outbox.Draft{ID: "0123456789abcdef0123", Type: "vn.tram.stay.opened.v1", Time: time.Now(), Data: map[string]string{"profile": "lodging"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = reg.Begin(t.Context(), visit.Entry{
		ID: "v1", Profile: "lodging", Kind: register.Stays, Time: time.Now(), Number: privacy.New("099099000017"),
		Person:  privacy.New(map[string]string{"idCode": "099099000017", "personName": "Nguyễn Văn Thử"}),
		Answers: privacy.New(map[string]string{"room": "101", "reason": "tourism"}), RecordType: "vn.tram.stay.opened.v1", Draft: privacy.New(raw),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := reg.Close(); err != nil {
		t.Fatal(err)
	}
	a, stop := startAgent(t, r)
	d := desk{a}
	hubtest.Until(t, "the record that the crash left is delivered", func() bool {
		rows, err := d.OpenStays(context.Background(), "clerk")
		return err == nil && len(rows) == 1 && rows[0].Delivered == outbox.Delivered
	})
	rows, err := d.Deadlines(t.Context(), "clerk")
	if err != nil || len(rows) != 0 {
		t.Errorf("a stay that was declared in time is among the deadlines: %d, %v", len(rows), err)
	}
	for _, format := range []string{"xlsx", "csv", "html"} {
		file, err := d.Export(t.Context(), "clerk", kiosk.Form{Name: "dd10", Format: format, Day: time.Now().In(register.Place).Format(time.DateOnly)})
		if err != nil || len(file.Data) == 0 {
			t.Errorf("%s: %v", format, err)
		}
	}
	if file, err := d.Export(t.Context(), "clerk", kiosk.Form{Name: "slip", Entry: "v1"}); err != nil || !strings.Contains(string(file.Data), "Record: 1\n") || strings.Contains(string(file.Data), "0990") {
		t.Errorf("the slip: %v\n%s", err, file.Data)
	}
	if _, err := d.Export(t.Context(), "clerk", kiosk.Form{Name: "columns", Format: "csv"}); !errors.Is(err, kiosk.ErrBadField) {
		t.Errorf("own columns without a file: %v, want ErrBadField", err)
	}
	if err := os.WriteFile(filepath.Join(r.config.State, columnsFile), []byte("columns:\n  - {heading: Ten, field: personName}\n  - {heading: Ly do, field: reason}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := d.Export(t.Context(), "clerk", kiosk.Form{Name: "columns", Format: "csv", Day: time.Now().In(register.Place).Format(time.DateOnly)})
	if err != nil || !strings.Contains(string(file.Data), "Nguyễn Văn Thử,Du lịch") {
		t.Errorf("own columns: %v\n%s", err, file.Data)
	}
	if err := d.CloseStay(t.Context(), "clerk", "v1", time.Now()); err != nil {
		t.Errorf("CloseStay: %v", err)
	}
	if rows, err := d.OpenStays(t.Context(), "clerk"); err != nil || len(rows) != 0 {
		t.Errorf("after CloseStay %d stays are open, %v", len(rows), err)
	}
	if stat, err := a.store.Stat(); err != nil || stat.Accepted != 2 {
		t.Errorf("%d records accepted, %v; want the opening and the closing", stat.Accepted, err)
	}
	var log []register.Look
	if err := r.client.PostJSON(t.Context(), "/v1/register/do", RegisterOrder{Do: "log"}, &log); err != nil || len(log) == 0 {
		t.Errorf("the access log over the socket: %d lines, %v", len(log), err)
	}
	stop()
}

// startAgent runs the rig's device and gives its Agent, too.
func startAgent(t *testing.T, r *rig) (*Agent, func()) {
	t.Helper()
	a, err := New(Options{Config: r.config, Version: "test", Clock: r.clock, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	return a, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the daemon ended with: %v", err)
		}
	}
}

// TestTheDaysCheckInTableHoldsTheInsurance plays a patient with both codes and
// exports the day, as a clerk does for the hospital's system.
func TestTheDaysCheckInTableHoldsTheInsurance(t *testing.T) {
	c := counter{newRig(t), t}
	c.config.Profile = "clinic"
	a, stop := startAgent(t, c.rig)
	defer stop()
	c.waitFor("ready", func(Status) bool { return true })
	id := c.begin(visit.StageConsent)
	insurance := "GD4950000000017|" + hex.EncodeToString([]byte(sim.DefaultCitizen().PersonName)) + "|15/01/1999|1|53e1bb91|66 - 001|01/01/2026|31/12/2026|01/01/2026|66001|-|-|01/01/2031|17$"
	var same struct {
		Visit string `json:"visit"`
	}
	if err := c.client.PostJSON(t.Context(), "/v1/visits", map[string]string{"qr": insurance}, &same); err != nil || same.Visit != id {
		t.Fatalf("the insurance card: visit %q, %v", same.Visit, err)
	}
	c.must(id, "consent", "skip-chip", "confirm")
	c.await(visit.StageRecorded)
	file, err := desk{a}.Export(t.Context(), "clerk", kiosk.Form{Name: "qd4750", Format: "csv"})
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimPrefix(string(file.Data), "\xef\xbb\xbf"), "\r\n")
	if lines[0] != "ho_ten,so_cccd,ngay_sinh,gioi_tinh,ma_the_bhyt,ma_dkbd,gt_the_tu,gt_the_den,ngay_vao" {
		t.Fatalf("columns %s", lines[0])
	}
	want := sim.DefaultCitizen().PersonName + "," + sim.DefaultCitizen().IDCode + ",199901150000,1,GD4950000000017,66001,20260101,20261231," + time.Now().In(register.Place).Format("20060102")
	if !strings.HasPrefix(lines[1], want) {
		t.Errorf("line %s\nwant %s…", lines[1], want)
	}
}

// TestAnExamDeskWithoutARosterSaysSo, until one is taken over.
func TestAnExamDeskWithoutARosterSaysSo(t *testing.T) {
	r := newRig(t)
	r.config.Profile = "exam-room"
	r.config.Reader.Enabled = true
	r.config.Camera.Source = "/nowhere"
	_, stop := startAgent(t, r)
	defer stop()
	list := func() (c health.Check) {
		r.waitFor("the daemon answers", func(s Status) bool {
			for _, got := range s.Health {
				if got.ID == "list.roster" {
					c = got
				}
			}
			return true
		})
		return c
	}
	if c := list(); c.Status != health.Fail || c.Remedy == "" {
		t.Errorf("without a roster: %+v", c)
	}
	order := RegisterOrder{Do: "roster", Who: "clerk", File: []byte("cccd\n099099000017\n")}
	if err := r.client.PostJSON(t.Context(), "/v1/register/do", order, nil); err != nil {
		t.Fatal(err)
	}
	if c := list(); c.Status != health.OK {
		t.Errorf("with a roster: %+v", c)
	}
}
