package kiosk_test

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"path/filepath"
	"testing"

	"tram/configs"
	"tram/drivers/sim"
)

// allow puts people on the hub's list of who may pass.
func (c *stand) allow(people ...sim.Citizen) {
	c.t.Helper()
	salt := []byte("0123456789abcdef")
	entries := []map[string]any{}
	for _, p := range people {
		hash, err := pbkdf2.Key(sha256.New, p.IDCode, salt, 1000, 32)
		if err != nil {
			c.t.Fatal(err)
		}
		entries = append(entries, map[string]any{"hash": hash})
	}
	c.order("allow-list", map[string]any{"version": 1, "salt": salt, "rounds": 1000, "entries": entries})
}

// A gate lets nobody through without a list; a visitor with a clerk's word, and
// who is on the hub's list without one. The sensor behind it says who went.
func TestAnIndustrialGateOpensForTheListAndForAVisitorOfAClerk(t *testing.T) {
	const went = 2 // the sensor's input for who comes in
	board, err := sim.NewRelay()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = board.Close() })
	c := newBench(t).open(t, "industrial-gate", func(o *configs.Config) {
		o.Passage.Relay, o.Passage.Sensor, o.Passage.Direction = board.Path(), "board", "both"
		o.Gate.Source, o.Gate.Line = filepath.Join(t.TempDir(), "unplugged"), [4]float64{0, 0, 10, 10}
	})
	goes := func() {
		t.Helper()
		if err := board.Sense(went); err != nil {
			t.Fatal(err)
		}
	}
	p := c.play(1080, 1920)
	p.scanCode(citizen.QR2021())
	p.s.waitStage("failed")
	p.s.says("Không được")
	p.s.fits("gate denied")
	p.s.accessible("gate denied")
	p.press("back")
	p.s.waitStage("ask")
	p.typeWords("answer", "mai")
	p.s.fits("whom a visitor sees")
	p.s.accessible("whom a visitor sees")
	p.press("answer-next")
	p.s.until("the second question", `document.querySelector('#ask-help')?.textContent.includes(' 2 ')`)
	p.press("answer-next")
	p.s.waitStage("confirm")
	p.press("confirm")
	p.s.until("a clerk is asked for", `document.querySelector('dialog.pin')?.open`)
	p.s.accessible("a clerk's word")
	p.s.shoot("gate-clerk")
	for _, c := range clerkName {
		p.s.click("key-" + string(c))
	}
	p.s.click("pin")
	for _, d := range clerkPIN {
		p.s.click("key-" + string(d))
	}
	p.s.click("signin")
	p.s.says("Mời qua cổng", citizen.PersonName)
	p.s.fits("gate open for a visitor")
	p.s.accessible("gate open for a visitor")
	goes()
	p.s.waitStage("recorded")
	p.s.says("Đã qua cổng")
	p.s.until("one is inside", `document.querySelector('.gate-inside dd').textContent === '1'`)
	p.s.fits("visitor passed")
	p.s.shoot("play-industrial-gate")
	p.end()

	worker := sim.DefaultCitizen()
	worker.IDCode, worker.PersonName = "099199000025", "Trần Thị Mẫu"
	c.allow(worker)
	p = c.play(1920, 1080)
	p.scanCode(worker.QR2024())
	p.s.says("Mời qua cổng", worker.PersonName)
	p.s.fits("gate open")
	p.s.accessible("gate open")
	p.s.shoot("gate-worker")
	goes()
	p.s.waitStage("recorded")
	p.s.says("Đã qua cổng")
	p.scanCode(worker.QR2024()) // handed back over the gate
	p.s.waitStage("failed")
	p.s.says("Đã vào rồi")
	p.s.accessible("the same card again")
	p.end()
	if on, opened, _, _ := board.State(1); on || opened != 2 {
		t.Errorf("the relay is on: %t, and was switched on %d times, want 2", on, opened)
	}
	d := c.page("/desk", 1024, 768)
	d.signIn(clerkName, clerkPIN)
	d.click("tab-inside")
	d.says("người đang ở trong", citizen.PersonName, worker.PersonName)
	d.accessible("inside")
}
