package kiosk_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"

	"tram/agent/kiosk/kiosktest"
)

// axed are the pages that axe-core has seen: what it looks at does not change
// with the size of the screen.
var axed sync.Map

// accessible runs axe-core on the page, with its rules for WCAG 2.2 A and AA and
// its best practices, once for each page, and checks what a touch screen needs
// beyond that each time.
func (s *screen) accessible(where string) {
	s.t.Helper()
	bad := eval[[]string](s, axis)
	if _, seen := axed.LoadOrStore(where, true); !seen {
		if !eval[bool](s, "typeof axe !== 'undefined'") {
			s.do(chromedp.Evaluate[chromedp.Void](kiosktest.Axe()))
		}
		bad = append(bad, await[[]string](s, axeRun)...)
	}
	if len(bad) > 0 {
		s.t.Errorf("%s: %s", where, strings.Join(bad, "; "))
	}
}

const axeRun = `const found = await axe.run(document, { resultTypes: ['violations'], elementRef: false, iframes: false,
		runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] } });
	return found.violations.flatMap((v) => v.nodes.map((n) => 'axe ' + v.id + ': ' + n.html.slice(0, 120)));`

// axis is what axe-core does not ask: targets of 48 px, contrast of 7 for large
// and small text, one heading of the first rank, live regions and a focus order
// that is that of the page.

const axis = `(() => {
	const bad = [];
	const seen = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== 'hidden' && !e.closest('.sr-only');
	const name = (e) => (e.getAttribute('aria-label') || e.alt || (e.labels?.[0]?.textContent ?? '') || e.textContent || '').trim();
	const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
	ids.filter((id, i) => ids.indexOf(id) !== i).forEach((id) => bad.push('id twice: ' + id));
	for (const e of document.querySelectorAll('button, a[href], input, select, img, svg[role=img], progress:not([aria-hidden]), [role=radiogroup], [role=group], [role=tablist]')) {
		if (seen(e) && !name(e)) bad.push('no name: ' + e.outerHTML.slice(0, 80));
	}
	for (const e of document.querySelectorAll('button, a[href], input, select')) {
		if (!seen(e)) continue;
		const r = e.getBoundingClientRect();
		if (r.width < 47.5 || r.height < 47.5) bad.push('small: ' + (e.dataset.key || e.tagName) + ' ' + Math.round(r.width) + 'x' + Math.round(r.height));
		if (e.tabIndex > 0) bad.push('tabindex above 0');
	}
	for (const e of document.querySelectorAll('[aria-describedby], [aria-controls]')) for (const a of ['aria-describedby', 'aria-controls'])
		for (const id of (e.getAttribute(a) ?? '').split(' ').filter(Boolean)) if (!document.getElementById(id)) bad.push(a + ' names no element: ' + id);
	if (document.querySelectorAll('main h1').length !== 1) bad.push('headings of the first rank: ' + document.querySelectorAll('main h1').length);
	if (!document.documentElement.lang) bad.push('no language');
	if (!document.querySelector('[aria-live=polite], [role=status]')) bad.push('nothing speaks to a screen reader');
	const parse = (c) => { const m = c.match(/[\d.]+/g).map(Number); return [m[0], m[1], m[2], m[3] ?? 1]; };
	const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const ground = (e) => { const over = []; for (let n = e; n; n = n.parentElement) { const c = getComputedStyle(n); if (c.backgroundImage !== 'none') return null; const p = parse(c.backgroundColor); if (p[3] > 0) over.push(p); if (p[3] === 1) break; }
		return over.reduceRight((u, [r, g, b, a]) => [r * a + u[0] * (1 - a), g * a + u[1] * (1 - a), b * a + u[2] * (1 - a)], [255, 255, 255]); };
	const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (walk.nextNode()) {
		const e = walk.currentNode.parentElement;
		if (!walk.currentNode.textContent.trim() || !seen(e) || e.closest('svg, [disabled], script, noscript')) continue;
		const b = ground(e);
		if (!b) continue;
		const f = parse(getComputedStyle(e).color).slice(0, 3);
		const [x, y] = [light(f), light(b)].sort((p, q) => q - p);
		if ((x + 0.05) / (y + 0.05) < 6.5) bad.push('contrast ' + ((x + 0.05) / (y + 0.05)).toFixed(1) + ': ' + walk.currentNode.textContent.trim().slice(0, 30));
	}
	return [...new Set(bad)];
})()`

// spot is where an element with that data-key can be pressed now: its centre,
// where nothing lies over it. found is false while it cannot.
const spot = `(() => { const e = document.querySelector('[data-key="%s"]');
	if (!e || e.disabled) return [];
	e.scrollIntoView({ block: 'nearest' });
	const r = e.getBoundingClientRect(), x = r.left + r.width / 2, y = r.top + r.height / 2;
	return e.contains(document.elementFromPoint(x, y)) ? [x, y] : []; })()`

// click presses the button with that data-key, as soon as a finger could.
func (s *screen) click(key string) {
	s.t.Helper()
	end := time.Now().Add(10 * time.Second)
	for {
		at, err := chromedp.Run(s.ctx, chromedp.Evaluate[[]float64](fmt.Sprintf(spot, key)))
		if err == nil && len(at) == 2 {
			if s.touch {
				s.do(tap(at[0], at[1]))
			} else {
				s.do(chromedp.MouseClickXY(at[0], at[1]))
			}
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("button %s cannot be pressed: %v, %s", key, err, s.text())
		}
		pause(s.ctx)
	}
}

// tap is a finger that touches a place and leaves it.
func tap(x, y float64) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		down := input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{{X: x, Y: y}}}
		if _, err := cdp.Call(ctx, tab, input.DispatchTouchEvent, down); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, tab, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{}})
		return err
	})
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(20 * time.Millisecond):
	}
}
