package cv

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"unicode"

	"gocv.io/x/gocv"
	"golang.org/x/text/unicode/norm"

	"tram/vision/people"
)

// trailLength is how many frames of a person's way are drawn.
const trailLength = 40

// trails are the ways that the people followed have come, for drawing.
type trails map[int][]image.Point

func (t trails) see(tracks []*people.Track) {
	alive := make(map[int]bool, len(tracks))
	for _, k := range tracks {
		alive[k.ID] = true
		way := append(t[k.ID], feet(k))
		t[k.ID] = way[max(0, len(way)-trailLength):]
	}
	for id := range t {
		if !alive[id] {
			delete(t, id)
		}
	}
}

func feet(k *people.Track) image.Point {
	x, y := k.Box.Feet()
	return image.Pt(int(x), int(y))
}

var (
	grey   = color.RGBA{170, 170, 170, 0}
	yellow = color.RGBA{255, 220, 0, 0}
	blue   = color.RGBA{80, 180, 255, 0}
	white  = color.RGBA{255, 255, 255, 0}
)

// draw puts what was seen into a picture: boxes found in grey, tracks and their
// ways in colour, the lines with an arrow to where in is, the zones, the numbers.
func draw(m *gocv.Mat, s *scene, found []people.Detection, tracks []*people.Track, ways trails) {
	for _, d := range found {
		gocv.Rectangle(m, rect(d.Box), grey, 1)
	}
	for _, k := range tracks {
		if k.Confirmed && k.Missed <= 3 {
			drawTrack(m, k, ways[k.ID])
		}
	}
	texts := make([]string, 0, len(s.lines)+len(s.zones))
	for _, z := range s.zones {
		for i, p := range z.Zone {
			q := z.Zone[(i+1)%len(z.Zone)]
			gocv.Line(m, image.Pt(int(p.X), int(p.Y)), image.Pt(int(q.X), int(q.Y)), blue, 2)
		}
		texts = append(texts, fmt.Sprintf("%s: %d inside", plain(z.name), z.Inside))
	}
	for _, l := range s.lines {
		drawLine(m, l.Line, plain(l.name))
		texts = append(texts, fmt.Sprintf("%s: in %d  out %d", plain(l.name), l.In, l.Out))
	}
	board(m, texts)
}

func drawTrack(m *gocv.Mat, k *people.Track, way []image.Point) {
	shade := color.RGBA{uint8(k.ID * 67), uint8(90 + k.ID*131%160), uint8(k.ID * 199), 0}
	for i := 1; i < len(way); i++ {
		gocv.Line(m, way[i-1], way[i], shade, 2)
	}
	gocv.Rectangle(m, rect(k.Box), shade, 2)
	gocv.Circle(m, feet(k), 3, shade, -1)
	label(m, fmt.Sprint(k.ID), image.Pt(int(k.Box.X), int(k.Box.Y)-4), 0.45, shade)
}

// drawLine draws a line with its name, and from its middle an arrow to where in is.
func drawLine(m *gocv.Mat, l people.Line, name string) {
	gocv.Line(m, image.Pt(int(l.X1), int(l.Y1)), image.Pt(int(l.X2), int(l.Y2)), yellow, 2)
	dx, dy := l.X2-l.X1, l.Y2-l.Y1
	length := math.Hypot(dx, dy)
	const arrow = 28 // pixels
	from := image.Pt(int(l.X1+dx/2), int(l.Y1+dy/2))
	tip := image.Pt(int(l.X1+dx/2-dy/length*arrow), int(l.Y1+dy/2+dx/length*arrow))
	gocv.ArrowedLine(m, from, tip, yellow, 2)
	at := tip.Add(image.Pt(6, 4))
	if tip.X < from.X { // away from the line, as the arrow
		at.X = tip.X - 6 - gocv.GetTextSize("in "+name, gocv.FontHersheySimplex, 0.45, 1).X
	}
	label(m, "in "+name, at, 0.45, yellow)
}

// label writes small text that can be read on any ground.
func label(m *gocv.Mat, text string, at image.Point, scale float64, shade color.RGBA) {
	gocv.PutText(m, text, at, gocv.FontHersheySimplex, scale, color.RGBA{}, 3)
	gocv.PutText(m, text, at, gocv.FontHersheySimplex, scale, shade, 1)
}

// board writes the numbers into the upper left corner.
func board(m *gocv.Mat, texts []string) {
	const scale, row = 0.6, 22
	width := 0
	for _, text := range texts {
		width = max(width, gocv.GetTextSize(text, gocv.FontHersheySimplex, scale, 1).X)
	}
	gocv.Rectangle(m, image.Rect(0, 0, width+16, 8+row*len(texts)), color.RGBA{}, -1)
	for i, text := range texts {
		gocv.PutText(m, text, image.Pt(8, row+row*i), gocv.FontHersheySimplex, scale, white, 1)
	}
}

// plain is a name in the letters that OpenCV can draw: those without marks.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == 'đ':
			return 'd'
		case r == 'Đ':
			return 'D'
		case unicode.Is(unicode.Mn, r):
			return -1
		case r > unicode.MaxASCII:
			return '?'
		}
		return r
	}, norm.NFD.String(name))
}

func rect(b people.Box) image.Rectangle {
	return image.Rect(int(b.X), int(b.Y), int(b.X+b.W), int(b.Y+b.H))
}
