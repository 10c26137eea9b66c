package vision_test

import (
	"errors"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tram/vision"
	"tram/vision/qr/qrtest"
)

// writeFrames makes a folder of frames: nobody, a card held before the camera, nobody.
func writeFrames(t *testing.T) (dir, text string) {
	t.Helper()
	dir = t.TempDir()
	card := qrtest.Card(3)
	for i := range 9 {
		img := qrtest.Empty(uint64(i))
		if i >= 3 && i < 6 {
			img = card.Picture
		}
		f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%06d.png", i)))
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(png.Encode(f, img), f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return dir, card.Text
}

func TestACardHeldBeforeTheCameraIsRead(t *testing.T) {
	dir, text := writeFrames(t)
	var seen []string
	a, err := newWorker(t, vision.Options{}).WatchCodes(context60(t), vision.CodesQuestion{Source: dir, Rate: 50, Budget: 500}, func(p vision.CodesProgress) {
		seen = append(seen, p.Texts...)
	})
	if err != nil || a.Frames != 9 {
		t.Errorf("got %+v %v, want 9 frames", a, err)
	}
	if len(seen) != 3 || slices.ContainsFunc(seen, func(s string) bool { return s != text }) {
		t.Errorf("got %q, want the card's text three times", seen)
	}
}

func TestNoCameraForCodesIsSaid(t *testing.T) {
	_, err := newWorker(t, vision.Options{}).WatchCodes(context60(t), vision.CodesQuestion{Source: filepath.Join(t.TempDir(), "none")}, func(vision.CodesProgress) {})
	if !errors.Is(err, vision.ErrNoCamera) {
		t.Errorf("got %v, want ErrNoCamera", err)
	}
}
