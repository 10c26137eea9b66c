package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"tram/agent/demo"
	"tram/agent/kiosk/kiosktest"
)

// page is the demo's screen in a browser.
type page struct {
	t   *testing.T
	ctx context.Context
}

func (p page) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatalf("browser: %v", err)
	}
}

// press touches a button once it is there and a second tap on the one before is
// over, which the page would not take for an answer.
func (p page) press(key string) {
	p.t.Helper()
	p.until("button "+key, fmt.Sprintf("document.querySelector('[data-key=%q]') !== null && !document.querySelector('.settling')", key))
	p.do(chromedp.Click(fmt.Sprintf("[data-key=%q]", key)))
}

func (p page) until(what, js string) {
	p.t.Helper()
	eventually(p.t, what, func() bool {
		ok, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](js))
		return err == nil && ok
	})
}

func (p page) stage(name string) {
	p.t.Helper()
	p.until("stage "+name, fmt.Sprintf("document.body.dataset.stage === %q", name))
}

// keep saves a picture of the screen to $TRAM_SCREENSHOTS, for the documentation.
func (p page) keep(name string) {
	p.t.Helper()
	dir := os.Getenv("TRAM_SCREENSHOTS")
	if dir == "" {
		return
	}
	p.until("the end of the animations", "document.getAnimations().every((a) => { const t = a.effect.getComputedTiming(); return a.playState !== 'running' || t.iterations === Infinity || t.duration > 2000; })")
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Fatalf("screenshot: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// answer fills in the questions as somebody would who takes what stands first;
// a counter without questions goes to the confirmation by itself.
func (p page) answer() {
	p.t.Helper()
	p.until("questions or the data", "['ask', 'confirm'].includes(document.body.dataset.stage)")
	p.until("all answers given", `(() => {
		if (document.body.dataset.stage === 'confirm') return true;
		const first = document.querySelector('.option, .day:not(:disabled)');
		if (first && !document.querySelector('[aria-checked=true], [aria-pressed=true].day')) first.click();
		else if (document.querySelector('.answer:not(.search)')?.value === '') document.querySelector('[data-key="key-1"]').click();
		else document.querySelector('[data-key="answer-next"]:not(:disabled)')?.click();
		return false;
	})()`)
}

// A citizen plays the counters that a person touches, lying and standing screens
// alike, on the whole daemon with its virtual devices.
func TestACitizenPlaysTheDemoOnTheScreen(t *testing.T) {
	for _, c := range []struct {
		profile       string
		width, height int64
	}{{"clinic", 1920, 1080}, {"hospital-kiosk", 1080, 1920}, {"one-stop", 1080, 1920}, {"lodging", 1024, 768}, {"notary", 1080, 1920}} {
		t.Run(c.profile, func(t *testing.T) { playOnScreen(t, c.profile, c.width, c.height) })
	}
}

func playOnScreen(t *testing.T, profile string, width, height int64) {
	withPrograms(t)
	t.Setenv("TRAM_STATE", t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var log lockedBuffer
	desk, err := demo.Open(ctx, demo.Options{Profile: profile, Listen: "127.0.0.1:0", Models: os.Getenv("TRAM_MODELS"), Log: newLog(&log, "info")})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		if err := desk.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
		if err := desk.Close(); err != nil {
			t.Error(err)
		}
	})

	p := page{t, kiosktest.Tab(t, width, height)}
	p.do(chromedp.Navigate("http://" + desk.Addr() + "/"))
	p.stage("idle")
	p.keep(profile + "-idle")
	p.press("demo-scan-qr")
	p.stage("consent")
	p.keep(profile + "-consent")
	p.press("consent")
	p.stage("card")
	<-desk.CameraReady()
	p.press("demo-lay-card")
	p.answer()
	p.stage("confirm")
	for _, text := range []string{"Nguyễn Văn Thử", "0990****0017"} {
		p.until(text+" on the screen", fmt.Sprintf("document.body.innerText.includes(%q)", text))
	}
	p.until("the portrait", "[...document.images].some((i) => i.src.includes('/v1/portrait') && i.complete && i.naturalWidth > 0)")
	p.until("no whole number on the page", "!document.documentElement.outerHTML.includes('099099000017')")
	p.keep(profile + "-confirm")
	p.press("confirm")
	p.stage("recorded")
	p.until("the record delivered", "document.querySelector('[data-state=delivered].lit') !== null")
	p.keep(profile + "-recorded")
	p.press("demo-take-card")
	p.press("cancel")
	p.stage("idle")
	p.until("nothing of the person left", "!document.documentElement.outerHTML.includes('Nguyễn') && !document.documentElement.outerHTML.includes('0990')")

	p.press("demo-scan-qr")
	p.press("consent")
	p.stage("card")
	p.press("demo-lay-tampered-card")
	p.stage("failed")
	p.keep(profile + "-failed")
	for _, needle := range []string{"Nguyễn", "099099000017"} {
		if strings.Contains(log.String(), needle) {
			t.Errorf("the log holds %q", needle)
		}
	}
}
