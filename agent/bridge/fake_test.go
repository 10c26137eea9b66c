package bridge_test

import (
	"context"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/agent/bridge"
	"tram/agent/kiosk"
	"tram/agent/kiosk/kiosktest"
	"tram/agent/signin"
	"tram/agent/visit"
	"tram/drivers"
	"tram/drivers/privacy"
)

func TestMain(m *testing.M) {
	code := m.Run()
	kiosktest.Close()
	http.DefaultClient.CloseIdleConnections()
	if code == 0 {
		// The foreign SignalR client leaves one behind.
		if err := goleak.Find(goleak.IgnoreAnyFunction("nhooyr.io/websocket.(*Conn).timeoutLoop")); err != nil {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

// An invented person. The clinic keeps five fields of them; the others are known to the station and must not leave it.
var (
	citizen = map[string]string{
		"idCode": "099099000017", "personName": "Nguyễn Văn Thử", "dateOfBirth": "15/01/1999", "gender": "Nam",
		"residencePlace": "Số 1 Đường Mẫu, Tỉnh Mẫu",
	}
	portrait = []byte("\xff\xd8 an invented portrait \xff\xd9")
)

// station is a counter whose visit a test leads.
type station struct {
	mu       sync.Mutex
	view     *visit.View
	keeps    []string
	watchers map[chan struct{}]bool
	canceled []string
	looks    int // snapshots since the last program began to follow
}

func newStation() *station {
	return &station{watchers: map[chan struct{}]bool{}, keeps: []string{"idCode", "personName", "dateOfBirth", "gender", "residencePlace", "portrait"}}
}

func (s *station) Snapshot() visit.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looks++
	return visit.Snapshot{Visit: s.view, Profile: visit.ProfileView{Keeps: s.keeps},
		Devices: []drivers.Status{{Kind: "reader", State: drivers.Ready}, {Kind: "camera", State: drivers.Missing}}}
}

func (s *station) Watch() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[c] = true
	s.looks = 0
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, c)
	}
}

// watched waits until n programs follow, the last of which has asked for the
// reader (one look) and seen what is there (another). A page of Socket.IO that is
// left before its WebSocket was there is missed after 22.5 s only, by its pings.
func (s *station) watched(t *testing.T, n int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		s.mu.Lock()
		got, looks := len(s.watchers), s.looks
		s.mu.Unlock()
		if got == n && (looks >= 2 || n == 0) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d programs follow, want %d", got, n)
		}
	}
}

// stage moves visit v1 to a stage; idle ends it.
func (s *station) stage(at visit.Stage) { s.lead("v1", at) }

func (s *station) lead(id string, at visit.Stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.view = &visit.View{ID: id, Stage: at}
	if at == visit.StageIdle {
		s.view = nil
	}
	if at == visit.StageFailed {
		s.view.Failure = &visit.Failure{Code: "card_removed"}
	}
	for c := range s.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (s *station) Result(id string) (visit.Result, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view == nil || s.view.ID != id || s.view.Stage != visit.StageConfirm {
		return visit.Result{}, false
	}
	return visit.Result{Visit: id, Source: "chip", Assurance: "chip-trusted", ConsentID: "consent-" + id, ConsentTime: time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC),
		Verification: visit.Verdicts{PA: "ok", Chain: "trusted", CA: "not_supported", AA: "not_supported"}, Person: privacy.New(citizen)}, true
}

func (s *station) Portrait(string) ([]byte, bool) { return portrait, true }

func (s *station) Cancel(_ context.Context, id string) error {
	s.mu.Lock()
	s.canceled = append(s.canceled, id)
	s.mu.Unlock()
	s.stage(visit.StageIdle)
	return nil
}

func (s *station) SubmitQR(context.Context, string) (string, error) { return "", kiosk.ErrBadQR }
func (s *station) Consent(context.Context, string) error            { return nil }
func (s *station) SkipChip(context.Context, string) error           { return nil }
func (s *station) Confirm(context.Context, string) error            { return nil }

// counter is a station with one bridge and the tokens of three programs.
type counter struct {
	*station
	addr   string
	server *kiosk.Server
	tokens *signin.Tokens
	token  map[string]string // "his" and "other" may use bridges, "api" may not
}

const listed = "https://his.example"

// open serves a bridge for the test's time. Pages of further origins may use it.
func open(t *testing.T, opt bridge.Options, further ...string) *counter {
	t.Helper()
	origins := append([]string{listed}, further...)
	c := &counter{station: newStation(), tokens: signin.OpenTokens(t.TempDir()), token: map[string]string{}}
	for name, scopes := range map[string][]string{"his": {signin.Bridge}, "other": {signin.Bridge}, "api": {signin.VisitRead, signin.VisitWrite}} {
		token, err := c.tokens.New(signin.Client{Name: name, Scopes: scopes, Origins: origins}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		c.token[name] = token
	}
	if opt.Kind != bridge.HN212Webhook {
		opt.Listen = "127.0.0.1:0"
	}
	opt.Hosts, opt.Device, opt.Version = []string{"192.168.5.1:8000"}, "kiosk-01", "1.2.3"
	door, err := bridge.Door(opt)
	if err != nil {
		t.Fatal(err)
	}
	c.server, err = kiosk.New(kiosk.Options{Addr: "127.0.0.1:0", Station: c.station, Tokens: c.tokens, Log: opt.Log, Origins: origins, Doors: []kiosk.Door{door}})
	if err != nil {
		t.Fatal(err)
	}
	c.addr = c.server.DoorAddr(opt.Kind)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return c
}
