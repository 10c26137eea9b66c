// Package draw makes QR codes for screens and papers: the modules of a code, an
// SVG and a picture of it. It is small beside package qr, which reads codes, so
// that a program that draws only links no reader.
package draw

import (
	"errors"
	"fmt"
	"image"
	"strings"
	"unicode/utf8"

	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/encoder"
)

// MaxText is the longest text, in bytes: what is longer makes a code that a
// telephone does not read from a screen.
const MaxText = 1000

// Quiet is the light border of a code, in modules (ISO/IEC 18004 §5.3.8).
const Quiet = 4

// ErrText is a text that no code is made of: empty, too long, or not UTF-8.
var ErrText = errors.New("not a text for a QR code")

// Code is a QR code without its border.
type Code struct {
	n    int
	dark []bool // row by row
}

// New makes the code of a text, in UTF-8, with error correction of 15 %.
func New(text string) (*Code, error) {
	if text == "" || len(text) > MaxText || !utf8.ValidString(text) {
		return nil, fmt.Errorf("%w: 1 to %d bytes of UTF-8", ErrText, MaxText)
	}
	q, err := encoder.Encoder_encode(text, decoder.ErrorCorrectionLevel_M, nil)
	if err != nil {
		return nil, fmt.Errorf("make a QR code: %w", err)
	}
	m := q.GetMatrix()
	c := &Code{n: m.GetWidth(), dark: make([]bool, m.GetWidth()*m.GetWidth())}
	for y := range c.n {
		for x := range c.n {
			c.dark[y*c.n+x] = m.Get(x, y) == 1
		}
	}
	return c, nil
}

// Size is how many modules the code has across, its border included.
func (c *Code) Size() int { return c.n + 2*Quiet }

// Dark reports whether the module in that column and row is dark; the border is light.
func (c *Code) Dark(x, y int) bool {
	x, y = x-Quiet, y-Quiet
	return x >= 0 && y >= 0 && x < c.n && y < c.n && c.dark[y*c.n+x]
}

// SVG is the code as a picture of any size. It holds lines only, no text.
func (c *Code) SVG() []byte {
	var path strings.Builder
	size := c.Size()
	for y := range size {
		for x := 0; x < size; x++ {
			from := x
			for x < size && c.Dark(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from, y, x-from, x-from)
			}
		}
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%dv%dH0z"/><path d="%s"/></svg>`+"\n", size, size, size, size, path.String())
}

// Image is the code with so many pixels a module, at least 1.
func (c *Code) Image(module int) *image.Gray {
	module = max(1, module)
	size := c.Size() * module
	img := image.NewGray(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			if !c.Dark(x/module, y/module) {
				img.Pix[y*img.Stride+x] = 255
			}
		}
	}
	return img
}
