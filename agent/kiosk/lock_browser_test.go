package kiosk_test

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tram/agent/kiosk"
	"tram/agent/kiosk/kiosktest"
	"tram/agent/signin"
	"tram/agent/visit"
)

// A shifted clock is the real one, moved by what a test wants.
type shifted struct{ by atomic.Int64 }

func (c *shifted) now() time.Time           { return time.Now().Add(time.Duration(c.by.Load())) }
func (c *shifted) forward(by time.Duration) { c.by.Add(int64(by)) }

// counterStaff serves the staff's pages for mai, a clerk, and minh, a
// technician, until the returned function ends it.
func counterStaff(t *testing.T, addr, state string, clock *shifted) (srv *kiosk.Server, end func()) {
	t.Helper()
	o := new(office)
	srv, err := kiosk.New(kiosk.Options{Addr: addr, Station: newStation(), Desk: o, Tech: tech{o}, People: signin.OpenPeople(state), Tokens: signin.OpenTokens(state)})
	if err != nil {
		t.Fatal(err)
	}
	kiosk.Clocked(srv, clock.now)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(end)
	return srv, end
}

// empty takes away what is in a field, as the keyboard would.
func (s *screen) empty(key string) {
	s.t.Helper()
	eval[bool](s, `((e) => { e.value = ''; e.dispatchEvent(new Event('input')); return true; })(document.querySelector('[data-key="`+key+`"]'))`)
}

// tries types a name and a PIN and sends them.
func (s *screen) tries(name, pin string) {
	s.t.Helper()
	s.empty("name")
	s.do(chromedp.SendKeys(`[data-key="name"]`, name))
	s.do(chromedp.SendKeys(`[data-key="pin"]`, pin))
	s.click("signin")
	s.until("it is answered", `document.querySelector('[data-key="pin"]')?.value !== `+"`"+pin+"`")
}

func TestWrongPINsLockAClerkOutAndThePageCountsDown(t *testing.T) {
	t.Parallel()
	clock, state := new(shifted), t.TempDir()
	people := signin.OpenPeople(state)
	for who, role := range map[string]signin.Role{"mai": signin.Clerk, "minh": signin.Technician} {
		if err := people.Set(who, role, pin, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	token, err := signin.OpenTokens(state).New(signin.Client{Name: "hotel", Scopes: []string{signin.DeskRead}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	srv, end := counterStaff(t, "127.0.0.1:0", state, clock)
	addr := srv.Addr()
	s := &screen{t: t, ctx: kiosktest.Tab(t, 1024, 768)}
	open := func() {
		s.do(chromedp.Navigate("http://" + addr + "/desk"))
		s.until("the sign-in", `!!document.querySelector('[data-key="pin"]')`)
	}
	open()
	for i := range 5 {
		s.tries("mai", "000001")
		if i < 4 {
			s.until("a wrong PIN is said", `document.querySelector('.problem').textContent.includes('không đúng') && !document.querySelector('[data-key="signin"]').disabled`)
		}
	}
	locked := `/tạm khóa (1 phút|\d+ giây).*[01]:\d\d$/s.test(document.querySelector('.problem')?.textContent ?? '') && document.querySelector('[data-key="signin"]').disabled`
	s.until("the fifth wrong PIN locks for a minute", locked)
	s.accessible("locked")
	s.shoot("staff-locked")
	s.until("the seconds run", `/0:[0-5]\d/.test(document.querySelector('.wait-left').textContent)`)

	// Others are not held up: another name on this page, another page, a program.
	s.do(chromedp.SendKeys(`[data-key="name"]`, "x"))
	s.until("another name may try", `!document.querySelector('[data-key="signin"]').disabled && document.querySelector('.problem').hidden`)
	p := openAt(t, addr)
	if status, body := p.ask("POST", "/v1/signin", `{"name":"minh","pin":"`+pin+`"}`, nil); status != http.StatusOK {
		t.Errorf("the technician beside it: got %d %s, want 200", status, body)
	}
	if status, _ := (&page{t: t, base: "http://" + addr}).ask("GET", "/v1/desk/today", "", with(token)); status != http.StatusOK {
		t.Errorf("a program beside it: got %d, want 200", status)
	}

	open() // a page that is loaded again knows no more than before
	s.tries("mai", pin)
	s.until("the right PIN is refused after a reload", locked)
	end()
	_, end = counterStaff(t, addr, state, clock)
	defer end()
	s.tries("may", pin) // in the page of before: it gets a new session by itself
	s.until("the page works with the new daemon", `document.querySelector('.problem').textContent.includes('không đúng') && !document.querySelector('[data-key="signin"]').disabled`)
	open()
	s.tries("mai", pin)
	s.until("the right PIN is refused after a restart", locked)

	clock.forward(61 * time.Second)
	skip := `(() => { const real = performance.now.bind(performance); performance.now = () => real() + 61000; return true; })()`
	eval[bool](s, skip)
	s.until("the wait is over", `document.querySelector('.problem').textContent.includes('Hết thời gian khóa') && !document.querySelector('[data-key="signin"]').disabled`)
	s.tries("mai", "000001")
	s.until("the next wrong one locks for twice as long", `document.querySelector('.problem').textContent.includes('tạm khóa 2 phút')`)
	clock.forward(121 * time.Second)
	eval[bool](s, strings.ReplaceAll(skip, "61000", "121000"))
	s.until("that is over, too", `!document.querySelector('[data-key="signin"]').disabled`)
	s.do(chromedp.SendKeys(`[data-key="pin"]`, pin))
	s.click("signin")
	s.until("the right PIN opens", `!!document.querySelector('[role="tab"]')`)
}

func TestAGuardsWrongPINsOnTheCitizensScreenCountDownToo(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	people := signin.OpenPeople(state)
	if err := people.Set("mai", signin.Clerk, pin, time.Now()); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		_, _ = people.SignIn("mai", "000001", time.Now())
	}
	s := openScreen(t, newStation(), 1024, 768, func(o *kiosk.Options) { o.People = people })
	s.stage(at(visit.StageConfirm))
	eval[bool](s, `import('/assets/js/pin.js').then((m) => m.clerk(() => {})), true`)
	s.until("the sign-in", `!!document.querySelector('dialog.pin')`)
	s.tries("mai", "000001")
	s.until("locked", `/tạm khóa/.test(document.querySelector('.problem').textContent) && document.querySelector('[data-key="signin"]').disabled`)
	s.accessible("locked on the citizen's screen")
	s.fits("locked on the citizen's screen")
	s.shoot("gate-locked")
}
