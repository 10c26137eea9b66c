package kiosk_test

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/chromedp/chromedp"

	"tram/drivers/sim/picture"
)

// keptShots are the pictures that docs/screenshots keeps, by what the tests call
// them. "make screenshots" takes them anew.
var keptShots = map[string]string{
	"1080x1920-idle-vi": "idle", "1080x1920-consent-vi": "consent", "1080x1920-card-vi": "card", "1080x1920-reading-vi": "reading",
	"1920x1080-confirm-vi": "confirm", "1920x1080-recorded-delivered-vi": "recorded", "1920x1080-recorded-offline-en": "recorded-offline",
	"1080x1920-failed-vi": "failed", "1024x768-guide": "face", "1024x768-ask-catalogue": "ask-catalogue", "1024x768-ask-date": "ask-date",
	"1080x1920-ask-text": "ask-text", "1024x768-can": "can", "1080x1920-mrz": "passport", "1024x768-notice": "notice", "1080x1920-notice-full": "notice-full",
	"1080x1920-gate-open": "gate-open", "1920x1080-gate-denied": "gate-denied", "down-vi": "down", "countdown": "countdown",
	"gate-clerk": "gate-clerk", "staff-locked": "staff-locked", "ticket": "ticket", "1024x768-failed-card_removed-vi": "failed-card", "1024x768-failed-bad_qr-vi": "failed-code", "1024x768-clerk-stays-many": "desk-stays-many", "desk-stays": "desk-stays", "desk-face": "desk-face", "desk-rights": "desk-rights", "desk-declare": "desk-declare", "tech-devices": "tech-devices",
	"play-one-stop": "play-one-stop", "play-clinic": "play-clinic", "play-hospital-kiosk": "play-hospital-kiosk", "play-notary": "play-notary",
	"play-pawn-security": "play-pawn-security", "play-lodging-passport": "play-lodging", "play-rental": "play-rental", "play-inpatient": "play-inpatient",
	"play-coach": "play-coach", "play-exam-room": "play-exam-room", "play-industrial-gate": "play-industrial-gate", "1920x1080-play-tourist-gate": "play-tourist-gate",
}

// shooting is the folder that pictures go to, "" in an ordinary run.
func shooting() string { return os.Getenv("TRAM_SCREENSHOTS") }

// portrait is an invented face: a quick one, and for pictures that people look at
// one that takes a second to draw.
func portrait() []byte {
	if shooting() == "" {
		return face()
	}
	return drawn()
}

var drawn = sync.OnceValue(func() []byte { return picture.PortraitJPEG(picture.DefaultSeed) })

// shoot keeps a picture when TRAM_SCREENSHOTS names a folder: at half its size
// where it is a large one, in few colours. With TRAM_SCREENSHOTS_ALL each one is
// kept, in full size and by its own name, to be looked through.
func (s *screen) shoot(name string) {
	s.t.Helper()
	file, all := keptShots[name], os.Getenv("TRAM_SCREENSHOTS_ALL") != ""
	if shooting() == "" || file == "" && !all {
		return
	}
	if all {
		file = name
	}
	s.until("what moves has arrived", "document.getAnimations().every((a) => !(a instanceof CSSTransition))")
	raw, err := chromedp.Run(s.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		s.t.Fatalf("browser: %v", err)
	}
	img, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		s.t.Fatal(err)
	}
	if b := img.Bounds(); max(b.Dx(), b.Dy()) > 1024 && !all {
		img = halved(img)
	}
	var small bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&small, fewColours(img)); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(shooting(), file+".png"), small.Bytes(), 0o600); err != nil {
		s.t.Error(err)
	}
}

// halved is the picture at half its size, each point the mean of four.
func halved(img image.Image) image.Image {
	b := img.Bounds()
	out := image.NewRGBA(image.Rect(0, 0, b.Dx()/2, b.Dy()/2))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			var sum [3]uint32
			for i := range 4 {
				r, g, bl, _ := img.At(b.Min.X+2*x+i%2, b.Min.Y+2*y+i/2).RGBA()
				sum[0], sum[1], sum[2] = sum[0]+r, sum[1]+g, sum[2]+bl
			}
			out.SetRGBA(x, y, color.RGBA{uint8(sum[0] / 4 >> 8), uint8(sum[1] / 4 >> 8), uint8(sum[2] / 4 >> 8), 255})
		}
	}
	return out
}

// fewColours is the picture in its commonest colours.
func fewColours(img image.Image) image.Image {
	const most, coarse = 128, 0xF8
	b := img.Bounds()
	count, exact, best := map[color.RGBA]int{}, map[color.RGBA]int{}, map[color.RGBA]color.RGBA{}
	key := func(x, y int) (k, c color.RGBA) {
		c = color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
		return color.RGBA{c.R & coarse, c.G & coarse, c.B & coarse, 255}, c
	}
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			k, c := key(x, y)
			count[k]++
			exact[c]++
			if exact[c] >= exact[best[k]] {
				best[k] = c
			}
		}
	}
	keys := make([]color.RGBA, 0, len(count))
	for k := range count {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(p, q color.RGBA) int {
		return cmp.Or(count[q]-count[p], int(p.R)-int(q.R), int(p.G)-int(q.G), int(p.B)-int(q.B))
	})
	var palette color.Palette
	index := map[color.RGBA]uint8{}
	for i, k := range keys[:min(most, len(keys))] {
		palette = append(palette, best[k])
		index[k] = uint8(i)
	}
	out := image.NewPaletted(image.Rect(0, 0, b.Dx(), b.Dy()), palette)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			k, _ := key(x, y)
			i, known := index[k]
			if !known {
				i = uint8(palette.Index(best[k]))
				index[k] = i
			}
			out.SetColorIndex(x-b.Min.X, y-b.Min.Y, i)
		}
	}
	return out
}
