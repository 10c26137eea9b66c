package notices_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"image"
	"image/png"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/agent/keep"
	"tram/agent/notices"
	"tram/sync/seal/rest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when the tests are.
var noon = time.Date(2030, 1, 10, 12, 0, 0, 0, time.UTC)

// A place is a device's folder with a board.
type place struct {
	t     *testing.T
	dir   string
	lists *keep.Store
	board *notices.Board
	log   bytes.Buffer

	mu      sync.Mutex
	now     time.Time
	known   bool
	cleaned int
	clean   func([]byte) ([]byte, bool, error)
	version int
}

func newPlace(t *testing.T) *place {
	t.Helper()
	p := &place{t: t, dir: t.TempDir(), now: noon, known: true, clean: func(b []byte) ([]byte, bool, error) {
		return append([]byte("clean "), b...), false, nil
	}}
	p.open()
	return p
}

// open is the device after a restart.
func (p *place) open() {
	p.t.Helper()
	box, err := rest.LoadOrCreate(filepath.Join(p.dir, "rest.jwk"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.lists = keep.Open(filepath.Join(p.dir, "kept"), box)
	p.board = notices.New(notices.Options{
		Lists: p.lists, Dir: filepath.Join(p.dir, "kept", "pictures"), Box: box, Log: slog.New(slog.NewTextHandler(&p.log, nil)),
		Clock: func() (time.Time, bool) { p.mu.Lock(); defer p.mu.Unlock(); return p.now, p.known },
		Clean: func(_ context.Context, b []byte) ([]byte, bool, error) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.cleaned++
			return p.clean(b)
		},
	})
}

// run makes the pictures in the test's time; stop ends it.
func (p *place) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = p.board.Run(ctx) }()
	return func() { cancel(); <-done }
}

func (p *place) push(list ...keep.Notice) {
	p.t.Helper()
	p.version++
	raw, err := json.Marshal(append([]keep.Notice{}, list...))
	if err != nil {
		p.t.Fatal(err)
	}
	if _, _, err := p.lists.Put(keep.Notices, keep.Part{Version: uint64(p.version), Entries: raw}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) ids() string {
	var ids []string
	for _, n := range p.board.Now() {
		ids = append(ids, n.ID)
	}
	return strings.Join(ids, " ")
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within 10 s: %s", what)
		case <-tick.C:
		}
	}
}

func picture(t *testing.T, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, side, side))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func text(id string) keep.Notice {
	return keep.Notice{ID: id, Kind: "info", Text: map[string]string{"vi": "Chữ " + id}}
}

func TestANoticeIsShownFromItsStartToItsEnd(t *testing.T) {
	p := newPlace(t)
	if got := p.ids(); got != "" {
		t.Errorf("nothing was pushed, and %q is shown", got)
	}
	soon, over := text("soon"), text("over")
	soon.Start, over.End = noon.Add(time.Hour), noon
	p.push(text("always"), over, soon)
	if got, want := p.ids(), "always"; got != want {
		t.Errorf("shown %q, want %q", got, want)
	}
	p.now = noon.Add(time.Hour)
	if got, want := p.ids(), "always soon"; got != want {
		t.Errorf("an hour later shown %q, want %q", got, want)
	}
	p.now, p.known = time.Unix(0, 0), false
	if got, want := p.ids(), "always over soon"; got != want {
		t.Errorf("with a clock that stands in 1970 shown %q, want %q", got, want)
	}
	p.now, p.known = noon, true
	p.open()
	if got, want := p.ids(), "always"; got != want {
		t.Errorf("after a restart shown %q, want %q", got, want)
	}
	p.push()
	if got := p.ids(); got != "" {
		t.Errorf("an empty list was pushed, and %q is shown", got)
	}
}

func TestACodeIsDrawnAndSaysWhereItLeads(t *testing.T) {
	p := newPlace(t)
	n := text("report")
	n.QR, n.Phone, n.Seconds = "https://cong-an.example.vn/to-giac", "113", 12
	p.push(n, text("plain"))
	now := p.board.Now()
	if len(now) != 2 || now[0].QR != "/v1/notices/report/qr" || now[0].Link != n.QR || now[0].Phone != "113" || now[0].Seconds != 12 || now[1].QR != "" {
		t.Fatalf("shown %+v", now)
	}
	if svg, ok := p.board.Code("report"); !ok || !bytes.HasPrefix(svg, []byte("<svg ")) {
		t.Errorf("code %v, %.40q", ok, svg)
	}
	for _, id := range []string{"plain", "none", ""} {
		if _, ok := p.board.Code(id); ok {
			t.Errorf("%q has a code", id)
		}
	}
}

func TestAPictureIsNamedOnceItIsCleanAndKeptOverARestart(t *testing.T) {
	p := newPlace(t)
	stop := p.run()
	n, twin := text("a"), text("b")
	n.Picture = picture(t, 8)
	twin.Picture = n.Picture
	p.push(n, twin)
	named := func() bool {
		now := p.board.Now()
		return len(now) == 2 && now[0].Picture == "/v1/notices/a/picture" && now[1].Picture != ""
	}
	eventually(t, "the picture is named", named)
	got, ok := p.board.Picture("b")
	if want := append([]byte("clean "), n.Picture...); !ok || !bytes.Equal(got, want) {
		t.Errorf("picture %v, %d bytes; want %d", ok, len(got), len(want))
	}
	stop()
	if p.cleaned != 1 {
		t.Errorf("made %d times, want once", p.cleaned)
	}
	kept, err := os.ReadDir(filepath.Join(p.dir, "kept", "pictures"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept %v, %v; want one file", kept, err)
	}
	raw, err := os.ReadFile(filepath.Join(p.dir, "kept", "pictures", kept[0].Name()))
	if err != nil || bytes.Contains(raw, []byte("clean")) {
		t.Errorf("the picture lies on the disk in clear, or not at all: %v", err)
	}

	p.open()
	stop = p.run()
	eventually(t, "the picture is named after a restart", named)
	if p.cleaned != 1 {
		t.Errorf("made %d times, want once", p.cleaned)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "kept", "pictures", kept[0].Name()), []byte("torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a torn file is made anew", func() bool { _, ok := p.board.Picture("a"); return ok })
	p.push(text("c"))
	eventually(t, "the old picture is gone", func() bool {
		p.ids()
		kept, err := os.ReadDir(filepath.Join(p.dir, "kept", "pictures"))
		return err == nil && len(kept) == 0
	})
	stop()
	if _, ok := p.board.Picture("a"); ok {
		t.Error("a picture of a notice that is gone is served")
	}
}

func TestWhatIsNoPictureLeavesTheTextAndIsTriedOnce(t *testing.T) {
	p := newPlace(t)
	p.clean = func([]byte) ([]byte, bool, error) { return nil, true, errors.New("not a picture that can be read") }
	n := text("a")
	n.Picture = picture(t, 8)
	stop := p.run()
	p.push(n)
	eventually(t, "it was tried", func() bool { p.ids(); p.mu.Lock(); defer p.mu.Unlock(); return p.cleaned == 1 })
	p.push(n, text("b"))
	eventually(t, "the second list is there", func() bool { return p.ids() == "a b" })
	p.board.Wake()
	stop()
	if now := p.board.Now(); now[0].Picture != "" || now[0].Text["vi"] != "Chữ a" || p.cleaned != 1 {
		t.Errorf("shown %+v, tried %d times", now[0], p.cleaned)
	}
	if !strings.Contains(p.log.String(), "notice=a") {
		t.Errorf("the log does not say which notice: %s", p.log.String())
	}
}
