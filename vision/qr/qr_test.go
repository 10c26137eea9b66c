package qr_test

import (
	"image"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"tram/vision/qr"
)

// draw encodes text with the given number of pixels a module.
func draw(t testing.TB, text string, size int, inverted bool) *image.Gray {
	t.Helper()
	code, err := qrcode.NewQRCodeWriter().Encode(text, gozxing.BarcodeFormat_QR_CODE, size, size, map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_CHARACTER_SET: "UTF-8"})
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, size+40, size+40))
	for y := range size + 40 {
		for x := range size + 40 {
			dark := x >= 20 && y >= 20 && x < size+20 && y < size+20 && code.Get(x-20, y-20)
			if dark == inverted {
				img.Pix[y*img.Stride+x] = 225
			}
		}
	}
	return img
}

func TestACodeIsReadLargeSmallAndInverted(t *testing.T) {
	const text = "099099000017||Nguyễn Văn Thử|01011999|Nam|Số 1, Phường Thử|01012022"
	for name, img := range map[string]*image.Gray{
		"large": draw(t, text, 1500, false), "small": draw(t, text, 130, false), "inverted": draw(t, text, 400, true),
	} {
		if got, err := qr.Decode(img); err != nil || len(got) != 1 || got[0] != text {
			t.Errorf("%s: %d texts, %v; want the one that was drawn", name, len(got), err)
		}
	}
	if got, err := qr.Decode(image.NewGray(image.Rect(0, 0, 300, 200))); err != nil || len(got) != 0 {
		t.Errorf("black: %d texts, %v; want none", len(got), err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(make([]byte, 900), byte(30))
	small := draw(f, "x", 60, false)
	f.Add(small.Pix, byte(100))
	f.Fuzz(func(t *testing.T, pix []byte, width byte) {
		w := int(width)
		if w == 0 || len(pix) > 20000 {
			return
		}
		h := len(pix) / w
		_, _ = qr.Decode(&image.Gray{Pix: pix[:w*h], Stride: w, Rect: image.Rect(0, 0, w, h)})
	})
}
