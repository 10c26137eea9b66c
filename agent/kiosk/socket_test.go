package kiosk_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tram/agent/kiosk"
	"tram/agent/visit"
)

func dialSocket(t *testing.T, srv *kiosk.Server, header map[string]string, sub ...string) (*websocket.Conn, *http.Response, error) {
	t.Helper()
	h := http.Header{}
	for k, v := range header {
		if v != "" {
			h.Set(k, v)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	opt := &websocket.DialOptions{HTTPHeader: h, Subprotocols: sub, Host: header["Host"]}
	conn, res, err := websocket.Dial(ctx, "ws://"+srv.Addr()+"/v1/ws", opt)
	if conn != nil {
		conn.SetReadLimit(1 << 20)
		t.Cleanup(func() { _ = conn.CloseNow() })
	}
	return conn, res, err
}

// message reads messages until one has text in it.
func message(t *testing.T, conn *websocket.Conn, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			t.Fatalf("waiting for %s: %v", text, err)
		}
		if strings.Contains(string(data), text) {
			return string(data)
		}
	}
}

func TestTheOwnerHearsTheResultOverBothStreams(t *testing.T) {
	srv, st, token := counterWithPeople(t)
	p := &page{t: t, base: "http://" + srv.Addr()}
	if status, _ := p.ask("POST", "/v1/session", "", with(token["his"])); status != http.StatusCreated {
		t.Fatalf("POST /v1/session: got %d", status)
	}
	mine, _, err := dialSocket(t, srv, map[string]string{"Origin": "https://his.example"}, "tram.v1", "bearer."+token["his"])
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := dialSocket(t, srv, with(token["other"]))
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequest("GET", p.base+"/v1/events", nil)
	req.Header.Set("Authorization", "Bearer "+token["his"])
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	defer func() { _ = res.Body.Close() }()
	message(t, mine, `"visit":null`)
	message(t, other, `"visit":null`)
	st.set(func(n *visit.Snapshot) { n.Visit = at(visit.StageConfirm) })
	if got := message(t, mine, `"event":"result"`); !strings.Contains(got, `"idCode":"099099000017"`) || !strings.Contains(got, `"id":"v1.confirm"`) {
		t.Errorf("the owner's result: got %s", got)
	}
	if got := message(t, other, `"stage":"confirm"`); strings.Contains(got, personName) {
		t.Errorf("another program: got %s, want nothing of the person", got)
	}
	r := bufio.NewReader(res.Body)
	for name, data := next(t, r); name != "result"; name, data = next(t, r) {
		if strings.Contains(data, "099099000017") {
			t.Errorf("event %s has the whole number", name)
		}
	}
}

func TestACrossSiteWebSocketGetsNothing(t *testing.T) {
	srv, _, token := counterWithPeople(t)
	cookie := openPage(t, srv).cookies()
	for name, header := range map[string]map[string]string{
		"the page's cookie from a foreign page": {"Cookie": cookie, "Origin": "https://evil.example"},
		"the page's cookie from a listed page":  {"Cookie": cookie, "Origin": "https://his.example"},
		"the cookie under a foreign name":       {"Cookie": cookie, "Host": "evil.example"},
		"a token from a foreign page":           {"Authorization": "Bearer " + token["his"], "Origin": "https://evil.example"},
		"a token without the scope":             {"Authorization": "Bearer " + token["hotel"]},
		"nobody":                                {},
	} {
		conn, res, err := dialSocket(t, srv, header)
		if err == nil {
			_ = conn.CloseNow()
			t.Errorf("%s: got a socket", name)
		} else if res == nil || res.StatusCode != http.StatusForbidden {
			t.Errorf("%s: got %v %v, want 403", name, res, err)
		}
	}
	if _, _, err := dialSocket(t, srv, map[string]string{"Cookie": cookie, "Origin": "http://" + srv.Addr()}); err != nil {
		t.Errorf("the own page: got %v, want a socket", err)
	}
}

func TestASocketThatTalksIsDropped(t *testing.T) {
	srv, st, token := counterWithPeople(t)
	conn, _, err := dialSocket(t, srv, with(token["his"]))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "it listens", func() bool { return st.watching() == 1 })
	_ = conn.Write(t.Context(), websocket.MessageText, []byte(strings.Repeat("x", 1<<16)))
	eventually(t, "it is dropped", func() bool { return st.watching() == 0 })
}
