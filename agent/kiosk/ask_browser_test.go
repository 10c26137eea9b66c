package kiosk_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tram/agent/visit"
)

// await returns what an asynchronous JavaScript function body gives.
func await[T any](s *screen, body string) T {
	s.t.Helper()
	v, err := chromedp.Run(s.ctx, chromedp.Evaluate[T]("(async () => {"+body+"})()", chromedp.EvalAwaitPromise))
	if err != nil {
		s.t.Fatalf("browser: %v", err)
	}
	return v
}

func TestTelexMakesVietnameseOfPlainKeys(t *testing.T) {
	t.Parallel()
	s := openScreen(t, newStation(), 1024, 768)
	for keys, want := range map[string]string{
		"tieengs vieetj": "tiếng việt", "ddaay": "đây", "nguowif": "người", "nguwowif": "người", "dduowngf": "đường",
		"Nguyeenx Vawn Thuwr": "Nguyễn Văn Thử", "DDAWKS LAWKS": "ĐẮK LẮK", "Buoon Ma Thuootj": "Buôn Ma Thuột",
		"tienges": "tiếng", "ngoaif": "ngoài", "khuyur": "khuỷu", "toans": "toán", "quyr": "quỷ", "quas": "quá", "giaf": "già", "gif": "gì",
		"mwa": "mưa", "muwa": "mưa", "cuar": "của", "ruwouj": "rượu", "huyeenj": "huyện", "hoawcj": "hoặc", "quawn": "quăn",
		// The same key again takes back what it did; z takes the tone away.
		"aaa": "aa", "ddd": "dd", "ass": "as", "aww": "aw", "uoww": "uow", "tieesngz": "tiêng",
		"kroong": "krông", "lawks": "lắk", "Ddawks Noong": "Đắk Nông", "web": "ưeb", "wweb": "web", "camera": "camera", // names of the highlands, and words that are none
		"hoaf": "hòa", "thuys": "thúy", // the old placement
	} {
		if got := await[string](s, fmt.Sprintf("return (await import('/assets/js/telex.js')).telex(%q)", keys)); got != want {
			t.Errorf("%q: got %q, want %q", keys, got, want)
		}
	}
	if got := await[string](s, "return (await import('/assets/js/telex.js')).telex('hoaf thuys khoer', true)"); got != "hoà thuý khoẻ" {
		t.Errorf("modern placement: got %q, want hoà thuý khoẻ", got)
	}
}

func named(vi, en string) map[string]string { return map[string]string{"vi": vi, "en": en} }

// options are n entries of a catalogue, with the longest names that are usual.
func options(n int) []visit.OptionView {
	var all []visit.OptionView
	for i := range n {
		all = append(all, visit.OptionView{ID: fmt.Sprint("s", i), Label: named(fmt.Sprintf("Đăng ký thường trú, tạm trú %d", i), fmt.Sprintf("Registration of residence %d", i))})
	}
	return all
}

// asking is the visit at its questions, one of each kind.
func asking(st *station) *visit.View {
	zero, far := 0, 365
	st.set(func(n *visit.Snapshot) {
		n.Profile.Questions = []visit.QuestionView{
			{ID: "contract", Label: named("Số hợp đồng", "Contract number"), Kind: "text", By: "clerk", Required: true, MaxLength: 40},
			{ID: "service", Label: named("Dịch vụ", "Service"), Kind: "catalogue", By: "person", Required: true, Options: options(53)},
			{ID: "reason", Label: named("Lý do", "Reason"), Kind: "choice", By: "person", Options: options(6)},
			{ID: "until", Label: named("Ở đến ngày", "Until"), Kind: "date", By: "clerk", Min: &zero, Max: &far},
			{ID: "people", Label: named("Số người", "People"), Kind: "number", By: "person", Required: true},
		}
	})
	v := at(visit.StageConfirm)
	v.Stage, v.Answers, v.Problems = visit.StageAsk, map[string]string{}, map[string]string{}
	return v
}

func TestQuestionsAreAnsweredByFingerAtEverySizeAndSentAtOnce(t *testing.T) {
	t.Parallel()
	for _, size := range sizes {
		t.Run(fmt.Sprintf("%dx%d", size[0], size[1]), func(t *testing.T) {
			st := newStation()
			s := openScreen(t, st, size[0], size[1])
			record(s)
			s.stage(asking(st))
			look := func(name string) {
				s.t.Helper()
				s.fits(name)
				s.accessible(name)
				s.shoot(fmt.Sprintf("%dx%d-%s", size[0], size[1], name))
			}
			s.click("answer-next")
			s.until("the missing answer is said", "!document.getElementById('ask-problem').hidden")
			look("ask-text")
			for _, key := range []string{"d", "d", "a", "s"} {
				s.click("key-" + key)
			}
			if got := eval[string](s, "document.querySelector('.answer').value"); got != "Đá" {
				t.Errorf("typed on the screen: got %q, want Đá", got)
			}
			s.language("en")
			if got := eval[string](s, "document.querySelector('.answer').value"); got != "Đá" {
				t.Errorf("after the language was changed: got %q, want Đá", got)
			}
			look("ask-text-en")
			s.language("vi")
			s.click("answer-next")
			look("ask-catalogue")
			for _, key := range []string{"t", "r", "u", "space", "4", "1"} {
				s.click("key-" + key)
			}
			s.until("one is found", "document.querySelectorAll('.option').length === 1")
			s.click("option-s41")
			s.click("answer-next")
			s.click("option-s2")
			look("ask-choice")
			s.click("answer-next")
			s.do(chromedp.Click(".day:not(:disabled)"))
			look("ask-date")
			s.click("answer-next")
			s.click("key-3")
			look("ask-number")
			s.click("answer-next")
			s.until("the answers are sent", "window.sent?.length === 1")
			var got struct{ Answers map[string]string }
			if err := json.Unmarshal([]byte(eval[string](s, "window.sent[0]")), &got); err != nil {
				t.Fatal(err)
			}
			a := got.Answers
			if a["contract"] != "Đá" || a["service"] != "s41" || a["reason"] != "s2" || a["people"] != "3" || len(a["until"]) != len("2026-03-02") {
				t.Errorf("sent: got %v", a)
			}
			s.stage(nil)
			s.clean("ask")
			if eval[bool](s, "document.documentElement.outerHTML.includes('Đá') || !!document.querySelector('input')") {
				t.Error("an answer is still in the page")
			}
		})
	}
}

// record keeps what the page posts in window.sent instead of sending it.
func record(s *screen) {
	s.t.Helper()
	eval[bool](s, `(() => { const real = window.fetch; window.sent = [];
		window.fetch = (path, how) => how?.method === 'POST' ? (window.sent.push(how.body), Promise.resolve(new Response('{}'))) : real(path, how); return true; })()`)
}

func TestTicketAlarmAndDigitsOfTheCardAreShown(t *testing.T) {
	t.Parallel()
	st := newStation()
	for _, size := range sizes {
		s := openScreen(t, st, size[0], size[1])
		v := at(visit.StageRecorded)
		v.Ticket = &visit.Ticket{Number: 12, Text: "A012"}
		v.Alarms = []visit.Alarm{{Code: "stay_open"}}
		s.stage(v)
		s.wants("A012", "Lượt lưu trú trước còn mở")
		s.fits("ticket")
		s.accessible("ticket")
		s.shoot(fmt.Sprintf("%dx%d-ticket", size[0], size[1]))
		v = at(visit.StageCard)
		v.NeedsCAN, v.Person = true, nil
		s.stage(v)
		record(s)
		for _, d := range "000017" {
			s.click("key-" + string(d))
		}
		s.fits("can")
		s.accessible("can")
		s.shoot(fmt.Sprintf("%dx%d-can", size[0], size[1]))
		s.click("can-go")
		s.until("the digits are sent", `window.sent[0] === '{"can":"000017"}'`)
		s.stage(nil)
	}
}

// The fullest screens: a demo's bar, three answers, a ticket, every check.
func TestTheFullestScreensNeedNoScrolling(t *testing.T) {
	t.Parallel()
	for _, size := range sizes {
		st := newStation()
		s := openScreen(t, st, size[0], size[1])
		asking(st)
		st.set(func(n *visit.Snapshot) { n.Demo = true })
		for _, stage := range []visit.Stage{visit.StageConfirm, visit.StageRecorded} {
			v := at(stage)
			v.Answers = map[string]string{"contract": "HĐ-2026/0017", "service": "s41", "until": "2026-03-05"}
			v.CanGoBack = stage == visit.StageConfirm
			if stage == visit.StageRecorded {
				v.Ticket = &visit.Ticket{Number: 12, Text: "A012"}
			}
			s.stage(v)
			for _, lang := range []string{"vi", "en"} {
				s.language(lang)
				s.fits(fmt.Sprintf("%v %s in %s", size, stage, lang))
			}
			s.shoot(fmt.Sprintf("%dx%d-full-%s", size[0], size[1], stage))
		}
	}
}

func TestTheCameraSaysWhatToDo(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	v := at(visit.StageFace)
	v.Progress = &visit.Progress{Step: "face", Guide: "turn_left"}
	s.stage(v)
	s.wants("Quay mặt từ từ sang trái")
	s.until("it is said", "document.getElementById('live').textContent.includes('sang trái')")
	s.shoot("1024x768-guide")
}

// A further language is a file: it appears in the menu once it has texts, and
// what it lacks is shown in Vietnamese.
func TestAFurtherLanguageFallsBackToVietnamese(t *testing.T) {
	t.Parallel()
	s := openScreen(t, newStation(), 1024, 768)
	got := await[[]string](s, `const real = window.fetch;
		window.fetch = (path) => path === '/assets/languages.json' ? Promise.resolve(new Response(JSON.stringify([{code:'vi',name:'Tiếng Việt'},{code:'rad',name:'Êđê'},{code:'xx',name:'Thử'}])))
			: path === '/assets/lang/xx.json' ? Promise.resolve(new Response(JSON.stringify({'idle.title':'Mới'}))) : real(path);
		const text = await import('/assets/js/text.js?again');
		await text.loadTexts();
		text.setLanguage('xx');
		const out = [text.allLanguages().map((l) => l.code).join(' '), text.t('idle.title'), text.t('stop')];
		text.setLanguage('vi');
		window.fetch = real;
		return out;`)
	if strings.Join(got, "|") != "vi xx|Mới|Dừng lại" {
		t.Errorf("got %q, want the new language in the menu, its text, and Vietnamese for the rest", got)
	}
}

func TestEveryStageIsAccessible(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	for _, stage := range stages {
		s.stage(stage.view())
		s.accessible(stage.name)
	}
}
