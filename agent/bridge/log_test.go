package bridge_test

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"tram/agent/bridge"
	"tram/agent/visit"
)

// notes is a log that a test reads.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(b)
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.String()
}

// Whatever a program does, and however its protocol fails, the log holds neither
// its token nor anything of a person.
func TestTheLogHoldsNoTokenAndNobody(t *testing.T) {
	for kind, path := range paths {
		log := &notes{}
		c := open(t, bridge.Options{Kind: kind, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
		token := c.token["his"]
		c.stage(visit.StageConfirm)
		for _, url := range []string{path, path + "&token=" + token, "/" + token + path, "/" + token + "/nowhere", "/?token=" + token, "/%zz" + token} {
			req, err := http.NewRequest("GET", "http://"+c.addr, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.URL.Opaque = "//" + c.addr + url
			req.Header.Set("Authorization", "Bearer "+token)
			if res, err := http.DefaultClient.Do(req); err == nil {
				_ = res.Body.Close()
			}
		}
		conn, err := net.Dial("tcp", c.addr) // no HTTP, with a token in it
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte("GET /" + token + " HTTP/9\r\nX: " + citizen["idCode"] + "\r\n\r\n"))
		_ = conn.Close()
		c.stage(visit.StageIdle)
		clean(t, kind, log.String(), token)
	}

	log := &notes{}
	url, got := hospital(t, func(n int) int { return map[int]int{1: 400}[n] })
	c := open(t, bridge.Options{Kind: bridge.HN212Webhook, URL: url, Client: "his", Secret: []byte("a secret of the hospital"), Log: slog.New(slog.NewTextHandler(log, nil))})
	c.watched(t, 1)
	c.stage(visit.StageConfirm)
	receive(t, got)
	for end := time.Now().Add(20 * time.Second); !strings.Contains(log.String(), "not told"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a person whom the hospital refused is not in the log")
		}
	}
	clean(t, bridge.HN212Webhook, log.String(), c.token["his"])
}

func clean(t *testing.T, kind, log, token string) {
	t.Helper()
	for _, secret := range []string{token, citizen["idCode"], citizen["personName"], citizen["residencePlace"], base64.StdEncoding.EncodeToString(portrait), "a secret of"} {
		if strings.Contains(log, secret) {
			t.Errorf("%s: the log holds %q: %s", kind, secret, log)
		}
	}
}
