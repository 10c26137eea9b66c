package qr_test

import (
	"errors"
	"image"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
	"golang.org/x/text/encoding/charmap"

	"tram/vision/qr"
)

// code encodes text with the given number of pixels a module.
func code(t testing.TB, text string, size int, inverted bool) *image.Gray {
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
		"large": code(t, text, 1500, false), "small": code(t, text, 130, false), "inverted": code(t, text, 400, true),
	} {
		if got, err := qr.Decode(img); err != nil || len(got) != 1 || got[0] != text {
			t.Errorf("%s: %d texts, %v; want the one that was drawn", name, len(got), err)
		}
	}
	if got, err := qr.Decode(image.NewGray(image.Rect(0, 0, 300, 200))); err != nil || len(got) != 0 {
		t.Errorf("black: %d texts, %v; want none", len(got), err)
	}
}

// forEver is a budget that no test uses up, also on a slow machine.
const forEver = time.Minute

func TestAMirroredAndATurnedCodeAreReadAndItsCornersTold(t *testing.T) {
	const text = "099099000017||Nguyễn Văn Thử|01011999|Nam|Số 1, Phường Thử|01012022"
	img := code(t, text, 290, false)
	n := img.Rect.Dx()
	mirrored, turned := image.NewGray(img.Rect), image.NewGray(img.Rect)
	for y := range n {
		for x := range n {
			mirrored.Pix[y*n+n-1-x] = img.Pix[y*n+x]
			turned.Pix[x*n+n-1-y] = img.Pix[y*n+x]
		}
	}
	var corner [3]image.Point
	for i, p := range []*image.Gray{img, mirrored, turned} {
		got, err := qr.Find(p, forEver)
		if err != nil || len(got) != 1 || got[0].Text != text {
			t.Fatalf("picture %d: %d codes, %v; want the one that was drawn", i, len(got), err)
		}
		corner[i] = got[0].Corners[0]
	}
	if corner[0].X > n/4 || corner[0].Y > n/4 || corner[2].X < 3*n/4 || corner[2].Y > n/4 {
		t.Errorf("corners at %v and turned at %v, want top left and top right of %d pixels", corner[0], corner[2], n)
	}
}

// Codes on cards hold UTF-8 without saying so; other codes hold anything.
func TestBytesComeOutAsTheyAreInTheCode(t *testing.T) {
	old := encoder.Encoder_DEFAULT_BYTE_MODE_ENCODING
	encoder.Encoder_DEFAULT_BYTE_MODE_ENCODING = charmap.ISO8859_1
	t.Cleanup(func() { encoder.Encoder_DEFAULT_BYTE_MODE_ENCODING = old })
	for want, text := range map[string]string{
		"\xa7\xe9\xff":          "§éÿ",
		"Ngu\xe1\xbb\x85n|0990": "Nguễn|0990",
	} {
		// One byte a rune is how the library writes any bytes at all.
		runes := []rune{}
		for _, b := range []byte(want) {
			runes = append(runes, rune(b))
		}
		code, err := qrcode.NewQRCodeWriter().Encode(string(runes), gozxing.BarcodeFormat_QR_CODE, 150, 150, nil)
		if err != nil {
			t.Fatal(err)
		}
		img := image.NewGray(image.Rect(0, 0, 150, 150))
		for i := range img.Pix {
			if !code.Get(i%150, i/150) {
				img.Pix[i] = 220
			}
		}
		got, err := qr.Find(img, forEver)
		if err != nil || len(got) != 1 || string(got[0].Bytes) != want || got[0].Text != text {
			t.Errorf("%q: got %q, %v; want these bytes and the text %q", want, got, err, text)
		}
	}
}

func TestTimeAndSizeAreBounded(t *testing.T) {
	img := code(t, "x", 400, false)
	if got, err := qr.Find(img, forEver); err != nil || len(got) != 1 {
		t.Errorf("Find with time: %d codes, %v; want one", len(got), err)
	}
	if got, err := qr.Find(img, -time.Second); err != nil || len(got) != 0 {
		t.Errorf("Find when the time is over: %d codes, %v; want none begun", len(got), err)
	}
	if _, err := qr.Find(image.NewGray(image.Rect(0, 0, 8000, 6000)), forEver); !errors.Is(err, qr.ErrTooLarge) {
		t.Errorf("48 million pixels: %v, want ErrTooLarge", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(make([]byte, 900), byte(30))
	small := code(f, "x", 60, false)
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
