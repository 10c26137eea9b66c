package kiosk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"tram/agent/signin"
	"tram/agent/visit"
)

// prefers sets what the person's system asks of pages.
func (s *screen) prefers(feature, value string) {
	s.t.Helper()
	s.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: feature, Value: value}}})
		return err
	}))
	s.until(feature, fmt.Sprintf("matchMedia('(%s: %s)').matches", feature, value))
}

// zoom shows the page as a window of that size does that is zoomed into to twice.
func (s *screen) zoom(width, height int64) {
	s.t.Helper()
	s.do(chromedp.EmulateViewport(width/2, height/2, chromedp.EmulateScale(2)))
	s.until("the zoom", fmt.Sprintf("innerWidth === %d && devicePixelRatio === 2", width/2))
}

const typeSize = "parseFloat(getComputedStyle(document.documentElement).fontSize)"

// reachable checks that every button can be come to and pressed, and that no text
// is cut off where it cannot be scrolled to.
func (s *screen) reachable(where string) {
	s.t.Helper()
	if over := eval[int](s, "document.documentElement.scrollWidth - innerWidth"); over > 0 {
		s.t.Errorf("%s: %d px wider than the window", where, over)
	}
	lost := eval[[]string](s, `[...document.querySelectorAll('button:not(:disabled)')].filter((e) => e.offsetParent).filter((e) => {
		e.scrollIntoView({ block: 'center' });
		const r = e.getBoundingClientRect();
		return r.left < 0 || r.right > innerWidth + 1 || !e.contains(document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2));
	}).map((e) => e.dataset.key)`)
	if len(lost) > 0 {
		s.t.Errorf("%s: cannot be pressed: %v", where, lost)
	}
	cut := eval[[]string](s, `[...document.querySelectorAll('body *:not(.sr-only):not(svg *)')].filter((e) => e.offsetParent && e.tagName !== 'PROGRESS')
		.filter((e) => { const c = getComputedStyle(e); return (c.overflowY === 'hidden' && e.scrollHeight > e.clientHeight + 1) || (c.overflowX === 'hidden' && c.textOverflow !== 'ellipsis' && e.scrollWidth > e.clientWidth + 1); })
		.map((e) => e.tagName + '.' + e.getAttribute('class'))`)
	if len(cut) > 0 {
		s.t.Errorf("%s: cut off: %v", where, cut)
	}
}

func TestAWindowThatIsZoomedToTwiceShowsTwiceTheTypeAndLosesNothing(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	before := eval[float64](s, typeSize)
	s.zoom(1024, 768)
	if got := eval[float64](s, typeSize); got < before {
		t.Errorf("the type is %.1f of the page's px, before it was %.1f: it did not grow with the zoom", got, before)
	}
	for _, stage := range stages {
		s.stage(stage.view())
		s.reachable(stage.name)
		s.shoot("zoom-" + stage.name)
	}
	s.stage(asking(st))
	s.reachable("a question")
	s.shoot("zoom-ask")
	for _, size := range [][2]int64{{1080, 1920}, {1920, 1080}} {
		s.zoom(size[0], size[1])
		for _, stage := range stages[:6] {
			s.stage(stage.view())
			s.reachable(fmt.Sprintf("%s at %d", stage.name, size[0]))
		}
		s.stage(nil)
	}
}

func TestTheStaffsPagesZoomToTwice(t *testing.T) {
	t.Parallel()
	s, _ := enter(t, signin.Clerk, "/desk")
	before := eval[float64](s, typeSize)
	for _, size := range [][2]int64{{1920, 1080}, {1024, 768}} {
		s.zoom(size[0], size[1])
		if got := eval[float64](s, typeSize); got != before {
			t.Errorf("the type is %.1f of the page's px, before it was %.1f", got, before)
		}
		for _, tab := range deskTabs {
			s.tab(tab)
			s.reachable(fmt.Sprintf("%s at %d", tab, size[0]))
		}
	}
	s.shoot("zoom-desk")
}

// What is chosen is told by more than a colour of the page's own, for the system's are others.
func TestWhereTheSystemChoosesTheColoursWhatIsChosenIsStillSeen(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	s.prefers("forced-colors", "active")
	differ := func(what, chosen, other string) {
		t.Helper()
		s.until(what+" differs", fmt.Sprintf(`(() => { const ground = (q) => getComputedStyle(document.querySelector(q)).backgroundColor; return ground(%q) !== ground(%q); })()`, chosen, other))
	}
	differ("the language", ".language[aria-pressed=true]", ".language[aria-pressed=false]")
	v := asking(st)
	v.Answers = map[string]string{"contract": "HĐ 1", "service": "s1", "reason": "s1"}
	s.stage(v)
	s.click("answer-next")
	s.click("answer-next")
	s.until("the choice", `document.querySelectorAll('.option').length === 6`)
	differ("the answer", ".option[aria-checked=true]", ".option[aria-checked=false]")
	for _, stage := range stages {
		s.stage(nil)
		s.stage(stage.view())
		if bare := eval[[]string](s, `[...document.querySelectorAll('button')].filter((e) => e.offsetParent && !e.classList.contains('language')).filter((e) => { const c = getComputedStyle(e); return c.borderTopStyle !== 'solid' || parseFloat(c.borderTopWidth) < 1; }).map((e) => e.dataset.key)`); len(bare) > 0 {
			t.Errorf("%s: buttons without an edge: %v", stage.name, bare)
		}
		s.shoot("forced-" + stage.name)
	}
}

func TestADarkSystemDoesNotDarkenThePage(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	look := `[document.body, document.querySelector('.button, .language'), document.querySelector('input') ?? document.body].map((e) => { const c = getComputedStyle(e); return c.color + c.backgroundColor; }).join()`
	for _, show := range []func() *visit.View{func() *visit.View { return asking(st) }, func() *visit.View { return at(visit.StageConfirm) }} {
		s.prefers("prefers-color-scheme", "light")
		s.stage(show())
		light := eval[string](s, look)
		s.prefers("prefers-color-scheme", "dark")
		if dark := eval[string](s, look); dark != light {
			t.Errorf("in the dark: got %s, want %s", dark, light)
		}
	}
}

func TestWhoWantsNoMotionSeesNone(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	moving := []visit.Stage{visit.StageCard, visit.StageReading, visit.StageFace, visit.StageRecorded}
	for _, stage := range moving {
		s.stage(at(stage))
		s.until("something moves at "+string(stage), "document.getAnimations().length > 0")
	}
	s.prefers("prefers-reduced-motion", "reduce")
	for _, stage := range moving {
		s.stage(at(stage))
		s.until("nothing moves at "+string(stage), "document.getAnimations().length === 0")
	}
}

// heard is the page as its accessibility tree has it: one line of role and name
// for each thing that a screen reader comes to.
func (s *screen) heard() []string {
	s.t.Helper()
	tree, err := chromedp.Run(s.ctx, chromedp.Action[accessibility.GetFullAXTreeResult](func(ctx context.Context, tab *chromedp.Target) (accessibility.GetFullAXTreeResult, error) {
		return cdp.Call(ctx, tab, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	}))
	if err != nil {
		s.t.Fatal(err)
	}
	var lines []string
	for _, n := range tree.Nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		lines = append(lines, textOf(n.Role)+": "+textOf(n.Name))
	}
	return lines
}

func textOf(v *accessibility.Value) string {
	var text string
	if v != nil {
		_ = json.Unmarshal([]byte(v.Value), &text)
	}
	return text
}

func TestAScreenReaderIsGivenTheStagesByRoleAndName(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	want := map[string][]string{
		"idle":     {"heading: Xin mời quét mã QR trên thẻ", "image: Hình mặt sau thẻ căn cước: mã QR ở góc trên bên phải.", "image: Hình điện thoại hiện mã QR.", "list: Các bước"},
		"consent":  {"heading: Máy xin phép đọc chip trên thẻ", "button: Đồng ý", "button: Không đồng ý"},
		"card":     {"heading: Đặt thẻ lên đầu đọc", "image: Hình thẻ được đặt phẳng lên đầu đọc.", "button: Dừng lại"},
		"reading":  {"heading: Đang đọc chip. Xin giữ yên thẻ", "progressbar: Tiến độ đọc chip", "button: Dừng lại"},
		"face":     {"heading: Xin mời nhìn vào camera", "image: Hình khuôn mặt trong khung camera."},
		"confirm":  {"heading: Xin kiểm tra thông tin", "image: Ảnh chân dung đọc từ chip", "button: Đúng, ghi nhận", "button: Không đúng, dừng lại"},
		"recorded": {"heading: Đã ghi nhận", "button: Kết thúc"},
		"failed":   {"heading: Kiểm tra thẻ không đạt", "button: Làm lại từ đầu"},
	}
	for _, stage := range stages {
		s.stage(stage.view())
		lines := s.heard()
		for _, w := range append(want[stage.name], "banner: ", "main: ", "contentinfo: ", "status: ", "alert: ", "group: Ngôn ngữ", "button: English") {
			if !slices.Contains(lines, w) {
				t.Errorf("%s: %q is not in the tree: %q", stage.name, w, lines)
			}
		}
		for _, role := range []string{"heading", "image", "button", "progressbar", "radio", "textbox"} {
			if slices.Contains(lines, role+": ") {
				t.Errorf("%s: a %s without a name", stage.name, role)
			}
		}
	}
	s.stage(asking(st))
	if lines := s.heard(); !slices.Contains(lines, "textbox: Số hợp đồng") || !slices.Contains(lines, "group: Bàn phím") {
		t.Errorf("a question: got %q, want its field and its keys", lines)
	}
}
