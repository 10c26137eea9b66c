package cv

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/bmp"

	"tram/vision"
	qrdraw "tram/vision/qr/draw"
)

const written = "Trạm 099: giấy thử"

// drawnAs is the code in another kind of picture.
func drawnAs(t testing.TB, to func(x, y int, dark bool) color.Color) *image.NRGBA64 {
	t.Helper()
	code, err := qrdraw.New(written)
	if err != nil {
		t.Fatal(err)
	}
	grey := code.Image(4)
	img := image.NewNRGBA64(grey.Rect)
	for y := range grey.Rect.Dy() {
		for x := range grey.Rect.Dx() {
			img.Set(x, y, to(x, y, grey.GrayAt(x, y).Y < 128))
		}
	}
	return img
}

func encoded(t testing.TB, write func(w *bytes.Buffer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestCodesAreReadInEveryKindOfPicture(t *testing.T) {
	ink := func(dark, light color.Color) func(int, int, bool) color.Color {
		return func(_, _ int, isDark bool) color.Color {
			if isDark {
				return dark
			}
			return light
		}
	}
	plain := drawnAs(t, ink(color.Black, color.White))
	asPNG := func(img image.Image) []byte {
		return encoded(t, func(w *bytes.Buffer) error { return png.Encode(w, img) })
	}
	webp, err := os.ReadFile("testdata/code.webp")
	if err != nil {
		t.Fatal(err)
	}
	pictures := map[string][]byte{
		"16 bits a colour":       asPNG(plain),
		"black on nothing":       asPNG(drawnAs(t, ink(color.Black, color.Transparent))),
		"white on nothing":       asPNG(drawnAs(t, ink(color.Transparent, color.White))),
		"black behind nothing":   asPNG(drawnAs(t, ink(color.Black, color.NRGBA{0, 0, 0, 0}))),
		"half transparent":       asPNG(drawnAs(t, ink(color.NRGBA{0, 0, 0, 150}, color.NRGBA{0, 0, 0, 10}))),
		"colours of one palette": encoded(t, func(w *bytes.Buffer) error { return gif.Encode(w, plain, nil) }),
		"BMP":                    encoded(t, func(w *bytes.Buffer) error { return bmp.Encode(w, plain) }),
		"WebP":                   webp,
	}
	moving := &gif.GIF{}
	for range 2 {
		frame := image.NewPaletted(plain.Rect, color.Palette{color.White, color.Black})
		for i := range frame.Pix {
			if r, _, _, _ := plain.At(i%frame.Stride, i/frame.Stride).RGBA(); r == 0 {
				frame.Pix[i] = 1
			}
		}
		moving.Image, moving.Delay = append(moving.Image, frame), append(moving.Delay, 10)
	}
	pictures["a GIF that moves"] = encoded(t, func(w *bytes.Buffer) error { return gif.EncodeAll(w, moving) })
	for name, data := range pictures {
		if got, err := decodeQR(data); err != nil || !slices.Equal(got, []string{written}) {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, written)
		}
	}
}

func TestPicturesThatCannotBeReadSayWhy(t *testing.T) {
	plain := encoded(t, func(w *bytes.Buffer) error { return png.Encode(w, image.NewGray(image.Rect(0, 0, 30, 30))) })
	large := bytes.Clone(plain)
	copy(large[16:], []byte{0, 0, 0x20, 0, 0, 0, 0x20, 0}) // 8192×8192, and the wrong checksum
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"cut off":           {plain[:len(plain)-30], "PNG: "},
		"a broken header":   {large, "PNG header: "},
		"too large":         {encoded(t, func(w *bytes.Buffer) error { return bmp.Encode(w, image.NewGray(image.Rect(0, 0, 5200, 5000))) })[:2000], "5200×5000 pixels, more than 25 million"},
		"a WebP of nothing": {[]byte("RIFF\x00\x00\x00\x00WEBPVP8 "), "WebP header: "},
		"a text":            {[]byte("099099000017|"), "not a picture of a known format"},
		"nothing":           {nil, "not a picture of a known format"},
	} {
		if got, err := decodeQR(c.data); !errors.Is(toSentinel(err), vision.ErrNotPicture) || !strings.Contains(err.Error(), c.want) || len(got) > 0 {
			t.Errorf("%s: got %q, %v; want ErrNotPicture and %q", name, got, err, c.want)
		}
	}
}

// OpenCV's own decoders are not fuzzed here: what they take is checked by package still, and they run in the worker.
func FuzzPicturesForCodes(f *testing.F) {
	code := drawnAs(f, func(_, _ int, dark bool) color.Color {
		if dark {
			return color.Black
		}
		return color.Transparent
	})
	f.Add(encoded(f, func(w *bytes.Buffer) error { return png.Encode(w, code) }))
	f.Add(encoded(f, func(w *bytes.Buffer) error { return gif.Encode(w, code, nil) }))
	f.Add(encoded(f, func(w *bytes.Buffer) error { return bmp.Encode(w, code) }))
	if webp, err := os.ReadFile("testdata/code.webp"); err == nil {
		f.Add(webp)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for i := range formats {
			if !formats[i].fits(data) {
				continue
			}
			c, err := formats[i].config(bytes.NewReader(data))
			if err != nil || c.Width*c.Height > 100_000 {
				return // large ones take long and show nothing more
			}
			if _, err := decodeQR(data); err != nil && !errors.Is(err, vision.ErrNotPicture) {
				t.Errorf("%v, want ErrNotPicture", err)
			}
		}
	})
}
