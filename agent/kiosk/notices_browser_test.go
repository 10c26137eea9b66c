package kiosk_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tram/vision/qr"
)

// poster is an invented poster of hills in the morning, as a hub sends one.
func poster(t *testing.T) []byte {
	t.Helper()
	const w, h = 640, 400
	img := image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{
		color.RGBA{0x8f, 0xc7, 0xe8, 255}, color.RGBA{0xf7, 0xc9, 0x48, 255}, color.RGBA{0x2f, 0x7d, 0x4f, 255}, color.RGBA{0x1f, 0x5a, 0x38, 255},
	})
	for y := range h {
		for x := range w {
			at := uint8(0)
			if dx, dy := x-440, y-150; dx*dx+dy*dy < 70*70 {
				at = 1
			}
			if y > 200+(x-180)*(x-180)/500 {
				at = 2
			}
			if y > 290+(x-470)*(x-470)/700 {
				at = 3
			}
			img.SetColorIndex(x, y, at)
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// codesOn reads the QR codes that a person sees on the screen.
func (s *screen) codesOn() []string {
	s.t.Helper()
	raw, err := chromedp.Run(s.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		s.t.Fatalf("browser: %v", err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		s.t.Fatal(err)
	}
	grey := image.NewGray(img.Bounds())
	draw.Draw(grey, grey.Rect, img, img.Bounds().Min, draw.Src)
	texts, err := qr.Decode(grey)
	if err != nil {
		s.t.Fatal(err)
	}
	return texts
}

// What a hub pushes for people who pass by: texts, a picture, a code to scan and a
// number to call, each in its time, one after the other by themselves.
func TestTheHubsNoticesTurnOnTheIdleScreenOfTheRealDaemon(t *testing.T) {
	const link = "https://cong-an.example.vn/to-giac?noi=mau"
	c := newBench(t).open(t, "one-stop")
	now := time.Now()
	type texts = map[string]string
	report := map[string]any{
		"id": "report-crime", "kind": "contact", "qr": link, "phone": "113", "seconds": 3, "picture": poster(t),
		"title": texts{"vi": "Tố giác tội phạm", "en": "Report a crime"}, "text": texts{"vi": "Quét mã hoặc gọi số nóng, giữ kín người báo.", "en": "Scan the code or call. Your name is kept secret."},
		"start": now.Add(-time.Hour), "end": now.Add(time.Hour),
	}
	fraud := map[string]any{"id": "fraud", "kind": "warning", "seconds": 3, "text": texts{"vi": "Cảnh giác với cuộc gọi giả danh công an.", "en": "Beware of calls in the name of the police."}}
	over := map[string]any{"id": "over", "kind": "info", "text": texts{"vi": "Đã hết hạn"}, "end": now.Add(-time.Minute)}
	soon := map[string]any{"id": "soon", "kind": "info", "text": texts{"vi": "Chưa đến ngày"}, "start": now.Add(time.Hour)}
	c.order("notice", map[string]any{"version": 1, "entries": []any{report, fraud, over, soon}})

	_, err := os.Stat(worker(t))
	seen := err == nil // the picture is made by the camera worker
	if !seen {
		t.Log("tram-vision is not built: the notice is shown without its picture")
	}
	for i, size := range sizes {
		s := c.page("/", size[0], size[1])
		s.waitStage("idle")
		s.says("/ 2")
		s.click("news-pause")
		if eval[bool](s, `document.querySelector('.news-place').textContent.startsWith('2')`) {
			s.click("news-before") // it turned before the press
		}
		s.says("1 / 2", "Tố giác tội phạm", "113")
		if seen {
			s.until("the picture", `document.querySelector('.news-picture')?.naturalWidth === 640`)
		}
		s.until("the code", `document.querySelector('.news-qr')?.complete`)
		if got := s.codesOn(); !slices.Contains(got, link) {
			t.Errorf("%dx%d: the codes on the screen say %q, want %q", size[0], size[1], got, link)
		}
		s.fits("a notice with everything")
		s.accessible("a notice with everything")
		s.shoot(fmt.Sprintf("%dx%d-notice-full", size[0], size[1]))
		if i == 0 { // it turns by itself, at one size as at the others
			s.click("news-pause")
			eval[bool](s, "document.activeElement.blur() ?? true")
			s.says("2 / 2", "giả danh công an")
			s.says("1 / 2", "Tố giác tội phạm")
		} else {
			s.click("news-after")
			s.says("2 / 2", "giả danh công an")
		}
		if got := s.text(); bytes.Contains([]byte(got), []byte("hết hạn")) || bytes.Contains([]byte(got), []byte("Chưa đến ngày")) {
			t.Errorf("a notice is shown out of its time: %q", got)
		}
	}
	s := c.page("/", 1080, 1920)
	s.says("/ 2")
	c.order("notice", map[string]any{"version": 2, "entries": []any{}})
	s.until("nothing is shown any more", "document.querySelector('.news').hidden")
	s.until("a code that is gone is not served", `(fetch('/v1/notices/report-crime/qr').then((r) => { document.gone = r.status; }), document.gone === 404)`)
}
