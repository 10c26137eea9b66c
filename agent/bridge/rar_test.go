package bridge_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/philippseith/signalr"

	"tram/agent/bridge"
	"tram/agent/visit"
)

// card is what programs on RAR's kit take a card's data as.
type card struct {
	CardNumber, FullName, DateOfBirth, Gender, Nationality, Hometown, PermanentAddress, IssueDate, ExpiryDate string
	FaceImageBase64                                                                                           *string
}

type cardSession struct {
	SessionID string `json:"sessionId"`
	Source    string
	ConsentID string `json:"consentId"`
	CardData  *card
	Message   string
}

// receiver is what SignalR's client of another make calls.
type receiver struct {
	mu    sync.Mutex
	heard []string
	last  cardSession
}

// silent takes what the client would print.
type silent struct{}

func (silent) Log(...interface{}) error { return nil }

func (r *receiver) note(event string, s cardSession) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.heard = append(r.heard, event)
	if s.CardData != nil {
		r.last = s
	}
}

func (r *receiver) CardInserted(s cardSession)    { r.note("inserted", s) }
func (r *receiver) CardReadSuccess(s cardSession) { r.note("read", s) }
func (r *receiver) CardRemoved(s cardSession)     { r.note("removed", s) }
func (r *receiver) DeviceStatusChanged(d struct{ Device, Status string }) {
	r.note(d.Device+" "+d.Status, cardSession{})
}

// await waits for what a step of the visit tells. Its events come in any order:
// the client gives each to a goroutine of its own. That a card is told of
// before its data is held by the tests with Microsoft's client.
func (r *receiver) await(t *testing.T, want ...string) {
	t.Helper()
	slices.Sort(want)
	var got []string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		r.mu.Lock()
		got = slices.Sorted(slices.Values(r.heard))
		if slices.Equal(got, want) {
			r.heard = nil
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
	}
	t.Fatalf("heard %q, want %q", got, want)
}

func TestAForeignSignalRClientHearsAVisit(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.RARRest})
	ctx, cancel := context.WithCancel(t.Context())
	hc := &http.Client{Transport: &http.Transport{}}
	defer hc.CloseIdleConnections()
	r := &receiver{}
	client, err := signalr.NewClient(ctx, signalr.Logger(silent{}, false), signalr.WithReceiver(r), signalr.WithConnector(func() (signalr.Connection, error) {
		return signalr.NewHTTPConnection(ctx, "http://"+c.addr+"/ws/device", signalr.WithHTTPClient(hc),
			signalr.WithHTTPHeaders(func() http.Header { return http.Header{"Authorization": {"Bearer " + c.token["his"]}} }))
	}))
	if err != nil {
		t.Fatal(err)
	}
	client.Start()
	defer func() {
		cancel()
		client.Stop()
		c.watched(t, 0)
	}()
	r.await(t, "CardReader Ready")
	c.watched(t, 1)
	c.stage(visit.StageReading)
	r.await(t, "CardReader Busy", "inserted")
	c.stage(visit.StageConfirm)
	r.await(t, "CardReader Ready", "read")
	c.stage(visit.StageIdle)
	r.await(t, "removed")
	checkCard(t, r.last)
	if result := <-client.Invoke("NoSuchMethod"); result.Error == nil {
		t.Error("a method that is not there answered without an error")
	}
}

func checkCard(t *testing.T, s cardSession) {
	t.Helper()
	if s.CardData == nil {
		t.Fatalf("got %+v, want a card", s)
	}
	d := *s.CardData
	if s.SessionID != "v1" || s.Source != "chip" || s.ConsentID != "consent-v1" || d.CardNumber != "099099000017" || d.FullName != citizen["personName"] ||
		d.DateOfBirth != "15/01/1999" || d.Gender != "Nam" || d.PermanentAddress != citizen["residencePlace"] || d.Hometown != "" || d.FaceImageBase64 == nil || *d.FaceImageBase64 == "" {
		t.Errorf("got %+v", s)
	}
}

func (c *counter) rest(t *testing.T, method, path string) (int, cardSession, string) {
	t.Helper()
	req, _ := http.NewRequest(method, "http://"+c.addr+path, nil)
	req.Header.Set("Authorization", "Bearer "+c.token["his"])
	code, body, _ := ask(t, req)
	var s cardSession
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatalf("%s %s: %d %s: %v", method, path, code, body, err)
	}
	return code, s, body
}

func TestReadWaitsForThePersonAndCurrentGivesThemAgain(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.RARRest})
	if code, _, body := c.rest(t, "GET", "/api/device/status"); code != 200 || !strings.Contains(body, `"cardReaderStatus":"Ready"`) || !strings.Contains(body, `"cameraStatus":"Disconnected"`) {
		t.Errorf("status: got %d %s", code, body)
	}
	if code, s, _ := c.rest(t, "GET", "/api/card/current"); code != 404 || s.Message == "" {
		t.Errorf("nobody is here: got %d %+v", code, s)
	}
	type reading struct {
		code int
		s    cardSession
	}
	done := make(chan reading, 1)
	go func() {
		code, s, _ := c.rest(t, "POST", "/api/card/read")
		done <- reading{code, s}
	}()
	c.watched(t, 1)
	if code, _, _ := c.rest(t, "POST", "/api/card/read"); code != 409 {
		t.Errorf("a second read: got %d, want 409", code)
	}
	c.stage(visit.StageReading)
	c.stage(visit.StageConfirm)
	got := <-done
	if got.code != 200 {
		t.Fatalf("read: got %d %+v", got.code, got.s)
	}
	checkCard(t, got.s)
	code, s, _ := c.rest(t, "GET", "/api/card/current")
	if code != 200 {
		t.Fatalf("current: got %d", code)
	}
	checkCard(t, s)
	if code, _, body := c.rest(t, "POST", "/api/session/cancel"); code != 200 || !strings.Contains(body, `"success":true`) {
		t.Errorf("cancel: got %d %s", code, body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.canceled) != 1 || c.canceled[0] != "v1" {
		t.Errorf("cancelled %v, want v1", c.canceled)
	}
}

func TestACardThatCannotBeReadAnswersTheRead(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.RARRest})
	done := make(chan int, 1)
	go func() {
		code, _, _ := c.rest(t, "POST", "/api/card/read")
		done <- code
	}()
	c.watched(t, 1)
	c.stage(visit.StageReading)
	c.stage(visit.StageFailed)
	if code := <-done; code != http.StatusUnprocessableEntity {
		t.Errorf("got %d, want 422", code)
	}
	if code, _, _ := c.rest(t, "GET", "/api/face/capture"); code != http.StatusNotImplemented {
		t.Errorf("the camera's picture: got %d, want 501", code)
	}
}
