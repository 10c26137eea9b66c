package kiosk_test

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tram/agent/kiosk"
	"tram/agent/kiosk/kiosktest"
	"tram/agent/visit"
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
	// watch waits for the stage and for the frame after it.
	watch := func(stage string) float64 {
		v, err := chromedp.Run(ctx, chromedp.Evaluate[float64](`new Promise((done) => {
			const seen = () => document.body.dataset.stage === '`+stage+`';
			const shown = () => requestAnimationFrame(() => setTimeout(() => done(performance.timeOrigin + performance.now())));
			if (seen()) { done(Number(document.body.dataset.at ?? 0)); return; }
			new MutationObserver((_, o) => { if (seen()) { o.disconnect(); shown(); } }).observe(document.body, { attributes: true });
		})`, chromedp.EvalAwaitPromise))
		if err != nil {
			b.Fatal(err)
		}
		return v
	}
	watch("idle")
	var sum, worst float64
	n := 0
	for b.Loop() {
		stages := []visit.Stage{visit.StageConsent, visit.StageCard, visit.StageReading, visit.StageConfirm, visit.StageRecorded}
		stage := stages[n%len(stages)]
		n++
		made := make(chan time.Time, 1)
		go func() { // after the page has begun to watch
			time.Sleep(30 * time.Millisecond)
			made <- time.Now()
			st.set(func(s *visit.Snapshot) { s.Visit = at(stage) })
		}()
		took := watch(string(stage)) - float64((<-made).UnixMicro())/1000
		sum += took
		worst = max(worst, took)
	}
	b.ReportMetric(sum/float64(n), "ms/update")
	b.ReportMetric(worst, "ms-worst")
	b.ReportMetric(0, "ns/op")
}
