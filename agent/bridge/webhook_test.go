package bridge_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tram/agent/bridge"
	"tram/agent/visit"
)

type posted struct {
	body []byte
	head http.Header
}

// hospital is the server that the webhook tells.
func hospital(t *testing.T, answer func(n int) int) (string, chan posted) {
	t.Helper()
	got := make(chan posted, 16)
	var count atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		code := answer(int(count.Add(1)))
		if code == http.StatusFound {
			w.Header().Set("Location", "http://192.0.2.1/")
		}
		w.WriteHeader(code)
		got <- posted{body, r.Header}
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/", got
}

func receive(t *testing.T, c chan posted) posted {
	t.Helper()
	select {
	case p := <-c:
		return p
	case <-time.After(30 * time.Second):
		t.Fatal("nothing was posted")
	}
	return posted{}
}

func TestTheWebhookPostsEachPersonOnceInTheHospitalsWords(t *testing.T) {
	url, got := hospital(t, func(n int) int { return map[bool]int{true: 503, false: 200}[n < 3] })
	c := open(t, bridge.Options{Kind: bridge.HN212Webhook, URL: url, Client: "his", Secret: []byte("a secret")})
	c.watched(t, 1)
	c.stage(visit.StageReading)
	c.stage(visit.StageConfirm)
	receive(t, got)
	receive(t, got)
	p := receive(t, got) // the third time it was taken
	var body map[string]any
	if err := json.Unmarshal(p.body, &body); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"id_card": "099099000017", "full_name": "Nguyễn Văn Thử", "date_of_birth": "15/01/1999", "gender": "Nam", "place_of_residence": citizen["residencePlace"],
		"nationality": "", "race": "", "religion": "", "place_of_origin": "", "personal_identification": "", "date_of_issue": "", "date_of_expiry": "",
		"father_name": "", "mother_name": "", "wife_name": "", "old_id_card": "", "source": "chip", "consentId": "consent-v1",
	} {
		if value, there := body[name]; !there || value != want {
			t.Errorf("%s: got %v (there: %v), want %v", name, value, there, want)
		}
	}
	if body["id_img"] == "" {
		t.Error("the portrait is missing though the profile keeps it")
	}
	if want := bridge.Sign([]byte("a secret"), p.head.Get("Tram-Time"), p.body); p.head.Get("Tram-Signature") != want {
		t.Errorf("signature: got %q, want %q", p.head.Get("Tram-Signature"), want)
	}
	c.stage(visit.StageIdle)
	c.lead("v2", visit.StageConfirm)
	if p := receive(t, got); !strings.Contains(string(p.body), "consent-v2") {
		t.Errorf("the next post: got %s, want the second visit and not the first again", p.body)
	}
}

func TestTheWebhookFollowsNoRedirectAndTakesARefusalForAnAnswer(t *testing.T) {
	url, got := hospital(t, func(n int) int { return map[int]int{1: 302, 2: 400}[n] })
	c := open(t, bridge.Options{Kind: bridge.HN212Webhook, URL: url, Client: "his"})
	c.watched(t, 1)
	for _, id := range []string{"v1", "v2"} {
		c.lead(id, visit.StageConfirm)
		if p := receive(t, got); !strings.Contains(string(p.body), "consent-"+id) {
			t.Errorf("got %s, want visit %s", p.body, id)
		}
	}
}

// A hospital's server may be down when a person is read, come late, hang, or
// answer without end: the next person is told all the same.
func TestAServerThatHangsOrIsDownKeepsTheNextPersonNotBack(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	_ = free.Close() // nobody is there yet
	c := open(t, bridge.Options{Kind: bridge.HN212Webhook, URL: "http://" + addr + "/", Client: "his"})
	c.watched(t, 1)
	c.lead("v1", visit.StageConfirm)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 16)
	var count atomic.Int32
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
		switch count.Add(1) {
		case 1:
			<-r.Context().Done() // it hangs
		case 2:
			for r.Context().Err() == nil { // its answer has no end
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}
	})}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	defer func() { _ = srv.Close(); <-done }()
	hear := func(consent string) {
		t.Helper()
		select {
		case body := <-got:
			if !strings.Contains(body, consent) {
				t.Errorf("got %s, want %s", body, consent)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("nothing was posted, want %s", consent)
		}
	}
	hear("consent-v1") // and hangs
	c.lead("v2", visit.StageConfirm)
	hear("consent-v1") // again; its answer has no end, and is an answer
	hear("consent-v2")
}

func TestWhatIsOnItsWayEndsWithTheToken(t *testing.T) {
	url, got := hospital(t, func(int) int { return 503 })
	c := open(t, bridge.Options{Kind: bridge.HN212Webhook, URL: url, Client: "his"})
	c.watched(t, 1)
	c.stage(visit.StageConfirm)
	receive(t, got)
	if err := c.tokens.Remove("his"); err != nil {
		t.Fatal(err)
	}
	c.stage(visit.StageIdle) // it is noticed
	c.watched(t, 0)
	late := 0 // one may be under way in this moment
	for end := time.After(4 * time.Second); ; {
		select {
		case <-got:
			late++
			continue
		case <-end: // it would have been tried three times more
		}
		break
	}
	if late > 1 {
		t.Errorf("the token is gone, and the hospital was asked %d times more", late)
	}
}
