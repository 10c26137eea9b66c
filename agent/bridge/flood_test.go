package bridge_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tram/agent/bridge"
	"tram/agent/signin"
	"tram/agent/visit"
)

// begin opens a Socket.IO session over polling for a program, and returns the status.
func (c *counter) begin(t *testing.T, token string) int {
	t.Helper()
	req, _ := http.NewRequest("GET", "http://"+c.addr+"/socket.io/?EIO=4&transport=polling", nil)
	req.Header.Set("Authorization", "Bearer "+token)
	code, _, _ := ask(t, req)
	return code
}

// A program whose connection breaks begins again and leaves its former session
// behind, which is found dead only later.
func TestAProgramThatConnectsAgainAndAgainLocksNobodyOut(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.HN212Socket})
	for i := range 20 {
		if code := c.begin(t, c.token["his"]); code != 200 {
			t.Fatalf("its session %d: got %d, want 200", i+1, code)
		}
	}
	if code := c.begin(t, c.token["other"]); code != 200 {
		t.Errorf("another program: got %d, want 200", code)
	}
}

func TestSessionsOfAllProgramsAreBounded(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.HN212Socket})
	codes := map[int]int{}
	for i := range 4 {
		token, err := c.tokens.New(signin.Client{Name: fmt.Sprint("program-", i), Scopes: []string{signin.Bridge}}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			codes[c.begin(t, token)]++
		}
	}
	if codes[200] != 16 || codes[503] != 4 {
		t.Errorf("got %v, want 16 sessions and 4 refusals", codes)
	}
}

func TestAProgramThatFloodsADoorKeepsNoOtherOut(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.CardResult})
	entered := 0
	for range 18 {
		conn, res, err := websocket.Dial(t.Context(), "ws://"+c.addr+"/", &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + c.token["his"]}}})
		switch {
		case err == nil:
			entered++
			t.Cleanup(func() { _ = conn.CloseNow() })
		case res == nil || res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "":
			t.Fatalf("one too many: got %v %v, want 429 with Retry-After", res, err)
		}
	}
	if entered != 12 {
		t.Errorf("%d connections of one program, want 12", entered)
	}
	if got := next(t, c.dial(t, "other")); !strings.Contains(got, "busy") {
		t.Errorf("another program: got %s, want that it is told", got)
	}
}

func TestAProgramThatTalksWithoutEndIsLetGo(t *testing.T) {
	for kind, address := range map[string]string{bridge.CardResult: "/", bridge.HN212Socket: "/socket.io/?EIO=4&transport=websocket", bridge.RARRest: "/ws/device"} {
		c := open(t, bridge.Options{Kind: kind})
		conn, _, err := websocket.Dial(t.Context(), "ws://"+c.addr+address, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + c.token["his"]}}})
		if err != nil {
			t.Fatal(err)
		}
		first := map[string]string{bridge.HN212Socket: "40", bridge.RARRest: `{"protocol":"json","version":1}` + "\x1e"}[kind]
		if first != "" {
			_ = conn.Write(t.Context(), websocket.MessageText, []byte(first))
		}
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			for {
				if _, _, err := conn.Read(context.Background()); err != nil {
					return
				}
			}
		}()
		for range 1000 {
			if conn.Write(t.Context(), websocket.MessageText, []byte("3hello")) != nil {
				break
			}
		}
		select {
		case <-gone:
		case <-time.After(20 * time.Second):
			t.Errorf("%s: a program that sent a thousand messages is still connected", kind)
		}
		_ = conn.CloseNow()
		c.watched(t, 0)
	}
}

// A program that hangs answers no ping; one whose page is put aside says nothing.
func TestAProgramThatHangsGivesTheReaderBack(t *testing.T) {
	defer bridge.Silence(time.Millisecond)()
	for kind, address := range map[string]string{bridge.CardResult: "/", bridge.RARRest: "/ws/device"} {
		c := open(t, bridge.Options{Kind: kind})
		conn, _, err := websocket.Dial(t.Context(), "ws://"+c.addr+address, &websocket.DialOptions{HTTPHeader: http.Header{"Authorization": {"Bearer " + c.token["his"]}}})
		if err != nil {
			t.Fatal(err)
		}
		if kind == bridge.RARRest {
			_ = conn.Write(t.Context(), websocket.MessageText, []byte(`{"protocol":"json","version":1}`+"\x1e"))
		} else {
			c.watched(t, 1)
		}
		c.stage(visit.StageReading) // it never reads, and so answers no ping
		c.left(t, 40*time.Second)
		_ = conn.CloseNow()
	}
}

// Programs post {} where nothing is wanted, and give up when a person takes long.
func TestAReadThatWasGivenUpMakesRoomForTheNext(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.RARRest})
	begin := func() net.Conn {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, "POST /api/card/read HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", c.addr, c.token["his"])
		return conn
	}
	first := begin()
	c.watched(t, 1)
	_ = first.Close()
	c.left(t, 10*time.Second) // it would wait for a person for 20 seconds
	second := begin()
	defer func() { _ = second.Close() }()
	c.watched(t, 1)
	c.stage(visit.StageConfirm)
	res, err := http.ReadResponse(bufio.NewReader(second), nil)
	if err != nil || res.StatusCode != 200 {
		t.Errorf("the next read: got %v %v, want 200", res, err)
	}
}

// left waits until no program follows any more.
func (c *counter) left(t *testing.T, within time.Duration) {
	t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		c.mu.Lock()
		n := len(c.watchers)
		c.mu.Unlock()
		if n == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d programs still hold the reader after %v", n, within)
		}
	}
}

func TestPicturesAreComparedOneAfterTheOther(t *testing.T) {
	t.Parallel()
	started, goOn := make(chan struct{}), make(chan struct{})
	c := open(t, bridge.Options{Kind: bridge.CardResult, Compare: func(ctx context.Context, _, _ []byte) (float64, error) {
		close(started)
		<-goOn
		return 80, nil
	}})
	face := base64.StdEncoding.EncodeToString([]byte("face"))
	compare := func() (int, string) {
		req, _ := http.NewRequest("POST", "http://"+c.addr+"/api/v4/compare", strings.NewReader(`{"AnhCCCD":"`+face+`","AnhChanDung":"`+face+`"}`))
		req.Header.Set("Authorization", "Bearer "+c.token["his"])
		code, body, _ := ask(t, req)
		return code, body
	}
	first := make(chan int, 1)
	go func() {
		code, _ := compare()
		first <- code
	}()
	<-started
	if code, body := compare(); code != http.StatusServiceUnavailable {
		t.Errorf("beside another: got %d %s, want 503", code, body)
	}
	close(goOn)
	if code := <-first; code != 200 {
		t.Errorf("the first: got %d, want 200", code)
	}
}
