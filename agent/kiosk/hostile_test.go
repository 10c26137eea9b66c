package kiosk_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"tram/agent/kiosk"
	"tram/agent/signin"
	"tram/agent/visit"
)

// closed reports whether the other side has closed a connection, after what it
// may have answered.
func closed(t *testing.T, c net.Conn) bool {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(15 * time.Second))
	_, err := io.Copy(io.Discard, c)
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

func TestWhoSpeaksSlowlyIsLetGoAndNobodyWaits(t *testing.T) {
	st := newStation()
	srv, err := kiosk.New(kiosk.Options{Addr: "127.0.0.1:0", Station: st})
	if err != nil {
		t.Fatal(err)
	}
	kiosk.Hasty(srv)
	run(t, srv)
	p := openPage(t, srv)
	cookie := p.cookies()
	for name, begins := range map[string]string{
		"nothing":       "",
		"half a line":   "GET / HT",
		"half a head":   "GET /v1/state HTTP/1.1\r\nHost: " + srv.Addr() + "\r\nX-A: ",
		"half a body":   "POST /v1/visits HTTP/1.1\r\nHost: " + srv.Addr() + "\r\nOrigin: http://" + srv.Addr() + "\r\nCookie: " + cookie + "\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{\"qr\":\"",
		"half a chunk":  "POST /v1/visits HTTP/1.1\r\nHost: " + srv.Addr() + "\r\nOrigin: http://" + srv.Addr() + "\r\nCookie: " + cookie + "\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{",
		"a body unread": "POST /nowhere HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 4000000000\r\n\r\n{",
	} {
		c := dialTCP(t, srv)
		_, _ = io.WriteString(c, begins)
		if status, _ := p.ask("GET", "/v1/state", "", nil); status != http.StatusOK {
			t.Errorf("the screen beside a client that sent %s: got %d", name, status)
		}
		if !closed(t, c) {
			t.Errorf("a client that sent %s and no more: still connected", name)
		}
	}
	if got := st.called(); len(got) != 0 {
		t.Errorf("the station was asked %v, want nothing", got)
	}
}

func TestAHeadThatIsTooLargeIsRefused(t *testing.T) {
	srv, _ := start(t, newStation())
	c := dialTCP(t, srv)
	go func() {
		_, _ = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: %s\r\nX-A: %s\r\n\r\n", srv.Addr(), strings.Repeat("x", 1<<20))
	}()
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && !strings.Contains(line, " 431 ") {
		t.Errorf("a head of 1 MiB: got %q, want 431", line)
	}
}

// Strangers who hold more connections than there is room for keep neither the
// screen's open stream nor its next request out.
func TestACrowdOfStrangersKeepsNobodyOut(t *testing.T) {
	st := newStation()
	srv, _ := start(t, st)
	p := openPage(t, srv)
	stream, err := p.Get(p.base + "/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Body.Close() }()
	events := bufio.NewReader(stream.Body)
	next(t, events)
	var strangers []net.Conn
	for range kiosk.MaxConnections + 40 {
		c := dialTCP(t, srv)
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nX-A: ")
		strangers = append(strangers, c)
	}
	if !closed(t, strangers[0]) {
		t.Error("the first stranger is still there")
	}
	if status, _ := p.ask("GET", "/v1/state", "", nil); status != http.StatusOK {
		t.Errorf("the screen's next request: got %d", status)
	}
	st.set(func(n *visit.Snapshot) { n.Visit = at(visit.StageConfirm) })
	if _, data := next(t, events); !strings.Contains(data, personName) {
		t.Errorf("the screen's open stream: got %q", data)
	}
}

func TestAFloodOfEventsReachesAQuickClientAndTakesNoMemoryForASlowOne(t *testing.T) {
	srv, st, token := counterWithPeople(t)
	st.set(func(n *visit.Snapshot) { n.Recent = make([]visit.RecordView, 2_000) })
	for range 4 {
		slow := dialTCP(t, srv)
		_ = slow.(*net.TCPConn).SetReadBuffer(4096)
		_, _ = fmt.Fprintf(slow, "GET /v1/events HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", srv.Addr(), token["other"])
	}
	if _, _, err := dialSocket(t, srv, with(token["his"])); err != nil { // a WebSocket that nobody reads
		t.Fatal(err)
	}
	page := openPage(t, srv)
	stream, err := page.Get(page.base + "/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stream.Body.Close() }()
	eventually(t, "all listen", func() bool { return st.watching() == 6 })
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	goroutines := runtime.NumGoroutine()
	for i := range 20_000 {
		st.set(func(n *visit.Snapshot) { n.Queue.Accepted = uint64(1000 + i) })
	}
	events := bufio.NewReaderSize(stream.Body, 1<<20)
	for {
		line, err := events.ReadString('\n')
		if err != nil {
			t.Fatalf("the quick client: %v", err)
		}
		if strings.Contains(line, `"accepted":20999`) {
			break // the last of the flood; what lay between may have been told together
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 24<<20 {
		t.Errorf("20,000 events: the heap grew by %d bytes, want at most 24 MiB", grown)
	}
	if n := runtime.NumGoroutine(); n > goroutines+10 {
		t.Errorf("20,000 events: %d goroutines, before %d", n, goroutines)
	}
}

func TestATalkingSocketGivesItsPlaceBackAtOnce(t *testing.T) {
	srv, st, token := counterWithPeople(t)
	for range 20 {
		conn, _, err := dialSocket(t, srv, with(token["his"]))
		if err != nil {
			t.Fatal(err) // four places only
		}
		eventually(t, "it listens", func() bool { return st.watching() == 1 })
		_ = conn.Write(t.Context(), 1, []byte("hello"))
		eventually(t, "it is dropped", func() bool { return st.watching() == 0 })
		_ = conn.CloseNow()
	}
}

func TestALimitTellsWhenToComeAgain(t *testing.T) {
	srv, _, token := counterWithPeople(t)
	limited := func(path string, header map[string]string) (string, bool) {
		for range 60 {
			req, err := http.NewRequest("GET", "http://"+srv.Addr()+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range header {
				if v != "" {
					req.Header.Set(k, v)
				}
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode == http.StatusTooManyRequests {
				return res.Header.Get("Retry-After"), true
			}
		}
		return "", false
	}
	defer http.DefaultClient.CloseIdleConnections()
	for name, header := range map[string]map[string]string{"a program": with(token["his"]), "a guesser": with("tram_guess")} {
		if after, ok := limited("/v1/state", header); !ok || after == "" || after == "0" {
			t.Errorf("%s: limited %v, Retry-After %q, want seconds", name, ok, after)
		}
	}
	p := openPage(t, srv)
	many := 0
	for range 400 {
		if status, _ := p.ask("GET", "/v1/session", "", nil); status == http.StatusTooManyRequests {
			many++
		}
	}
	if many == 0 {
		t.Error("400 requests of a page at once: none was refused with 429")
	}
}

func TestFreshSessionsDoNotFillALimitAgain(t *testing.T) {
	srv, _, token := counterWithPeople(t)
	p := &page{t: t, base: "http://" + srv.Addr()}
	spent := func() bool {
		for range 60 {
			if status, _ := p.ask("GET", "/v1/state", "", with(token["his"])); status == http.StatusTooManyRequests {
				return true
			}
		}
		return false
	}
	if !spent() {
		t.Fatal("a program is not limited")
	}
	for range 300 { // each opens a session of its own and uses it
		q := openPage(t, srv)
		q.ask("POST", "/v1/session", "", nil)
	}
	for range 10 {
		_, _ = p.ask("GET", "/v1/state", "", with(token["his"]))
	}
	if !spent() {
		t.Error("the program has its whole burst again")
	}
}

// Each path with each scope: a token opens what its scope names and nothing else.
func TestEachScopeOpensItsPathsAlone(t *testing.T) {
	tokens := signin.OpenTokens(t.TempDir())
	st := &counter{station: newStation()}
	srv, _ := start(t, st.station, func(o *kiosk.Options) { o.Station, o.Desk, o.Tech, o.Tokens = st, deskOf{st}, techOf{}, tokens })
	p := &page{t: t, base: "http://" + srv.Addr()}
	// The scope that opens a path; "" for none.
	paths := map[string]string{
		"GET /v1/state": signin.VisitRead, "GET /v1/portrait?visit=x": signin.VisitRead, "GET /v1/result?visit=x": signin.VisitRead,
		"GET /v1/visits/x": signin.VisitRead, "GET /v1/session": signin.VisitRead, "POST /v1/session": signin.VisitRead, "DELETE /v1/session": signin.VisitRead,
		"POST /v1/visits": signin.VisitWrite, "POST /v1/visits/x/consent": signin.VisitWrite, "POST /v1/visits/x/skip-chip": signin.VisitWrite,
		"POST /v1/visits/x/confirm": signin.VisitWrite, "POST /v1/visits/x/cancel": signin.VisitWrite,
		"GET /v1/desk/today": signin.DeskRead, "GET /v1/desk/stays": signin.DeskRead, "GET /v1/desk/deadlines": signin.DeskRead, "GET /v1/desk/trips": signin.DeskRead,
		"GET /v1/desk/trips/t1/passengers": signin.DeskRead, "GET /v1/desk/roster": signin.DeskRead, "GET /v1/desk/queue": signin.DeskRead,
		"GET /v1/desk/alarms": signin.DeskRead, "GET /v1/desk/requests": signin.DeskRead, "GET /v1/desk/export?form=dd10": signin.DeskRead,
		"GET /v1/devices": signin.DevicesRead, "GET /v1/checks": signin.HealthRead,
		"GET /v1/tech/devices": "", "GET /v1/tech/health": "", "GET /v1/tech/queue": "", "GET /v1/tech/still": "", "GET /v1/tech/gate": "",
		"POST /v1/desk/stays/e1/close": "", "POST /v1/desk/trips": "", "POST /v1/desk/trips/t1/close": "",
		"POST /v1/visits/../desk/trips": "",
		"POST /v1/signin":               "", "POST /v1/signout": "", "GET /v1/signin": "", "POST /v1/demo/scan-qr": "",
		"GET /v1/status": "", "GET /v1/outbox": "", "GET /v1/bundle": "", "POST /v1/outbox/compact": "", "POST /v1/register/do": "", "GET /metrics": "", "GET /": "", "GET /desk": "", "GET /nowhere": "",
	}
	for _, scope := range signin.Scopes {
		for asked, opens := range paths {
			if opens == signin.VisitRead && strings.Contains(asked, "visits/x") && scope != opens {
				continue // an unknown visit is 404 with the scope, 403 without: both below
			}
			// A program of its own for each question: the limit is not what is tried here.
			name := fmt.Sprintf("p%d", time.Now().UnixNano())
			token, err := tokens.New(signin.Client{Name: name, Scopes: []string{scope}}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			method, path, _ := strings.Cut(asked, " ")
			status, body := plainly(t, p, method, path, token)
			if refused := status == http.StatusForbidden; refused != (scope != opens) {
				t.Errorf("%s with %s: got %d %.80s, want it to need %q", asked, scope, status, body, opens)
			}
			if err := tokens.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, call := range st.called() {
		if strings.HasPrefix(call, "close") || strings.HasPrefix(call, "do") {
			t.Errorf("a program did %q", call)
		}
	}
}

// plainly asks also for what the document does not know of.
func plainly(t *testing.T, p *page, method, path, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, p.base+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := p.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestTricksWithPathsOpenNothing(t *testing.T) {
	srv, st, token := counterWithPeople(t)
	p := &page{t: t, base: "http://" + srv.Addr(), Client: http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	for _, path := range []string{
		"/v1/visits/..%2fdesk%2ftoday", "/v1/visits/%2e%2e/desk/today", "/v1/visits/../desk/today", "/v1/visits/x/../../desk/today", "/v1/visits//../desk/today",
		"/v1/desk%2ftoday", "/v1/%64esk/today", "/V1/desk/today", "/v1/desk/today/", "//v1/desk/today", "/v1/./desk/today", "/v1/visits/..\\desk\\today",
		"/v1/state/../desk/today", "/v1/visits/x;/../desk/today", "/assets/../desk.html", "/assets/..%2f..%2fkiosk.go", "/v1/visits/%00", "/v1/visits/" + strings.Repeat("a", 4000),
		"/v1/visits/x%0d%0aX-Evil:%201",
	} {
		req, err := http.NewRequest("GET", p.base, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.Opaque = "//" + srv.Addr() + path
		if strings.Contains(path, "\\") {
			req.URL.Opaque = ""
			req.URL.Path = path
		}
		req.Header.Set("Authorization", "Bearer "+token["his"]) // visit:read and visit:write
		res, err := p.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK || strings.Contains(string(body), personName) || res.Header.Get("X-Evil") != "" {
			t.Errorf("%s: got %d %.100s", path, res.StatusCode, body)
		}
	}
	if len(st.who) != 0 {
		t.Errorf("the register was read by %v", st.who)
	}
	p.CloseIdleConnections()
}

// A page elsewhere can send a form and a plain text without asking first.
func TestAFormOfAnotherPageChangesNothing(t *testing.T) {
	srv, st, _ := counterWithPeople(t)
	p := openPage(t, srv)
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""} {
		for _, origin := range []string{"https://evil.example", "null", "http://localhost:1", ""} {
			for _, path := range []string{"/v1/visits", "/v1/visits/v1/consent", "/v1/visits/v1/cancel", "/v1/session", "/v1/signin", "/v1/signout", "/v1/desk/stays/e1/close", "/v1/desk/trips", "/v1/demo/scan-qr"} {
				status, _ := p.ask("POST", path, `{"qr":"x","a":"="}`, map[string]string{"Content-Type": kind, "Origin": origin})
				if status != http.StatusForbidden {
					t.Errorf("POST %s as %q from %q: got %d, want 403", path, kind, origin, status)
				}
			}
		}
	}
	if got := st.called(); len(got) != 0 {
		t.Errorf("the station was asked %v, want nothing", got)
	}
}
