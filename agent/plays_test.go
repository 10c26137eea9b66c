package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tram/agent/visit"
	"tram/drivers/sim"
	"tram/hub/hubtest"
)

// counter is a running device that visits are played at over its HTTP API.
type counter struct {
	*rig
	t *testing.T
}

func newCounter(t *testing.T, profile string) counter {
	t.Helper()
	r := newRig(t)
	r.config.Profile = profile
	r.start()
	return counter{r, t}
}

func (c counter) state() (s visit.Snapshot) {
	c.t.Helper()
	if err := c.client.GetJSON(c.t.Context(), "/v1/state", &s); err != nil {
		c.t.Fatal(err)
	}
	return s
}

// begin shows the citizen's code and returns the visit when it is at a stage.
func (c counter) begin(stage visit.Stage) string {
	c.t.Helper()
	var created struct {
		Visit string `json:"visit"`
	}
	if err := c.client.PostJSON(c.t.Context(), "/v1/visits", map[string]string{"qr": sim.DefaultCitizen().QR2021()}, &created); err != nil {
		c.t.Fatal(err)
	}
	c.await(stage)
	return created.Visit
}

func (c counter) await(stage visit.Stage) *visit.View {
	c.t.Helper()
	var s visit.Snapshot
	hubtest.Until(c.t, "stage "+string(stage), func() bool { s = c.state(); return s.Visit != nil && s.Visit.Stage == stage })
	return s.Visit
}

func (c counter) post(id, verb string, body any) error {
	return c.client.PostJSON(c.t.Context(), "/v1/visits/"+id+"/"+verb, body, nil)
}

func (c counter) must(id string, verbs ...string) {
	c.t.Helper()
	for _, verb := range verbs {
		if err := c.post(id, verb, nil); err != nil {
			c.t.Fatalf("%s: %v", verb, err)
		}
	}
}

func answersOf(pairs ...string) map[string]any {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return map[string]any{"answers": m}
}

func TestOneStopGivesANumberInTheQueueThatSurvivesARestart(t *testing.T) {
	c := newCounter(t, "one-stop")
	if q := c.state().Profile.Questions; len(q) != 1 || len(q[0].Options) < 5 {
		t.Fatalf("the screen asks %+v", q)
	}
	paper := filepath.Join(t.TempDir(), "lp0")
	if err := os.WriteFile(paper, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.config.Printer.Path, c.config.Printer.Font = paper, "none"
	var texts []string
	for i := range 2 {
		id := c.begin(visit.StageConsent)
		c.must(id, "consent", "skip-chip")
		if err := c.post(id, "answers", answersOf("service", "no-such-service")); err == nil {
			t.Error("an unknown service is taken")
		}
		if v := c.await(visit.StageAsk); v.Problems["service"] != "unknown_choice" {
			t.Errorf("problems %v", v.Problems)
		}
		if err := c.post(id, "answers", answersOf("service", "other")); err != nil {
			t.Fatal(err)
		}
		c.must(id, "confirm")
		v := c.await(visit.StageRecorded)
		if v.Ticket == nil || v.Ticket.Number != i+1 || !strings.HasPrefix(v.Ticket.Text, "A") {
			t.Fatalf("ticket %+v, want number %d", v.Ticket, i+1)
		}
		texts = append(texts, v.Ticket.Text)
		c.must(id, "cancel")
		if i == 0 {
			c.stop()
			c.start()
		}
	}
	if texts[0] == texts[1] {
		t.Errorf("two people have the number %s", texts[0])
	}
	// The printer came with the restart.
	printed := func() string { b, _ := os.ReadFile(paper); return string(b) }
	c.waitFor("the ticket is printed", func(Status) bool { return strings.Contains(printed(), texts[1]) })
	if strings.Contains(printed(), texts[0]) {
		t.Errorf("the first number is printed too: %q", printed())
	}
}

func TestLodgingChecksInAndOut(t *testing.T) {
	c := newCounter(t, "lodging")
	id := c.begin(visit.StageConsent)
	c.must(id, "consent")
	// No reader is configured: the code is what there is.
	c.must(id, "skip-chip")
	until := c.state().Time.AddDate(0, 0, 2).Format("2006-01-02")
	if err := c.post(id, "answers", answersOf("room", "101", "until", until)); err != nil {
		t.Fatal(err, c.state().Visit.Problems)
	}
	c.must(id, "confirm")
	if v := c.await(visit.StageRecorded); v.Record.Type != "vn.tram.stay.opened.v1" {
		t.Errorf("recorded %s", v.Record.Type)
	}
	id = c.begin(visit.StageConsent)
	c.must(id, "consent", "skip-chip")
	if v := c.await(visit.StageConfirm); v.Answers["room"] != "101" {
		t.Errorf("the check-out does not know the room: %v", v.Answers)
	}
	c.must(id, "confirm")
	if v := c.await(visit.StageRecorded); v.Record.Type != "vn.tram.stay.closed.v1" {
		t.Errorf("recorded %s", v.Record.Type)
	}
	c.waitFor("both delivered", func(s Status) bool { return connected(s) && s.Hub.Waiting == 0 })
}

func TestACoachAsksForItsTripWhereNoneIsOpen(t *testing.T) {
	c := newCounter(t, "coach")
	id := c.begin(visit.StageAsk)
	if err := c.post(id, "answers", answersOf("trip", "Buôn Ma Thuột - Đà Nẵng")); err != nil {
		t.Fatal(err)
	}
	if v := c.await(visit.StageRecorded); v.Record.Type != "vn.tram.passenger.boarded.v1" || v.Assurance != "qr" {
		t.Errorf("%+v", v.Record)
	}
	c.waitFor("delivered", func(s Status) bool { return connected(s) && s.Hub.Waiting == 0 })
}
