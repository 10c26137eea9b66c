package kiosk_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"tram/agent/signin"
)

// Each curl of docs/api.md does what the page says, in the page's order, against
// the real daemon, with the token that the page has made.
func TestEveryCommandOfTheAPIsPageDoesWhatItSays(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not installed (Debian package curl): the page's commands were not tried")
	}
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	made := regexp.MustCompile(`(?m)^ +tram token new (\S+)(.*)$`).FindStringSubmatch(string(page))
	if made == nil {
		t.Fatal("the page makes no token")
	}
	client := signin.Client{Name: made[1]}
	for _, scope := range regexp.MustCompile(`--scope (\S+)`).FindAllStringSubmatch(made[2], -1) {
		client.Scopes = append(client.Scopes, scope[1])
	}
	c := newBench(t).open(t, "one-stop")
	token, err := signin.OpenTokens(c.state).New(client, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "A=http://"+c.addr, "T=Authorization: Bearer "+token)
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	claim := regexp.MustCompile(`(?m)^# (\d{3}) (.+)$`)
	for _, b := range blocks {
		want := claim.FindStringSubmatch(b[1])
		if want == nil || strings.Count(b[1], "curl ") != 1 {
			t.Fatalf("a block that is not one curl and what it answers: %s", b[1])
		}
		var status, body string
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(300 * time.Millisecond) {
			status, body = curl(t, b[1], env)
			// The screen may still be on its way to the stage that the page speaks of.
			if status == want[1] && answers(body, want[2]) || status != "409" && status != "200" || time.Now().After(end) {
				break
			}
		}
		if status != want[1] || !answers(body, want[2]) {
			t.Errorf("%s\ngot %s %.200s", b[1], status, body)
		}
		var of struct{ Visit string }
		if json.Unmarshal([]byte(body), &of) == nil && status == "201" && of.Visit != "" {
			env = append(env, "V="+of.Visit)
		}
	}
	if len(blocks) < 12 {
		t.Errorf("the page has %d commands", len(blocks))
	}
	http.DefaultClient.CloseIdleConnections()
}

// curl runs a block's command and returns the status and the body.
func curl(t *testing.T, block string, env []string) (status, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", `curl() { command curl --noproxy '*' --max-time 2 -w '\n%{http_code}' "$@"; }`+"\n"+block)
	cmd.Env = env
	out, _ := cmd.Output() // an event stream does not end by itself: curl gives up
	text := strings.TrimSpace(string(out))
	at := strings.LastIndex(text, "\n")
	return text[at+1:], text[:max(at, 0)]
}

// answers reports whether a body has what the page names: keys of an object, or words.
func answers(body, claim string) bool {
	if !strings.HasPrefix(claim, "{") {
		return strings.Contains(body, claim)
	}
	var of map[string]any
	if json.Unmarshal([]byte(body), &of) != nil {
		return false
	}
	for _, name := range regexp.MustCompile(`"(\w+)"`).FindAllStringSubmatch(claim, -1) {
		if of[name[1]] == nil {
			return false
		}
	}
	return true
}
