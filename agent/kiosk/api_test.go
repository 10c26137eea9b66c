package kiosk_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"tram/agent/kiosk"
	"tram/agent/visit"
)

func TestThePageGetsTheStateAndThePortrait(t *testing.T) {
	st := newStation()
	st.set(func(n *visit.Snapshot) { n.Visit = at(visit.StageConfirm) })
	srv, _ := start(t, st)
	p := openPage(t, srv)
	status, body := p.ask("GET", "/v1/state", "", map[string]string{"Sec-Fetch-Site": "same-origin"})
	var got visit.Snapshot
	if err := json.Unmarshal([]byte(body), &got); status != http.StatusOK || err != nil || got.Visit.Person.PersonName != personName {
		t.Errorf("GET /v1/state: got %d, %v, %q", status, err, body)
	}
	if status, body := p.ask("GET", "/v1/portrait?visit=v1", "", nil); status != http.StatusOK || body != string(st.portrait) {
		t.Errorf("GET /v1/portrait: got %d and %d bytes, want 200 and %d", status, len(body), len(st.portrait))
	}
	if status, _ := p.ask("GET", "/v1/portrait?visit=v2", "", nil); status != http.StatusNotFound {
		t.Errorf("portrait of another visit: got %d, want 404", status)
	}
	for _, path := range []string{"/v1/status", "/v1/outbox", "/v1/outbox/entries", "/v1/outbox/verify", "/v1/nothing", "/assets/js/none.js", "/assets/../kiosk.go"} {
		if status, _ := p.ask("GET", path, "", nil); status != http.StatusNotFound {
			t.Errorf("GET %s on the page's side: got %d, want 404", path, status)
		}
	}
}

func TestTheStationsErrorsBecomeStatuses(t *testing.T) {
	st := newStation()
	srv, socket := start(t, st)
	p := openPage(t, srv)
	client := kiosk.Dial(socket)
	for _, c := range []struct {
		err    error
		status int
	}{
		{nil, 200}, {kiosk.ErrNoVisit, 404}, {kiosk.ErrConflict, 409}, {kiosk.ErrUnknownAction, 400}, {kiosk.ErrBadQR, 422},
		{errors.New("something of " + personName), 500},
	} {
		st.fail(c.err)
		status, body := p.ask("POST", "/v1/visits/v1/consent", "", nil)
		if status != c.status || strings.Contains(body, personName) {
			t.Errorf("station says %v: got %d %s, want %d", c.err, status, body, c.status)
		}
		err := client.PostJSON(t.Context(), "/v1/demo/scan-qr", nil, nil)
		if c.status != 500 && !errors.Is(err, c.err) {
			t.Errorf("client: got %v, want %v", err, c.err)
		}
	}
	st.fail(nil)
	if status, body := p.ask("POST", "/v1/visits", `{"qr":"099099000017||X"}`, nil); status != http.StatusCreated || !strings.Contains(body, `"visit":"v1"`) {
		t.Errorf("POST /v1/visits: got %d %s, want 201 and the visit", status, body)
	}
}

func TestWithoutADemoThereAreNoActions(t *testing.T) {
	srv, _ := start(t, newStation(), func(o *kiosk.Options) { o.Actions, o.Admin = nil, nil })
	if status, _ := openPage(t, srv).ask("POST", "/v1/demo/scan-qr", "", nil); status != http.StatusNotFound {
		t.Errorf("POST /v1/demo/scan-qr: got %d, want 404", status)
	}
}

// next reads one event of a stream.
func next(t *testing.T, r *bufio.Reader) (event, data string) {
	t.Helper()
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatalf("read an event: %v", err)
		}
		switch line = strings.TrimRight(line, "\n"); {
		case line == "":
			return event, data
		case strings.HasPrefix(line, "event: "):
			event = line[7:]
		case strings.HasPrefix(line, "data: "):
			data = line[6:]
		}
	}
}

func TestChangesArriveAsEventsAndSilenceAsBeats(t *testing.T) {
	st := newStation()
	srv, err := kiosk.New(kiosk.Options{Addr: "127.0.0.1:0", Station: st})
	if err != nil {
		t.Fatal(err)
	}
	kiosk.Eager(srv)
	run(t, srv)
	p := openPage(t, srv)
	res, err := p.Get(p.base + "/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	r := bufio.NewReader(res.Body)
	if event, data := next(t, r); event != "state" || !strings.Contains(data, "kiosk-01") {
		t.Errorf("first event: got %s %q, want the state", event, data)
	}
	if event, _ := next(t, r); event != "beat" {
		t.Errorf("without a change: got %q, want a beat", event)
	}
	for range 50 { // many changes at once
		st.set(func(n *visit.Snapshot) { n.Queue.Accepted++ })
	}
	states := 0
	for last := ""; !strings.Contains(last, `"accepted":62`); {
		event, data := next(t, r)
		if event == "state" {
			states++
			last = data
		}
	}
	if states > 10 {
		t.Errorf("50 changes at once: got %d events, want them told together", states)
	}
}

func TestTheSocketServesTheCommandLine(t *testing.T) {
	st := newStation()
	_, socket := start(t, st)
	info, err := os.Stat(socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: got %v, %v, want mode 0600", info.Mode(), err)
	}
	c := kiosk.Dial(socket)
	var outbox struct{ Accepted int }
	if err := c.GetJSON(t.Context(), "/v1/outbox", &outbox); err != nil || outbox.Accepted != 12 {
		t.Errorf("outbox: got %+v, %v, want 12 accepted", outbox, err)
	}
	var status struct{ Device string }
	if err := c.GetJSON(t.Context(), "/v1/status", &status); err != nil || status.Device != "kiosk-01" {
		t.Errorf("status: got %+v, %v, want kiosk-01", status, err)
	}
	var made struct{ Visit string }
	if err := c.PostJSON(t.Context(), "/v1/visits", map[string]string{"qr": "x"}, &made); err != nil || made.Visit != "v1" {
		t.Errorf("visit: got %+v, %v, want v1", made, err)
	}
	var refused *kiosk.RemoteError
	if err := c.GetJSON(t.Context(), "/v1/nothing", nil); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("unknown path: got %v, want a refusal with 404", err)
	}
	if got, want := st.called(), []string{"outbox", "status", "submit x"}; !slices.Equal(got, want) {
		t.Errorf("calls: got %v, want %v", got, want)
	}
}

func TestTheSocketServesTheQueue(t *testing.T) {
	st := newStation()
	_, socket := start(t, st)
	c := kiosk.Dial(socket)
	var list []uint64
	if err := c.GetJSON(t.Context(), "/v1/outbox/entries?after=41&limit=10", &list); err != nil || !slices.Equal(list, []uint64{42}) {
		t.Errorf("entries: got %v, %v, want [42]", list, err)
	}
	if err := c.GetJSON(t.Context(), "/v1/outbox/entries", &list); err != nil {
		t.Errorf("entries without a query: %v", err)
	}
	for _, query := range []string{"after=-1", "after=x", "limit=0", "limit=1001", "limit=x", "after=99999999999999999999"} {
		var refused *kiosk.RemoteError
		if err := c.GetJSON(t.Context(), "/v1/outbox/entries?"+query, nil); !errors.As(err, &refused) || refused.Status != 400 {
			t.Errorf("?%s: got %v, want a refusal with 400", query, err)
		}
	}
	var verdict struct{ Chain string }
	if err := c.GetJSON(t.Context(), "/v1/outbox/verify", &verdict); err != nil || verdict.Chain != "ok" {
		t.Errorf("verify: got %+v, %v, want ok", verdict, err)
	}
	var refused *kiosk.RemoteError
	if err := c.GetJSON(t.Context(), "/v1/outbox/compact", nil); !errors.As(err, &refused) {
		t.Errorf("GET compact: got %v, want a refusal: it changes something", err)
	}
	var compacted struct{ After int }
	if err := c.PostJSON(t.Context(), "/v1/outbox/compact", nil, &compacted); err != nil || compacted.After != 7 {
		t.Errorf("compact: got %+v, %v, want 7", compacted, err)
	}
	if got, want := st.called(), []string{"entries 41 10", "entries 0 1000", "verify", "compact"}; !slices.Equal(got, want) {
		t.Errorf("calls: got %v, want %v", got, want)
	}
}

// onlyAdmin hides that the station can look through the queue.
type onlyAdmin struct{ kiosk.Admin }

func TestAnAdminWithoutAQueueHasNoPathsForIt(t *testing.T) {
	st := newStation()
	_, socket := start(t, st, func(o *kiosk.Options) { o.Admin = onlyAdmin{st} })
	var refused *kiosk.RemoteError
	if err := kiosk.Dial(socket).GetJSON(t.Context(), "/v1/outbox/verify", nil); !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("got %v, want a refusal with 404", err)
	}
}

func TestAStaleSocketIsReplacedAndALivingOneIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := kiosk.Dial(path).GetJSON(t.Context(), "/v1/health", nil); !errors.Is(err, kiosk.ErrNoServer) {
		t.Errorf("no socket: got %v, want ErrNoServer", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	_ = l.Close() // as a killed daemon leaves it
	if err := kiosk.Dial(path).GetJSON(t.Context(), "/v1/health", nil); !errors.Is(err, kiosk.ErrNoServer) {
		t.Errorf("stale socket: got %v, want ErrNoServer", err)
	}
	opt := kiosk.Options{Socket: path, Station: newStation()}
	srv, err := kiosk.New(opt)
	if err != nil {
		t.Fatalf("New on a stale socket: %v", err)
	}
	if _, err := kiosk.New(opt); err == nil || !strings.Contains(err.Error(), "another daemon") {
		t.Errorf("New beside a living daemon: got %v, want a refusal", err)
	}
	_ = srv.Close()
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("after Close: got %v, want no socket file", err)
	}
	if err := os.WriteFile(path, []byte("keep"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := kiosk.New(opt); err == nil {
		t.Error("New over a plain file: got a server, want an error")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".k*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestRunEndsWithOpenStreams(t *testing.T) {
	st := newStation()
	srv, err := kiosk.New(kiosk.Options{Addr: "127.0.0.1:0", Station: st})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- srv.Run(ctx) }()
	p := openPage(t, srv)
	res, err := p.Get(p.base + "/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: got %v, want nil", err)
	}
	if st.watching() != 0 {
		t.Errorf("watchers left: got %d, want 0", st.watching())
	}
}

func FuzzSubmission(f *testing.F) {
	for _, seed := range []string{`{"qr":"099099000017||A|15011999|Nam||"}`, `{"qr":"x"} `, `{"qr":null}`, `{"qr":"\ud800"}`, `{`, "", "null"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		code, err := kiosk.ParseSubmission(body)
		if err == nil && (code == "" || len(code) > 4296 || !utf8.ValidString(code)) {
			t.Errorf("got %q without an error", code)
		}
		if err != nil && len(err.Error()) > 60 {
			t.Errorf("got %q, want an error that quotes nothing", err)
		}
	})
}
