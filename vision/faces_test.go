package vision_test

import (
	"errors"
	"image"
	"image/color"
	"slices"
	"strings"
	"testing"

	"tram/drivers/sim/picture"
	"tram/vision"
)

// dimmed is a picture at a share of its light.
func dimmed(img image.Image, k float64) image.Image {
	out := image.NewRGBA(img.Bounds())
	for y := img.Bounds().Min.Y; y < img.Bounds().Max.Y; y++ {
		for x := img.Bounds().Min.X; x < img.Bounds().Max.X; x++ {
			r, g, b, _ := img.At(x, y).RGBA()
			out.Set(x, y, color.RGBA{uint8(float64(r>>8) * k), uint8(float64(g>>8) * k), uint8(float64(b>>8) * k), 255})
		}
	}
	return out
}

func TestAFrameThatIsNotFitGivesAReasonAndNoScore(t *testing.T) {
	w := newWorker(t, vision.Options{Models: modelsDir(t)})
	dir := t.TempDir()
	if err := picture.WriteFrames(dir, []image.Image{dimmed(picture.Visitor(picture.DefaultSeed, 1)[0], 0.12)}); err != nil {
		t.Fatal(err)
	}
	var told []string
	a, err := w.CompareFace(context60(t), vision.FaceQuestion{
		Portrait: picture.PortraitJPEG(picture.DefaultSeed), Source: dir, Guide: func(code string) { told = append(told, code) },
	})
	if !errors.Is(err, vision.ErrFaceQuality) || !strings.Contains(err.Error(), "too_dark") || a != (vision.FaceAnswer{}) {
		t.Errorf("answer %+v, %v; want no score and ErrFaceQuality: too_dark", a, err)
	}
	if !slices.Equal(told, []string{"too_dark"}) {
		t.Errorf("the person was told %q, want too_dark", told)
	}
}

func TestAStillPictureIsNoLivingPerson(t *testing.T) {
	w := newWorker(t, vision.Options{Models: modelsDir(t)})
	dir := t.TempDir()
	frame := picture.Visitor(picture.DefaultSeed, 1)[0]
	if err := picture.WriteFrames(dir, []image.Image{frame, frame, frame, frame}); err != nil {
		t.Fatal(err)
	}
	var told []string
	a, err := w.CompareFace(context60(t), vision.FaceQuestion{
		Portrait: picture.PortraitJPEG(picture.DefaultSeed), Source: dir, Frames: 2, Liveness: true, Guide: func(code string) { told = append(told, code) },
	})
	if err != nil || a.Match || !a.Unsure || a.Liveness != "failed" {
		t.Errorf("answer %+v, %v; want the clerk to be asked: liveness failed", a, err)
	}
	if len(told) != 1 || told[0] != "turn_left" && told[0] != "turn_right" {
		t.Errorf("the person was told %q, want one turn", told)
	}
}
