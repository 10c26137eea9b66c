package agent

import (
	"context"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tram/agent/kiosk"
	"tram/agent/signin"
	"tram/agent/visit"
	"tram/configs"
	"tram/drivers/sim"
)

// A program that knows only a vendor's reader and a hospital's server that knows
// only its webhook hear of a visit at a real station, and get no field that the
// profile does not keep.
func TestVendorsProgramsHearOfAVisitAtARealStation(t *testing.T) {
	posted := make(chan string, 4)
	his := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posted <- string(body)
	}))
	t.Cleanup(his.Close)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	_ = free.Close()
	r := newRig(t)
	r.config.Profile = "one-stop"
	r.config.Bridges = []configs.Bridge{
		{Kind: "card-result", Listen: addr}, {Kind: "hn212-webhook", URL: his.URL + "/", Client: "his"},
	}
	token, err := signin.OpenTokens(r.config.StateDir()).New(signin.Client{Name: "his", Scopes: []string{signin.Bridge}}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	r.start()
	c := counter{r, t}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/?token="+token, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(1 << 20)
	// The program owns the reader from its first look on.
	c.waitFor("the program holds the reader", func(Status) bool {
		var s kiosk.ReaderSession
		return c.client.GetJSON(ctx, "/v1/session", &s) == nil && s.Holder == "program"
	})
	id := c.begin(visit.StageConsent)
	c.must(id, "consent", "skip-chip")
	person := sim.DefaultCitizen()
	for _, want := range []string{`"EventName":"READ"`, person.IDCode} {
		_, data, err := conn.Read(ctx)
		if err != nil || !strings.Contains(string(data), want) {
			t.Fatalf("the program: got %s %v, want %s", data, err, want)
		}
		if strings.Contains(string(data), "CARD_RESULT") && (!strings.Contains(string(data), `"source":"qr"`) || !strings.Contains(string(data), `"religion":""`)) {
			t.Errorf("the program: got %s", data)
		}
	}
	select {
	case body := <-posted:
		if !strings.Contains(body, person.IDCode) || !strings.Contains(body, `"religion":""`) || !strings.Contains(body, `"consentId":"`+id) {
			t.Errorf("the hospital: got %s", body)
		}
	case <-ctx.Done():
		t.Fatal("the hospital was not told")
	}
	c.must(id, "cancel")
	if _, data, err := conn.Read(ctx); err != nil || !strings.Contains(string(data), "EMPTY") {
		t.Errorf("after the visit: got %s %v", data, err)
	}
}

func TestABridgesScoreIsAbove60ForAMatchAlone(t *testing.T) {
	for _, threshold := range []float64{0.3, 0.4, 0.55} {
		for cosine := -1.0; cosine <= 1.0001; cosine += 0.01 {
			match := cosine >= threshold
			got := bridgeScore(cosine, threshold, match)
			if (got > 60) != match || got < 0 || got > 100 || math.IsNaN(got) {
				t.Errorf("cosine %.2f at threshold %.2f: score %.3f, match %v", cosine, threshold, got, match)
			}
			if got := bridgeScore(cosine, threshold, false); got > 60 {
				t.Errorf("no match, since the head did not turn: score %.3f", got)
			}
		}
	}
}
