package cv

import (
	"fmt"
	"image"
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
func (f *film) add(frame gocv.Mat, s *scene, found []people.Detection, tracks []*people.Track, ways trails) {
	frame.CopyTo(&f.frame)
	draw(&f.frame, s, found, tracks, ways)
	_ = f.w.Write(f.frame)
}

// veilWidth is how many pixels wide a frame is made before it is enlarged again:
// a face that fills a twentieth of the width is then ten pixels wide.
const veilWidth = 192

// veiled is a frame as a JPEG on which the scene can be told and no face, with
// what was seen drawn into it. All of it is made coarse, and not the heads that
// were found alone: the detector misses people.
func veiled(frame gocv.Mat, s *scene, found []people.Detection, tracks []*people.Track, ways trails) ([]byte, error) {
	m, small := gocv.NewMat(), gocv.NewMat()
	defer func() { _, _ = m.Close(), small.Close() }()
	w, h := frame.Cols(), frame.Rows()
	gocv.Resize(frame, &small, image.Pt(min(w, veilWidth), max(1, h*min(w, veilWidth)/w)), 0, 0, gocv.InterpolationArea)
	gocv.Resize(small, &m, image.Pt(w, h), 0, 0, gocv.InterpolationLinear)
	draw(&m, s, found, tracks, ways)
	return encodeJPEG(m, 75)
}
