package kiosk_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tram/agent/health"
	"tram/agent/kiosk"
	"tram/agent/kiosk/kiosktest"
	"tram/agent/signin"
	"tram/agent/visit"
	"tram/drivers"
	"tram/hub/hubtest"
)

// office is the register and the device as invented lists, behind the real
// server: what the pages do is seen apart from the register.
type office struct {
	gate     atomic.Bool  // there is one
	broken   atomic.Bool  // nothing can be read
	held     atomic.Bool  // no stay can be closed
	many     atomic.Int32 // rows of each list; -1 for none, 0 for the usual few
	pictures atomic.Int32 // of it, that were asked for

	mu    sync.Mutex
	calls []string
}

var (
	_ kiosk.Desk   = (*office)(nil)
	_ kiosk.Rights = (*office)(nil)
	_ kiosk.Tech   = tech{}
)

func (o *office) note(words ...string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, strings.Join(words, " "))
	return nil
}

func (o *office) called(call string) func() bool {
	return func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return slices.Contains(o.calls, call)
	}
}

var officeTime = time.Date(2026, 3, 2, 20, 30, 0, 0, time.UTC)

func officeRows() []kiosk.Row {
	row := func(id, state, due, delivered string) kiosk.Row {
		return kiosk.Row{ID: id, Time: officeTime, Kind: "stays", State: state, Number: "0990****0017", Name: personName, Answers: map[string]string{"room": "203"},
			Assurance: "chip-trusted", Deadline: &officeTime, Due: due, Delivered: delivered, Alarms: []string{}}
	}
	return []kiosk.Row{row("e1", "open", "over", "accepted"), row("e2", "open", "soon", "sent"), row("e3", "closed", "", "delivered")}
}

// rows are as many of a list as the test wants; many have the longest names and answers.
func (o *office) rows(few int) ([]kiosk.Row, error) {
	n := int(o.many.Load())
	switch {
	case o.broken.Load():
		return nil, errors.New("the register is not open")
	case n < 0:
		return []kiosk.Row{}, nil
	case n == 0:
		return officeRows()[:few], nil
	}
	var all []kiosk.Row
	for i := range n {
		r := officeRows()[i%3]
		r.ID, r.Name = fmt.Sprint("e", i), longName
		r.Answers = map[string]string{"room": fmt.Sprint(i), "reason": "Thăm thân nhân đang điều trị tại bệnh viện đa khoa", "until": "2026-03-05"}
		all = append(all, r)
	}
	return all, nil
}

// longName is as long as names get.
const longName = "Công Tằng Tôn Nữ Nguyễn Thị Hoàng Thiên Kim Phương Thảo Minh Nguyệt"

func (o *office) Today(context.Context, string) ([]kiosk.Row, error)     { return o.rows(3) }
func (o *office) OpenStays(context.Context, string) ([]kiosk.Row, error) { return o.rows(2) }
func (o *office) CloseStay(_ context.Context, who, id string, _ time.Time) error {
	if o.held.Load() {
		return kiosk.ErrHeld
	}
	return o.note(who, "closes", id)
}
func (o *office) Trips(context.Context, string) ([]kiosk.Trip, error) {
	if rows, err := o.rows(2); err != nil || len(rows) == 0 {
		return nil, err
	}
	return []kiosk.Trip{{ID: "t1", Route: "Buôn Ma Thuột – Đà Nẵng", Vehicle: "47B-000.00", State: "open", Opened: officeTime, Expected: 20, Boarded: 7}}, nil
}
func (o *office) OpenTrip(_ context.Context, who string, n kiosk.NewTrip) (kiosk.Trip, error) {
	return kiosk.Trip{}, o.note(who, "opens", n.Route)
}
func (o *office) CloseTrip(_ context.Context, who, id string) error               { return o.note(who, "ends", id) }
func (o *office) Passengers(context.Context, string, string) ([]kiosk.Row, error) { return o.rows(3) }
func (o *office) Roster(context.Context, string) (kiosk.Roster, error) {
	rows, err := o.rows(3)
	return kiosk.Roster{Name: "Ca thi 1", At: officeTime, Expected: 3, Present: 2, Absent: 1, Rows: rows}, err
}
func (o *office) Deadlines(context.Context, string) ([]kiosk.Row, error) { return o.rows(2) }
func (o *office) Queue(context.Context, string) (kiosk.Pending, error) {
	rows, err := o.rows(2)
	return kiosk.Pending{Queue: visit.Queue{Accepted: 12, Sent: 11, Delivered: 10, Hub: "offline"}, Waiting: uint64(len(rows)), Oldest: &officeTime, Rows: rows}, err
}
func (o *office) Export(_ context.Context, who string, f kiosk.Form) (kiosk.File, error) {
	return kiosk.File{Name: "phieu.txt", Type: "text/plain; charset=utf-8", Data: []byte("PHIẾU XÁC THỰC")}, o.note(who, "prints", f.Name, f.Entry)
}
func (o *office) Alarms(context.Context, string) ([]kiosk.AlarmRow, error) {
	if rows, err := o.rows(2); err != nil || len(rows) == 0 {
		return nil, err
	}
	return []kiosk.AlarmRow{{ID: "a1", Time: officeTime, Code: "twice_boarded", Stop: true, Number: "0990****0017", Name: personName, Detail: "A12"}}, nil
}
func (o *office) Requests(context.Context, string) ([]kiosk.Request, error) {
	if rows, err := o.rows(2); err != nil || len(rows) == 0 {
		return nil, err
	}
	return []kiosk.Request{{ID: "r1", Kind: "delete", Received: officeTime, AnswerBy: officeTime, CarryOutBy: officeTime, State: "open", Due: "soon"}}, nil
}

func (o *office) Find(_ context.Context, who, number, reason string) ([]kiosk.Row, error) {
	return officeRows()[2:], o.note(who, "finds", number, reason)
}
func (o *office) Copy(_ context.Context, who, id, reason string) (any, error) {
	return map[string]string{"name": personName}, o.note(who, "copies", id, reason)
}
func (o *office) Correct(_ context.Context, who, id string, fields map[string]string, reason string) error {
	return o.note(who, "corrects", id, fields["personName"], reason)
}
func (o *office) Delete(_ context.Context, who, id, reason string) error {
	return o.note(who, "deletes", id, reason)
}
func (o *office) Hold(_ context.Context, who, id, reason string) error {
	return o.note(who, "holds", id, reason)
}
func (o *office) Release(_ context.Context, who, id, reason string) error {
	return o.note(who, "releases", id, reason)
}
func (o *office) AddRequest(_ context.Context, who string, r kiosk.NewRequest) (kiosk.Request, error) {
	return kiosk.Request{}, o.note(who, "notes", r.Kind, r.Reason)
}
func (o *office) SetRequest(_ context.Context, who, id, state, reason string) error {
	return o.note(who, state, id, reason)
}

func (o *office) Devices(context.Context, string) ([]drivers.Status, error) {
	if rows, err := o.rows(2); err != nil || len(rows) == 0 {
		return nil, err
	}
	return []drivers.Status{{Kind: "reader", Name: "Virtual PCD 00 00", State: drivers.Ready, Since: officeTime}, {Kind: "camera", State: drivers.Missing, Since: officeTime}}, nil
}
func (o *office) Health(context.Context, string) ([]health.Check, error) {
	if rows, err := o.rows(2); err != nil || len(rows) == 0 {
		return nil, err
	}
	return []health.Check{{ID: "disk", Status: "ok", Text: "37 GB free"}, {ID: "clock", Status: "warn", Text: "not set", Remedy: "set it"}}, nil
}

type techTotals struct {
	Accepted  int `json:"accepted"`
	Delivered int `json:"delivered"`
}

// tech is the technician's side, whose Queue is another than the clerk's.
type tech struct{ *office }

func (tech) Queue(context.Context, string) (any, error) {
	return techTotals{Accepted: 12, Delivered: 10}, nil
}
func (tech) Still(context.Context, string) ([]byte, error) { return face(), nil }
func (t tech) Gate(context.Context, string) ([]byte, error) {
	if !t.gate.Load() {
		return nil, kiosk.ErrNotKept
	}
	t.pictures.Add(1)
	return face(), nil
}

const pin = "482913"

// enter opens a staff page and signs in with the pad on the screen, after one
// wrong PIN. change makes the counter another one.
func enter(t *testing.T, role signin.Role, path string, change ...func(*visit.Snapshot)) (*screen, *office) {
	t.Helper()
	o, st := new(office), newStation()
	st.set(func(n *visit.Snapshot) {
		n.Profile.Register, n.Profile.Exports = "stays", []string{"dd10", "na17", "slip"}
		n.Profile.Evidence = []string{"chip", "qr", "passport", "typed"}
		for _, c := range change {
			c(n)
		}
	})
	people := signin.OpenPeople(t.TempDir())
	if err := people.Set("mai", role, pin, time.Now()); err != nil {
		t.Fatal(err)
	}
	srv, _ := start(t, st, func(opt *kiosk.Options) { opt.Desk, opt.Tech, opt.People = o, tech{o}, people })
	s := &screen{t: t, ctx: kiosktest.Tab(t, 1024, 768), st: st}
	s.do(chromedp.Navigate("http://" + srv.Addr() + path))
	s.signIn("mai", pin)
	return s, o
}

// signIn signs in with the pad on the screen, after one wrong PIN.
func (s *screen) signIn(name, pin string) {
	s.t.Helper()
	s.until("the sign-in", `!!document.querySelector('[data-key="pin"]')`)
	s.accessible("sign-in")
	s.shoot("staff-signin")
	for _, c := range name {
		s.click("key-" + string(c))
	}
	s.click("pin")
	s.click("key-1")
	s.click("signin")
	s.until("the wrong PIN is said", `document.querySelector('.problem')?.textContent.includes('không đúng')`)
	for _, d := range pin {
		s.click("key-" + string(d))
	}
	s.click("signin")
	s.until("the tabs", `!!document.querySelector('[role="tab"]')`)
}

func TestTheClerkSeesEachListAndChecksOut(t *testing.T) {
	t.Parallel()
	s, o := enter(t, signin.Clerk, "/desk")
	for _, c := range []struct {
		tab   string
		words []string
	}{
		{"today", []string{personName, "0990****0017", "Phòng: 203", "chờ gửi"}}, {"stays", []string{"quá hạn", "sắp đến hạn", "Trả phòng"}},
		{"deadlines", []string{"quá hạn"}},
		{"alarms", []string{"đã lên xe", "A12"}}, {"queue", []string{"mất kết nối", "Đang chờ"}}, {"papers", []string{"ĐD10", "NA17"}}, {"requests", []string{"xóa", "sắp đến hạn"}},
	} {
		s.click("tab-" + c.tab)
		for _, w := range c.words {
			s.until(c.tab+" shows "+w, fmt.Sprintf("document.body.innerText.includes(%q)", w))
		}
		s.accessible("desk " + c.tab)
		s.shoot("desk-" + c.tab)
	}
	s.click("tab-stays")
	s.until("the stays", `!!document.querySelector('[data-key="checkout-e1"]')`)
	s.click("checkout-e1")
	eventually(t, "the check-out is sent", o.called("mai closes e1"))
	if got := eval[int](s, `document.querySelectorAll('[data-key="tab-trips"], [data-key="tab-roster"]').length`); got != 0 {
		t.Error("a house offers trips and a roster")
	}
	s.click("tab-today")
	s.until("the slips", `!!document.querySelector('[data-key="slip-e3"]')`)
	s.click("slip-e3")
	s.until("the slip is shown", `document.querySelector('dialog.paper')?.open && document.querySelector('dialog pre').textContent.includes('PHIẾU')`)
	s.accessible("slip")
	s.click("paper-close")
	s.until("the slip is gone", `!document.querySelector('dialog')`)
	s.click("signout")
	s.until("the sign-in again", `!!document.querySelector('[data-key="pin"]')`)
	s.clean("after signing out")
}

func TestTheTechnicianSeesDevicesQueueAndChecks(t *testing.T) {
	t.Parallel()
	s, o := enter(t, signin.Technician, "/tech")
	for _, c := range []struct {
		tab   string
		words []string
	}{
		{"devices", []string{"Virtual PCD", "chưa cắm"}}, {"health", []string{"37 GB free", "set it"}}, {"queue", []string{"Đã nhận", "10"}}, {"cameras", []string{"Camera tại quầy"}},
	} {
		s.click("tab-" + c.tab)
		for _, w := range c.words {
			s.until(c.tab+" shows "+w, fmt.Sprintf("document.body.innerText.includes(%q)", w))
		}
		s.accessible("tech " + c.tab)
		s.shoot("tech-" + c.tab)
	}
	s.click("load-still")
	s.until("the still is drawn", `document.querySelector('[data-picture="still"]').width === 300`)
	s.click("load-gate")
	s.until("no gate is said", `document.body.innerText.includes('không giữ')`)
	o.gate.Store(true)
	s.click("live-gate")
	s.until("the gate is drawn", `document.querySelector('[data-picture="gate"]').width === 300`)
	hubtest.Until(t, "the picture is live", func() bool { return o.pictures.Load() >= 3 })
	s.shoot("tech-gate")
	s.click("live-gate")
	s.until("it is stopped", `document.querySelector('[data-key="live-gate"]').getAttribute('aria-pressed') === 'false'`)
	s.click("signout")
	s.until("the sign-in again", `!!document.querySelector('[data-key="pin"]')`)
	s.clean("after signing out")
}
