package kiosk_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tram/agent/kiosk"
	"tram/agent/signin"
	"tram/agent/visit"
)

var (
	_ kiosk.Deciding = (*station)(nil)
	_ kiosk.Asking   = (*station)(nil)
)

func (s *station) DecideFace(_ context.Context, id, who string, same bool) error {
	return s.note(fmt.Sprintf("face %s %s %t", id, who, same))
}
func (s *station) CompareAgain(_ context.Context, id string) error {
	return s.note("again " + id)
}
func (s *station) Answer(_ context.Context, id string, answers map[string]string) error {
	return s.note(fmt.Sprintf("answer %s %v", id, answers))
}
func (s *station) Back(_ context.Context, id string) error { return s.note("back " + id) }
func (s *station) SubmitCAN(_ context.Context, digits string) (string, error) {
	return "v1", s.note("can " + digits)
}
func (s *station) SubmitMRZ(_ context.Context, lines string) (string, error) {
	return "v1", s.note("mrz " + lines)
}
func (s *station) Declare(_ context.Context, person map[string]string) (string, error) {
	if person["personName"] == "" {
		return "", visit.ErrBadField
	}
	return "v1", s.note("declare " + person["personName"] + " " + person["gender"])
}

func (s *screen) says(words ...string) {
	s.t.Helper()
	for _, w := range words {
		s.until("the page says "+w, fmt.Sprintf("document.body.innerText.includes(%q)", w))
	}
}

func (s *screen) fill(key, words string) {
	s.t.Helper()
	s.do(chromedp.SendKeys(fmt.Sprintf(`[data-key=%q]`, key), words))
}

// mark makes an element known, and anew waits until another stands in its place.
func (s *screen) mark(key string) {
	s.t.Helper()
	eval[bool](s, fmt.Sprintf(`(document.querySelector('[data-key=%q]').dataset.old = '1', true)`, key))
}

func (s *screen) anew(key string) {
	s.t.Helper()
	s.until("a new "+key, fmt.Sprintf(`document.querySelector('[data-key=%q]:not([data-old])') !== null`, key))
}

func TestACoachsClerkSeesTripsAndTheList(t *testing.T) {
	t.Parallel()
	s, o := enter(t, signin.Clerk, "/desk", func(n *visit.Snapshot) { n.Profile.Register = "trips" })
	s.click("tab-trips")
	s.says("Buôn Ma Thuột – Đà Nẵng", "7 / 20")
	s.accessible("trips")
	s.shoot("desk-trips")
	s.click("trip-t1")
	s.says(personName)
	s.fill("route", "Buôn Ma Thuột – Nha Trang")
	s.click("trip-open")
	eventually(t, "the trip is opened", o.called("mai opens Buôn Ma Thuột – Nha Trang"))
	s.click("tab-roster")
	s.says("Ca thi 1", "có mặt 2 / 3")
	s.accessible("roster")
}

func TestAClerkAnswersAPersonsRequestsAndGivesAReasonEachTime(t *testing.T) {
	t.Parallel()
	s, o := enter(t, signin.Clerk, "/desk")
	s.click("tab-requests")
	s.says("Ghi nhận yêu cầu")
	s.fill("number", "099099000017")
	s.click("find")
	eventually(t, "no reason, no search", func() bool {
		return eval[bool](s, `document.activeElement.dataset.key === 'reason'`)
	})
	s.fill("reason", "đơn số 4")
	s.click("find")
	eventually(t, "the search", o.called("mai finds 099099000017 đơn số 4"))
	s.says("Tìm thấy: 1", personName)
	s.accessible("a person's entries")
	s.shoot("desk-rights")
	s.mark("hold-e3")
	s.click("hold-e3")
	eventually(t, "the hold", o.called("mai holds e3 đơn số 4"))
	s.anew("hold-e3")
	s.click("correct-e3")
	s.fill("value", "Trần Văn Mẫu")
	s.click("correct-yes")
	eventually(t, "the correction", o.called("mai corrects e3 Trần Văn Mẫu đơn số 4"))
	s.until("found again", `!document.querySelector('[data-key="correct-yes"]')`)
	s.click("delete-e3")
	s.accessible("asks before it deletes")
	if o.called("mai deletes e3 đơn số 4")() {
		t.Error("deleted without a second word")
	}
	s.click("delete-yes")
	eventually(t, "the deletion", o.called("mai deletes e3 đơn số 4"))
	s.until("found again", `!document.querySelector('[data-key="delete-yes"]')`)
	s.click("answered-r1")
	eventually(t, "the request", o.called("mai answered r1 đơn số 4"))
	s.click("signout")
	s.until("the sign-in again", `!!document.querySelector('[data-key="pin"]')`)
	s.clean("after signing out")
}

func TestAClerkDecidesWhereTheDeviceIsUnsureOfAFace(t *testing.T) {
	t.Parallel()
	s, _ := enter(t, signin.Clerk, "/desk")
	s.says("Không có ai tại quầy")
	v := at(visit.StageConfirm)
	v.Checks[6].Status, v.Assurance = "unsure", "chip-trusted"
	s.st.set(func(n *visit.Snapshot) { n.Visit = v })
	s.says(personName, "Máy chưa chắc về khuôn mặt")
	s.accessible("the face")
	s.shoot("desk-face")
	s.click("face-same")
	eventually(t, "the decision is sent", func() bool { return len(s.st.called()) == 1 })
	if got := s.st.called()[0]; got != "face v1 mai true" {
		t.Errorf("got %q", got)
	}
	s.st.set(func(n *visit.Snapshot) { n.Visit = nil })
	s.says("Không có ai tại quầy")
	s.clean("nobody is there")
}

func TestAClerkTypesWhoHasNoCard(t *testing.T) {
	t.Parallel()
	s, _ := enter(t, signin.Clerk, "/desk")
	s.click("tab-declare")
	s.says("Khai tay")
	s.accessible("declare")
	s.fill("personName", personName)
	s.fill("dateOfBirth", "15/01/1999")
	s.do(chromedp.SendKeys(`[data-key="gender"]`, "Nam"))
	s.shoot("desk-declare")
	s.click("declare")
	s.says("Đã bắt đầu")
	if got := s.st.called(); len(got) != 1 || got[0] != "declare "+personName+" Nam" {
		t.Errorf("got %q", got)
	}
	if got := eval[string](s, `[...document.querySelectorAll('input')].map((i) => i.value).join('')`); got != "" {
		t.Error("what was typed stays in the form")
	}
}

// passportLines are those of an invented passport, with right check digits.
var passportLines = [2]string{"P<XXXMAU<<ANNA" + strings.Repeat("<", 30), "X00000017" + "?" + "XXX" + "900101" + "?" + "F" + "350101" + "?" + "<<<<<<<<<<<<<<" + "<" + "?"}

// mrzLines fills the check digits in.
func mrzLines() [2]string {
	value := func(c byte) int {
		switch {
		case c == '<':
			return 0
		case c >= 'A':
			return int(c-'A') + 10
		}
		return int(c - '0')
	}
	line := []byte(passportLines[1])
	digit := func(words ...[]byte) byte {
		sum, i := 0, 0
		for _, w := range words {
			for _, c := range w {
				sum += value(c) * []int{7, 3, 1}[i%3]
				i++
			}
		}
		return byte('0' + sum%10)
	}
	line[9], line[19], line[27] = digit(line[:9]), digit(line[13:19]), digit(line[21:27])
	line[43] = digit(line[:10], line[13:20], line[21:43])
	return [2]string{passportLines[0], string(line)}
}

func TestAPassportIsTypedOnTheScreenAtEverySize(t *testing.T) {
	t.Parallel()
	lines := mrzLines()
	for i, size := range sizes {
		st := newStation()
		st.set(func(n *visit.Snapshot) { n.Profile.Evidence = append(n.Profile.Evidence, "passport") })
		s := openScreen(t, st, size[0], size[1])
		s.fits("idle with passports")
		s.click("open-mrz")
		s.waitStage("mrz")
		s.accessible("mrz")
		s.fits("mrz")
		if i == 0 { // by finger, the other sizes by keys
			for _, line := range lines {
				for _, c := range line {
					key := string(c)
					if c == '<' {
						key = "filler"
					} else if c >= 'A' {
						key = string(c + 'a' - 'A')
					}
					eval[bool](s, fmt.Sprintf(`(document.querySelector('[data-key="key-%s"]').click(), true)`, key))
				}
			}
		} else {
			s.do(chromedp.SendKeys(`[data-key="mrz-0"]`, lines[0]+lines[1][:43]+"?"))
		}
		s.shoot(fmt.Sprintf("%dx%d-mrz", size[0], size[1]))
		if i > 0 {
			s.click("mrz-go")
			s.says("Dòng 2 chưa đúng")
			s.do(chromedp.SendKeys(`[data-key="mrz-1"]`, lines[1][43:]))
		}
		s.click("mrz-go")
		eventually(t, "the lines are sent", func() bool { return len(st.called()) == 1 })
		if got, want := st.called()[0], "mrz "+lines[0]+"\n"+lines[1]; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		s.stage(at(visit.StageConsent))
		s.stage(nil)
		s.clean("after a passport")
	}
}

func TestNoticesTurnAndGatesShowOneSign(t *testing.T) {
	t.Parallel()
	for _, size := range sizes {
		st := newStation()
		st.set(func(n *visit.Snapshot) {
			n.Notices = []visit.Notice{
				{ID: "n1", Kind: "info", Text: named("Thứ Bảy nghỉ lễ, quầy mở lại sáng thứ Hai.", "Closed on Saturday.")},
				{ID: "n2", Kind: "warning", Text: named("Cảnh giác với cuộc gọi giả danh công an.", "Beware of calls in the name of the police.")},
			}
		})
		s := openScreen(t, st, size[0], size[1])
		s.says("Thứ Bảy nghỉ lễ", "1 / 2")
		s.fits("notices")
		s.accessible("notices")
		s.click("news-after")
		s.says("giả danh công an", "2 / 2")
		s.shoot(fmt.Sprintf("%dx%d-notice", size[0], size[1]))
		st.set(func(n *visit.Snapshot) { n.Notices, n.Profile.Quick, n.Profile.Register = nil, true, "passages" })
		s.until("no notices", "document.querySelector('.news').hidden")
		s.stage(at(visit.StageRecorded))
		s.says("Mời qua cổng", personName)
		s.fits("gate open")
		s.accessible("gate open")
		s.shoot(fmt.Sprintf("%dx%d-gate-open", size[0], size[1]))
		v := at(visit.StageFailed)
		v.Failure = &visit.Failure{Code: "not_allowed"}
		s.stage(v)
		s.fits("gate denied")
		s.accessible("gate denied")
		s.shoot(fmt.Sprintf("%dx%d-gate-denied", size[0], size[1]))
		s.stage(nil)
		s.clean("gate")
		st.set(func(n *visit.Snapshot) { n.Profile.Evidence = []string{"camera"} })
		s.says("đếm lượt người")
		s.fits("counting")
		s.accessible("counting")
		s.shoot(fmt.Sprintf("%dx%d-counting", size[0], size[1]))
	}
}
