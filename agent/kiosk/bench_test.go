package kiosk_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tram/agent"
	"tram/agent/kiosk"
	"tram/agent/kiosk/kiosktest"
	"tram/agent/visit"
	"tram/drivers/sim"
)

// BenchmarkScreenUpdate prints the time from a change in the daemon to the frame
// that shows it, taken in the page itself: the snapshot carries when it was made,
// and browser and daemon share a clock.
func BenchmarkScreenUpdate(b *testing.B) {
	ctx := kiosktest.Tab(b, 1080, 1920)
	st := newStation()
	srv, err := kiosk.New(kiosk.Options{Addr: "127.0.0.1:0", Station: st})
	if err != nil {
		b.Fatal(err)
	}
	serve(b, srv)
	if err := chromedp.Do(ctx, chromedp.Navigate("http://"+srv.Addr()+"/")); err != nil {
		b.Fatal(err)
	}
	// The page writes down when the frame was there that shows each stage, so that
	// a frame that comes before it is asked for is not lost.
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`window.shown = [];
		new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => { shown.push(performance.timeOrigin + performance.now()); window.told?.(); })))
			.observe(document.body, { attributes: true, attributeFilter: ['data-stage'] })`)); err != nil {
		b.Fatal(err)
	}
	eventually(b, "the idle screen", func() bool {
		idle, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("document.body.dataset.stage === 'idle'"))
		return err == nil && idle
	})
	// What was shown while the page was opened does not count.
	if err := chromedp.Do(ctx, chromedp.Evaluate[chromedp.Void](`new Promise((done) => requestAnimationFrame(() => setTimeout(() => { shown.length = 0; done(); })))`, chromedp.EvalAwaitPromise)); err != nil {
		b.Fatal(err)
	}
	var sum, worst float64
	n := 0
	for b.Loop() {
		stages := []visit.Stage{visit.StageConsent, visit.StageCard, visit.StageReading, visit.StageConfirm, visit.StageRecorded}
		stage := stages[n%len(stages)]
		n++
		made := time.Now()
		st.set(func(s *visit.Snapshot) { s.Visit = at(stage) })
		shown, err := chromedp.Run(ctx, chromedp.Evaluate[float64](fmt.Sprintf(`new Promise((done) => { window.told = () => { if (shown.length >= %[1]d) done(shown[%[1]d - 1]); }; told(); })`, n), chromedp.EvalAwaitPromise))
		if err != nil {
			b.Fatal(err)
		}
		took := shown - float64(made.UnixMicro())/1000
		sum += took
		worst = max(worst, took)
	}
	b.ReportMetric(sum/float64(n), "ms/update")
	b.ReportMetric(worst, "ms-worst")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkFromCardToRecord prints the time from the card laid down to the record
// that is accepted, on the whole daemon: the virtual reader, a chip of 424 kbit/s
// with a portrait of 20 KB, every check, and the record sealed and on the disk.
// The person answers at once.
func BenchmarkFromCardToRecord(b *testing.B) {
	c := newBench(b).open(b, "one-stop")
	client := kiosk.Dial(agent.SocketPath(c.state))
	post := func(path string, body, into any) {
		b.Helper()
		if err := client.PostJSON(b.Context(), path, body, into); err != nil {
			b.Fatal(err)
		}
	}
	at := func(stages ...visit.Stage) *visit.View {
		var s visit.Snapshot
		eventually(b, "a stage", func() bool {
			return client.GetJSON(b.Context(), "/v1/state", &s) == nil && s.Visit != nil && slices.Contains(stages, s.Visit.Stage)
		})
		return s.Visit
	}
	large := append(slices.Clone(face()), make([]byte, max(0, 20<<10-len(face())))...)
	var took []float64
	for b.Loop() {
		c.takeCard()
		card, err := sim.NewCard(sim.DefaultCitizen(), c.pki, large, sim.SlowLink(424_000, 0))
		if err != nil {
			b.Fatal(err)
		}
		var made struct {
			Visit string `json:"visit"`
		}
		post("/v1/visits", map[string]string{"qr": sim.DefaultCitizen().QR2024()}, &made)
		post("/v1/visits/"+made.Visit+"/consent", nil, nil)
		at(visit.StageCard)
		began := time.Now()
		c.layCard(card)
		at(visit.StageAsk)
		post("/v1/visits/"+made.Visit+"/answers", map[string]any{"answers": map[string]string{"service": "other"}}, nil)
		post("/v1/visits/"+made.Visit+"/confirm", nil, nil)
		at(visit.StageRecorded)
		took = append(took, float64(time.Since(began).Microseconds())/1000)
		post("/v1/visits/"+made.Visit+"/cancel", nil, nil)
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "ms-median")
	b.ReportMetric(took[len(took)-1], "ms-worst")
	b.ReportMetric(0, "ns/op")
}
