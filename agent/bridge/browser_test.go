package bridge_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tram/agent/bridge"
	"tram/agent/kiosk/kiosktest"
	"tram/agent/visit"
)

// A web is a page of a hospital in Chromium, from a server of its own under the
// name localhost: for the bridge at 127.0.0.1 that is another site.
type web struct {
	t      *testing.T
	ctx    context.Context
	origin string
}

// openWeb opens a page with the libraries of npm's clients. They are named by their path below MODULES.
func openWeb(t *testing.T, libraries ...string) *web {
	t.Helper()
	files := http.NotFoundHandler()
	if len(libraries) > 0 {
		files = http.FileServer(http.Dir(kiosktest.Clients(t)))
	}
	var page strings.Builder
	page.WriteString("<!doctype html><meta charset=utf-8><script>const heard = [], tell = (...what) => heard.push(what);</script>")
	for _, l := range libraries {
		fmt.Fprintf(&page, "<script src=\"/%s\"></script>", l)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Cache-Control", "no-store") // else Chromium keeps a page that was left, with its WebSocket, for minutes
			_, _ = w.Write([]byte(page.String()))
			return
		}
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	_, port, _ := strings.Cut(srv.Listener.Addr().String(), ":")
	p := &web{t: t, ctx: kiosktest.Tab(t, 800, 600), origin: "http://localhost:" + port}
	if err := chromedp.Do(p.ctx, chromedp.Navigate(p.origin+"/")); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *web) run(script string) {
	p.t.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](script+";true")); err != nil {
		p.t.Fatal(err)
	}
}

// hear waits until the page has heard all of these.
func (p *web) hear(want ...string) string {
	p.t.Helper()
	got := ""
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var err error
		if got, err = chromedp.Run(p.ctx, chromedp.Evaluate[string]("JSON.stringify(heard)")); err != nil {
			p.t.Fatal(err)
		}
		if !slices.ContainsFunc(want, func(w string) bool { return !strings.Contains(got, w) }) {
			return got
		}
	}
	p.t.Fatalf("the page heard %s, want %q", got, want)
	return ""
}

// tricks are how a page reaches each bridge; URL and TOKEN are replaced.
var tricks = []struct{ name, kind, library, script, first, read string }{
	{"a WebSocket", bridge.CardResult, "", `
		const s = new WebSocket("ws://ADDR/?token=TOKEN");
		s.onopen = () => tell("open"); s.onerror = () => tell("error"); s.onmessage = (m) => tell("heard", JSON.parse(m.data));`, `["open"]`, `CARD_RESULT`},
	{"Socket.IO 2, polling and then WebSocket", bridge.HN212Socket, "socket.io-client-2/dist/socket.io.js", socketIOPage, `["open"]`, `read card successfully!`},
	{"Socket.IO 3, polling and then WebSocket", bridge.HN212Socket, "socket.io-client-3/dist/socket.io.js", socketIOPage, `["open"]`, `read card successfully!`},
	{"Socket.IO 4, polling and then WebSocket", bridge.HN212Socket, "socket.io-client-4/dist/socket.io.js", socketIOPage, `["open"]`, `read card successfully!`},
	{"SignalR", bridge.RARRest, "@microsoft/signalr/dist/browser/signalr.js", `
		const hub = new signalR.HubConnectionBuilder().withUrl("http://ADDR/ws/device", { accessTokenFactory: () => "TOKEN" }).configureLogging({ log() {} }).build();
		for (const e of ["CardInserted", "CardReadSuccess"]) hub.on(e, (body) => tell(e, body));
		hub.start().then(() => tell("open"), () => tell("error"));`, `["open"]`, `CardReadSuccess`},
	{"fetch", bridge.RARRest, "", `
		const ask = (path, how) => fetch("http://ADDR" + path, { headers: { Authorization: "Bearer TOKEN" }, ...how }).then((a) => a.json());
		ask("/api/device/status").then(() => { tell("open"); return ask("/api/card/read", { method: "POST" }); }).then((card) => tell("heard", card), () => tell("error"));`, `["open"]`, `"cardNumber"`},
}

const socketIOPage = `
	const s = io("http://ADDR/?token=TOKEN", { reconnection: false });
	s.on("connect", () => tell("open")); s.on("connect_error", () => tell("error")); s.on("/event", (body) => tell("heard", body));`

// What a page may do that its operator has listed, and what the same page may not
// that is not listed, though it knows the token.
func TestAListedPageInABrowserReadsACardAndAnotherGetsNothing(t *testing.T) {
	for _, how := range tricks {
		for _, isListed := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, listed %t", how.name, isListed), func(t *testing.T) {
				var libraries []string
				if how.library != "" {
					libraries = append(libraries, how.library)
				}
				page := openWeb(t, libraries...)
				var origins []string
				if isListed {
					origins = append(origins, page.origin)
				}
				c := open(t, bridge.Options{Kind: how.kind}, origins...)
				page.run(strings.NewReplacer("ADDR", c.addr, "TOKEN", c.token["his"]).Replace(how.script))
				if !isListed {
					c.stage(visit.StageConfirm)
					if got := page.hear(`["error"]`); strings.Contains(got, citizen["idCode"]) || strings.Contains(got, "open") {
						t.Errorf("a page that is not listed heard %s", got)
					}
					c.watched(t, 0)
					return
				}
				page.hear(how.first)
				c.watched(t, 1)
				c.stage(visit.StageReading)
				c.stage(visit.StageConfirm)
				if got := page.hear(how.read, citizen["idCode"]); strings.Contains(got, `"error"`) {
					t.Errorf("the page heard %s", got)
				}
				if err := chromedp.Do(page.ctx, chromedp.Navigate("about:blank")); err != nil {
					t.Fatal(err)
				}
				c.watched(t, 0) // a page that is left gives the reader back
			})
		}
	}
}
