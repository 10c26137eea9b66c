package kiosk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tram/agent/kiosk"
	"tram/agent/visit"
	"tram/drivers"
)

func TestThePortraitComesFromTheDaemonAndNothingStaysAfterTheVisit(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1080, 1920)
	for _, stage := range []visit.Stage{visit.StageConsent, visit.StageConfirm, visit.StageRecorded} {
		s.stage(at(stage))
		s.wants(personName)
		if stage != visit.StageConsent {
			s.until("the portrait is drawn", `document.querySelector('img.portrait')?.naturalWidth === 300`)
		}
		s.stage(nil)
		s.clean(string(stage))
	}
}

// clean checks that the page holds nothing of the person any more.
func (s *screen) clean(where string) {
	s.t.Helper()
	html := eval[string](s, "document.documentElement.outerHTML + document.title + location.href + JSON.stringify({...localStorage, ...sessionStorage})")
	for _, left := range []string{personName, "0990****", "15/01/1999", "Đường Mẫu", "/v1/portrait"} {
		if strings.Contains(html, left) {
			s.t.Errorf("%s: %q is still in the page", where, left)
		}
	}
	if n := eval[int](s, "document.querySelectorAll('img').length"); n != 0 {
		s.t.Errorf("%s: %d pictures are still in the page", where, n)
	}
}

func TestTheRecordsWayLightsUpStepByStep(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1920, 1080)
	s.stage(at(visit.StageRecorded))
	for lit, state := range []string{"accepted", "sent", "delivered"} {
		st.set(func(n *visit.Snapshot) {
			v := at(visit.StageRecorded)
			v.Record.State = state
			n.Visit = v
		})
		s.until(fmt.Sprintf("%d steps lit", lit+1), fmt.Sprintf("document.querySelectorAll('.way-step.lit').length === %d", lit+1))
	}
	if got, want := eval[string](s, "document.getElementById('live').textContent"), "Trung tâm đã nhận hồ sơ."; got != want {
		t.Errorf("said to a screen reader: got %q, want %q", got, want)
	}
}

func TestTheChipsProgressIsShownAndSaid(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	s.stage(at(visit.StageReading))
	s.until("60 % of the bar", "Math.abs(document.querySelector('progress.bar').value - 0.598) < 0.01")
	s.until("the file is said", "document.getElementById('live').textContent.includes('Ảnh chân dung')")
	st.set(func(n *visit.Snapshot) {
		v := at(visit.StageReading)
		v.Progress = &visit.Progress{Step: "verify", Done: 24310, Total: 24310}
		n.Visit = v
	})
	s.until("the next step", "document.querySelectorAll('.read-step.past').length === 2 && !!document.querySelector('.read-step.now')")
}

func TestALegalDutyIsNotCalledAQuestion(t *testing.T) {
	t.Parallel()
	st := newStation()
	st.set(func(n *visit.Snapshot) { n.Profile.Basis = "legal-duty"; n.Profile.Keeps = nil })
	s := openScreen(t, st, 1080, 1920)
	s.stage(at(visit.StageConsent))
	s.wants("Máy sẽ đọc chip", "Pháp luật yêu cầu", "Tiếp tục", "Dừng lại", "Không lưu thông tin cá nhân nào")
	if strings.Contains(s.text(), "Đồng ý") {
		t.Error("a legal duty asks for consent")
	}
}

func TestYesAndNoAreEqual(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	for _, stage := range []visit.Stage{visit.StageConsent, visit.StageConfirm} {
		s.stage(at(stage))
		looks := eval[[]string](s, `[...document.querySelectorAll('.actions button')].map((b) => { const c = getComputedStyle(b), r = b.getBoundingClientRect(); return [Math.round(r.width), Math.round(r.height), c.color, c.backgroundColor, c.fontSize, c.borderColor].join(' '); })`)
		if len(looks) != 2 || looks[0] != looks[1] {
			t.Errorf("%s: got buttons %q, want two that look the same", stage, looks)
		}
	}
}

func TestEachFailureSaysWhatToDoNext(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	words := tables(t)
	for _, code := range append(failures, "a_code_of_tomorrow") {
		s.stage(nil)
		v := at(visit.StageFailed)
		v.Failure, v.Checks, v.Assurance = &visit.Failure{Code: code}, nil, ""
		s.stage(v)
		known := code
		if words["vi"]["failed."+code+".title"] == "" {
			known = "internal"
		}
		s.wants(words["vi"]["failed."+known+".title"], words["vi"]["failed."+known+".next"], code)
		s.fits(code)
		// Failures differ in their words alone, but for the pictures of the right way.
		s.accessible(fmt.Sprintf("failed, %d pictures", eval[int](s, "document.querySelectorAll('.failed-art svg').length")))
		s.shoot("1024x768-failed-" + code + "-vi")
		s.language("en")
		s.wants(words["en"]["failed."+known+".title"])
		s.fits(code + " in English")
		s.shoot("1024x768-failed-" + code + "-en")
		s.language("vi")
	}
}

func TestAssuranceBelowGenuineNeverSaysGenuine(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1920, 1080)
	s.language("en")
	for _, level := range []string{"none", "declared", "qr", "chip", "chip+face", "chip-trusted", "chip-trusted+face", "chip-genuine", "a-new-word"} {
		v := at(visit.StageConfirm)
		v.Assurance = level
		st.set(func(n *visit.Snapshot) { n.Visit = v })
		s.until("level "+level, fmt.Sprintf("!!document.querySelector('.stage-confirm .level-%s')", map[bool]string{true: "declared", false: strings.TrimSuffix(level, "+face")}[level == "a-new-word"]))
		if got, want := strings.Contains(strings.ToLower(s.text()), "genuine"), level == "chip-genuine"; got != want {
			t.Errorf("level %s says genuine: got %v, want %v", level, got, want)
		}
	}
}

func TestAnUntouchedVisitEndsWithACountdown(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1080, 1920, func(o *kiosk.Options) { o.Idle = 2 * time.Second })
	for i, stage := range []visit.Stage{visit.StageConsent, visit.StageConfirm, visit.StageRecorded} {
		s.stage(at(stage))
		s.wants("Màn hình tự đóng sau", "Cần thêm thời gian")
		if stage == visit.StageConfirm {
			s.shoot("countdown")
		}
		eventually(t, string(stage)+" ends by itself", func() bool { return len(st.called()) > i })
		s.waitStage("idle")
		s.clean(string(stage))
	}
	for _, call := range st.called() {
		if call != "cancel v1" {
			t.Errorf("calls: got %q, want only cancel v1", call)
		}
	}
}

func TestATouchStartsTheCountdownAgain(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1080, 1920, func(o *kiosk.Options) { o.Idle = 15 * time.Second })
	s.stage(at(visit.StageConfirm))
	s.until("some seconds are over", "parseInt(document.querySelector('.count-words').textContent.match(/\\d+/)[0]) < 15")
	s.click("more")
	s.until("all seconds are back", "document.querySelector('.count-words').textContent.includes('15')")
	if got := st.called(); len(got) != 0 {
		t.Errorf("calls: got %v, want none", got)
	}
}

func TestTheLanguageIsTheFirstAgainForTheNextPerson(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1920, 1080)
	s.language("en")
	s.stage(at(visit.StageConsent))
	s.wants("I agree")
	s.stage(nil)
	s.wants("Xin mời quét mã QR")
}

func TestTheKeyboardReachesEveryAnswerAndFocusFollowsTheStage(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	s.stage(at(visit.StageConfirm))
	if got := eval[string](s, "document.activeElement.tagName"); got != "H1" {
		t.Errorf("focus on a new stage: got %s, want the heading", got)
	}
	s.do(chromedp.KeyEvent("\t"), chromedp.KeyEvent("\t"))
	if got := eval[string](s, "document.activeElement.dataset.key ?? ''"); got != "confirm" {
		t.Errorf("two tabs from the heading: got %q, want confirm", got)
	}
	s.do(chromedp.KeyEvent("\r"))
	eventually(t, "Enter confirms", func() bool { return len(st.called()) == 1 })
	if got := st.called()[0]; got != "confirm v1" {
		t.Errorf("calls: got %q, want confirm v1", got)
	}
	unnamed := eval[int](s, `[...document.querySelectorAll('button, img, svg[role=img], progress:not([aria-hidden])')].filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label') || e.alt)).length`)
	if unnamed != 0 {
		t.Errorf("without a name for a screen reader: got %d, want 0", unnamed)
	}
}

func TestAnAnswerThatIsNotTakenIsSaidAndCanBeGivenAgain(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	s.stage(at(visit.StageConfirm))
	st.fail(kiosk.ErrConflict)
	s.click("confirm")
	s.until("the error is said", "document.getElementById('alert').textContent.includes('Xin thử lại')")
	st.fail(nil)
	s.click("confirm")
	eventually(t, "the second answer arrives", func() bool { return len(st.called()) == 2 })
}

func TestTheDemosButtonsAreThereOnlyInADemo(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	if strings.Contains(s.text(), "TRÌNH DIỄN") {
		t.Error("the demo's bar is shown outside a demo")
	}
	st.set(func(n *visit.Snapshot) { n.Demo = true })
	s.until("the demo's bar", "document.querySelectorAll('.demo-button').length === 8")
	for _, action := range []string{"scan-qr", "lay-card", "take-card", "scan-wrong", "lay-tampered-card", "lay-wrong-card", "hub-stop", "hub-start"} {
		before := len(st.called())
		s.click("demo-" + action)
		eventually(t, action+" is done", func() bool { return len(st.called()) > before })
		if got := st.called()[before]; got != "do "+action {
			t.Errorf("button %s: got %q, want do %s", action, got, action)
		}
	}
}

func TestAMissingDeviceIsSaid(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	st.set(func(n *visit.Snapshot) {
		n.Devices = append([]drivers.Status(nil), n.Devices...)
		n.Devices[0].State = drivers.Missing
	})
	s.until("the notice", "!document.querySelector('.notice').hidden")
	s.wants("Đầu đọc thẻ chưa sẵn sàng", "Đầu đọc thẻ: chưa cắm")
	s.fits("idle with a missing reader")
}

func TestOutOfServiceWipesThePersonAndEndsByItself(t *testing.T) {
	t.Parallel()
	st := newStation()
	srv, err := kiosk.New(kiosk.Options{Addr: "127.0.0.1:0", Station: st})
	if err != nil {
		t.Fatal(err)
	}
	addr := srv.Addr()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- srv.Run(ctx) }()
	s := openScreen(t, newStation(), 1080, 1920)
	s.do(chromedp.Navigate("http://" + addr + "/"))
	s.st = st
	s.stage(at(visit.StageConfirm))
	s.wants(personName)

	cancel()
	if err := <-done; err != nil {
		t.Fatalf("Run: %v", err)
	}
	s.waitStage("down")
	s.wants("Máy tạm ngừng phục vụ", "gặp cán bộ tại quầy")
	s.clean("out of service")
	s.shoot("down-vi")

	st.set(func(n *visit.Snapshot) { n.Visit = at(visit.StageReading) })
	again, err := kiosk.New(kiosk.Options{Addr: addr, Station: st})
	if err != nil {
		t.Fatalf("the daemon's second start: %v", err)
	}
	run(t, again)
	s.waitStage("reading") // what is now, with a new session: the first daemon's is worth nothing now
	s.stage(at(visit.StageConfirm))
	s.click("confirm")
	eventually(t, "the page works with its new session", func() bool { return len(st.called()) == 1 })
}

func TestTheBrowserHasNothingToComplainOf(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	s.do(chromedp.Evaluate[chromedp.Void](`window.complaints = [];
		addEventListener('securitypolicyviolation', (e) => complaints.push(e.violatedDirective + ' ' + e.blockedURI));
		addEventListener('error', (e) => complaints.push(String(e.message)));
		addEventListener('unhandledrejection', (e) => complaints.push(String(e.reason)));`))
	for _, stage := range stages {
		s.stage(stage.view())
	}
	s.language("en")
	if got := eval[[]string](s, "complaints"); len(got) != 0 {
		t.Errorf("complaints: got %q, want none", got)
	}
	// What a card says is text, never HTML.
	v := at(visit.StageConfirm)
	v.Person.PersonName = `<img src=x onerror="complaints.push('run')">`
	s.stage(v)
	s.wants(`<img src=x`)
	if got := eval[[]string](s, "complaints"); len(got) != 0 {
		t.Errorf("a name with HTML in it: got %q, want text", got)
	}
}

// The choice to go on without the chip is offered only where the daemon says
// that the code alone is enough.
func TestSkippingTheChipIsOfferedOnlyWhereTheCodeIsEnough(t *testing.T) {
	t.Parallel()
	s := openScreen(t, newStation(), 1024, 768)
	for _, can := range []bool{true, false} {
		got, err := chromedp.Run(s.ctx, chromedp.Evaluate[[]string](fmt.Sprintf(`(async () => {
			const { screens } = await import('/assets/js/screens.js');
			const sent = [];
			const made = screens.card({ visit: { id: 'v1', canSkipChip: %t }, profile: {} }, (what) => sent.push(what));
			made.actions.forEach((b) => b.click());
			return sent;
		})()`, can), chromedp.EvalAwaitPromise))
		if err != nil {
			t.Fatal(err)
		}
		want := map[bool]string{true: "[cancel skip-chip]", false: "[cancel]"}[can]
		if fmt.Sprint(got) != want {
			t.Errorf("canSkipChip %t: got answers %v, want %s", can, got, want)
		}
	}
}
