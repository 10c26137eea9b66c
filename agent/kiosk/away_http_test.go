package kiosk_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tram/agent/profile"
	"tram/agent/visit"
	"tram/configs"
)

// Whoever goes away in the middle of a visit is forgotten, at each counter. They
// all go away first, so that the waits run side by side.
func TestEachProfileForgetsWhoGoesAway(t *testing.T) {
	b := newBench(t)
	waits := regexp.MustCompile(`(?m)^timeouts:.*$`)
	type left struct {
		*program
		profile, visit string
	}
	var all []left
	for _, name := range profile.Names() {
		if name == "tourist-gate" {
			continue // nobody is identified there
		}
		text, err := configs.Profiles.ReadFile("profiles/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "short.yaml")
		if err := os.WriteFile(file, waits.ReplaceAll(text, []byte("timeouts: {idle: 5s, card: 5s, confirm: 5s}")), 0o600); err != nil {
			t.Fatal(err)
		}
		p := b.open(t, name, func(o *configs.Config) {
			o.Profile, o.Scanner.Path, o.Vision.Worker = file, "", unplugged(t)
			o.Camera.Source, o.Gate.Source, o.Gate.Line = unplugged(t), unplugged(t), [4]float64{0, 0, 10, 10}
		}).program("office")
		status, answer := p.do("POST", "/v1/visits", map[string]string{"qr": citizen.QR2021()})
		var made struct{ Visit string }
		if err := json.Unmarshal([]byte(answer), &made); err != nil || status != http.StatusCreated {
			t.Fatalf("%s: begin: %d %s", name, status, answer)
		}
		p.until(name+" begins", func(n visit.Snapshot) bool { return n.Visit != nil && n.Visit.ID == made.Visit })
		all = append(all, left{p, name, made.Visit})
	}
	for _, p := range all {
		p.until(p.profile+" forgets", func(n visit.Snapshot) bool { return n.Visit == nil })
		p.gone(p.visit)
		screen := openAt(t, p.addr)
		if status, body := screen.ask("GET", "/v1/state", "", nil); status != http.StatusOK || strings.Contains(body, citizen.PersonName) {
			t.Errorf("%s: the screen's state: got %d, or it still names the person", p.profile, status)
		}
	}
}
