package kiosk_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tram/agent/kiosk"
	"tram/agent/kiosk/kiosktest"
	"tram/agent/visit"
	"tram/drivers"
)

// station is a Station whose snapshot a test sets, and that writes down what it
// is asked.
type station struct {
	mu       sync.Mutex
	snap     visit.Snapshot
	watchers map[chan struct{}]bool
	calls    []string
	err      error
	portrait []byte
}

var (
	_ kiosk.Station     = (*station)(nil)
	_ kiosk.Actions     = (*station)(nil)
	_ kiosk.Admin       = (*station)(nil)
	_ kiosk.QueueReader = (*station)(nil)
)

func newStation() *station {
	return &station{snap: base(), watchers: make(map[chan struct{}]bool), portrait: face()}
}

func (s *station) Snapshot() visit.Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snap
}

func (s *station) Watch() (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers[c] = true
	return c, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, c)
	}
}

func (s *station) watching() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watchers)
}

// set changes the snapshot and tells the watchers.
func (s *station) set(change func(*visit.Snapshot)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.snap)
	s.signal()
}

func (s *station) signal() {
	for c := range s.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (s *station) note(call string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
	return s.err
}

func (s *station) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *station) called() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

func (s *station) Portrait(id string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.portrait, s.snap.Visit != nil && s.snap.Visit.ID == id
}

func (s *station) SubmitQR(_ context.Context, text string) (string, error) {
	return "v1", s.note("submit " + text)
}
func (s *station) Consent(_ context.Context, id string) error { return s.note("consent " + id) }
func (s *station) SkipChip(_ context.Context, id string) error {
	return s.note("skip-chip " + id)
}
func (s *station) Confirm(_ context.Context, id string) error { return s.note("confirm " + id) }
func (s *station) Cancel(_ context.Context, id string) error {
	err := s.note("cancel " + id)
	if err == nil {
		s.set(func(n *visit.Snapshot) { n.Visit = nil })
	}
	return err
}
func (s *station) Do(_ context.Context, action string) error { return s.note("do " + action) }
func (s *station) Status(context.Context) (any, error) {
	return map[string]string{"device": "kiosk-01"}, s.note("status")
}
func (s *station) Outbox(context.Context) (any, error) {
	return map[string]int{"accepted": 12}, s.note("outbox")
}

func (s *station) Entries(_ context.Context, after uint64, limit int) (any, error) {
	return []uint64{after + 1}, s.note(fmt.Sprintf("entries %d %d", after, limit))
}
func (s *station) Verify(context.Context) (any, error) {
	return map[string]string{"chain": "ok"}, s.note("verify")
}
func (s *station) Compact(context.Context) (any, error) {
	return map[string]int{"after": 7}, s.note("compact")
}

func base() visit.Snapshot {
	at := time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	return visit.Snapshot{
		Device: "kiosk-01", Site: "mau", Time: at,
		Profile: visit.ProfileView{
			Name:     "one-stop",
			Title:    map[string]string{"vi": "Bộ phận một cửa", "en": "One-stop shop"},
			Basis:    "consent",
			Purpose:  map[string]string{"vi": "Ghi nhận người đến làm thủ tục và cấp số thứ tự.", "en": "To register the visit and give a queue number."},
			Keeps:    []string{"idCode", "personName", "dateOfBirth", "gender", "residencePlace"},
			Evidence: []string{"chip", "qr"}, Assurance: "qr", Face: "if-possible", Liveness: "off",
			Languages: []string{"vi", "en"}, Questions: []visit.QuestionView{}, Exports: []string{},
		},
		Devices: []drivers.Status{
			{Kind: "reader", Name: "Virtual PCD 00 00", State: drivers.Ready, Since: at},
			{Kind: "scanner", Name: "/dev/pts/3", State: drivers.Ready, Since: at},
			{Kind: "camera", Name: "frames", State: drivers.Ready, Since: at},
		},
		Queue: visit.Queue{Accepted: 12, Sent: 12, Delivered: 12, Hub: "connected"},
		Recent: []visit.RecordView{
			{Sequence: 12, Type: "vn.tram.visit.registered.v1", State: "delivered", Time: at},
			{Sequence: 11, Type: "vn.tram.gate.counted.v1", State: "delivered", Time: at},
		},
	}
}

// personName is what must be nowhere once a visit has ended.
const personName = "Nguyễn Văn Thử"

func person() *visit.PersonView {
	return &visit.PersonView{
		IDCode: "0990****0017", PersonName: personName, DateOfBirth: "15/01/1999", Gender: "Nam",
		Nationality: "Việt Nam", ResidencePlace: "Số 1 Đường Mẫu, Phường Mẫu, Tỉnh Mẫu",
		IssueDate: "02/03/2022", ExpiryDate: "15/01/2039", DocumentNumber: "0990***17",
	}
}

func checks() []visit.Check {
	return []visit.Check{
		{ID: "hashes", Status: "ok"}, {ID: "sodSignature", Status: "ok"}, {ID: "chain", Status: "ok"},
		{ID: "chipAuthentication", Status: "not_supported"}, {ID: "activeAuthentication", Status: "not_supported"},
		{ID: "crossCheck", Status: "ok"}, {ID: "face", Status: "ok"},
	}
}

// at returns the visit as it is at a stage.
func at(stage visit.Stage) *visit.View {
	v := &visit.View{ID: "v1", Stage: stage, Source: "qr", Person: &visit.PersonView{
		IDCode: "0990****0017", PersonName: personName, DateOfBirth: "15/01/1999", Gender: "Nam",
	}, Assurance: "qr", Answers: map[string]string{}, Problems: map[string]string{}, Alarms: []visit.Alarm{}}
	switch stage {
	case visit.StageIdle:
		return nil
	case visit.StageReading:
		v.Progress = &visit.Progress{Step: "files", File: "DG2", Done: 14541, Total: 24310}
	case visit.StageConfirm, visit.StageRecorded:
		v.Person, v.Portrait, v.Assurance, v.Checks = person(), true, "chip-trusted+face", checks()
		if stage == visit.StageRecorded {
			v.Record = &visit.RecordView{Sequence: 13, Type: "vn.tram.visit.registered.v1", Assurance: v.Assurance, State: "accepted"}
		}
	case visit.StageFailed:
		v.Failure = &visit.Failure{Code: "verification_failed"}
		v.Assurance = "none"
		v.Checks = checks()
		v.Checks[0].Status = "failed"
	}
	return v
}

// face is an invented portrait.
var face = sync.OnceValue(func() []byte {
	const w, h = 300, 400
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	in := func(x, y, cx, cy, rx, ry float64) bool {
		return math.Pow((x-cx)/rx, 2)+math.Pow((y-cy)/ry, 2) < 1
	}
	for py := range h {
		for px := range w {
			x, y := float64(px), float64(py)
			c := color.RGBA{0xc9, 0xdd, 0xec, 0xff}
			switch {
			case in(x, y, 128, 190, 9, 6) || in(x, y, 176, 190, 9, 6):
				c = color.RGBA{0x2a, 0x22, 0x20, 0xff}
			case in(x, y, 152, 252, 26, 6):
				c = color.RGBA{0xb0, 0x5a, 0x50, 0xff}
			case in(x, y, 152, 205, 74, 96) && !in(x, y, 152, 110, 90, 52):
				c = color.RGBA{0xe8, 0xbf, 0x9c, 0xff}
			case in(x, y, 152, 165, 86, 100) && y < 230:
				c = color.RGBA{0x23, 0x1c, 0x1a, 0xff}
			case in(x, y, 152, 290, 36, 60):
				c = color.RGBA{0xd9, 0xac, 0x88, 0xff}
			case in(x, y, 152, 420, 132, 96):
				c = color.RGBA{0x2e, 0x4d, 0x73, 0xff}
			}
			img.SetRGBA(px, py, c)
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 85}); err != nil {
		panic(err)
	}
	return b.Bytes()
})

// start runs a server for the test's time on a free port and a socket in a
// short temporary folder.
func start(t *testing.T, st *station, change ...func(*kiosk.Options)) (*kiosk.Server, string) {
	t.Helper()
	opt := kiosk.Options{
		Addr: "127.0.0.1:0", Socket: filepath.Join(t.TempDir(), "s"),
		Station: st, Actions: st, Admin: st, Log: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&opt)
	}
	srv, err := kiosk.New(opt)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	run(t, srv)
	return srv, opt.Socket
}

func run(t *testing.T, srv *kiosk.Server) {
	t.Helper()
	serve(t, srv)
}

// serve runs srv until the test or benchmark ends.
func serve(t testing.TB, srv *kiosk.Server) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: got %v, want nil", err)
		}
	})
}

// A page is an HTTP client that has opened the screen, as a browser does.
type page struct {
	http.Client
	t    *testing.T
	base string
}

func openPage(t *testing.T, srv *kiosk.Server) *page {
	t.Helper()
	return openAt(t, srv.Addr())
}

// openAt opens the screen of a daemon at an address.
func openAt(t *testing.T, addr string) *page {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &page{t: t, base: "http://" + addr, Client: http.Client{Jar: jar, Transport: &http.Transport{}, Timeout: 10 * time.Second}}
	t.Cleanup(p.CloseIdleConnections)
	if status, _ := p.ask("GET", "/", "", nil); status != http.StatusOK {
		t.Fatalf("GET /: got %d, want 200", status)
	}
	return p
}

// ask sends a request as the page would; header changes it. It returns the
// status and the body.
func (p *page) ask(method, path, body string, header map[string]string) (int, string) {
	p.t.Helper()
	req, err := http.NewRequest(method, p.base+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if method == "POST" {
		req.Header.Set("Origin", p.base)
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		switch {
		case k == "Host":
			req.Host = v
		case v == "":
			req.Header.Del(k)
		default:
			req.Header.Set(k, v)
		}
	}
	res, err := p.Do(req)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	kiosktest.Check(p.t, req, []byte(body), res.StatusCode, res.Header, data)
	return res.StatusCode, string(data)
}

// eventually waits until ok holds, with a deadline.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(end) {
			t.Fatalf("still not so after 10 s: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func dialTCP(t *testing.T, srv *kiosk.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
