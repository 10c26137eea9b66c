package bridge_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"tram/agent/bridge"
	"tram/agent/visit"
)

func (c *counter) dial(t *testing.T, program string) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+c.addr+"/?token="+c.token[program], nil)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return conn
}

func next(t *testing.T, conn *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, data, err := conn.Read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestCardResultTellsAVisitInItsWords(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.CardResult})
	conn := c.dial(t, "his")
	c.watched(t, 1)
	c.stage(visit.StageReading)
	if got := next(t, conn); got != `{"EventName":"READ"}` {
		t.Errorf("while the card is read: got %s", got)
	}
	c.stage(visit.StageConfirm)
	var got struct {
		EventName, ChipFace             string
		PersonalInfo                    map[string]string
		Source, Assurance, ConsentID    string
		Verification                    visit.Verdicts
		Visit                           string
		HoVaTen, DG13, Raw, Fingerprint any
	}
	text := next(t, conn)
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if got.EventName != "CARD_RESULT" || got.ChipFace != base64.StdEncoding.EncodeToString(portrait) || got.Source != "chip" || got.ConsentID != "consent-v1" || got.Verification.Chain != "trusted" || got.Assurance != "chip-trusted" {
		t.Errorf("got %s", text)
	}
	for _, name := range visit.Fields[:16] {
		if value, there := got.PersonalInfo[name]; !there || value != citizen[name] {
			t.Errorf("%s: got %q (there: %v), want %q", name, value, there, citizen[name])
		}
	}
	c.stage(visit.StageIdle)
	if got := next(t, conn); got != `{"NewState":"EMPTY"}` {
		t.Errorf("after the visit: got %s", got)
	}
	c.lead("v2", visit.StageFailed)
	if got := next(t, conn); !strings.Contains(got, `"Status":"FAILURE"`) {
		t.Errorf("a visit that failed: got %s", got)
	}
}

func TestAPortraitThatIsNotKeptDoesNotLeave(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.CardResult})
	c.keeps = []string{"idCode"}
	conn := c.dial(t, "his")
	c.watched(t, 1)
	c.stage(visit.StageConfirm)
	next(t, conn)
	if got := next(t, conn); !strings.Contains(got, `"ChipFace":""`) {
		t.Errorf("got %s", got)
	}
}

func TestAVisitThatBeganBeforeIsNotTheProgramsOwn(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.CardResult})
	c.stage(visit.StageConsent)
	conn := c.dial(t, "his")
	c.watched(t, 1)
	c.stage(visit.StageConfirm)
	c.stage(visit.StageIdle)
	c.lead("v2", visit.StageReading)
	if got := next(t, conn); got != `{"EventName":"READ"}` {
		t.Errorf("got %s, want nothing of the first visit", got)
	}
}

func TestTwoPicturesAreComparedAsProgramsAskForIt(t *testing.T) {
	compare := func(_ context.Context, card, person []byte) (float64, error) {
		switch {
		case string(person) == "nobody":
			return 0, errors.New("no face")
		case string(card) == string(person):
			return 93.5, nil
		}
		return 12, nil
	}
	c := open(t, bridge.Options{Kind: bridge.CardResult, Compare: compare})
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tc := range []struct {
		name, body string
		code       int
		want       string
	}{
		{"the same person", `{"AnhCCCD":"` + b64("face") + `","AnhChanDung":"data:image/jpeg;base64,` + b64("face") + `"}`, 200, `"Score":93.5`},
		{"another", `{"AnhCCCD":"` + b64("face") + `","AnhChanDung":"` + b64("other") + `"}`, 200, `"Status":"Khuôn mặt không khớp"`},
		{"no face", `{"AnhCCCD":"` + b64("face") + `","AnhChanDung":"` + b64("nobody") + `"}`, 200, `"Score":0`},
		{"no picture", `{"AnhCCCD":"","AnhChanDung":"?"}`, 400, "base64"},
		{"no JSON", `[`, 400, "AnhCCCD"},
		{"too much", `{"AnhCCCD":"` + strings.Repeat("A", 13<<20) + `"}`, 413, "lớn"},
	} {
		req, _ := http.NewRequest("POST", "http://"+c.addr+"/api/v4/compare", strings.NewReader(tc.body))
		req.Header.Set("Authorization", "Bearer "+c.token["his"])
		if code, body, _ := ask(t, req); code != tc.code || !strings.Contains(body, tc.want) {
			t.Errorf("%s: got %d %s, want %d with %s", tc.name, code, body, tc.code, tc.want)
		}
	}
}
