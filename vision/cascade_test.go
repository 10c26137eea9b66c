package vision_test

import (
	"errors"
	"image"
	"os"
	"slices"
	"strings"
	"testing"

	"tram/drivers/sim/picture"
	"tram/testdata"
	"tram/vision"
)

const cascade = "/usr/share/opencv4/haarcascades/haarcascade_frontalface_default.xml"

// Without the networks nothing is compared, and the person is still told where to stand.
func TestWithoutTheNetworksAFaceIsFramedAndNotCompared(t *testing.T) {
	if _, err := os.Stat(cascade); err != nil {
		t.Fatalf("OpenCV's own face detector is not installed: apt-get install opencv-data (make setup does): %v", err)
	}
	nobody := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for i := range nobody.Pix {
		nobody.Pix[i] = byte(90 + i%13)
	}
	for name, tc := range map[string]struct {
		frames []image.Image
		guide  []string
		says   string
	}{
		"nobody":          {[]image.Image{nobody, nobody, nobody, nobody}, []string{"no_face"}, "no face was framed in 4 pictures"},
		"a drawn visitor": {picture.Visitor(picture.DefaultSeed, 4), nil, "compare it by eye"},
	} {
		dir := t.TempDir()
		if err := picture.WriteFrames(dir, tc.frames); err != nil {
			t.Fatal(err)
		}
		var told []string
		a, err := newWorker(t, vision.Options{Models: t.TempDir()}).CompareFace(context60(t), vision.FaceQuestion{
			Portrait: picture.PortraitJPEG(picture.DefaultSeed), Source: dir, Guide: func(code string) { told = append(told, code) },
		})
		if !errors.Is(err, vision.ErrNoModel) || !strings.Contains(err.Error(), tc.says) || a != (vision.FaceAnswer{}) {
			t.Errorf("%s: %+v, %v; want no score, and %q", name, a, err, tc.says)
		}
		if !slices.Equal(told, tc.guide) {
			t.Errorf("%s: the person was told %q, want %q", name, told, tc.guide)
		}
	}
}

func TestRealFacesAreFramedWithoutTheNetworks(t *testing.T) {
	framed, people := 0, testdata.Shared(t, "faces/lfw-devtest")
	list, err := os.ReadDir(people)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, vision.Options{Models: t.TempDir()})
	n := 0
	for _, p := range list {
		files, _ := os.ReadDir(people + "/" + p.Name())
		if !p.IsDir() || len(files) == 0 {
			continue
		}
		if n++; n > 12 {
			n = 12
			break
		}
		dir := t.TempDir()
		picture1, err := os.ReadFile(people + "/" + p.Name() + "/" + files[0].Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"0.jpg", "1.jpg", "2.jpg"} {
			if err := os.WriteFile(dir+"/"+name, picture1, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.CompareFace(context60(t), vision.FaceQuestion{Portrait: picture1, Source: dir}); err != nil && strings.Contains(err.Error(), "compare it by eye") {
			framed++
		}
	}
	if framed < n-2 {
		t.Errorf("%d of %d people were framed", framed, n)
	}
}
