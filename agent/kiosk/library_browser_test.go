package kiosk_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"tram/configs"
)

// library is a kind of counter that nobody has written a line of code for.
const library = `
name: library
title: {vi: Thư viện tỉnh, en: Provincial library}
purpose: {vi: Cho mượn sách và cấp số thứ tự, en: To lend books and to give you a number}
basis: consent
evidence: [chip, qr]
assurance: qr
face: "off"
keeps: [personName]
questions:
  - id: book
    label: {vi: Ký hiệu cuốn sách, en: Shelf mark of the book}
    kind: text
    required: true
    maxLength: 20
  - id: days
    label: {vi: Mượn bao nhiêu ngày, en: For how many days}
    kind: number
    required: true
    min: 1
    max: 30
  - id: room
    label: {vi: Đọc ở đâu, en: Where will you read}
    kind: choice
    required: true
    options:
      - {id: home, label: {vi: Mang về nhà, en: At home}}
      - {id: hall, label: {vi: Phòng đọc, en: In the reading room}}
record: vn.tram.visit.registered.v1
register: {kind: visits, keeps: [personName], retain: 24h}
ticket: {kind: queue, prefix: L}
timeouts: {idle: 60s, card: 60s, confirm: 90s}
`

// A library is made up in a file, and served as every other counter: questions,
// record, a line of the register, a ticket on the screen and from the printer. The
// ticket's code says its number, and nothing of the person.
func TestALibraryIsAFileAndIsPlayedWithRegisterAndTicket(t *testing.T) {
	dir := t.TempDir()
	file, paper := filepath.Join(dir, "library.yaml"), filepath.Join(dir, "lp0")
	for path, text := range map[string]string{file: library, paper: ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := newBench(t).open(t, "library", func(o *configs.Config) {
		o.Profile, o.Printer.Path, o.Printer.Font = file, paper, "none"
	})
	given := map[string]string{"book": "895 tho", "days": "14"}
	for i, size := range sizes {
		p := c.play(size[0], size[1])
		p.s.says("Thư viện tỉnh")
		p.scanCode(citizen.QR2024())
		number := []string{"L001", "L002", "L003"}[i]
		card := c.citizenCard()
		if i > 0 {
			card = nil // the code alone is enough here
		}
		p.ends("recorded", card, given)
		p.s.says(number)
		p.s.until("the ticket's code", `document.querySelector('.ticket-qr')?.naturalWidth > 0`)
		said := regexp.MustCompile(`^` + number + ` \d{4}-\d\d-\d\dT\d\d:\d\d\+07:00 mau/play-library$`)
		if codes := p.s.codesOn(); len(codes) != 1 || !said.MatchString(codes[0]) {
			t.Errorf("%dx%d: the codes on the screen say %q, want one like %s", size[0], size[1], codes, said)
		}
		p.s.fits("a ticket with a code")
		p.s.accessible("a ticket with a code")
		p.delivered()
		p.s.shoot([]string{"ticket", "ticket-wide", "ticket-small"}[i])
		p.end()
		eventually(t, "the ticket is printed", func() bool {
			b, err := os.ReadFile(paper)
			return err == nil && regexp.MustCompile(number).Match(b)
		})
	}
	printed, err := os.ReadFile(paper)
	if err != nil {
		t.Fatal(err)
	}
	for _, of := range personal(citizen) {
		if regexp.MustCompile(regexp.QuoteMeta(of)).Match(printed) {
			t.Error("the ticket holds something of the person")
		}
	}
	d := c.page("/desk", 1920, 1080)
	d.signIn(clerkName, clerkPIN)
	d.click("tab-today")
	d.says("L001", "L002", "L003", citizen.PersonName)
}
