package vision_test

import (
	"encoding/json"
	"errors"
	"fmt"
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

// The networks run for the portrait once in a visit, even if no face stood before the
// camera then, and even if another worker answers.
func TestThePortraitIsLookedAtOnceInAVisit(t *testing.T) {
	w := newWorker(t, vision.Options{Models: modelsDir(t)})
	nobody, visitor := t.TempDir(), t.TempDir()
	if err := picture.WriteFrames(nobody, []image.Image{picture.NewStreet(1).Frame(0)}); err != nil {
		t.Fatal(err)
	}
	if err := picture.WriteFrames(visitor, picture.Visitor(picture.DefaultSeed, 3)); err != nil {
		t.Fatal(err)
	}
	kept := &vision.Likeness{}
	q := vision.FaceQuestion{Portrait: picture.PortraitJPEG(picture.DefaultSeed), Source: nobody, Frames: 3, Likeness: kept}
	if _, err := w.CompareFace(context60(t), q); !errors.Is(err, vision.ErrNoFace) || !kept.Held() {
		t.Fatalf("nobody before the camera: %v, likeness held %v; want ErrNoFace, and the portrait's kept", err, kept.Held())
	}
	b, err := json.Marshal(q.Likeness)
	if text := fmt.Sprintf("%v|%+v|%s|%#v|%s", kept, kept, kept, kept, b); err != nil || text != `[redacted]|[redacted]|[redacted]|[redacted]|"[redacted]"` {
		t.Errorf("a likeness prints as %q, %v", text, err)
	}
	q.Source = visitor
	compare := func() vision.FaceAnswer {
		t.Helper()
		a, err := w.CompareFace(context60(t), q)
		if err != nil || !a.Match {
			t.Fatalf("answer %+v, %v; want a match", a, err)
		}
		return a
	}
	first := compare()
	// Of the three frames, each looked at once or twice, and of the best of them.
	want := vision.Passes{Detector: first.Passes.Detector, Embedding: 1}
	if first.Passes != want || want.Detector < 3 || want.Detector > 6 {
		t.Errorf("with the likeness %+v, want three frames and one template", first.Passes)
	}
	withPortrait := func(p vision.Passes) bool {
		more := p.Detector - want.Detector
		return p.Embedding == 2 && (more == 1 || more == 2)
	}
	w.Close() // the next question meets another process
	if a := compare(); a.Passes != want || a.Score != first.Score {
		t.Errorf("another worker: %+v, score %v; want %+v, %v", a.Passes, a.Score, want, first.Score)
	}
	q.Portrait = picture.PortraitJPEG(picture.OtherSeed)
	if a, err := w.CompareFace(context60(t), q); err != nil || a.Match || !withPortrait(a.Passes) {
		t.Errorf("another portrait with the first one's likeness: %+v, %v; want it looked at, and no match", a, err)
	}
	q.Portrait = picture.PortraitJPEG(picture.DefaultSeed)
	kept.Wipe()
	if a := compare(); !withPortrait(a.Passes) || kept.Held() {
		t.Errorf("after the visit: %+v, likeness held %v; want the portrait looked at and nothing kept", a.Passes, kept.Held())
	}
}
