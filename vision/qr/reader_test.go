package qr_test

import (
	"image"
	"image/draw"
	"testing"
	"time"

	"tram/vision/qr"
	"tram/vision/qr/qrtest"
)

// With hardly any time for each picture everything is tried in the end: what one
// unhurried search reads, a hurried reader reads within a few pictures.
func TestWhatIsLeftUntriedIsTriedInTheNextPictures(t *testing.T) {
	// Codes whose content is wiped out have finders that promise more than they hold.
	picture := image.NewGray(image.Rect(0, 0, 1280, 720))
	draw.Draw(picture, picture.Rect, image.White, image.Point{}, draw.Src)
	put := func(code *image.Gray, at image.Point, wiped bool) {
		r := code.Bounds().Sub(code.Bounds().Min).Add(at)
		draw.Draw(picture, r, code, code.Bounds().Min, draw.Src)
		if w := r.Dx(); wiped {
			draw.Draw(picture, image.Rect(r.Min.X+w*45/100, r.Min.Y+w*45/100, r.Max.X-w/5, r.Max.Y-w/5), image.Black, image.Point{}, draw.Src)
		}
	}
	for i, at := range []image.Point{{40, 40}, {360, 40}, {680, 40}, {40, 360}, {360, 360}} {
		put(code(t, "spoilt"+string(rune('0'+i)), 240, false), at, true)
	}
	sound := code(t, "sound", 160, false)
	for i, v := range sound.Pix { // fainter than the others, so that it is tried after them
		sound.Pix[i] = 100 + v/2
	}
	put(sound, image.Pt(1000, 480), false)
	codes, err := qr.Find(picture, 5*time.Second)
	if err != nil || len(codes) != 1 || codes[0].Text != "sound" {
		t.Fatalf("unhurried: got %v %v, want the sound one", codes, err)
	}
	var r qr.Reader
	read := 0
	for n := 1; read == 0; n++ {
		got, err := r.Find(picture, time.Nanosecond)
		if err != nil || n > 60 {
			t.Fatalf("not read in %d pictures: %v", n, err)
		}
		if len(got) > 0 {
			if read = n; got[0].Text != "sound" {
				t.Errorf("got %q", got[0].Text)
			}
		}
	}
	if read == 1 {
		t.Error("it was read in the first picture: the test shows nothing")
	}
	// A picture without a code leaves the reader where it finds one in the next.
	r = qr.Reader{}
	for range 5 {
		if got, err := r.Find(qrtest.Empty(7), time.Nanosecond); err != nil || len(got) > 0 {
			t.Fatalf("a picture without a code: got %v %v", got, err)
		}
	}
	for n := 0; ; n++ {
		if got, _ := r.Find(code(t, "later", 300, false), time.Nanosecond); len(got) == 1 && got[0].Text == "later" {
			break
		}
		if n == 20 {
			t.Fatal("not read after pictures without a code")
		}
	}
}
