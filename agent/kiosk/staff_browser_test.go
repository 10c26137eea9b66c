package kiosk_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tram/agent/health"
	"tram/agent/kiosk"
	"tram/agent/kiosk/kiosktest"
	"tram/agent/visit"
	"tram/drivers"
)

// office is a server with the staff's pages and invented lists behind them, so
// that what the pages do is seen apart from the register.
type office struct {
	mu    sync.Mutex
	role  string // who may sign in
	now   string // who is signed in
	calls []string
}

func (o *office) called(call string) func() bool {
	return func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, c := range o.calls {
			if c == call {
				return true
			}
		}
		return false
	}
}

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	say := func(status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v)
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'")
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	if r.Method == http.MethodPost {
		o.calls = append(o.calls, path)
	}
	who := func() { say(http.StatusOK, map[string]any{"name": "mai", "role": o.now, "ready": true}) }
	switch {
	case r.URL.Path == "/desk" || r.URL.Path == "/tech":
		page, _ := os.ReadFile("web" + r.URL.Path + ".html")
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	case strings.HasPrefix(r.URL.Path, "/assets/"):
		name := strings.TrimPrefix(r.URL.Path, "/assets/")
		w.Header().Set("Content-Type", map[string]string{"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "json": "application/json"}[name[strings.LastIndex(name, ".")+1:]])
		_, _ = w.Write(kiosk.AssetNames()[name])
	case path == "signin" && r.Method == http.MethodGet:
		who()
	case path == "signin":
		var in struct{ PIN string }
		if json.NewDecoder(r.Body).Decode(&in) != nil || in.PIN != "482913" {
			say(http.StatusUnauthorized, map[string]any{"error": map[string]string{"code": "wrong_pin"}})
			return
		}
		o.now = o.role
		who()
	case path == "signout":
		o.now = ""
		say(http.StatusOK, map[string]bool{"ok": true})
	case o.now == "":
		say(http.StatusUnauthorized, map[string]any{"error": map[string]string{"code": "sign_in"}})
	case path == "tech/still":
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(face())
	default:
		if v, ok := lists()[path]; ok {
			say(http.StatusOK, v)
		} else if r.Method == http.MethodPost {
			say(http.StatusOK, map[string]bool{"ok": true})
		} else {
			say(http.StatusNotFound, map[string]any{"error": map[string]string{"code": "not_kept"}})
		}
	}
}

func lists() map[string]any {
	at := time.Date(2026, 3, 2, 20, 30, 0, 0, time.UTC)
	row := func(id, state, due, delivered string) kiosk.Row {
		return kiosk.Row{ID: id, Time: at, Kind: "stays", State: state, Number: "0990****0017", Name: personName, Answers: map[string]string{"room": "203"},
			Assurance: "chip-trusted", Deadline: &at, Due: due, Delivered: delivered, Alarms: []string{}}
	}
	rows := []kiosk.Row{row("e1", "open", "over", "accepted"), row("e2", "open", "soon", "sent"), row("e3", "closed", "", "delivered")}
	return map[string]any{
		"desk/today": map[string]any{"rows": rows}, "desk/stays": map[string]any{"rows": rows[:2]}, "desk/deadlines": map[string]any{"rows": rows[:2]},
		"desk/trips":               map[string]any{"trips": []kiosk.Trip{{ID: "t1", Route: "Buôn Ma Thuột – Đà Nẵng", Vehicle: "47B-000.00", State: "open", Opened: at, Expected: 20, Boarded: 7}}},
		"desk/trips/t1/passengers": map[string]any{"rows": rows},
		"desk/roster":              kiosk.Roster{Name: "Ca thi 1", At: at, Expected: 3, Present: 2, Absent: 1, Rows: rows},
		"desk/alarms":              map[string]any{"alarms": []kiosk.AlarmRow{{ID: "a1", Time: at, Code: "twice_boarded", Stop: true, Number: "0990****0017", Name: personName, Detail: "A12"}}},
		"desk/queue":               kiosk.Pending{Queue: visit.Queue{Accepted: 12, Sent: 11, Delivered: 10, Hub: "offline"}, Waiting: 2, Oldest: &at, Rows: rows[:2]},
		"desk/requests":            map[string]any{"requests": []kiosk.Request{{ID: "r1", Kind: "delete", Received: at, AnswerBy: at, CarryOutBy: at, State: "open", Due: "soon"}}},
		"tech/devices":             map[string]any{"devices": []drivers.Status{{Kind: "reader", Name: "Virtual PCD 00 00", State: drivers.Ready, Since: at}, {Kind: "camera", State: drivers.Missing, Since: at}}},
		"tech/health":              map[string]any{"checks": []health.Check{{ID: "disk", Status: "ok", Text: "37 GB free"}, {ID: "clock", Status: "warn", Text: "not set", Remedy: "set it"}}},
		"tech/queue":               map[string]any{"accepted": 12, "sent": 11, "delivered": 10},
	}
}

// enter opens a staff page and signs in with the pad on the screen, after one
// wrong PIN.
func enter(t *testing.T, role, path string) (*screen, *office) {
	t.Helper()
	o := &office{role: role}
	srv := httptest.NewServer(o)
	t.Cleanup(srv.Close)
	s := &screen{t: t, ctx: kiosktest.Tab(t, 1024, 768)}
	s.do(chromedp.Navigate(srv.URL + path))
	s.until("the sign-in", `!!document.querySelector('[data-key="pin"]')`)
	s.accessible("sign-in")
	s.shoot("staff-signin" + strings.ReplaceAll(path, "/", "-"))
	s.do(chromedp.SendKeys(`[data-key="name"]`, "mai"))
	s.click("key-1")
	s.click("signin")
	s.until("the wrong PIN is said", `document.querySelector('.problem')?.textContent.includes('không đúng')`)
	for _, d := range "482913" {
		s.click("key-" + string(d))
	}
	s.click("signin")
	s.until("the tabs", `!!document.querySelector('[role="tab"]')`)
	return s, o
}

func TestTheClerkSeesEachListAndChecksOut(t *testing.T) {
	s, o := enter(t, "clerk", "/desk")
	for _, c := range []struct {
		tab   string
		words []string
	}{
		{"today", []string{personName, "0990****0017", "Phòng: 203", "chờ gửi"}}, {"stays", []string{"quá hạn", "sắp đến hạn", "Trả phòng"}},
		{"deadlines", []string{"quá hạn"}}, {"trips", []string{"Buôn Ma Thuột – Đà Nẵng", "7 / 20"}}, {"roster", []string{"Ca thi 1", "có mặt 2 / 3"}},
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
	eventually(t, "the check-out is sent", o.called("desk/stays/e1/close"))
	s.click("tab-trips")
	s.until("the trips", `!!document.querySelector('[data-key="trip-t1"]')`)
	s.click("trip-t1")
	s.until("the passengers", fmt.Sprintf("document.body.innerText.includes(%q)", personName))
	s.click("signout")
	s.until("the sign-in again", `!!document.querySelector('[data-key="pin"]')`)
	s.clean("after signing out")
}

func TestTheTechnicianSeesDevicesQueueAndChecks(t *testing.T) {
	s, _ := enter(t, "technician", "/tech")
	for _, c := range []struct {
		tab   string
		words []string
	}{
		{"devices", []string{"Virtual PCD", "chưa cắm"}}, {"health", []string{"37 GB free", "set it"}}, {"queue", []string{"delivered"}}, {"cameras", []string{"Camera tại quầy"}},
	} {
		s.click("tab-" + c.tab)
		for _, w := range c.words {
			s.until(c.tab+" shows "+w, fmt.Sprintf("document.body.innerText.includes(%q)", w))
		}
		s.accessible("tech " + c.tab)
		s.shoot("tech-" + c.tab)
	}
	s.click("load-still")
	s.until("the still is drawn", `document.querySelector('.still').naturalWidth === 300`)
	s.click("load-gate")
	s.until("no gate is said", `document.body.innerText.includes('không giữ')`)
	s.click("signout")
	s.until("the sign-in again", `!!document.querySelector('[data-key="pin"]')`)
	s.clean("after signing out")
}
