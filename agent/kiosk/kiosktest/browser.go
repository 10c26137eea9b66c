// Package kiosktest starts the browser that tests play the touch screen with.
package kiosktest

import (
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// One headless Chromium serves all tests of a program; Close ends it.
var browser struct {
	once  sync.Once
	ctx   context.Context
	close func()
	err   error
}

// Close ends the browser, if there is one. TestMain calls it after the tests.
func Close() {
	if browser.close != nil {
		browser.close()
	}
}

// Tab opens a new tab of the given size; the returned context drives it with
// chromedp and ends with the test. Without Chromium the test is skipped and says so.
func Tab(t testing.TB, width, height int64) context.Context {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser is not started with -short")
	}
	browser.once.Do(launch)
	if browser.err != nil {
		if _, err := exec.LookPath("chromium"); err != nil {
			t.Skip("chromium is not installed (Debian package chromium): the screen was not tried in a browser")
		}
		t.Fatalf("start chromium: %v", browser.err)
	}
	ctx, cancel := chromedp.NewContext(browser.ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil { // opens the tab, which lives as long as this context
		t.Fatalf("open a tab: %v", err)
	}
	ctx, cancelTime := context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(cancelTime)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height)); err != nil {
		t.Fatalf("size the tab: %v", err)
	}
	return ctx
}

func launch() {
	path, err := exec.LookPath("chromium")
	if err != nil {
		browser.err = err
		return
	}
	dir, err := os.MkdirTemp("", "kiosk-browser-")
	if err != nil {
		browser.err = err
		return
	}
	opts := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(path), chromedp.UserDataDir(dir),
		chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck, chromedp.Headless, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-default-apps", true), chromedp.Flag("disable-extensions", true),
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("hide-scrollbars", true), chromedp.Flag("lang", "vi"),
	}
	if os.Geteuid() == 0 {
		opts = append(opts, chromedp.NoSandbox)
	}
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(alloc)
	browser.ctx = ctx
	browser.close = func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		cancelAlloc()
		for range 50 { // helpers of the browser may still write there for a moment
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	browser.err = chromedp.Do(ctx)
}
