package cv

import (
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/vision"
	"tram/vision/face"
)

// Without the networks a face can still be framed, by the detector that OpenCV
// brings along: the person is told where to stand, and the clerk compares.

// cascadeFile is OpenCV's own description of faces from the front (Viola and Jones, 2001).
const cascadeFile = "haarcascade_frontalface_default.xml"

// cascadeFolders are where distributions put it (Debian: opencv-data).
var cascadeFolders = []string{"/usr/share/opencv4/haarcascades", "/usr/share/opencv/haarcascades", "/usr/local/share/opencv4/haarcascades"}

const (
	frameTime  = 4 * time.Second // for the person to find the place
	framedIn   = 3               // frames in a row that show the face well
	cascadeEye = 0.42            // between the eyes, of the width that the cascade finds
	leastWidth = 60.0            // pixels of a face that can be looked at
)

// cascade opens the detector; nil when it is not installed.
func (s *server) cascade() *gocv.CascadeClassifier {
	for _, folder := range append([]string{s.o.Models}, cascadeFolders...) {
		file := filepath.Join(folder, cascadeFile)
		if st, err := os.Stat(file); err != nil || !st.Mode().IsRegular() {
			continue
		}
		c := gocv.NewCascadeClassifier()
		if c.Load(file) {
			return &c
		}
		_ = c.Close()
	}
	return nil
}

// frameOnly guides the person before the camera without comparing anything, and
// returns why nothing is compared: missing, with how the framing went.
func (s *server) frameOnly(ctx context.Context, q vision.FaceQuestion, tell func(face.Guide), missing error) error {
	d := s.cascade()
	if d == nil {
		return fmt.Errorf("%w; the face is not framed either: %s is not installed (opencv-data)", missing, cascadeFile)
	}
	defer d.Close()
	c, err := camera.Open(ctx, q.Source, camera.Options{Rate: q.Rate, Ask: q.Ask})
	if err != nil {
		return fmt.Errorf("camera: %w", err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, frameTime)
	defer cancel()
	frame := gocv.NewMat()
	defer func() { wipe(&frame) }()
	fit, seen := 0, 0
	for fit < framedIn {
		if err := c.Next(ctx, &frame); err != nil {
			if errors.Is(err, camera.ErrNoCamera) && seen == 0 {
				return fmt.Errorf("camera: %w", err)
			}
			break
		}
		seen++
		g := frameGuide(d, frame)
		tell(g)
		if fit++; g != face.Fine {
			fit = 0
		}
	}
	if fit < framedIn {
		return fmt.Errorf("%w; no face was framed in %d pictures", missing, seen)
	}
	return fmt.Errorf("%w; the face is framed, compare it by eye", missing)
}

// frameGuide says what the person should do so that the clerk sees the face.
func frameGuide(d *gocv.CascadeClassifier, m gocv.Mat) face.Guide {
	grey := gocv.NewMat()
	defer func() { wipe(&grey) }()
	gocv.CvtColor(m, &grey, gocv.ColorBGRToGray)
	k := min(1, float64(detectSide)/float64(max(m.Cols(), m.Rows())))
	gocv.Resize(grey, &grey, image.Pt(max(1, int(float64(m.Cols())*k)), max(1, int(float64(m.Rows())*k))), 0, 0, gocv.InterpolationArea)
	faces := d.DetectMultiScaleWithParams(grey, 1.1, 6, 0, image.Pt(24, 24), image.Point{})
	var main image.Rectangle
	for _, f := range faces {
		if f.Dx() > main.Dx() {
			main = f
		}
	}
	others := 0
	for _, f := range faces {
		if float64(f.Dx()*f.Dy()) >= face.SecondFace*float64(main.Dx()*main.Dy()) {
			others++
		}
	}
	switch width := float64(main.Dx()) / k; {
	case len(faces) == 0:
		return face.NoFace
	case others > 1:
		return face.TwoPeople
	case width < leastWidth || width*cascadeEye < face.LeastEyes:
		return face.ComeCloser
	}
	cut := grey.Region(main.Intersect(image.Rect(0, 0, grey.Cols(), grey.Rows())))
	defer cut.Close()
	switch light := cut.Mean().Val1; {
	case light < face.LeastLight:
		return face.TooDark
	case light > face.MostLight:
		return face.TooBright
	}
	return face.Fine
}
