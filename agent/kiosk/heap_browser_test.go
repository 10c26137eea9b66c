package kiosk_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/chromedp"

	"tram/agent/signin"
	"tram/drivers/sim"
)

// heap is every text that the page's JavaScript still holds, after its garbage
// was collected.
func (s *screen) heap() []string {
	s.t.Helper()
	chunks := new(written)
	err := chromedp.Listen(s.ctx, func(ev any) {
		if c, ok := ev.(*heapprofiler.EventAddHeapSnapshotChunk); ok {
			_, _ = chunks.Write([]byte(c.Chunk))
		}
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		if _, err := cdp.Call(ctx, tab, heapprofiler.Enable, cdp.Empty{}); err != nil {
			return err
		}
		for range 3 {
			if _, err := cdp.Call(ctx, tab, heapprofiler.CollectGarbage, cdp.Empty{}); err != nil {
				return err
			}
		}
		_, err := cdp.Call(ctx, tab, heapprofiler.TakeHeapSnapshot, heapprofiler.TakeHeapSnapshotParams{})
		return err
	}))
	var snapshot struct {
		Strings []string `json:"strings"`
	}
	if err := json.Unmarshal([]byte(chunks.String()), &snapshot); err != nil {
		s.t.Fatalf("read the snapshot: %v", err)
	}
	return snapshot.Strings
}

// holds reports how many texts of the heap hold each of the values.
func holds(texts, values []string) map[string]int {
	found := map[string]int{}
	for i, v := range values {
		for _, text := range texts {
			if strings.Contains(text, v) {
				found[string(rune('a'+i))]++ // not the value itself: it is a person's
			}
		}
	}
	return found
}

// What the page leaves of a person is looked for where a later program in the
// browser could find it: the memory of JavaScript, the document, the address and
// its history, storage, caches and cookies.
func TestNothingOfAPersonStaysInTheBrowsersMemoryAfterAVisit(t *testing.T) {
	b := newBench(t)
	c := b.open(t, "one-stop")
	p := c.play(1080, 1920)
	p.scanCode(citizen.QR2021())
	p.ends("recorded", c.citizenCard(), nil)
	p.delivered()
	left := append(personal(sim.DefaultCitizen()), "0990****0017")
	during := holds(p.s.heap(), left)
	if len(during) == 0 {
		t.Error("nothing of the person is found while it is shown: the search is blind")
	}
	p.end()
	got := holds(p.s.heap(), left)
	for range 4 { // what is on its way out may take another round
		if len(got) == 0 {
			break
		}
		got = holds(p.s.heap(), left)
	}
	if len(got) != 0 {
		t.Errorf("the page's memory still holds %v (during the visit %v)", got, during)
	}
	rest := await[string](p.s, `const all = [document.documentElement.outerHTML, location.href, document.title, history.length, document.cookie,
		JSON.stringify(history.state), JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), window.name];
		for (const name of await caches.keys()) all.push(name);
		for (const db of await indexedDB.databases()) all.push(db.name);
		for (const e of performance.getEntries()) all.push(e.name);
		return all.join('\n');`)
	for _, v := range left {
		if strings.Contains(rest, v) {
			t.Error("the document, its address, storage or caches hold something of the person")
		}
	}
	if n := eval[int](p.s, "history.length"); n > 2 {
		t.Errorf("the history has %d places to go back to", n)
	}
}

// A clerk who looked at lists and a slip, searched for a number and typed a paper
// leaves nothing of it behind after signing out. What is looked for is never said
// to the page by the test: its own words would be found.
func TestNothingOfAPersonStaysInTheBrowsersMemoryAfterAClerkSignsOut(t *testing.T) {
	s, o := enter(t, signin.Clerk, "/desk")
	const number, typed = "099199000025", "Lê Thị Khai Tay"
	for _, tab := range []string{"stays", "deadlines", "alarms", "queue", "requests", "today"} {
		s.tab(tab)
	}
	s.click("slip-e3")
	s.until("the slip is shown", `document.querySelector('dialog.paper')?.open`)
	left := []string{personName, "0990****0017", number, typed}
	during := holds(s.heap(), left[:2])
	if len(during) != 2 {
		t.Errorf("while the list is shown %v is found: the search is blind", during)
	}
	s.click("paper-close")
	s.tab("requests")
	s.fill("reason", "đơn số 4")
	s.fill("number", number)
	s.click("find")
	eventually(t, "the search", o.called("mai finds "+number+" đơn số 4"))
	s.tab("declare")
	s.fill("personName", typed)
	s.fill("idCode", number)
	s.click("declare")
	eventually(t, "the paper is taken", func() bool { return slices.Contains(s.st.called(), "declare "+typed+" ") })
	s.click("signout")
	s.until("the sign-in again", `!!document.querySelector('[data-key="pin"]')`)
	got := holds(s.heap(), left)
	for range 4 { // what is on its way out may take another round
		if len(got) == 0 {
			break
		}
		got = holds(s.heap(), left)
	}
	if len(got) != 0 {
		t.Errorf("the page's memory still holds %v (during the work %v)", got, during)
	}
	rest := eval[string](s, `[document.documentElement.outerHTML, location.href, document.cookie, JSON.stringify(history.state), JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), ...performance.getEntries().map((e) => e.name)].join('\n')`)
	for _, v := range left {
		if strings.Contains(rest, v) {
			t.Error("the document, its address or its storage hold something of a person")
		}
	}
	if eval[int](s, `[...document.querySelectorAll('input')].filter((i) => i.autocomplete !== 'off').length`) != 0 {
		t.Error("a field of the sign-in may be remembered by the browser")
	}
}
