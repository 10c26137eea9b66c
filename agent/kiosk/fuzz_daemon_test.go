package kiosk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"tram/agent"
	"tram/drivers/sim"
	"tram/hub"
	"tram/hub/hubtest"
)

// fuzzed are the requests that take bytes from outside; ID is the visit under way.
var fuzzed = []string{
	"POST /v1/visits", "POST /v1/visits/ID/answers", "POST /v1/visits/ID/back", "POST /v1/visits/ID/confirm", "POST /v1/signin",
	"POST /v1/desk/find", "POST /v1/desk/requests", "POST /v1/desk/entries/ID/correct", "POST /v1/desk/entries/ID/delete", "POST /v1/desk/trips", "POST /v1/desk/stays/ID/close",
	"GET /v1/desk/export", "GET /v1/result", "GET /v1/portrait", "GET /v1/ticket/qr", "GET /v1/outbox/entries",
}

// An asker is a client of a running daemon's socket, which has no limit of requests.
type asker struct {
	http http.Client
	id   string // the visit that it began
}

func (a *asker) ask(t testing.TB, method, path, query string, body []byte) (int, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, "http://tram"+strings.ReplaceAll(path, "ID", a.id), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.URL.RawQuery = query
	req.Header.Set("Content-Type", "application/json")
	res, err := a.http.Do(req)
	if err != nil {
		t.Fatalf("%s %s: the daemon gave no answer: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, answer
}

// begin brings a visit to its questions.
func (a *asker) begin(t testing.TB) {
	t.Helper()
	var n struct{ Visit *struct{ ID string } }
	_, state := a.ask(t, "GET", "/v1/state", "", nil)
	if json.Unmarshal(state, &n) == nil && n.Visit != nil {
		a.id = n.Visit.ID
		a.ask(t, "POST", "/v1/visits/ID/cancel", "", nil)
	}
	begin, _ := json.Marshal(map[string]string{"qr": citizen.QR2021()})
	var made struct{ Visit string }
	if status, answer := a.ask(t, "POST", "/v1/visits", "", begin); status != http.StatusCreated || json.Unmarshal(answer, &made) != nil {
		t.Fatalf("begin a visit: got %d", status)
	}
	a.id = made.Visit
	a.ask(t, "POST", "/v1/visits/ID/consent", "", nil)
	a.ask(t, "POST", "/v1/visits/ID/skip-chip", "", nil)
}

// Whatever a program or a page sends to a running daemon: it answers, finds no
// fault of its own, and quotes nothing.
func FuzzDaemon(f *testing.F) {
	for _, body := range []string{
		`{"qr":"x"}`, `{"can":"099017"}`, `{"can":"09901７"}`, `{"can":"0990170"}`, `{"can":"000000","mrz":"x"}`, `{"mrz":"P<UTOMAU<<ANNA<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<\nX000000175UTO9002011F3501017<<<<<<<<<<<<<<04"}`,
		`{"mrz":"<"}`, `{"mrz":"` + strings.Repeat("A", 7000) + `"}`, `{"person":{}}`, `{"person":{"personName":"Mẫu","dateOfBirth":"31/02/1999","gender":"x","idCode":"1"}}`, `{"person":{"other":"1"}}`, `{"person":{"personName":"` + strings.Repeat("ạ", 2000) + `"}}`,
		`{"answers":{"room":"203","reason":"business","until":"2026-03-04"}}`, `{"answers":{"room":"\u0000","until":"9999-99-99","reason":"\u202e"}}`, `{"answers":{"nobody":"asks"}}`, `{"answers":null}`, `{"name":"lan","pin":"804912"}`, `{"name":"","pin":""}`,
		`{"number":"099099000017","reason":"a"}`, `{"number":"'; --","reason":"a"}`, `{"kind":"delete","reason":"a"}`, `{"kind":"x","entry":"../..","reason":"a"}`, `{"reason":"a","fields":{"room":"1","idCode":"x"}}`,
		`{"when":"0001-01-01T00:00:00Z"}`, `{"when":"9999-12-31T23:59:59Z"}`, `{"route":"","expected":-1}`, `{`, ``, `null`, strings.Repeat(" ", 9000),
	} {
		for i := range fuzzed {
			if strings.HasPrefix(fuzzed[i], "POST") {
				f.Add(byte(i), []byte(body), "")
			}
		}
	}
	for _, query := range []string{
		"form=dd10&day=2026-03-02&format=xlsx", "form=na17&format=csv", "form=columns&format=html", "form=dd10&day=2026-02-30", "form=dd10&day=9999-12-31", "form=dd10&day=-0001-01-01", "form=slip&entry=x",
		"form=../../etc/passwd", "form=dd10&format=exe", "form=dd10&form=na17", "form=qd4750&entry=%00", "form=%ff", "visit=x", "visit=", "after=-1&limit=0", "after=18446744073709551615&limit=1001", "after=1e9", "a=%zz", "a;b", "visit=" + strings.Repeat("a", 9000),
	} {
		for i := range fuzzed {
			if strings.HasPrefix(fuzzed[i], "GET") {
				f.Add(byte(i), []byte(nil), query)
			}
		}
	}
	b := &bench{dir: f.TempDir()}
	var err error
	if b.pki, err = sim.NewPKI(); err != nil {
		f.Fatal(err)
	}
	b.hub = hubtest.StartHub(f, b.dir, hub.Options{})
	socket := agent.SocketPath(b.open(f, "lodging").state)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}
	a := &asker{http: http.Client{Transport: &http.Transport{DialContext: dial}}}
	f.Cleanup(a.http.CloseIdleConnections)
	a.begin(f)
	f.Fuzz(func(t *testing.T, which byte, body []byte, query string) {
		method, path, _ := strings.Cut(fuzzed[int(which)%len(fuzzed)], " ")
		if strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r > '~' }) {
			query = url.QueryEscape(query)
		}
		if len(query) > 12<<10 {
			query = query[:12<<10]
		}
		if method == "GET" {
			body = nil
		}
		status, answer := a.ask(t, method, path, query, body)
		if status >= 500 {
			t.Errorf("%s %s: got %d %.200s", method, path, status, answer)
		}
		if status >= 400 && len(body) > 12 && bytes.Contains(answer, body) {
			t.Errorf("%s %s: the refusal quotes the body", method, path)
		}
		if len(body) > 8<<10 && status < 400 {
			t.Errorf("%s %s: took %d bytes", method, path, len(body))
		}
		if strings.Contains(path, "visits/ID") && (status == http.StatusNotFound || status == http.StatusConflict) || status == http.StatusCreated {
			a.begin(t)
		}
	})
}
