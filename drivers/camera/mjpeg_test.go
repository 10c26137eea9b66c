package camera

import (
	"bufio"
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"io"
	"testing"

	"tram/drivers/camera/still"
)

func drawn(t testing.TB, w, h, shade int) []byte {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i := range img.Pix {
		img.Pix[i] = uint8(shade + i%97)
	}
	img.SetGray(0, 0, color.Gray{Y: uint8(shade)})
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func split(t testing.TB, stream []byte, limit int) (pictures [][]byte, end error) {
	t.Helper()
	r := bufio.NewReader(bytes.NewReader(stream))
	for {
		p, err := nextJPEG(r, limit)
		if err != nil {
			return pictures, err
		}
		pictures = append(pictures, p)
	}
}

func TestPicturesAreFoundWhateverLiesBetween(t *testing.T) {
	a, b := drawn(t, 64, 48, 10), drawn(t, 96, 48, 90)
	for name, c := range map[string]struct {
		stream []byte
		want   [][]byte
	}{
		"a usual stream":     {slicesOf("--x\r\nContent-Type: image/jpeg\r\n\r\n", a, "\r\n--x\r\n\r\n", b, "\r\n--x--"), [][]byte{a, b}},
		"nothing between":    {slicesOf(a, b), [][]byte{a, b}},
		"garbage":            {slicesOf("\xff\xff\xd8\x00", bytes.Repeat([]byte{0xAA}, 70000), a, "\xff\xd8\xff\x00", b), [][]byte{a, b}},
		"one cut off inside": {slicesOf(a[:len(a)-300], "\r\n--x\r\n\r\n", b, b), [][]byte{b, b}},
		"one cut off early":  {slicesOf(a[:3], b, b), [][]byte{b, b}},
		"too large":          {slicesOf("\xff\xd8\xff\xda\x00\x02", bytes.Repeat([]byte{1}, 9000), "\xff\xd9", b), [][]byte{b}},
		"nothing":            {nil, nil},
	} {
		got, err := split(t, c.stream, 8000)
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: ended with %v, want io.EOF", name, err)
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %d pictures, want %d", name, len(got), len(c.want))
			continue
		}
		for i := range got {
			if !bytes.Equal(got[i], c.want[i]) {
				t.Errorf("%s: picture %d differs: %d bytes, want %d", name, i, len(got[i]), len(c.want[i]))
			}
		}
	}
}

func slicesOf(parts ...any) []byte {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out = append(out, p...)
		case []byte:
			out = append(out, p...)
		}
	}
	return out
}

func TestAStreamOfGarbageIsNoneInTheEnd(t *testing.T) {
	if _, err := nextJPEG(bufio.NewReader(endless{}), 1000); !errors.Is(err, errGarbage) {
		t.Errorf("garbage without end: %v, want errGarbage", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(0xFF - 0x27*(i&1)) // FF D8 FF D8 …
	}
	return len(p), nil
}

func FuzzNextJPEG(f *testing.F) {
	a := drawn(f, 32, 32, 1)
	f.Add(slicesOf("--x\r\n\r\n", a, a[:50], a))
	f.Add([]byte("\xff\xd8\xff\xd8\xff\xda\x00\x02\xff\xff\xff\xd9"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		pictures, end := split(t, stream, 5000)
		if end == nil {
			t.Error("a stream of bytes did not end")
		}
		for _, p := range pictures {
			if len(p) > 5002 || !bytes.HasPrefix(p, []byte{0xFF, 0xD8}) || !bytes.HasSuffix(p, []byte{0xFF, 0xD9}) {
				t.Errorf("no picture: %d bytes", len(p))
			}
			_, _ = still.Check(p, 1e6)
		}
	})
}
