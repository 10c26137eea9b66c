package printer

import (
	"fmt"
	"image"
	"image/color"
	"os"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/unicode/norm"
)

// maxFontBytes bounds the font file.
const maxFontBytes = 16 << 20

// Heights of the letters, in dots.
const (
	titleDots  = 34
	numberDots = 120
	lineDots   = 26
)

// fonts are one font in the three sizes.
type fonts struct{ title, number, line font.Face }

func loadFonts(path string) (*fonts, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("no font at %s", path)
	}
	if info.Size() > maxFontBytes {
		return nil, fmt.Errorf("the font %s has more than %d bytes", path, maxFontBytes)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the font %s: %w", path, err)
	}
	f, err := opentype.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("read the font %s: %w", path, err)
	}
	var out fonts
	for _, size := range []struct {
		face *font.Face
		dots float64
	}{{&out.title, titleDots}, {&out.number, numberDots}, {&out.line, lineDots}} {
		// At 72 dots an inch a point is a dot.
		if *size.face, err = opentype.NewFace(f, &opentype.FaceOptions{Size: size.dots, DPI: 72, Hinting: font.HintingFull}); err != nil {
			return nil, fmt.Errorf("read the font %s: %w", path, err)
		}
		if _, ok := (*size.face).GlyphAdvance('ế'); !ok {
			return nil, fmt.Errorf("the font %s has no Vietnamese letters", path)
		}
	}
	return &out, nil
}

// row is one line of text on the paper.
type row struct {
	text   string
	face   font.Face
	middle bool
}

// draw puts a paper on a strip of the given width; black is what is printed.
func (f *fonts) draw(p Paper, width int) (*image.Gray, error) {
	var rows []row
	for _, t := range []row{{p.Title, f.title, true}, {p.Number, f.number, true}} {
		if t.text != "" {
			for _, part := range wrap(t.face, t.text, width) {
				rows = append(rows, row{part, t.face, t.middle})
			}
		}
	}
	for _, l := range p.Lines {
		for _, part := range wrap(f.line, l, width) {
			rows = append(rows, row{part, f.line, false})
		}
	}
	height := 0
	for _, r := range rows {
		height += r.face.Metrics().Height.Ceil()
	}
	if height > 1<<16-1 {
		return nil, ErrTooBig
	}
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	top := 0
	for _, r := range rows {
		m := r.face.Metrics()
		x := fixed.I(0)
		if r.middle {
			x = max(0, (fixed.I(width)-font.MeasureString(r.face, r.text))/2)
		}
		d := font.Drawer{Dst: img, Src: image.NewUniform(color.Black), Face: r.face, Dot: fixed.Point26_6{X: x, Y: fixed.I(top) + m.Ascent}}
		d.DrawString(r.text)
		top += m.Height.Ceil()
	}
	return img, nil
}

// wrap breaks a text between words, or within one that is wider than the paper.
func wrap(face font.Face, text string, width int) []string {
	text = norm.NFC.String(clean(text)) // a letter with its marks is one glyph
	fits := func(s string) bool { return font.MeasureString(face, s) <= fixed.I(width) }
	if fits(text) {
		return []string{text} // its spaces too
	}
	var out []string
	now := ""
	for _, word := range strings.Fields(text) {
		if next := strings.TrimSpace(now + " " + word); fits(next) {
			now = next
			continue
		}
		if now != "" {
			out = append(out, now)
		}
		now = ""
		for _, r := range word {
			if !fits(now + string(r)) {
				out = append(out, now)
				now = ""
			}
			now += string(r)
		}
	}
	return append(out, now)
}

// codeDots is how wide a module of a code is printed at most, in dots: a millimetre.
const codeDots = 8

// drawCode puts a code in the middle of a strip of the given width, two fifths of it
// wide where that gives whole dots.
func drawCode(c Code, width int) (*image.Gray, error) {
	n := c.Size()
	if n <= 0 || n > width {
		return nil, ErrTooBig
	}
	module := max(1, min(codeDots, width*2/5/n))
	img := image.NewGray(image.Rect(0, 0, width, n*module))
	left := (width - n*module) / 2
	for i := range img.Pix {
		x, y := i%img.Stride-left, i/img.Stride
		if x < 0 || x >= n*module || !c.Dark(x/module, y/module) {
			img.Pix[i] = 255
		}
	}
	return img, nil
}

// raster is the picture as GS v 0 (Epson ESC/POS reference: print raster bit
// image), in strips that any printer's buffer holds. The width is a multiple of 8.
func raster(img *image.Gray) []byte {
	const strip = 128
	b := img.Bounds()
	bytesAcross := b.Dx() / 8
	var out []byte
	for y := 0; y < b.Dy(); y += strip {
		h := min(strip, b.Dy()-y)
		out = append(out, 0x1d, 'v', '0', 0, byte(bytesAcross), byte(bytesAcross>>8), byte(h), byte(h>>8))
		for row := y; row < y+h; row++ {
			for x := 0; x < b.Dx(); x += 8 {
				var bits byte
				for k := range 8 {
					if img.Pix[row*img.Stride+x+k] < 128 {
						bits |= 0x80 >> k
					}
				}
				out = append(out, bits)
			}
		}
	}
	return out
}

// plain is a paper as text without marks.
func plain(p Paper) []byte {
	var out []byte
	if p.Title != "" {
		out = append(out, 0x1b, 'a', 1) // ESC a 1: in the middle
		out = append(append(out, ascii(p.Title)...), '\n')
	}
	if p.Number != "" {
		out = append(out, 0x1b, 'a', 1, 0x1d, '!', 0x33) // GS !: four times as high and wide
		out = append(append(out, ascii(p.Number)...), '\n', 0x1d, '!', 0)
	}
	out = append(out, 0x1b, 'a', 0)
	for _, l := range p.Lines {
		out = append(append(out, ascii(l)...), '\n')
	}
	return out
}

// ascii takes the marks off Vietnamese letters; other letters become "?".
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == 'đ':
			return 'd'
		case r == 'Đ':
			return 'D'
		case r >= 0x300 && r < 0x370:
			return -1
		case r > '~':
			return '?'
		}
		return r
	}, norm.NFD.String(clean(s)))
}
