package still_test

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"testing"

	"tram/drivers/camera/still"
)

func samples(t testing.TB) (jpg, pngs []byte) {
	t.Helper()
	var a, b bytes.Buffer
	img := image.NewGray(image.Rect(0, 0, 33, 21))
	if err := jpeg.Encode(&a, img, nil); err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return a.Bytes(), b.Bytes()
}

// j2k is the head of a codestream of w×h pixels.
func j2k(w, h, tile byte) []byte {
	return append([]byte{0xFF, 0x4F, 0xFF, 0x51, 0, 47, 0, 0, 0, 0, 0, w, 0, 0, 0, h, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, tile, 0, 0, 0, tile, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3}, make([]byte, 16)...)
}

func TestHeadersAreRead(t *testing.T) {
	jpg, pngs := samples(t)
	for want, data := range map[string][]byte{"jpeg": jpg, "png": pngs, "j2k": j2k(33, 21, 33)} {
		got, err := still.Check(data, 1000)
		if err != nil || got.Format != want || got.Width != 33 || got.Height != 21 {
			t.Errorf("%s: %+v, %v; want 33×21", want, got, err)
		}
		if _, err := still.Check(data, 100); !errors.Is(err, still.ErrSize) {
			t.Errorf("%s with room for 100 pixels: %v, want ErrSize", want, err)
		}
	}
}

func TestWhatIsCutOffOrNoPictureIsRefused(t *testing.T) {
	jpg, pngs := samples(t)
	for name, data := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "gif": []byte("GIF89a\x01\x00\x01\x00"), "half JPEG": jpg[:len(jpg)/2], "JPEG without its end": jpg[:len(jpg)-2],
		"half PNG": pngs[:40], "JPEG 2000 head": j2k(33, 21, 33)[:20], "no tiles": j2k(33, 21, 0),
		"JP2 without a codestream": []byte("\x00\x00\x00\x0CjP  \r\n\x87\n\x00\x00\x00\x08free"),
	} {
		if got, err := still.Check(data, 1e6); !errors.Is(err, still.ErrFormat) {
			t.Errorf("%s: %+v, %v; want ErrFormat", name, got, err)
		}
	}
	if _, err := still.Check(j2k(200, 200, 1), 1e6); !errors.Is(err, still.ErrSize) {
		t.Errorf("40,000 tiles: %v, want ErrSize", err)
	}
}

func FuzzCheck(f *testing.F) {
	jpg, pngs := samples(f)
	f.Add(jpg)
	f.Add(pngs)
	f.Add(j2k(33, 21, 33))
	f.Add([]byte("\x00\x00\x00\x0CjP  \r\n\x87\n\x00\x00\x00\x01jp2c\xff\xff\xff\xff\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := still.Check(data, 1e6)
		if err == nil && (info.Width < 1 || info.Height < 1 || info.Width*info.Height > 1e6) {
			t.Errorf("took %+v", info)
		}
	})
}
