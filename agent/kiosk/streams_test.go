package kiosk_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"tram/agent/kiosk"
	"tram/agent/signin"
	"tram/agent/visit"
)

// openStream opens an event stream that stays open until the test ends, and returns its status.
func openStream(t *testing.T, srv *kiosk.Server, header string) string {
	t.Helper()
	c := dialTCP(t, srv)
	_, _ = fmt.Fprintf(c, "GET /v1/events HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", srv.Addr(), header)
	line, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		t.Fatalf("stream: %v", err)
	}
	return strings.TrimSpace(strings.TrimPrefix(line, "HTTP/1.1 "))
}

func TestStreamsOfOneLeaveThoseOfOthersAlone(t *testing.T) {
	srv, st, token := counterWithPeople(t)
	his, other := "Authorization: Bearer "+token["his"], "Authorization: Bearer "+token["other"]
	for i := range 4 {
		if got := openStream(t, srv, his); got != "200 OK" {
			t.Fatalf("stream %d of a program: got %s", i+1, got)
		}
	}
	if got := openStream(t, srv, his); got != "429 Too Many Requests" {
		t.Errorf("a fifth stream of one program: got %s, want 429", got)
	}
	if conn, res, err := dialSocket(t, srv, with(token["his"])); err == nil || res == nil || res.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a WebSocket beside them: got %v %v, want 429", conn, res)
	}
	if got := openStream(t, srv, other); got != "200 OK" {
		t.Errorf("another program: got %s, want 200", got)
	}
	page := "Cookie: " + openPage(t, srv).cookies()
	for i := range 6 {
		if got := openStream(t, srv, page); got != "200 OK" {
			t.Fatalf("stream %d of the page: got %s", i+1, got)
		}
	}
	if got := openStream(t, srv, page); got != "429 Too Many Requests" {
		t.Errorf("a seventh stream of one page: got %s, want 429", got)
	}
	eventually(t, "all listen", func() bool { return st.watching() == 11 })
}

func TestProgramsTogetherLeaveRoomForTheScreen(t *testing.T) {
	tokens := signin.OpenTokens(t.TempDir())
	st := newStation()
	srv, _ := start(t, st, func(o *kiosk.Options) { o.Tokens = tokens })
	refused := ""
	for i := range 7 {
		token, err := tokens.New(signin.Client{Name: fmt.Sprintf("program-%d", i), Scopes: []string{signin.VisitRead}}, st.Snapshot().Time)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			if got := openStream(t, srv, "Authorization: Bearer "+token); got != "200 OK" {
				refused = got
			}
		}
	}
	if refused != "503 Service Unavailable" {
		t.Errorf("28 streams of programs: the last got %q, want 503", refused)
	}
	if got := openStream(t, srv, "Cookie: "+openPage(t, srv).cookies()); got != "200 OK" {
		t.Errorf("the screen beside them: got %s, want 200", got)
	}
}

func TestAStreamThatEndedMakesRoom(t *testing.T) {
	srv, st, token := counterWithPeople(t)
	header := "Authorization: Bearer " + token["his"]
	for range 3 {
		var open []net.Conn
		for range 4 {
			c := dialTCP(t, srv)
			_, _ = fmt.Fprintf(c, "GET /v1/events HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", srv.Addr(), header)
			open = append(open, c)
		}
		eventually(t, "four listen", func() bool { return st.watching() == 4 })
		for _, c := range open {
			_ = c.Close()
		}
		eventually(t, "nobody listens", func() bool { return st.watching() == 0 })
	}
}

// slowStation takes as long to begin a visit as the test wants.
type slowStation struct {
	*counter
	began, goOn chan struct{}
}

func (s *slowStation) SubmitQR(ctx context.Context, text string) (string, error) {
	s.set(func(n *visit.Snapshot) { n.Visit = at(visit.StageConsent) })
	close(s.began)
	select {
	case <-s.goOn:
	case <-ctx.Done():
	}
	return s.counter.SubmitQR(ctx, text)
}

func TestNobodyWaitsForAVisitThatBegins(t *testing.T) {
	dir := t.TempDir()
	tokens := signin.OpenTokens(dir)
	token := map[string]string{}
	st := &slowStation{counter: &counter{station: newStation()}, began: make(chan struct{}), goOn: make(chan struct{})}
	for _, name := range []string{"his", "other"} {
		text, err := tokens.New(signin.Client{Name: name, Scopes: []string{signin.VisitRead, signin.VisitWrite}}, st.Snapshot().Time)
		if err != nil {
			t.Fatal(err)
		}
		token[name] = text
	}
	srv, _ := start(t, st.station, func(o *kiosk.Options) { o.Station, o.Tokens = st, tokens })
	p := &page{t: t, base: "http://" + srv.Addr()}
	mine, _, err := dialSocket(t, srv, with(token["his"]))
	if err != nil {
		t.Fatal(err)
	}
	message(t, mine, `"visit":null`)
	made := make(chan int, 1)
	go func() {
		status, _ := p.ask("POST", "/v1/visits", `{"qr":"x"}`, with(token["his"]))
		made <- status
	}()
	<-st.began
	// The visit is there already, and its owner is not known yet: everybody is answered, and nobody sees the person.
	for _, name := range []string{"his", "other"} {
		if status, body := p.ask("GET", "/v1/state", "", with(token[name])); status != 200 || strings.Contains(body, personName) {
			t.Errorf("%s, while it begins: got %d %s, want the state without the person", name, status, body)
		}
	}
	for path, body := range map[string]string{"/v1/visits": `{"qr":"y"}`, "/v1/session": ""} {
		if status, answer := p.ask("POST", path, body, with(token["other"])); status != http.StatusConflict || !strings.Contains(answer, `"busy"`) {
			t.Errorf("POST %s of another program: got %d %s, want 409 busy", path, status, answer)
		}
	}
	close(st.goOn)
	if status := <-made; status != http.StatusCreated {
		t.Errorf("POST /v1/visits: got %d, want 201", status)
	}
	message(t, mine, personName) // it is told at once whose visit it is
	if status, body := p.ask("GET", "/v1/visits/v1", "", with(token["his"])); status != 200 || !strings.Contains(body, personName) {
		t.Errorf("GET /v1/visits/v1 of its owner: got %d %s", status, body)
	}
	if status, body := p.ask("GET", "/v1/visits/v1", "", with(token["other"])); status != 404 || strings.Contains(body, personName) {
		t.Errorf("GET /v1/visits/v1 of another: got %d %s, want 404", status, body)
	}
}
