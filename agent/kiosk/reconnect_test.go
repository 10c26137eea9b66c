package kiosk_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tram/agent/kiosk"
	"tram/agent/signin"
	"tram/agent/visit"
)

// heard is one message of a stream.
type heard struct {
	Event string          `json:"event"`
	ID    string          `json:"id"`
	Data  json.RawMessage `json:"data"`
}

// A listening opens a stream of a program that has the events up to last.
type listening func(t *testing.T, srv *kiosk.Server, token, last string) (next func() heard, end func())

func listenEvents(t *testing.T, srv *kiosk.Server, token, last string) (next func() heard, end func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+srv.Addr()+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	client := http.Client{Transport: &http.Transport{}}
	res, err := client.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the event stream: %v %v", res, err)
	}
	r := bufio.NewReader(res.Body)
	return func() (h heard) {
			t.Helper()
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					t.Fatalf("read an event: %v", err)
				}
				switch name, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ": "); name {
				case "":
					return h
				case "event":
					h.Event = value
				case "id":
					h.ID = value
				case "data":
					h.Data = json.RawMessage(value)
				}
			}
		}, func() {
			cancel()
			_ = res.Body.Close()
			client.CloseIdleConnections()
		}
}

func listenSocket(t *testing.T, srv *kiosk.Server, token, last string) (next func() heard, end func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	conn, _, err := websocket.Dial(ctx, "ws://"+srv.Addr()+"/v1/ws?last="+url.QueryEscape(last), &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + token}}})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	return func() (h heard) {
			t.Helper()
			_, data, err := conn.Read(ctx)
			if err == nil {
				err = json.Unmarshal(data, &h)
			}
			if err != nil {
				t.Fatalf("read a message: %v", err)
			}
			return h
		}, func() {
			_ = conn.CloseNow()
			cancel()
		}
}

func TestAStreamThatComesBackIsToldWhatIsNowAndNothingTwice(t *testing.T) {
	for name, listen := range map[string]listening{"server-sent events": listenEvents, "WebSocket": listenSocket} {
		t.Run(name, func(t *testing.T) {
			srv, st, token := counterWithPeople(t)
			p := &page{t: t, base: "http://" + srv.Addr()}
			if status, _ := p.ask("POST", "/v1/session", "", with(token["his"])); status != http.StatusCreated {
				t.Fatalf("POST /v1/session: got %d", status)
			}
			show := func(id, who string) {
				v := at(visit.StageConfirm)
				v.ID, v.Person.PersonName = id, who
				st.set(func(n *visit.Snapshot) { n.Visit = v })
			}
			// marked listens until a change that it makes itself is told, and returns all that came.
			mark := uint64(1000)
			marked := func(last string) (all []heard) {
				t.Helper()
				next, end := listen(t, srv, token["his"], last)
				defer end()
				if first := next(); first.Event != "state" {
					t.Errorf("the first event is %s, want the present state", first.Event)
				} else {
					all = append(all, first)
				}
				mark++
				st.set(func(n *visit.Snapshot) { n.Queue.Accepted = mark })
				for {
					h := next()
					all = append(all, h)
					var n visit.Snapshot
					if h.Event == "state" && json.Unmarshal(h.Data, &n) == nil && n.Queue.Accepted == mark {
						return all
					}
				}
			}
			results := func(all []heard) (ids string) {
				for _, h := range all {
					if (h.ID != "") != (h.Event == "result") {
						t.Errorf("event %s has the id %q", h.Event, h.ID)
					}
					ids += h.ID
				}
				return ids
			}
			says := func(all []heard, words string) (n int) {
				for _, h := range all {
					if strings.Contains(string(h.Data), words) {
						n++
					}
				}
				return n
			}
			show("v1", personName)
			if got := results(marked("")); got != "v1.confirm" {
				t.Errorf("at first: got the results %q, want that of v1", got)
			}
			again := marked("v1.confirm")
			if got := results(again); got != "" || says(again, personName) == 0 {
				t.Errorf("after a break in a visit: got the results %q again, the state names the person %d times", got, says(again, personName))
			}
			// One visit ended and another came to the same stage while nobody listened.
			show("v2", "Trần Thị Mẫu")
			if missed := marked("v1.confirm"); results(missed) != "v2.confirm" || says(missed, personName) != 0 {
				t.Errorf("after another visit began: got the results %q, want that of v2 alone; the one before is named %d times", results(missed), says(missed, personName))
			}
			// Visits that came and went are not told: their persons are forgotten.
			show("v3", personName)
			st.set(func(n *visit.Snapshot) { n.Visit = nil })
			for _, last := range []string{"v2.confirm", "v3.confirm", "", "v3.recorded", strings.Repeat("x", 4000), "../../", "%00", "v1.confirm, v2.confirm"} {
				if gone := marked(last); results(gone) != "" || says(gone, personName)+says(gone, "Mẫu") != 0 {
					t.Errorf("after the visits ended, last %.20q: got the results %q, or somebody is named", last, results(gone))
				}
			}
		})
	}
}

// A token that is taken back ends its open streams with the next change, which
// is not told any more, or in quiet times with the next beat.
func TestATokenThatIsTakenBackEndsItsStreams(t *testing.T) {
	for name, path := range map[string]string{"server-sent events": "/v1/events", "WebSocket": "/v1/ws"} {
		for _, quiet := range []bool{false, true} {
			tokens := signin.OpenTokens(t.TempDir())
			token, err := tokens.New(signin.Client{Name: "his", Scopes: []string{signin.VisitRead}}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			st := newStation()
			srv, err := kiosk.New(kiosk.Options{Addr: "127.0.0.1:0", Station: st, Tokens: tokens})
			if err != nil {
				t.Fatal(err)
			}
			if quiet {
				kiosk.Eager(srv)
			}
			run(t, srv)
			c := dialTCP(t, srv)
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			upgrade := ""
			if path == "/v1/ws" {
				upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
			}
			_, _ = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: "+srv.Addr()+"\r\n"+upgrade+"Authorization: Bearer "+token+"\r\n\r\n")
			eventually(t, "it listens", func() bool { return st.watching() == 1 })
			if err := tokens.Remove("his"); err != nil {
				t.Fatal(err)
			}
			if !quiet {
				st.set(func(n *visit.Snapshot) { n.Site = "after the token" })
			}
			eventually(t, name+": the stream ends", func() bool { return st.watching() == 0 })
			_ = c.(*net.TCPConn).CloseWrite()
			if rest, _ := io.ReadAll(c); strings.Contains(string(rest), "after the token") {
				t.Errorf("%s: the change after the token was taken back is told", name)
			}
		}
	}
}
