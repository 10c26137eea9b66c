package cv

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	stddraw "image/draw"
	"image/gif"
	"image/png"
	"io"

	"gocv.io/x/gocv"
	"golang.org/x/image/bmp"
	"golang.org/x/image/webp"

	"tram/drivers/camera/still"
	"tram/vision"
	"tram/vision/qr"
)

// format is a kind of picture that Go decodes, beside those of OpenCV: safe in memory, and with what OpenCV
// drops, the transparent parts.
type format struct {
	name   string
	begins string // "?" stands for any byte
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

var formats = []format{
	{"PNG", "\x89PNG\r\n\x1a\n", png.DecodeConfig, png.Decode},
	{"GIF", "GIF8?a", gif.DecodeConfig, gif.Decode}, // of one that moves, the first picture
	{"BMP", "BM????\x00\x00\x00\x00", bmp.DecodeConfig, bmp.Decode},
	{"WebP", "RIFF????WEBPVP8", webp.DecodeConfig, webp.Decode},
}

func (f *format) fits(data []byte) bool {
	if len(data) < len(f.begins) {
		return false
	}
	for i := range f.begins {
		if f.begins[i] != '?' && f.begins[i] != data[i] {
			return false
		}
	}
	return true
}

// open decodes a picture that is not too large.
func (f *format) open(data []byte) (image.Image, error) {
	c, err := f.config(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %s header: %v", vision.ErrNotPicture, f.name, err) //nolint:errorlint // one sentinel is enough
	}
	if c.Width > still.MaxSide || c.Height > still.MaxSide || c.Width*c.Height > maxPixels {
		return nil, fmt.Errorf("%w: %d×%d pixels, more than %d million", vision.ErrNotPicture, c.Width, c.Height, maxPixels/1_000_000)
	}
	img, err := f.decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", vision.ErrNotPicture, f.name, err) //nolint:errorlint // one sentinel is enough
	}
	return img, nil
}

// on is the picture in grey, its transparent parts on paper of that grey.
func on(paper image.Image, img image.Image) *image.Gray {
	b := img.Bounds()
	grey := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	stddraw.Draw(grey, grey.Rect, paper, image.Point{}, stddraw.Src)
	stddraw.Draw(grey, grey.Rect, img, b.Min, stddraw.Over)
	return grey
}

// decodeQR reads the codes in a picture.
func decodeQR(data []byte) ([]string, error) {
	for i := range formats {
		f := &formats[i]
		if !f.fits(data) {
			continue
		}
		img, err := f.open(data)
		if err != nil {
			return nil, err
		}
		texts, err := qr.Decode(on(image.White, img))
		if o, ok := img.(interface{ Opaque() bool }); err != nil || len(texts) > 0 || !ok || o.Opaque() {
			return texts, err
		}
		return qr.Decode(on(image.Black, img)) // white on nothing
	}
	m, err := decodePicture(data)
	switch {
	case errors.Is(err, still.ErrSize):
		return nil, fmt.Errorf("%w: %w, more than %d million", vision.ErrNotPicture, err, maxPixels/1_000_000)
	case err != nil:
		return nil, err
	}
	defer m.Close()
	grey := gocv.NewMat()
	defer grey.Close()
	gocv.CvtColor(m, &grey, gocv.ColorBGRToGray)
	return qr.Decode(&image.Gray{Pix: grey.ToBytes(), Stride: grey.Cols(), Rect: image.Rect(0, 0, grey.Cols(), grey.Rows())})
}
