package kiosk_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"tram/agent/kiosk/kiosktest"
	"tram/agent/visit"
	"tram/drivers/sim"
)

// place is the middle of the button with that data-key, as soon as a finger could press it.
func (s *screen) place(key string) (x, y float64) {
	s.t.Helper()
	var at []float64
	eventually(s.t, key+" can be pressed", func() bool {
		at = eval[[]float64](s, fmt.Sprintf(spot, key))
		return len(at) == 2
	})
	return at[0], at[1]
}

// fingers makes the page one for fingers.
func (s *screen) fingers(width, height int64) {
	s.t.Helper()
	s.touch = true
	s.do(chromedp.EmulateViewport(width, height, chromedp.EmulateTouch))
}

// A hand that shakes taps twice. The second tap meets the next screen, where
// another answer lies in the same place: it must not be given.
func TestASecondTapDoesNotAnswerTheScreenThatHasCome(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1080, 1920)
	s.fingers(1080, 1920)
	// The moment in which a second tap does not count lasts until the test ends it.
	eval[bool](s, `(() => { const real = setTimeout; window.held = []; window.setTimeout = (f, ms, ...rest) => (ms === 400 ? held.push(f) : real(f, ms, ...rest)); return true; })()`)
	s.stage(at(visit.StageConsent))
	x, y := s.place("consent")
	s.do(tap(x, y), tap(x, y))
	eventually(t, "the answer", func() bool { return len(st.called()) > 0 })
	s.stage(at(visit.StageConfirm)) // its answers lie where those before did
	s.do(tap(x, y))
	if key := eval[string](s, fmt.Sprintf(`[...document.querySelectorAll('.actions button')].find((b) => { const r = b.getBoundingClientRect(); return r.left < %[1]f && r.right > %[1]f && r.top < %[2]f && r.bottom > %[2]f; })?.dataset.key ?? ''`, x, y)); key != "confirm" {
		t.Fatalf("under the finger lies %q, want confirm: the test tries nothing", key)
	}
	if got := st.called(); !slices.Equal(got, []string{"consent v1"}) {
		t.Errorf("three taps in the same place gave %v, want the first answer alone", got)
	}
	eval[bool](s, "held.splice(0).forEach((f) => f()) ?? true")
	s.click("confirm")
	eventually(t, "the next answer", func() bool { return len(st.called()) == 2 })
}

func TestTwoFingersGiveNoAnswerThatNobodyMeant(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1080, 1920)
	s.fingers(1080, 1920)
	s.stage(at(visit.StageConfirm))
	x, y := s.place("confirm")
	x2, y2 := s.place("cancel")
	gesture := func(kind input.DispatchTouchEventType, points ...*input.TouchPoint) chromedp.Action[chromedp.Void] {
		return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: kind, TouchPoints: append([]*input.TouchPoint{}, points...)})
			return err
		})
	}
	one, other, apart := &input.TouchPoint{X: x, Y: y}, &input.TouchPoint{X: x2, Y: y2}, &input.TouchPoint{X: x2 - 200, Y: y2 - 300}
	one.ID, other.ID, apart.ID = new(float64), new(float64), new(float64)
	*other.ID, *apart.ID = 1, 1
	s.do(gesture(input.DispatchTouchEventTypeTouchStart, one, other), gesture(input.DispatchTouchEventTypeTouchEnd))
	s.do(gesture(input.DispatchTouchEventTypeTouchStart, one, other), gesture(input.DispatchTouchEventTypeTouchMove, one, apart), gesture(input.DispatchTouchEventTypeTouchEnd))
	if zoom := eval[float64](s, "visualViewport.scale"); zoom != 1 {
		t.Errorf("two fingers left the screen enlarged by %.2f for the next person", zoom)
	}
	if eval[bool](s, "!!document.querySelector('.actions button:disabled')") {
		t.Error("two fingers gave an answer")
	}
	eventually(t, "one finger answers", func() bool {
		s.do(tap(x, y))
		return len(st.called()) > 0
	})
	if got := st.called(); !slices.Equal(got, []string{"confirm v1"}) {
		t.Errorf("got %v, want one answer, that of one finger", got)
	}
}

func TestAPageThatIsLoadedAgainGoesOnWithTheVisit(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1080, 1920)
	for _, stage := range []visit.Stage{visit.StageConsent, visit.StageReading, visit.StageConfirm} {
		s.stage(at(stage))
		s.do(chromedp.Reload())
		s.waitStage(string(stage))
	}
	s.wants(personName)
	s.click("confirm")
	eventually(t, "the answer", func() bool { return len(st.called()) == 1 })
	if got := st.called()[0]; got != "confirm v1" {
		t.Errorf("got %q, want confirm v1", got)
	}
}

func TestTheBrowsersBackButtonBringsNobodyBack(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1080, 1920)
	s.stage(at(visit.StageConfirm))
	s.wants(personName)
	if n := eval[int](s, "history.length"); n > 2 {
		t.Errorf("the page made %d places to go back to", n)
	}
	eval[bool](s, "window.before = true")
	s.do(chromedp.Navigate("about:blank"))
	st.set(func(n *visit.Snapshot) { n.Visit = nil })
	s.do(chromedp.NavigateBack())
	s.waitStage("idle")
	if eval[bool](s, "!!window.before") {
		t.Error("the page of before was kept by the browser, with the person in it")
	}
	s.clean("after going back")
}

func TestTwoWindowsShowTheSameVisitAndOneAnswerServes(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1080, 1920)
	other := &screen{t: t, ctx: kiosktest.Tab(t, 1024, 768), st: st}
	other.do(chromedp.Navigate(eval[string](s, "location.href")))
	s.stage(at(visit.StageConfirm))
	other.waitStage("confirm")
	s.click("confirm")
	eventually(t, "the answer", func() bool { return len(st.called()) == 1 })
	s.stage(at(visit.StageRecorded))
	other.waitStage("recorded")
	other.click("cancel")
	s.waitStage("idle")
	other.waitStage("idle")
	s.clean("the one window")
	other.clean("the other window")
}

// A clock that is set while somebody is served moves the time in the head, and
// neither ends the visit nor makes it endless.
func TestAClockThatJumpsDoesNotEndTheVisit(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1080, 1920)
	s.stage(at(visit.StageConfirm))
	for _, days := range []int{1, -400} {
		eval[bool](s, fmt.Sprintf(`(() => { const Real = window.Real ?? Date; window.Real = Real; const by = %d * 86400e3;
			window.Date = class extends Real { constructor(...of) { if (of.length) super(...of); else super(Real.now() + by); } static now() { return Real.now() + by; } };
			document.querySelector('.clock').textContent = ''; return true; })()`, days))
		day := time.Now().In(vietnam).AddDate(0, 0, days)
		s.until("the head tells the new day", fmt.Sprintf("document.querySelector('.clock').textContent.includes(%q)", day.Format("/2006")))
		s.until("the countdown goes on", "document.querySelector('.count-words').textContent.match(/\\d+/) > 0")
	}
	st.set(func(n *visit.Snapshot) { n.Time = n.Time.AddDate(-1, 0, 0) })
	s.stage(at(visit.StageConfirm))
	if got := st.called(); len(got) != 0 {
		t.Errorf("the page answered %v by itself", got)
	}
}

var vietnam = time.FixedZone("Asia/Ho_Chi_Minh", 7*60*60)

// The daemon counts days by the clock of Viet Nam. A machine that is set to
// another zone must not offer a day that it refuses, nor tell another hour.
func TestDaysAndHoursAreThoseOfVietNamWhateverZoneTheMachineHas(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	zero := 0
	st.set(func(n *visit.Snapshot) {
		n.Profile.Questions = []visit.QuestionView{{ID: "until", Label: named("Đến ngày", "Until"), Kind: "date", By: "clerk", Required: true, Min: &zero}}
	})
	for _, zone := range []string{"UTC", "Pacific/Kiritimati", "America/Los_Angeles"} {
		s.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
			_, err := cdp.Call(ctx, tab, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: zone})
			return err
		}))
		eval[bool](s, `(() => { const Real = window.Real ?? Date; window.Real = Real; const now = Real.UTC(2026, 2, 2, 20, 30);
			window.Date = class extends Real { constructor(...of) { if (of.length) super(...of); else super(now); } static now() { return now; } }; return true; })()`)
		s.until("the hour in "+zone, `document.querySelector('.clock').textContent === '03:30 · 03/03/2026'`)
		v := at(visit.StageConfirm)
		v.Stage = visit.StageAsk
		s.stage(nil)
		s.stage(v)
		s.until("the first day in "+zone, `document.querySelector('.day:not(:disabled)')?.dataset.key === 'day-2026-03-03'`)
	}
}

// The whole way of a card that is lifted too soon, on the real daemon: what
// happened is said, and when the card lies there again it is read by itself.
func TestACardThatIsLiftedWhileItIsReadIsReadWhenItLiesThereAgain(t *testing.T) {
	c := newBench(t).open(t, "one-stop")
	p := c.play(1080, 1920)
	p.scanCode(citizen.QR2021())
	p.s.waitStage("consent")
	p.press("consent")
	p.s.waitStage("card")
	slow, err := sim.NewCard(citizen, c.pki, face(), sim.SlowLink(9600, 0))
	if err != nil {
		t.Fatal(err)
	}
	c.layCard(slow)
	p.s.until("a file is being read", `document.querySelector('.read-file')?.textContent.startsWith('Đang đọc: ')`)
	c.takeCard()
	p.s.waitStage("failed")
	p.s.says("Thẻ bị nhấc ra quá sớm", "Xin đặt lại thẻ")
	c.layCard(c.citizenCard())
	p.s.until("it is read again by itself", "document.body.dataset.stage !== 'failed'")
	p.ends("recorded", nil, nil)
	p.s.says(citizen.PersonName, "Chip thật, đúng nơi cấp")
	p.end()
	if strings.Contains(p.s.text(), citizen.PersonName) {
		t.Error("the person is still on the screen")
	}
}

// Who was not seen by the camera is told to look once more, and one press does it.
func TestWhoWasNotSeenByTheCameraLooksAgain(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1080, 1920)
	v := at(visit.StageFailed)
	v.Failure = &visit.Failure{Code: "face_not_done"}
	s.stage(v)
	s.says("Không so sánh được khuôn mặt", "Xin mời gặp cán bộ tại quầy.")
	if eval[bool](s, `!!document.querySelector('[data-key="face-again"]')`) {
		t.Error("another look is offered where there is none")
	}
	v = at(visit.StageFailed)
	v.Failure, v.CanCompareAgain = &visit.Failure{Code: "face_not_done"}, true
	s.stage(nil)
	s.stage(v)
	s.says("Xin bấm “Chụp lại”")
	s.fits("face-again")
	s.accessible("face-again")
	s.shoot("failed-face")
	s.click("face-again")
	eventually(t, "another look is asked for", func() bool { return slices.Contains(st.called(), "again v1") })
}
