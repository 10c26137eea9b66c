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
	"tram/drivers/sim"
)

// BenchmarkFromCodeToBoarded prints the time from the code before the scanner to
// the sign "please board" on the screen, at a coach with an open trip, on the whole
// daemon: virtual serial scanner, register, record sealed and on the disk, browser.
// The hub is away, as on the road.
func BenchmarkFromCodeToBoarded(b *testing.B) {
	c := newBench(b).open(b, "coach")
	client := kiosk.Dial(agent.SocketPath(c.state))
	if err := client.PostJSON(b.Context(), "/v1/desk/trips", map[string]string{"route": "Buôn Ma Thuột – Đà Nẵng"}, nil); err != nil {
		b.Fatal(err)
	}
	ctx := kiosktest.Tab(b, 1080, 1920)
	s := &screen{t: b, ctx: ctx}
	s.do(chromedp.Navigate("http://" + c.addr + "/"))
	s.waitStage("idle")
	c.hub.Stop()
	var took []float64
	for b.Loop() {
		who := sim.DefaultCitizen()
		who.IDCode, who.PersonName = fmt.Sprintf("099099%06d", 100+len(took)), fmt.Sprintf("Khách Thứ %d", 100+len(took))
		began := make(chan time.Time, 1)
		go func() { // after the page has begun to watch
			time.Sleep(30 * time.Millisecond)
			began <- time.Now()
			if err := c.scan.Type(b.Context(), who.QR2024()); err != nil {
				b.Error(err)
			}
		}()
		seen, err := chromedp.Run(ctx, chromedp.Evaluate[float64](fmt.Sprintf(`new Promise((done) => {
			const look = () => {
				if (document.body.dataset.stage === 'recorded' && document.querySelector('.sign-name')?.textContent === %q) done(performance.timeOrigin + performance.now());
				else requestAnimationFrame(look);
			};
			look();
		})`, who.PersonName), chromedp.EvalAwaitPromise))
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, seen-float64((<-began).UnixMicro())/1000)
	}
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2], "ms-median")
	b.ReportMetric(took[len(took)-1], "ms-worst")
	b.ReportMetric(float64(len(took)), "boarded")
	b.ReportMetric(0, "ns/op")
}
