package draw_test

import (
	"encoding/xml"
	"errors"
	"image"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"tram/vision/qr"
	"tram/vision/qr/draw"
)

var texts = []string{"A017", "A001 24/11/2026 buon-ma-thuot/quay-1", "https://cong-an.example.vn/to-giac?noi=1", "Trạm số 3: gọi 113", strings.Repeat("dài ", 190)}

func TestADrawnCodeIsReadBack(t *testing.T) {
	for _, text := range texts {
		c, err := draw.New(text)
		if err != nil {
			t.Fatalf("%.20q: %v", text, err)
		}
		if got, err := qr.Decode(c.Image(4)); err != nil || len(got) != 1 || got[0] != text {
			t.Errorf("read %.40q, %v; want %.40q", got, err, text)
		}
	}
}

// paint draws the boxes of an SVG's path, which is all that it may hold.
func paint(t *testing.T, svg []byte, module int) *image.Gray {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(string(svg)))
	var path string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok {
			if e.Name.Local != "svg" && e.Name.Local != "path" {
				t.Fatalf("a %s in the picture", e.Name.Local)
			}
			for _, a := range e.Attr {
				if a.Name.Local == "d" {
					path = a.Value // the last one: the dark modules
				}
			}
		}
	}
	size := regexp.MustCompile(`viewBox="0 0 (\d+) `).FindStringSubmatch(string(svg))
	n, err := strconv.Atoi(size[1])
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, n*module, n*module))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for _, box := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1`).FindAllStringSubmatch(path, -1) {
		var v [3]int
		for i := range v {
			if v[i], err = strconv.Atoi(box[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		for y := v[1] * module; y < (v[1]+1)*module; y++ {
			for x := v[0] * module; x < (v[0]+v[2])*module; x++ {
				img.Pix[y*img.Stride+x] = 0
			}
		}
	}
	return img
}

func TestTheSVGOfACodeIsReadBack(t *testing.T) {
	for _, text := range texts {
		c, err := draw.New(text)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := qr.Decode(paint(t, c.SVG(), 4)); err != nil || len(got) != 1 || got[0] != text {
			t.Errorf("read %.40q, %v; want %.40q", got, err, text)
		}
	}
}

func TestNoCodeIsMadeOfWhatCannotBeRead(t *testing.T) {
	for _, text := range []string{"", strings.Repeat("x", draw.MaxText+1), "a\xff"} {
		if _, err := draw.New(text); !errors.Is(err, draw.ErrText) {
			t.Errorf("%.10q: %v, want ErrText", text, err)
		}
	}
}
