package kiosk_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"tram/agent/visit"
)

// longAddress is as long as addresses get on a card.
const longAddress = "Tổ dân phố 12, Buôn Păm Lăm – Kô Siêr, hẻm 208/15/7 Đường Y Nuê nối dài, Phường Mẫu Tân Lập, Thành phố Mẫu Buôn Ma Thuột, Tỉnh Mẫu Đắk Lắk"

// The longest names and addresses are shown whole at every size, and the answers
// stay in view.
func TestTheLongestNamesAndAddressesAreShownWhole(t *testing.T) {
	t.Parallel()
	st := newStation()
	s := openScreen(t, st, 1024, 768)
	asking(st)
	for _, size := range sizes {
		s.do(chromedp.EmulateViewport(size[0], size[1]))
		for _, stage := range []visit.Stage{visit.StageConsent, visit.StageConfirm, visit.StageRecorded} {
			v := at(stage)
			v.Person.PersonName = longName
			if stage != visit.StageConsent {
				v.Person.ResidencePlace = longAddress
				v.Answers = map[string]string{"contract": "HĐ-2026/0017/BMT-ĐL-Phụ lục số 12", "service": "s41", "reason": "s5", "until": "2026-03-05", "people": "12"}
			}
			if stage == visit.StageRecorded {
				v.Ticket = &visit.Ticket{Number: 1012, Text: "A1012"}
				v.Alarms = []visit.Alarm{{Code: "stay_open"}}
			}
			s.stage(nil)
			s.stage(v)
			s.wants(longName)
			where := fmt.Sprintf("%s at %dx%d", stage, size[0], size[1])
			s.holds(where)
			s.reachable(where)
			if s.over() > 1 && !eval[bool](s, "getComputedStyle(document.querySelector('.bar-actions'), '::before').content.includes('▾')") {
				t.Errorf("%s: nothing tells that there is more below", where)
			}
			s.shoot(fmt.Sprintf("%dx%d-long-%s", size[0], size[1], stage))
		}
		s.stage(nil)
		st.set(func(n *visit.Snapshot) { n.Profile.Quick, n.Profile.Register = true, "passages" })
		v := at(visit.StageConfirm)
		v.Person.PersonName, v.Gate = longName, &visit.GateView{State: "open"}
		s.stage(v)
		s.wants(longName)
		s.fits(fmt.Sprintf("the gate at %dx%d", size[0], size[1]))
		s.shoot(fmt.Sprintf("%dx%d-long-gate", size[0], size[1]))
		s.stage(nil)
		st.set(func(n *visit.Snapshot) { n.Profile.Quick, n.Profile.Register = false, "" })
	}
}
