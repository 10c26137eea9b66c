package kiosk_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"tram/agent/health"
	"tram/agent/kiosk"
	"tram/agent/paper"
	"tram/agent/signin"
	"tram/agent/visit"
	"tram/drivers"
	"tram/drivers/privacy"
)

// counter is a station with a register, a result and devices.
type counter struct {
	*station
	who []string
}

func (c *counter) Result(id string) (visit.Result, bool) {
	n := c.Snapshot()
	return visit.Result{Visit: id, Source: "chip", Person: privacy.New(map[string]string{"idCode": "099099000017", "dateOfBirth": "15/01/1999"})},
		n.Visit != nil && n.Visit.ID == id && n.Visit.Stage == visit.StageConfirm
}

func (c *counter) rows(who string) ([]kiosk.Row, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.who = append(c.who, who)
	return []kiosk.Row{{Answers: map[string]string{}, Alarms: []string{}, ID: "e1", Name: personName, Number: "0990****0017"}}, c.err
}
func (c *counter) Today(_ context.Context, who string) ([]kiosk.Row, error)     { return c.rows(who) }
func (c *counter) OpenStays(_ context.Context, who string) ([]kiosk.Row, error) { return c.rows(who) }
func (c *counter) Deadlines(_ context.Context, who string) ([]kiosk.Row, error) { return c.rows(who) }
func (c *counter) Passengers(_ context.Context, who, _ string) ([]kiosk.Row, error) {
	return c.rows(who)
}
func (c *counter) CloseStay(_ context.Context, who, id string, _ time.Time) error {
	return c.note("close " + id + " by " + who)
}
func (c *counter) Trips(context.Context, string) ([]kiosk.Trip, error) { return nil, nil }
func (c *counter) OpenTrip(_ context.Context, _ string, t kiosk.NewTrip) (kiosk.Trip, error) {
	return kiosk.Trip{ID: "t1", Route: t.Route}, nil
}
func (c *counter) CloseTrip(context.Context, string, string) error { return kiosk.ErrNoEntry }
func (c *counter) Roster(context.Context, string) (kiosk.Roster, error) {
	return kiosk.Roster{}, kiosk.ErrNotKept
}
func (c *counter) Export(_ context.Context, _ string, f kiosk.Form) (kiosk.File, error) {
	if f.Name != "dd10" {
		return kiosk.File{}, kiosk.ErrBadField
	}
	if f.Format == "html" {
		return kiosk.File{Name: "a.html", Type: "text/html; charset=utf-8", Data: []byte("<!doctype html>")}, nil
	}
	return kiosk.File{Name: "a.csv", Type: "text/csv", Data: []byte("a,b\n")}, nil
}
func (c *counter) Alarms(context.Context, string) ([]kiosk.AlarmRow, error)  { return nil, nil }
func (c *counter) Requests(context.Context, string) ([]kiosk.Request, error) { return nil, nil }

// deskOf and techOf keep the two Queue methods apart.
type deskOf struct{ *counter }

func (deskOf) Queue(context.Context, string) (kiosk.Pending, error) { return kiosk.Pending{}, nil }

type techOf struct{}

func (techOf) Devices(context.Context, string) ([]drivers.Status, error) { return nil, nil }
func (techOf) Health(context.Context, string) ([]health.Check, error)    { return nil, nil }
func (techOf) Queue(context.Context, string) (any, error)                { return map[string]int{"accepted": 1}, nil }
func (techOf) Still(context.Context, string) ([]byte, error)             { return face(), nil }
func (techOf) Gate(context.Context, string) ([]byte, error)              { return nil, kiosk.ErrNoPicture }

// counterWithPeople is a server with people and programs.
func counterWithPeople(t *testing.T) (*kiosk.Server, *counter, map[string]string) {
	t.Helper()
	dir := t.TempDir()
	people, tokens := signin.OpenPeople(dir), signin.OpenTokens(dir)
	for name, role := range map[string]signin.Role{"lan": signin.Clerk, "minh": signin.Technician} {
		if err := people.Set(name, role, "804912", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	token := map[string]string{}
	for name, scopes := range map[string][]string{"his": {"visit:read", "visit:write"}, "other": {"visit:read", "visit:write"}, "hotel": {"desk:read"}, "watch": {"devices:read", "health:read"}} {
		text, err := tokens.New(signin.Client{Name: name, Scopes: scopes, Origins: []string{"https://his.example"}}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		token[name] = text
	}
	st := &counter{station: newStation()}
	srv, _ := start(t, st.station, func(o *kiosk.Options) {
		o.Station, o.Desk, o.Tech, o.People, o.Tokens = st, deskOf{st}, techOf{}, people, tokens
		o.Origins = []string{"https://his.example", "https://second.example"}
	})
	return srv, st, token
}

// with is the header of a program.
func with(token string, more ...string) map[string]string {
	h := map[string]string{"Authorization": "Bearer " + token, "Origin": ""}
	for i := 0; i+1 < len(more); i += 2 {
		h[more[i]] = more[i+1]
	}
	return h
}

func TestListsAreForTheRoleThatSignedIn(t *testing.T) {
	srv, st, _ := counterWithPeople(t)
	p := openPage(t, srv)
	expect := func(who, method, path string, want int) {
		t.Helper()
		body := ""
		if method == "POST" {
			body = "{}"
		}
		status, answer := p.ask(method, path, body, nil)
		if status != want || status != http.StatusOK && strings.Contains(answer, personName) {
			t.Errorf("%s, %s %s: got %d %s, want %d", who, method, path, status, answer, want)
		}
	}
	for _, path := range []string{"today", "stays", "trips", "roster", "deadlines", "queue", "alarms", "requests", "export?form=dd10", "trips/t1/passengers"} {
		expect("nobody", "GET", "/v1/desk/"+path, http.StatusUnauthorized)
	}
	expect("nobody", "POST", "/v1/desk/stays/e1/close", http.StatusUnauthorized)
	for _, path := range []string{"devices", "health", "queue", "still", "gate"} {
		expect("nobody", "GET", "/v1/tech/"+path, http.StatusUnauthorized)
	}
	if status, body := p.ask("POST", "/v1/signin", `{"name":"lan","pin":"000001"}`, nil); status != http.StatusUnauthorized || !strings.Contains(body, "wrong_pin") {
		t.Errorf("wrong PIN: got %d %s", status, body)
	}
	before := p.cookies()
	if status, body := p.ask("POST", "/v1/signin", `{"name":"lan","pin":"804912"}`, nil); status != http.StatusOK || !strings.Contains(body, `"role":"clerk"`) {
		t.Fatalf("sign in: got %d %s", status, body)
	}
	if p.cookies() == before {
		t.Error("the session stayed the same: who knew it before is signed in now")
	}
	expect("clerk", "GET", "/v1/desk/today", http.StatusOK)
	expect("clerk", "GET", "/v1/desk/export?form=dd10", http.StatusOK)
	if res, err := p.Get(p.base + "/v1/desk/export?form=dd10&format=html"); err != nil {
		t.Error(err)
	} else {
		_ = res.Body.Close()
		if got := res.Header.Get("Content-Security-Policy"); got != paper.Policy || res.Header.Get("Content-Disposition") != "inline; filename=a.html" {
			t.Errorf("a paper to print: got the policy %q, %v; want its own style let through", got, res.Header["Content-Disposition"])
		}
	}
	expect("clerk", "GET", "/v1/desk/export?form=none", http.StatusUnprocessableEntity)
	expect("clerk", "GET", "/v1/desk/export?form=dd10&day=../../etc", http.StatusUnprocessableEntity)
	expect("clerk", "GET", "/v1/desk/roster", http.StatusNotFound)
	expect("clerk", "POST", "/v1/desk/stays/e1/close", http.StatusOK)
	expect("clerk", "POST", "/v1/desk/trips/t1/close", http.StatusNotFound)
	expect("clerk", "GET", "/v1/tech/still", http.StatusForbidden)
	if len(st.who) != 1 || st.who[0] != "lan" {
		t.Errorf("the register was told %v, want lan", st.who)
	}
	expect("clerk", "POST", "/v1/signout", http.StatusOK)
	expect("after the sign-out", "GET", "/v1/desk/today", http.StatusUnauthorized)
	if status, _ := p.ask("POST", "/v1/signin", `{"name":"minh","pin":"804912"}`, nil); status != http.StatusOK {
		t.Fatalf("sign in: got %d", status)
	}
	expect("technician", "GET", "/v1/tech/still", http.StatusOK)
	expect("technician", "GET", "/v1/tech/gate", http.StatusServiceUnavailable)
	expect("technician", "GET", "/v1/desk/today", http.StatusForbidden)
}

func TestASignInEndsByItselfAndBackgroundRequestsDoNotKeepIt(t *testing.T) {
	dir := t.TempDir()
	people := signin.OpenPeople(dir)
	st := &counter{station: newStation()}
	srv, _ := start(t, st.station, func(o *kiosk.Options) { o.Desk, o.People, o.SignInIdle = deskOf{st}, people, 300*time.Millisecond })
	p := openPage(t, srv)
	if status, body := p.ask("POST", "/v1/signin", `{"name":"lan","pin":"804912"}`, nil); status != http.StatusConflict || !strings.Contains(body, "tram pin set") {
		t.Errorf("without any PIN: got %d %s, want how to make one", status, body)
	}
	if err := people.Set("lan", signin.Clerk, "804912", time.Now()); err != nil {
		t.Fatal(err)
	}
	if status, _ := p.ask("POST", "/v1/signin", `{"name":"lan","pin":"804912"}`, nil); status != http.StatusOK {
		t.Fatalf("sign in: got %d", status)
	}
	eventually(t, "signed out by itself", func() bool {
		status, _ := p.ask("GET", "/v1/desk/today", "", map[string]string{"Tram-Background": "1"})
		return status == http.StatusUnauthorized
	})
}

func TestAProgramHasItsScopesOnly(t *testing.T) {
	srv, _, token := counterWithPeople(t)
	p := &page{t: t, base: "http://" + srv.Addr()}
	for _, c := range []struct {
		name, method, path string
		want               int
	}{
		{"his", "GET", "/v1/state", 200}, {"his", "GET", "/v1/desk/today", 403}, {"his", "GET", "/v1/devices", 403}, {"his", "GET", "/v1/tech/still", 403},
		{"hotel", "GET", "/v1/desk/today", 200}, {"hotel", "POST", "/v1/desk/stays/e1/close", 403}, {"hotel", "GET", "/v1/state", 403}, {"hotel", "POST", "/v1/visits", 403},
		{"watch", "GET", "/v1/devices", 200}, {"watch", "GET", "/v1/checks", 200}, {"watch", "GET", "/v1/portrait", 403}, {"watch", "POST", "/v1/session", 403},
		{"his", "POST", "/v1/demo/scan-qr", 403}, {"his", "POST", "/v1/signin", 403}, {"his", "GET", "/", 403}, {"his", "GET", "/v1/desk/../state", 403}, {"his", "GET", "/v1//state", 403},
	} {
		if status, body := p.ask(c.method, c.path, "{}", with(token[c.name])); status != c.want {
			t.Errorf("%s, %s %s: got %d %s, want %d", c.name, c.method, c.path, status, body, c.want)
		}
	}
	for _, wrong := range []string{"", "tram_guess", token["his"] + "x"} {
		if status, _ := p.ask("GET", "/v1/state", "", with(wrong)); status != http.StatusUnauthorized {
			t.Errorf("wrong token: got %d, want 401", status)
		}
	}
	if status, _ := p.ask("GET", "/v1/state", "", with(token["his"], "Host", "evil.example")); status != http.StatusForbidden {
		t.Errorf("a rebound name with a good token: got %d, want 403", status)
	}
}

// Which of two tokens counts would be up to who reads first.
func TestATokenIsSentOnceAndAsOne(t *testing.T) {
	srv, _, token := counterWithPeople(t)
	for name, lines := range map[string][]string{
		"two tokens":         {"Bearer " + token["his"], "Bearer " + token["watch"]},
		"the same twice":     {"Bearer " + token["his"], "Bearer " + token["his"]},
		"no scheme":          {token["his"]},
		"another scheme":     {"Basic " + token["his"]},
		"a space too many":   {"Bearer  " + token["his"]},
		"something behind":   {"Bearer " + token["his"] + ", Bearer x"},
		"nothing but Bearer": {"Bearer "},
	} {
		req, err := http.NewRequest("GET", "http://"+srv.Addr()+"/v1/state", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header["Authorization"] = lines
		req.Header.Set("Cookie", openPage(t, srv).cookies()) // a program is no page, whatever it has beside its token
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: got %d, want 401", name, res.StatusCode)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestATokenWorksFromTheNamedPageOnly(t *testing.T) {
	srv, _, token := counterWithPeople(t)
	_, port, _ := strings.Cut(srv.Addr(), ":")
	for origin, want := range map[string]int{
		"https://his.example":       200,
		"https://second.example":    403, // of the configuration, not of the token
		"https://evil.example":      403,
		"null":                      403,
		"http://127.0.0.1:" + port:  403,
		"https://his.example:8443":  403,
		"https://his.example.evil":  403,
		"https://HIS.example":       403,
		"https://his.example, http": 403,
	} {
		req, err := http.NewRequest("GET", "http://"+srv.Addr()+"/v1/state", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", origin)
		req.Header.Set("Authorization", "Bearer "+token["his"])
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		allowed := res.Header.Get("Access-Control-Allow-Origin")
		if res.StatusCode != want || (want == 200) != (allowed == origin) || allowed == "*" || res.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("from %s: got %d, allowed origin %q, want %d", origin, res.StatusCode, allowed, want)
		}
		pre, err := http.NewRequest("OPTIONS", "http://"+srv.Addr()+"/v1/state", nil)
		if err != nil {
			t.Fatal(err)
		}
		pre.Header.Set("Origin", origin)
		if res, err = http.DefaultClient.Do(pre); err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got := res.Header.Get("Access-Control-Allow-Origin"); got != "" && got != "https://his.example" && got != "https://second.example" {
			t.Errorf("preflight from %s: allowed %q", origin, got)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestAVisitIsSeenByTheProgramThatOwnsItAlone(t *testing.T) {
	srv, st, token := counterWithPeople(t)
	p := &page{t: t, base: "http://" + srv.Addr()}
	state := func(name string) string { _, body := p.ask("GET", "/v1/state", "", with(token[name])); return body }
	st.set(func(n *visit.Snapshot) { n.Visit = at(visit.StageConfirm) })
	if strings.Contains(state("his"), personName) {
		t.Error("a program that owns nothing sees the person of the screen's visit")
	}
	if status, _ := p.ask("POST", "/v1/session", "", with(token["his"])); status != http.StatusCreated {
		t.Errorf("POST /v1/session: got %d, want 201", status)
	}
	if strings.Contains(state("his"), personName) {
		t.Error("a program that comes in the middle of a visit sees its person")
	}
	if status, body := p.ask("POST", "/v1/session", "", with(token["other"])); status != http.StatusConflict || !strings.Contains(body, `"busy"`) {
		t.Errorf("second program: got %d %s, want 409 busy", status, body)
	}
	if status, body := p.ask("POST", "/v1/visits", `{"qr":"x"}`, with(token["other"])); status != http.StatusConflict || !strings.Contains(body, `"busy"`) {
		t.Errorf("second program's visit: got %d %s, want 409 busy", status, body)
	}
	if status, body := p.ask("POST", "/v1/visits/v1/confirm", "", with(token["his"])); status != http.StatusConflict {
		t.Errorf("confirming the screen's visit: got %d %s, want 409", status, body)
	}
	st.set(func(n *visit.Snapshot) { n.Visit = nil })
	_ = state("his") // sees that the visit ended
	st.set(func(n *visit.Snapshot) { n.Visit = at(visit.StageConfirm); n.Visit.ID = "v2" })
	if !strings.Contains(state("his"), personName) || strings.Contains(state("other"), personName) {
		t.Error("the owner's visit: want its person for the owner alone")
	}
	if status, body := p.ask("GET", "/v1/result?visit=v2", "", with(token["his"])); status != 200 || !strings.Contains(body, `"idCode":"099099000017"`) || !strings.Contains(body, `"dateOfBirthIso":"1999-01-15"`) || !strings.Contains(body, `"fatherName":""`) {
		t.Errorf("the owner's result: got %d %s", status, body)
	}
	if status, body := p.ask("GET", "/v1/result?visit=v2", "", with(token["other"])); status != http.StatusNotFound {
		t.Errorf("another's result: got %d %s, want 404", status, body)
	}
	if status, _ := p.ask("GET", "/v1/portrait?visit=v2", "", with(token["his"])); status != http.StatusNotFound {
		t.Errorf("portrait where the profile keeps none: got %d, want 404", status)
	}
	if status, _ := p.ask("DELETE", "/v1/session", "", with(token["his"])); status != http.StatusOK {
		t.Errorf("DELETE /v1/session: got %d, want 200", status)
	}
	if status, _ := p.ask("POST", "/v1/session", "", with(token["other"])); status != http.StatusCreated {
		t.Errorf("the next program: got %d, want 201", status)
	}
	if strings.Contains(state("other"), personName) {
		t.Error("the next owner sees the visit of the one before")
	}
}

func TestWhatIsTypedNeedsAClerk(t *testing.T) {
	srv, _, _ := counterWithPeople(t)
	if status, body := openPage(t, srv).ask("POST", "/v1/visits", `{"person":{"personName":"A"}}`, nil); status != http.StatusBadRequest && status != http.StatusUnauthorized {
		t.Errorf("typed by nobody: got %d %s, want a refusal", status, body)
	}
}
