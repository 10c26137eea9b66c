// Package qr reads QR codes in pictures: gozxing decodes, the picture is offered
// to it in several ways (as it is, enlarged, halved, inverted) until one reads.
package qr

import (
	"errors"
	"image"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// ErrTooLarge is a picture with more than MaxPixels.
var ErrTooLarge = errors.New("QR code: picture is too large")

// MaxPixels bounds the picture that is searched.
const MaxPixels = 40_000_000

// Decode returns the text of the QR code in a grey picture; none is no error
// and gives no text.
func Decode(img *image.Gray) ([]string, error) {
	b := img.Bounds()
	if b.Dx()*b.Dy() > MaxPixels {
		return nil, ErrTooLarge
	}
	if b.Dx() < 21 || b.Dy() < 21 {
		return nil, nil
	}
	for _, try := range tries(img) {
		if text, ok := read(try); ok {
			return []string{text}, nil
		}
	}
	return nil, nil
}

func tries(img *image.Gray) []*image.Gray {
	out := []*image.Gray{img}
	long := max(img.Bounds().Dx(), img.Bounds().Dy())
	if long > 1000 {
		out = append(out, halve(img))
	}
	if long > 2400 {
		out = append(out, halve(halve(img)))
	}
	if long < 700 {
		out = append(out, double(img))
	}
	return append(out, invert(img))
}

func read(img *image.Gray) (text string, ok bool) {
	// The library indexes by what a damaged code says.
	defer func() {
		if recover() != nil {
			text, ok = "", false
		}
	}()
	src := gozxing.NewLuminanceSourceFromImage(img)
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true}
	for _, binarizer := range []gozxing.Binarizer{gozxing.NewHybridBinarizer(src), gozxing.NewGlobalHistgramBinarizer(src)} {
		bitmap, err := gozxing.NewBinaryBitmap(binarizer)
		if err != nil {
			continue
		}
		if r, err := qrcode.NewQRCodeReader().Decode(bitmap, hints); err == nil {
			return r.GetText(), true
		}
	}
	return "", false
}

func halve(in *image.Gray) *image.Gray {
	b := in.Bounds()
	out := image.NewGray(image.Rect(0, 0, b.Dx()/2, b.Dy()/2))
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			o := in.PixOffset(b.Min.X+2*x, b.Min.Y+2*y)
			sum := int(in.Pix[o]) + int(in.Pix[o+1]) + int(in.Pix[o+in.Stride]) + int(in.Pix[o+in.Stride+1])
			out.Pix[y*out.Stride+x] = byte(sum / 4)
		}
	}
	return out
}

func double(in *image.Gray) *image.Gray {
	b := in.Bounds()
	out := image.NewGray(image.Rect(0, 0, b.Dx()*2, b.Dy()*2))
	at := func(x, y int) int {
		return int(in.Pix[in.PixOffset(b.Min.X+min(max(x, 0), b.Dx()-1), b.Min.Y+min(max(y, 0), b.Dy()-1))])
	}
	for y := range out.Rect.Dy() {
		for x := range out.Rect.Dx() {
			// Bilinear at quarter positions.
			x0, y0 := (x-1)>>1, (y-1)>>1
			wx, wy := 1+2*(x&1), 1+2*(y&1)
			top := at(x0, y0)*wx + at(x0+1, y0)*(4-wx)
			low := at(x0, y0+1)*wx + at(x0+1, y0+1)*(4-wx)
			out.Pix[y*out.Stride+x] = byte((top*wy + low*(4-wy) + 8) / 16)
		}
	}
	return out
}

func invert(in *image.Gray) *image.Gray {
	b := in.Bounds()
	out := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		from := in.Pix[in.PixOffset(b.Min.X, b.Min.Y+y):]
		for x := range b.Dx() {
			out.Pix[y*out.Stride+x] = 255 - from[x]
		}
	}
	return out
}
