package kiosk_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"tram/agent/kiosk"
	"tram/agent/visit"
)

func TestOnlyLoopbackAddressesAreServed(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1", "kiosk"} {
		srv, err := kiosk.New(kiosk.Options{Addr: addr, Station: newStation()})
		if err == nil {
			_ = srv.Close()
			t.Errorf("New with address %q: got a server, want an error", addr)
		}
	}
	for _, addr := range []string{"127.0.0.1:0", "localhost:0"} {
		srv, err := kiosk.New(kiosk.Options{Addr: addr, Station: newStation()})
		if err != nil {
			t.Fatalf("New with address %q: %v", addr, err)
		}
		if host, _, _ := net.SplitHostPort(srv.Addr()); host != "127.0.0.1" {
			t.Errorf("address %q: got host %s, want 127.0.0.1", addr, host)
		}
		_ = srv.Close()
	}
}

// data is everything that the page may ask for with a session.
var data = []struct{ method, path string }{
	{"GET", "/v1/state"}, {"GET", "/v1/events"}, {"GET", "/v1/portrait?visit=v1"},
	{"POST", "/v1/visits"}, {"POST", "/v1/visits/v1/consent"}, {"POST", "/v1/visits/v1/skip-chip"}, {"POST", "/v1/visits/v1/confirm"},
	{"POST", "/v1/visits/v1/cancel"}, {"POST", "/v1/demo/scan-qr"},
}

func TestOthersThanTheOwnPageGetNothing(t *testing.T) {
	st := newStation()
	st.set(func(n *visit.Snapshot) { n.Visit = at(visit.StageConfirm) })
	srv, _ := start(t, st)
	_, port, _ := net.SplitHostPort(srv.Addr())
	p := openPage(t, srv)
	for name, header := range map[string]map[string]string{
		"a name rebound to this address": {"Host": "evil.example:" + port, "Origin": "http://evil.example:" + port},
		"a foreign name without a port":  {"Host": "evil.example"},
		"this address on another port":   {"Host": "127.0.0.1:1"},
		"a numeric twin of the address":  {"Host": "2130706433:" + port},
		"a name with a full stop behind": {"Host": "localhost.:" + port},
		"a number with a full stop":      {"Host": "127.0.0.1.:" + port},
		"a name in other letters":        {"Host": "LocalHost:" + port},
		"a short form of the address":    {"Host": "127.1:" + port},
		"the address as one hex number":  {"Host": "0x7f000001:" + port},
		"every address":                  {"Host": "0.0.0.0:" + port},
		"the address inside IPv6":        {"Host": "[::ffff:127.0.0.1]:" + port},
		"a zone of IPv6":                 {"Host": "[::1%25lo]:" + port},
		"no port":                        {"Host": "127.0.0.1"},
		"an empty port":                  {"Host": "127.0.0.1:"},
		"a port with a zero before it":   {"Host": "127.0.0.1:0" + port},
		"a subdomain of localhost":       {"Host": "evil.localhost:" + port},
		"an origin in capitals":          {"Origin": "HTTP://127.0.0.1:" + port},
		"an origin with a path":          {"Origin": "http://127.0.0.1:" + port + "/"},
		"an origin with a full stop":     {"Origin": "http://127.0.0.1.:" + port},
		"an origin of another scheme":    {"Origin": "https://127.0.0.1:" + port},
		"another name of this machine":   {"Origin": "http://localhost:" + port},
		"its IPv6 address":               {"Origin": "http://[::1]:" + port},
		"a file":                         {"Origin": "file://"},
		"a user in the origin":           {"Origin": "http://127.0.0.1:" + port + "@evil.example"},
		"two origins in one":             {"Origin": "http://127.0.0.1:" + port + " https://evil.example"},
		"a foreign origin":               {"Origin": "https://evil.example"},
		"no origin to be named":          {"Origin": "null"},
		"another port's origin":          {"Origin": "http://127.0.0.1:1"},
		"an origin with the name behind": {"Origin": "http://127.0.0.1:" + port + ".evil.example"},
		"another site, says the browser": {"Sec-Fetch-Site": "cross-site"},
		"another port, says the browser": {"Sec-Fetch-Site": "same-site"},
	} {
		for _, d := range data {
			status, body := p.ask(d.method, d.path, `{"qr":"x"}`, header)
			if status != http.StatusForbidden || strings.Contains(body, personName) {
				t.Errorf("%s, %s %s: got %d %q, want 403 without data", name, d.method, d.path, status, body)
			}
		}
	}
	for _, d := range data {
		if d.method != "POST" {
			continue
		}
		if status, _ := p.ask(d.method, d.path, `{"qr":"x"}`, map[string]string{"Origin": ""}); status != http.StatusForbidden {
			t.Errorf("POST %s without an origin: got %d, want 403", d.path, status)
		}
	}
	if got := st.called(); len(got) != 0 {
		t.Errorf("the station was asked %v, want nothing", got)
	}
}

func TestDataNeedsTheSessionOfThePage(t *testing.T) {
	st := newStation()
	st.set(func(n *visit.Snapshot) { n.Visit = at(visit.StageConfirm) })
	srv, _ := start(t, st)
	other, _ := start(t, newStation())
	stranger := &page{t: t, base: "http://" + srv.Addr()}
	forged := openPage(t, other).cookies() // another process's session
	for name, cookie := range map[string]string{
		"none": "", "empty": cookieName(srv) + "=", "nonsense": cookieName(srv) + "=AAAA",
		"another daemon's": strings.Replace(forged, cookieName(other), cookieName(srv), 1),
	} {
		for _, d := range data {
			status, body := stranger.ask(d.method, d.path, `{"qr":"x"}`, map[string]string{"Cookie": cookie})
			if status != http.StatusForbidden || !strings.Contains(body, "no_session") || strings.Contains(body, personName) {
				t.Errorf("session %s, %s %s: got %d %q, want 403 no_session", name, d.method, d.path, status, body)
			}
		}
	}
	if status, _ := stranger.ask("GET", "/v1/health", "", nil); status != http.StatusOK {
		t.Errorf("GET /v1/health without a session: got %d, want 200", status)
	}
}

func (p *page) cookies() string {
	req, err := http.NewRequest("GET", p.base+"/", nil)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, c := range p.Jar.Cookies(req.URL) {
		return c.Name + "=" + c.Value
	}
	p.t.Fatal("the page set no cookie")
	return ""
}

func cookieName(srv *kiosk.Server) string {
	_, port, _ := net.SplitHostPort(srv.Addr())
	return "tram_kiosk_" + port
}

func TestTheAnswersCarryTheRightHeaders(t *testing.T) {
	srv, _ := start(t, newStation())
	p := openPage(t, srv)
	for path, cache := range map[string]string{"/": "no-store", "/v1/state": "no-store", "/v1/health": "no-store", "/assets/js/main.js": "no-cache", "/nowhere": "no-store"} {
		req, err := http.NewRequest("GET", p.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", p.base)
		res, err := p.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		csp := res.Header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: policy %q, want %q in it", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q allows something unsafe", path, csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": cache, "Cross-Origin-Resource-Policy": "same-origin", "Access-Control-Allow-Origin": ""} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: %s: got %q, want %q", path, name, got, want)
			}
		}
	}
	res, err := http.Get(p.base + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if c := res.Header.Get("Set-Cookie"); !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Strict") {
		t.Errorf("cookie: got %q, want HttpOnly and SameSite=Strict", c)
	}
	if strings.Contains(string(body), "style=") || strings.Contains(string(body), "onclick") {
		t.Error("the page holds inline code or style")
	}
}

func TestALargeBodyIsRefused(t *testing.T) {
	st := newStation()
	srv, _ := start(t, st)
	p := openPage(t, srv)
	large := `{"qr":"` + strings.Repeat("x", 64<<10) + `"}`
	for _, path := range []string{"/v1/visits", "/v1/visits/v1/cancel"} {
		if status, body := p.ask("POST", path, large, nil); status != http.StatusRequestEntityTooLarge {
			t.Errorf("POST %s of 64 KiB: got %d %s, want 413", path, status, body)
		}
	}
	for _, bad := range []string{"", "{", `{"qr":""}`, `{"qr":5}`, `{"other":"x"}`, `{"qr":"a"}{"qr":"b"}`, `[]`, `{"qr":"` + strings.Repeat("x", 5000) + `"}`} {
		if status, body := p.ask("POST", "/v1/visits", bad, nil); status != http.StatusBadRequest {
			t.Errorf("POST /v1/visits %.20q: got %d %s, want 400", bad, status, body)
		}
	}
	if status, _ := p.ask("POST", "/v1/visits", `{"qr":"x"}`, map[string]string{"Content-Type": "text/plain"}); status != http.StatusUnsupportedMediaType {
		t.Errorf("POST of text/plain: got %d, want 415", status)
	}
	if got := st.called(); len(got) != 0 {
		t.Errorf("the station was asked %v, want nothing", got)
	}
}

func TestAFloodOfPostsIsSlowedForItsSessionOnly(t *testing.T) {
	srv, _ := start(t, newStation())
	p, q := openPage(t, srv), openPage(t, srv)
	limited := false
	for range 200 {
		if status, _ := p.ask("POST", "/v1/demo/scan-qr", "", nil); status == http.StatusTooManyRequests {
			limited = true
			break
		}
	}
	if !limited {
		t.Error("200 posts at once: none was refused with 429")
	}
	if status, _ := q.ask("POST", "/v1/demo/scan-qr", "", nil); status != http.StatusOK {
		t.Errorf("another session's post: got %d, want 200", status)
	}
}

func TestASlowClientIsDroppedAndOthersGoOn(t *testing.T) {
	st := newStation()
	// Events that do not fit into the sockets' buffers.
	st.set(func(n *visit.Snapshot) { n.Recent = make([]visit.RecordView, 20_000) })
	srv, err := kiosk.New(kiosk.Options{Addr: "127.0.0.1:0", Station: st})
	if err != nil {
		t.Fatal(err)
	}
	kiosk.Impatient(srv)
	run(t, srv)
	p := openPage(t, srv)
	slow := dialTCP(t, srv)
	_ = slow.(*net.TCPConn).SetReadBuffer(4096)
	_, _ = fmt.Fprintf(slow, "GET /v1/events HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", srv.Addr(), p.cookies())
	eventually(t, "the slow client watches", func() bool { return st.watching() == 1 })
	eventually(t, "the slow client is dropped", func() bool {
		st.set(func(*visit.Snapshot) {})
		return st.watching() == 0
	})
	if status, _ := p.ask("GET", "/v1/health", "", nil); status != http.StatusOK {
		t.Errorf("GET /v1/health beside a slow client: got %d, want 200", status)
	}
}

// What a proxy or a debugger would do is not done, and a body is taken as it is:
// one that is packed is no JSON, whatever its head says.
func TestOddMethodsAndPackedBodiesDoNothing(t *testing.T) {
	st := newStation()
	srv, _ := start(t, st)
	p := openPage(t, srv)
	for _, method := range []string{"TRACE", "PUT", "PATCH", "PROPFIND", "POSTX", "get"} {
		status, body := p.ask(method, "/v1/state", "", map[string]string{"Origin": p.base, "X-Secret": "echo"})
		if status != http.StatusNotFound && status != http.StatusForbidden || strings.Contains(body, "echo") || strings.Contains(body, "kiosk-01") {
			t.Errorf("%s: got %d %.80s, want a refusal that says nothing", method, status, body)
		}
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(`{"qr":"` + strings.Repeat("x", 4<<20) + `"}`))
	_ = z.Close()
	for _, coding := range []string{"gzip", "deflate", "br"} {
		if status, _ := p.ask("POST", "/v1/visits", packed.String(), map[string]string{"Content-Encoding": coding}); status != http.StatusBadRequest {
			t.Errorf("a body packed as %s: got %d, want 400", coding, status)
		}
	}
	if got := st.called(); len(got) != 0 {
		t.Errorf("the station was asked %v, want nothing", got)
	}
}
