package bridge_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tram/agent/bridge"
	"tram/agent/visit"
	"tram/configs"
)

// paths are one request of each bridge that listens.
var paths = map[string]string{
	bridge.HN212Socket: "/socket.io/?EIO=4&transport=polling",
	bridge.CardResult:  "/",
	bridge.RARRest:     "/api/device/status",
}

func TestOnlyTheRightProgramEntersFromTheRightPage(t *testing.T) {
	for kind, path := range paths {
		t.Run(kind, func(t *testing.T) {
			c := open(t, bridge.Options{Kind: kind})
			for _, tc := range []struct {
				name, token, host, origin, site string
				want                            int
				code                            string
			}{
				{"nobody", "", "", "", "", 401, "bad_token"},
				{"a guess", "tram_AAAA", "", "", "", 401, "bad_token"},
				{"a program without the scope", c.token["api"], "", "", "", 403, "wrong_scope"},
				{"a name that was rebound", c.token["his"], "evil.example", "", "", 403, "foreign_host"},
				{"a page that is not listed", c.token["his"], "", "https://evil.example", "", 403, "foreign_origin"},
				{"a page that hides itself", c.token["his"], "", "null", "", 403, "foreign_origin"},
				{"a cross-site request without an origin", c.token["his"], "", "", "cross-site", 403, "foreign_origin"},
			} {
				for _, place := range []string{"header", "parameter", "path"} {
					req, err := http.NewRequest("GET", "http://"+c.addr+path, nil)
					if err != nil {
						t.Fatal(err)
					}
					switch place {
					case "header":
						req.Header.Set("Authorization", "Bearer "+tc.token)
					case "parameter":
						req.URL.RawQuery += "&token=" + tc.token
					case "path":
						req.URL.Path = "/" + tc.token + req.URL.Path
					}
					req.Host = tc.host
					for name, value := range map[string]string{"Origin": tc.origin, "Sec-Fetch-Site": tc.site} {
						if value != "" {
							req.Header.Set(name, value)
						}
					}
					if got, body, _ := ask(t, req); got != tc.want && got != 429 || got != 429 && !strings.Contains(body, tc.code) {
						t.Errorf("%s, token in the %s: got %d %s, want %d %s", tc.name, place, got, body, tc.want, tc.code)
					}
				}
			}
		})
	}
}

func ask(t *testing.T, req *http.Request) (int, string, http.Header) {
	t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body), res.Header
}

func TestAListedPageReadsTheAnswerAndNoOtherDoes(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.RARRest})
	req, _ := http.NewRequest("GET", "http://"+c.addr+"/api/device/status", nil)
	req.Header.Set("Origin", listed)
	req.Header.Set("Authorization", "Bearer "+c.token["his"])
	if code, body, h := ask(t, req); code != 200 || h.Get("Access-Control-Allow-Origin") != listed {
		t.Errorf("the listed page: got %d %s %v", code, body, h)
	}
	for origin, want := range map[string]int{listed: 204, "https://evil.example": 401} {
		req, _ := http.NewRequest("OPTIONS", "http://"+c.addr+"/api/card/read", nil)
		req.Header.Set("Origin", origin)
		req.Header.Set("Access-Control-Request-Method", "POST")
		code, _, h := ask(t, req)
		if allowed := h.Get("Access-Control-Allow-Origin"); code != want || (want == 204) != (allowed == listed) || allowed == "*" {
			t.Errorf("preflight from %s: got %d, allowed %q", origin, code, allowed)
		}
	}
}

func TestTheAddressOfTheVendorsReaderNamesTheBridgeWhenListed(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.RARRest})
	req, _ := http.NewRequest("GET", "http://"+c.addr+"/"+c.token["his"]+"/api/device/status", nil)
	req.Host = "192.168.5.1:8000"
	if code, body, _ := ask(t, req); code != 200 {
		t.Errorf("got %d %s", code, body)
	}
}

func TestABridgesTokenOpensNothingElse(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.CardResult})
	for _, path := range []string{"/v1/state", "/v1/result?visit=v1", "/v1/events"} {
		req, _ := http.NewRequest("GET", "http://"+c.server.Addr()+path, nil)
		req.Header.Set("Authorization", "Bearer "+c.token["his"])
		if code, _, _ := ask(t, req); code != http.StatusForbidden {
			t.Errorf("%s: got %d, want 403", path, code)
		}
	}
}

func TestTheSecondProgramIsToldThatTheReaderIsBusyAndNothingElse(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.CardResult})
	first := c.dial(t, "his")
	c.watched(t, 1)
	second := c.dial(t, "other")
	if got := next(t, second); !strings.Contains(got, `"busy"`) {
		t.Errorf("the second program: got %s", got)
	}
	c.stage(visit.StageConfirm)
	if got := next(t, first); !strings.Contains(got, "READ") {
		t.Errorf("the first program: got %s", got)
	}
	if got := next(t, first); !strings.Contains(got, "099099000017") {
		t.Errorf("the first program: got %s", got)
	}
	c.stage(visit.StageIdle)
	next(t, first)
	_ = first.CloseNow()
	c.watched(t, 1)
	// The reader was given back: one of the next visits is the other program's, as soon as it has asked again.
	said := make(chan string)
	go func() {
		defer close(said)
		for {
			_, data, err := second.Read(t.Context())
			if err != nil {
				return
			}
			said <- string(data)
		}
	}()
	for i, hers := 2, false; !hers; i++ {
		c.lead(fmt.Sprint("v", i), visit.StageConfirm)
		select {
		case got := <-said:
			hers = strings.Contains(got, "CARD_RESULT")
		case <-time.After(100 * time.Millisecond):
		}
		if i > 200 {
			t.Fatal("the second program never got a visit of its own")
		}
	}
	_ = second.CloseNow()
	for range said { // until the reader of it ends
	}
}

func TestATokenThatIsTakenBackEndsTheConnection(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.CardResult})
	conn := c.dial(t, "his")
	c.watched(t, 1)
	if err := c.tokens.Remove("his"); err != nil {
		t.Fatal(err)
	}
	c.stage(visit.StageConfirm)
	_, data, err := conn.Read(t.Context())
	var closed websocket.CloseError
	if !errors.As(err, &closed) {
		t.Errorf("got %s %v, want the connection closed", data, err)
	}
}

func TestTheConfigurationKnowsEachBridge(t *testing.T) {
	if !slices.Equal(bridge.Kinds, configs.BridgeKinds) {
		t.Errorf("got %v, the configuration knows %v", bridge.Kinds, configs.BridgeKinds)
	}
}
