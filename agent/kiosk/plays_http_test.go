package kiosk_test

import (
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tram/agent/profile"
	"tram/agent/visit"
	"tram/configs"
	"tram/drivers/sim"
)

// unplugged is where a device would be.
func unplugged(t *testing.T) string { return filepath.Join(t.TempDir(), "unplugged") }

// given are answers for each profile; the rest of its questions may stay open.
func given(name string) map[string]string {
	day := time.Now().AddDate(0, 0, 2).Format(time.DateOnly)
	return map[string]map[string]string{
		"one-stop": {"service": "other"}, "clinic": {"reason": "Đau đầu"}, "hospital-kiosk": {"department": ""},
		"notary": {"contract": "HD-17", "purpose": "will"}, "pawn-security": {"contract": "CD-17"},
		"lodging": {"room": "203", "reason": "business", "until": day}, "rental": {"room": "5", "from": time.Now().Format(time.DateOnly), "until": day},
		"inpatient": {"ward": "", "bed": "12"}, "coach": {"trip": "Buôn Ma Thuột – Đà Nẵng"},
	}[name]
}

// filled replaces "" by the first choice that a catalogue has.
func (p *program) filled(answers map[string]string) map[string]string {
	out := maps.Clone(answers)
	for _, q := range p.until("the state", func(n visit.Snapshot) bool { return n.Profile.Name != "" }).Profile.Questions {
		if v, there := out[q.ID]; there && v == "" {
			out[q.ID] = q.Options[0].ID
		}
	}
	return out
}

// Every profile that is shipped, over HTTP alone: a visit that is cancelled, and
// one that becomes a record at the hub.
func TestEachProfileIsPlayedByAProgramOverHTTP(t *testing.T) {
	b := newBench(t)
	played := []string{}
	chips := map[string]bool{
		"one-stop": true, "clinic": false, "hospital-kiosk": true, "notary": true, "pawn-security": true, "lodging": true, "rental": false, "inpatient": false,
	}
	for _, name := range slices.Sorted(maps.Keys(chips)) {
		chip := chips[name]
		played = append(played, name)
		t.Run(name, func(t *testing.T) {
			p := b.open(t, name).program("office")
			answers := p.filled(given(name))
			v := p.begins(citizen.QR2021())
			if v.Stage == visit.StageConsent {
				p.verb(v.ID, "consent", nil) // cancelled after it was agreed to
			}
			p.cancels(v.ID)
			var card *sim.Card
			if chip {
				card = p.citizenCard()
			}
			p.recorded(card, answers, nil)
		})
	}
	played = append(played, "coach", "exam-room", "industrial-gate", "tourist-gate")
	t.Run("coach", func(t *testing.T) {
		p := b.open(t, "coach").program("office")
		p.cancels(p.begins(citizen.QR2021()).ID)
		p.clerk().post("/v1/desk/trips", `{"route":"Buôn Ma Thuột – Đà Nẵng"}`, http.StatusCreated)
		p.recorded(nil, nil, nil)
		again := p.leads(p.begins(citizen.QR2021()).ID, nil, nil)
		if again.Stage != visit.StageFailed || len(again.Alarms) == 0 || again.Alarms[0].Code != "twice_boarded" {
			t.Errorf("on board twice: got %s, %v", again.Stage, again.Alarms)
		}
		if status, body := p.do("GET", "/v1/desk/alarms", nil); status != 200 || !strings.Contains(body, "twice_boarded") {
			t.Errorf("the list of alarms: %d %s", status, body)
		}
	})
	t.Run("exam-room", func(t *testing.T) {
		p := b.open(t, "exam-room", func(o *configs.Config) { o.Camera.Source = unplugged(t) }).program("office")
		p.order("roster", map[string]any{"version": 1, "entries": []map[string]string{{"idCode": citizen.IDCode, "personName": citizen.PersonName, "dateOfBirth": citizen.DateOfBirth, "room": "P.101", "seat": "12"}}})
		p.cancels(p.begins(citizen.QR2021()).ID)
		clerk := p.clerk()
		p.recorded(p.citizenCard(), nil, func(id string) *visit.View {
			if v := p.leads(id, p.citizenCard(), nil); v.Stage != visit.StageFailed {
				t.Fatalf("without a camera: got %s, want that a clerk is asked", v.Stage)
			}
			if status, body := p.do("POST", "/v1/visits/"+id+"/face/same", nil); status == http.StatusOK {
				t.Fatalf("a program decides on a face: %s", body)
			}
			clerk.post("/v1/visits/"+id+"/face/same", "", http.StatusOK)
			p.until("it goes on", func(n visit.Snapshot) bool { return stageOf(n) != visit.StageFailed })
			return p.leads(id, nil, nil)
		})
	})
	t.Run("industrial-gate", func(t *testing.T) {
		board, err := sim.NewRelay()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = board.Close() })
		p := b.open(t, "industrial-gate", func(o *configs.Config) {
			o.Passage.Relay, o.Passage.Sensor, o.Passage.Direction = board.Path(), "board", "in"
			o.Gate.Source, o.Gate.Line = unplugged(t), [4]float64{0, 0, 10, 10}
		}).program("office")
		denied := p.begins(citizen.QR2021())
		p.until("nobody is on a list", func(n visit.Snapshot) bool { return stageOf(n) == visit.StageFailed })
		p.cancels(denied.ID)
		p.allow(citizen)
		p.recorded(nil, nil, func(id string) *visit.View {
			p.until("the gate is open", func(visit.Snapshot) bool { _, opened, _, _ := board.State(1); return opened == 1 })
			if err := board.Sense(2); err != nil {
				t.Fatal(err)
			}
			return p.until("the passage is recorded", func(n visit.Snapshot) bool { return stageOf(n) == visit.StageRecorded }).Visit
		})
	})
	t.Run("tourist-gate", func(t *testing.T) {
		p := b.open(t, "tourist-gate", func(o *configs.Config) {
			o.Gate.Source, o.Gate.Line = unplugged(t), [4]float64{0, 0, 10, 10}
		}).program("office")
		for _, body := range []map[string]any{{"qr": citizen.QR2021()}, {"can": "099017"}} {
			if status, answer := p.do("POST", "/v1/visits", body); status/100 != 4 {
				t.Errorf("at a gate that identifies nobody: got %d %s, want a refusal", status, answer)
			}
		}
		if n := p.until("the state", func(n visit.Snapshot) bool { return n.Profile.Name != "" }); n.Visit != nil {
			t.Errorf("a visit began: %+v", n.Visit.Stage)
		}
	})
	slices.Sort(played)
	if got := profile.Names(); !slices.Equal(got, played) {
		t.Errorf("shipped are %v, played %v", got, played)
	}
}
