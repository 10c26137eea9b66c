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

// add draws a frame and adds it.
func (f *film) add(frame gocv.Mat, s *scene, found []people.Detection, tracks []*people.Track) {
	frame.CopyTo(&f.frame)
	draw(&f.frame, s, found, tracks)
	_ = f.w.Write(f.frame)
}

// draw puts what was seen into a picture: boxes found in grey, tracks in colour,
// the lines, the zones, the numbers.
func draw(m *gocv.Mat, s *scene, found []people.Detection, tracks []*people.Track) {
	for _, d := range found {
		gocv.Rectangle(m, rect(d.Box), color.RGBA{170, 170, 170, 0}, 1)
	}
	for _, k := range tracks {
		if !k.Confirmed || k.Missed > 3 {
			continue
		}
		shade := color.RGBA{uint8(k.ID * 67), uint8(90 + k.ID*131%160), uint8(k.ID * 199), 0}
		gocv.Rectangle(m, rect(k.Box), shade, 2)
		x, y := k.Box.Feet()
		gocv.Circle(m, image.Pt(int(x), int(y)), 3, shade, -1)
		gocv.PutText(m, fmt.Sprint(k.ID), image.Pt(int(k.Box.X), int(k.Box.Y)-3), gocv.FontHersheySimplex, 0.45, shade, 1)
	}
	yellow, blue := color.RGBA{255, 220, 0, 0}, color.RGBA{80, 180, 255, 0}
	var texts []string
	for _, z := range s.zones {
		for i, p := range z.Zone {
			q := z.Zone[(i+1)%len(z.Zone)]
			gocv.Line(m, image.Pt(int(p.X), int(p.Y)), image.Pt(int(q.X), int(q.Y)), blue, 2)
		}
		texts = append(texts, fmt.Sprintf("%s: %d inside", z.name, z.Inside))
	}
	for _, l := range s.lines {
		gocv.Line(m, image.Pt(int(l.Line.X1), int(l.Line.Y1)), image.Pt(int(l.Line.X2), int(l.Line.Y2)), yellow, 2)
		texts = append(texts, fmt.Sprintf("%s: in %d  out %d", l.name, l.In, l.Out))
	}
	gocv.Rectangle(m, image.Rect(0, 0, 230, 8+22*len(texts)), color.RGBA{}, -1)
	for i, text := range texts {
		gocv.PutText(m, text, image.Pt(8, 22+22*i), gocv.FontHersheySimplex, 0.6, color.RGBA{255, 255, 255, 0}, 1)
	}
}

// veilWidth is how many pixels wide a frame is made before it is enlarged again:
// a face that fills a twentieth of the width is then ten pixels wide.
const veilWidth = 192

// veiled is a frame as a JPEG on which the scene can be told and no face, with
// what was seen drawn into it. All of it is made coarse, and not the heads that
// were found alone: the detector misses people.
func veiled(frame gocv.Mat, s *scene, found []people.Detection, tracks []*people.Track) ([]byte, error) {
	m, small := gocv.NewMat(), gocv.NewMat()
	defer func() { _, _ = m.Close(), small.Close() }()
	w, h := frame.Cols(), frame.Rows()
	gocv.Resize(frame, &small, image.Pt(min(w, veilWidth), max(1, h*min(w, veilWidth)/w)), 0, 0, gocv.InterpolationArea)
	gocv.Resize(small, &m, image.Pt(w, h), 0, 0, gocv.InterpolationLinear)
	draw(&m, s, found, tracks)
	return encodeJPEG(m, 75)
}

func rect(b people.Box) image.Rectangle {
	return image.Rect(int(b.X), int(b.Y), int(b.X+b.W), int(b.Y+b.H))
}
