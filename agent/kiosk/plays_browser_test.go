package kiosk_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"tram/configs"
	"tram/drivers/sim"
)

var citizen = sim.DefaultCitizen()

// Every profile that is shipped, on the real daemon with the virtual reader,
// scanner and hub: a standing kiosk first, then a wall screen.
func TestEachCounterIsPlayedByTouchOnTheRealDaemon(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		profile  string
		chip     bool // read the chip in the second play too; else the code alone does
		given    map[string]string
		recorded []string // what the screen then says
	}{
		{"one-stop", false, nil, []string{"A001"}},
		{"clinic", false, nil, nil},
		{"hospital-kiosk", true, nil, []string{"B001"}},
		{"notary", false, map[string]string{"contract": "hd17"}, nil},
		{"pawn-security", true, map[string]string{"contract": "cd17"}, nil},
		{"lodging", false, map[string]string{"room": "203"}, nil},
		{"rental", false, map[string]string{"room": "5"}, nil},
		{"inpatient", false, map[string]string{"bed": "12"}, nil},
	} {
		t.Run(c.profile, func(t *testing.T) {
			at := b.open(t, c.profile)
			p := at.play(1080, 1920)
			p.scanCode(citizen.QR2024())
			p.ends("recorded", at.citizenCard(), c.given)
			p.s.wants(c.recorded...)
			p.s.wants(citizen.PersonName, "0990****0017", "Chip thật, đúng nơi cấp")
			p.s.fits(c.profile + " recorded")
			p.s.accessible("recorded on the real daemon")
			p.delivered()
			p.s.shoot("play-" + c.profile)
			p.end()
			p = at.play(1920, 1080)
			card := at.citizenCard()
			if !c.chip {
				card = nil
			}
			p.scanCode(citizen.QR2021())
			p.ends("recorded", card, c.given)
			p.s.fits(c.profile + " recorded")
			p.delivered()
			p.end()
		})
	}
}

func TestACoachBoardsInOneLookAndStopsWhoBoardedTwice(t *testing.T) {
	c := newBench(t).open(t, "coach")
	d := c.page("/desk", 1024, 768)
	d.signIn(clerkName, clerkPIN)
	d.click("tab-trips")
	d.until("the form", `!!document.querySelector('[data-key="route"]')`)
	d.fill("route", "Buôn Ma Thuột – Đà Nẵng")
	d.click("trip-open")
	d.says("0")
	for i, size := range sizes[:2] {
		p := c.play(size[0], size[1])
		p.scanCode(citizen.QR2021())
		if i == 0 {
			p.s.waitStage("recorded")
			p.s.says("Mời lên xe", citizen.PersonName)
		} else {
			p.s.waitStage("failed")
			p.s.says("lên xe")
		}
		p.s.fits("coach")
		p.s.accessible("coach")
		p.s.shoot("play-coach")
		p.end()
	}
	d.click("tab-trips")
	d.until("one has boarded", `[...document.querySelectorAll('td')].some((c) => c.textContent === '1')`)
	if key := eval[string](d, `document.querySelector('[data-key^="trip-"]:not([data-key="trip-open"])').dataset.key`); key != "" {
		d.click(key)
	}
	d.until("the trip's list to print", `!!document.querySelector('[data-key="trip-print"]')`)
	paper := await[string](d, `return (await fetch(document.querySelector('[data-key="trip-print"]').href)).text()`)
	if !strings.Contains(paper, "<td>"+citizen.PersonName+"</td>") || !strings.Contains(paper, "Đà Nẵng") || strings.Contains(paper, citizen.IDCode) {
		t.Errorf("the trip's list to print: want the name, the route and no number; got\n%s", paper)
	}
	d.click("tab-alarms")
	d.says("đã lên xe")
}

// Where no machine can compare the face, a clerk looks, signed in with a PIN on
// the page beside the citizen's.
func TestAnExaminationAdmitsOnAClerksWordForTheFace(t *testing.T) {
	c := newBench(t).open(t, "exam-room", func(o *configs.Config) { o.Camera.Source = filepath.Join(t.TempDir(), "unplugged") })
	c.order("roster", map[string]any{"version": 1, "entries": []map[string]string{{"idCode": citizen.IDCode, "personName": citizen.PersonName, "dateOfBirth": citizen.DateOfBirth, "room": "P.101", "seat": "12"}}})
	d := c.page("/desk", 1024, 768)
	d.signIn(clerkName, clerkPIN)
	d.says("Không có ai tại quầy")
	p := c.play(1080, 1920)
	p.scanCode(citizen.QR2021())
	p.ends("failed", c.citizenCard(), nil)
	p.s.says("gặp cán bộ")
	d.click("face-same")
	p.s.until("the visit goes on", "document.body.dataset.stage !== 'failed'")
	p.ends("recorded", nil, nil)
	p.s.says(citizen.PersonName)
	p.delivered()
	p.s.shoot("play-exam-room")
	p.end()
	d.says("Không có ai tại quầy")
	d.click("tab-roster")
	d.says("có mặt 1 / 1")
	p = c.play(1920, 1080)
	p.scanCode(citizen.QR2021())
	p.ends("failed", c.citizenCard(), nil) // the face first, then the roster
	d.click("tab-now")
	d.click("face-same")
	p.s.until("the roster's word", `document.querySelector('.code')?.textContent.includes('twice_admitted')`)
	p.end()
}

func TestAGuestFromAbroadTypesAPassportAndAClerkTypesAPaper(t *testing.T) {
	c := newBench(t).open(t, "lodging")
	holder := passportHolder()
	lines := strings.Fields(holder.MRZ())
	if len(lines) == 1 {
		lines = []string{holder.MRZ()[:44], holder.MRZ()[44:]}
	}
	card, err := sim.NewHolderCard(holder, c.pki, portrait())
	if err != nil {
		t.Fatal(err)
	}
	p := c.play(1080, 1920)
	p.press("open-mrz")
	p.s.waitStage("mrz")
	p.typeWords("mrz-0", lines[0])
	p.typeWords("mrz-1", lines[1])
	p.press("mrz-go")
	p.ends("recorded", card, map[string]string{"room": "301"})
	p.s.says("MAU", "Mức tin cậy")
	p.s.shoot("play-lodging-passport")
	p.delivered()
	p.end()

	d := c.page("/desk", 1920, 1080)
	d.signIn(clerkName, clerkPIN)
	d.click("tab-stays")
	d.says("301")
	d.click("tab-declare")
	d.until("the form", `!!document.querySelector('[data-key="personName"]')`)
	d.fill("personName", citizen.PersonName)
	d.fill("dateOfBirth", citizen.DateOfBirth)
	d.click("declare")
	d.says("Đã bắt đầu")
	p.ends("recorded", nil, map[string]string{"room": "302"})
	p.s.says("Tự khai")
	p.end()
	d.click("tab-today")
	d.says("301", "302")
	d.click("tab-stays")
	d.until("the stays", `document.querySelectorAll('[data-key^="checkout-"]').length === 2`)
	d.click(eval[string](d, `document.querySelector('[data-key^="checkout-"]').dataset.key`))
	d.until("one stay is open", `document.querySelectorAll('[data-key^="checkout-"]').length === 1`)
	d.click("signout")
	d.until("the sign-in again", `!!document.querySelector('[data-key="pin"]')`)
	d.clean("after signing out")
}

func TestAVisitIsPlayedByKeyboardAlone(t *testing.T) {
	c := newBench(t).open(t, "one-stop")
	p := c.play(1920, 1080)
	p.keys = true
	p.press("lang-en")
	p.s.says("scan the QR code")
	p.scanCode(citizen.QR2024())
	p.ends("recorded", c.citizenCard(), nil)
	p.s.says("A001", "Recorded")
	p.delivered()
	p.end()
	p.s.says("Xin mời quét mã QR")
}

func TestATouristGateCountsAndIdentifiesNobody(t *testing.T) {
	c := newBench(t).open(t, "tourist-gate", func(o *configs.Config) {
		o.Gate.Source, o.Gate.Line = filepath.Join(t.TempDir(), "unplugged"), [4]float64{0, 0, 10, 10}
	})
	c.order("notice", map[string]any{"version": 1, "entries": []any{map[string]any{
		"id": "hotline", "kind": "contact", "qr": "https://du-lich.example.vn/gop-y", "phone": "1800 1234", "picture": poster(t),
		"title": map[string]string{"vi": "Đường dây nóng du lịch"}, "text": map[string]string{"vi": "Góp ý, phản ánh: quét mã hoặc gọi số miễn phí."},
	}}})
	for _, size := range sizes {
		p := c.play(size[0], size[1])
		p.s.says("đếm lượt người", "không nhận dạng ai", "1800 1234")
		p.s.until("the code", `document.querySelector('.news-qr')?.naturalWidth > 0`)
		p.s.fits("tourist gate")
		p.s.accessible("tourist gate")
		p.s.shoot(fmt.Sprintf("%dx%d-play-tourist-gate", size[0], size[1]))
		p.scanCode(citizen.QR2021())
	}
	d := c.page("/desk", 1024, 768)
	d.signIn(clerkName, clerkPIN)
	d.says("Không có ai tại quầy")
}
