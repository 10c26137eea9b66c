package cv

import (
	"fmt"
	"image"
	"image/color"
	"path/filepath"
	"strings"

	"gocv.io/x/gocv"

	"tram/vision"
	"tram/vision/people"
)

// film is the annotated video of a count.
type film struct {
	w     *gocv.VideoWriter
	frame gocv.Mat
}

func newFilm(path string, first gocv.Mat, rate float64) (*film, error) {
	if rate <= 0 {
		rate = 10
	}
	codec := "mp4v"
	if strings.EqualFold(filepath.Ext(path), ".avi") {
		codec = "MJPG"
	}
	w, err := gocv.VideoWriterFile(path, codec, rate, first.Cols(), first.Rows(), true)
	if err != nil || !w.IsOpened() {
		return nil, fmt.Errorf("%w: the video %s cannot be written; its folder must exist and its name end in .mp4 or .avi", vision.ErrQuestion, path)
	}
	return &film{w: w, frame: gocv.NewMat()}, nil
}

func (f *film) close() {
	_ = f.w.Close()
	_ = f.frame.Close()
}

// draw adds a frame: boxes found in grey, tracks in colour, the line, the numbers.
func (f *film) draw(frame gocv.Mat, c *people.Counter, found []people.Detection, tracks []*people.Track) {
	frame.CopyTo(&f.frame)
	for _, d := range found {
		gocv.Rectangle(&f.frame, rect(d.Box), color.RGBA{170, 170, 170, 0}, 1)
	}
	for _, k := range tracks {
		if !k.Confirmed || k.Missed > 3 {
			continue
		}
		shade := color.RGBA{uint8(k.ID * 67), uint8(90 + k.ID*131%160), uint8(k.ID * 199), 0}
		gocv.Rectangle(&f.frame, rect(k.Box), shade, 2)
		x, y := k.Box.Feet()
		gocv.Circle(&f.frame, image.Pt(int(x), int(y)), 3, shade, -1)
		gocv.PutText(&f.frame, fmt.Sprint(k.ID), image.Pt(int(k.Box.X), int(k.Box.Y)-3), gocv.FontHersheySimplex, 0.45, shade, 1)
	}
	l := c.Line
	gocv.Line(&f.frame, image.Pt(int(l.X1), int(l.Y1)), image.Pt(int(l.X2), int(l.Y2)), color.RGBA{255, 220, 0, 0}, 2)
	text := fmt.Sprintf("in %d  out %d", c.In, c.Out)
	gocv.Rectangle(&f.frame, image.Rect(0, 0, 190, 30), color.RGBA{}, -1)
	gocv.PutText(&f.frame, text, image.Pt(8, 22), gocv.FontHersheySimplex, 0.7, color.RGBA{255, 255, 255, 0}, 2)
	_ = f.w.Write(f.frame)
}

func rect(b people.Box) image.Rectangle {
	return image.Rect(int(b.X), int(b.Y), int(b.X+b.W), int(b.Y+b.H))
}
