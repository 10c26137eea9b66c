package kiosk_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tram/agent/kiosk"
	"tram/agent/kiosk/kiosktest"
	"tram/agent/visit"
)

// A screen is the page in a tab.
type screen struct {
	t     testing.TB
	ctx   context.Context
	st    *station
	touch bool // presses are a finger's, not a mouse's
}

// openScreen shows st's server in a new tab of the given size.
func openScreen(t *testing.T, st *station, width, height int64, change ...func(*kiosk.Options)) *screen {
	t.Helper()
	ctx := kiosktest.Tab(t, width, height)
	srv, _ := start(t, st, change...)
	s := &screen{t: t, ctx: ctx, st: st}
	s.do(chromedp.Navigate("http://" + srv.Addr() + "/"))
	s.waitStage("idle")
	return s
}

func (s *screen) do(steps ...chromedp.Action[chromedp.Void]) {
	s.t.Helper()
	if err := chromedp.Do(s.ctx, steps...); err != nil {
		s.t.Fatalf("browser: %v", err)
	}
}

// eval returns what a JavaScript expression gives.
func eval[T any](s *screen, js string) T {
	s.t.Helper()
	v, err := chromedp.Run(s.ctx, chromedp.Evaluate[T](js))
	if err != nil {
		s.t.Fatalf("browser: %v", err)
	}
	return v
}

// until waits until a JavaScript expression is true. A page that is just being
// loaded again has no answer yet.
func (s *screen) until(what, js string) {
	s.t.Helper()
	eventually(s.t, what, func() bool {
		ok, err := chromedp.Run(s.ctx, chromedp.Evaluate[bool](js))
		return err == nil && ok
	})
}

func (s *screen) waitStage(stage string) {
	s.t.Helper()
	s.until("stage "+stage, fmt.Sprintf("document.body.dataset.stage === %q", stage))
}

// stage brings the visit to a stage and waits until the screen shows it.
func (s *screen) stage(v *visit.View) {
	s.t.Helper()
	want := "idle"
	s.st.set(func(n *visit.Snapshot) { n.Visit = v })
	if v != nil {
		want = string(v.Stage)
	}
	s.waitStage(want)
}

func (s *screen) text() string { return eval[string](s, "document.body.innerText") }

func (s *screen) language(code string) {
	s.t.Helper()
	s.click("lang-" + code)
	s.until("language "+code, fmt.Sprintf("document.documentElement.lang === %q", code))
}

// wants waits until the screen shows the words: a change of the same stage may still be on its way.
func (s *screen) wants(words ...string) {
	s.t.Helper()
	end := time.Now().Add(5 * time.Second)
	for _, w := range words {
		got := s.text()
		for ; !strings.Contains(got, w) && time.Now().Before(end); got = s.text() {
			pause(s.ctx)
		}
		if !strings.Contains(got, w) {
			s.t.Errorf("screen: got %q, want %q in it", got, w)
		}
	}
}

var sizes = [][2]int64{{1080, 1920}, {1920, 1080}, {1024, 768}}

// stages are all that a person can see, with words that must be there.
var stages = []struct {
	name   string
	view   func() *visit.View
	vi, en []string
}{
	{"idle", func() *visit.View { return nil },
		[]string{"Xin mời quét mã QR", "Mã QR ở mặt sau", "Mã QR ở mặt trước", "đã kết nối"},
		[]string{"scan the QR code", "QR code on the back", "QR code on the front", "connected"}},
	{"consent", func() *visit.View { return at(visit.StageConsent) },
		[]string{"xin phép đọc chip", "cấp số thứ tự", "Nơi cư trú", "Đồng ý", "Không đồng ý", "0990****0017"},
		[]string{"May we read the chip", "queue number", "Place of residence", "I agree", "I do not agree"}},
	{"card", func() *visit.View { return at(visit.StageCard) },
		[]string{"Đặt thẻ lên đầu đọc", "đang chờ thẻ"}, []string{"Lay your card on the reader", "Waiting for the card"}},
	{"reading", func() *visit.View { return at(visit.StageReading) },
		[]string{"giữ yên thẻ", "Ảnh chân dung", "14,2 / 23,7 KB"}, []string{"leave the card", "Now reading: Portrait", "14.2 / 23.7 KB"}},
	{"face", func() *visit.View { return at(visit.StageFace) },
		[]string{"nhìn vào camera"}, []string{"look at the camera"}},
	{"confirm", func() *visit.View { return at(visit.StageConfirm) },
		[]string{personName, "0990****0017", "15/01/2039", "đúng nơi cấp", "Khuôn mặt khớp", "Thẻ không hỗ trợ", "Nam"},
		[]string{personName, "0990****0017", "issuer known", "face matches", "Not on this card", "Male"}},
	{"recorded", func() *visit.View { return at(visit.StageRecorded) },
		[]string{"Đã ghi nhận", "Hồ sơ số 13", "Đã lưu", "Đã gửi", "Đã nhận"}, []string{"Recorded", "Record number 13", "Accepted", "Sent", "Delivered"}},
	{"recorded-offline", func() *visit.View { return at(visit.StageRecorded) },
		[]string{"chưa nối được trung tâm", "mất kết nối", "đang chờ 3"}, []string{"cannot be reached", "offline", "3 waiting"}},
	{"recorded-delivered", func() *visit.View {
		v := at(visit.StageRecorded)
		v.Record.State = "delivered"
		return v
	}, []string{"Đã nhận"}, []string{"Delivered"}},
	{"failed", func() *visit.View { return at(visit.StageFailed) },
		[]string{"Kiểm tra thẻ không đạt", "gặp cán bộ tại quầy", "verification_failed"}, []string{"did not pass the checks", "staff at the desk"}},
}

func TestEveryStageShowsItsWordsInBothLanguagesAtEverySize(t *testing.T) {
	t.Parallel()
	for _, size := range sizes {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			st := newStation()
			st.set(func(n *visit.Snapshot) { n.Demo = true })
			st.portrait = portrait()
			s := openScreen(t, st, size[0], size[1])
			for _, stage := range stages {
				st.set(func(n *visit.Snapshot) { n.Queue = base().Queue })
				if stage.name == "recorded-offline" {
					st.set(func(n *visit.Snapshot) { n.Queue = visit.Queue{Accepted: 13, Sent: 10, Delivered: 10, Hub: "offline"} })
				}
				s.stage(stage.view())
				for _, lang := range []string{"vi", "en"} {
					s.language(lang)
					if lang == "vi" {
						s.wants(stage.vi...)
					} else {
						s.wants(stage.en...)
					}
					s.fits(stage.name + " in " + lang)
					s.shoot(fmt.Sprintf("%dx%d-%s-%s", size[0], size[1], stage.name, lang))
				}
				s.language("vi")
			}
		})
	}
}

// fits checks that all is in view: nothing must be scrolled for.
func (s *screen) fits(where string) {
	s.t.Helper()
	s.holds(where)
	if over := s.over(); over > 1 {
		s.t.Errorf("%s: %d px must be scrolled for", where, over)
	}
}

// over is by how much what is shown is higher than its place.
func (s *screen) over() int {
	s.t.Helper()
	return eval[int](s, `(() => { const b = document.querySelector('.body'); return b.scrollHeight - b.clientHeight; })()`)
}

// holds checks that nothing is wider than the screen, nothing that can be
// pressed is smaller than 48 px, and the answers are in view.
func (s *screen) holds(where string) {
	s.t.Helper()
	wide := eval[[]string](s, `[...document.querySelectorAll('body *:not(.sr-only):not(svg *)')]
		.filter((e) => e.getBoundingClientRect().right > innerWidth + 1 || (e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).overflowX === 'hidden' && !e.closest('svg') && !e.classList.contains('sr-only') && e.tagName !== 'PROGRESS'))
		.map((e) => e.tagName + '.' + e.getAttribute('class'))`)
	if len(wide) > 0 {
		s.t.Errorf("%s: wider than the screen: %v", where, wide)
	}
	small := eval[[]string](s, `[...document.querySelectorAll('button')].filter((b) => b.offsetParent).filter((b) => { const r = b.getBoundingClientRect(); return r.width < 48 || r.height < 48; }).map((b) => b.dataset.key)`)
	if len(small) > 0 {
		s.t.Errorf("%s: smaller than 48 px: %v", where, small)
	}
	hidden := eval[[]string](s, `[...document.querySelectorAll('.actions button')].filter((b) => { const r = b.getBoundingClientRect(); return r.bottom > innerHeight || r.top < 0; }).map((b) => b.dataset.key)`)
	if len(hidden) > 0 {
		s.t.Errorf("%s: answers out of view: %v", where, hidden)
	}
}

func TestEachButtonSendsTheAnswerItNames(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	for _, c := range []struct {
		stage visit.Stage
		key   string
		want  string
	}{
		{visit.StageConsent, "consent", "consent v1"},
		{visit.StageConsent, "cancel", "cancel v1"},
		{visit.StageCard, "cancel", "cancel v1"},
		{visit.StageReading, "cancel", "cancel v1"},
		{visit.StageFace, "cancel", "cancel v1"},
		{visit.StageConfirm, "confirm", "confirm v1"},
		{visit.StageConfirm, "cancel", "cancel v1"},
		{visit.StageRecorded, "cancel", "cancel v1"},
		{visit.StageFailed, "cancel", "cancel v1"},
	} {
		s.stage(nil)
		before := len(st.called())
		s.stage(at(c.stage))
		s.click(c.key)
		eventually(t, fmt.Sprintf("%s %s is sent", c.stage, c.key), func() bool { return len(st.called()) > before })
		if got := st.called()[before:]; !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s, button %s: got %v, want [%s]", c.stage, c.key, got, c.want)
		}
	}
}
