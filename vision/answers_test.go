package vision_test

import (
	"context"
	"errors"
	"image"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"tram/drivers/sim/picture"
	"tram/testdata"
	"tram/vision"
	"tram/vision/people"
	"tram/vision/people/trial"
)

func modelsDir(t testing.TB) string {
	t.Helper()
	testdata.Model(t, "face_detection_yunet_2022mar.onnx")
	return filepath.Dir(testdata.Model(t, "mobilefacenet_foamliu_opset10.onnx"))
}

func TestTheSamePersonMatchesAndAnotherDoesNot(t *testing.T) {
	w := newWorker(t, vision.Options{Models: modelsDir(t)})
	dir := t.TempDir()
	if err := picture.WriteFrames(dir, picture.Visitor(picture.DefaultSeed, 3)); err != nil {
		t.Fatal(err)
	}
	q := vision.FaceQuestion{Portrait: picture.PortraitJPEG(picture.DefaultSeed), Source: dir}
	a, err := w.CompareFace(context60(t), q)
	if err != nil {
		t.Fatal(err)
	}
	if !a.Match || a.Unsure || a.Frames != 3 || len(a.Model.SHA256) != 64 {
		t.Errorf("same person: %+v, want a match", a)
	}
	q.Portrait = picture.PortraitJPEG(picture.OtherSeed)
	if a, err = w.CompareFace(context60(t), q); err != nil || a.Match {
		t.Errorf("another person: %+v, %v; want no match", a, err)
	}
}

func TestNoFaceAndNoCameraAreSaid(t *testing.T) {
	w := newWorker(t, vision.Options{Models: modelsDir(t)})
	empty := picture.JPEG(picture.NewStreet(1).Frame(0), 90)
	if _, err := w.VerifyFaces(context60(t), empty, empty); !errors.Is(err, vision.ErrNoFace) {
		t.Errorf("a street without people: %v, want ErrNoFace", err)
	}
	q := vision.FaceQuestion{Portrait: picture.PortraitJPEG(1)}
	for _, source := range []string{"", "/dev/video250", filepath.Join(t.TempDir(), "none"), t.TempDir(), "ftp://127.0.0.1/x", "rtsp://user:secret@127.0.0.1:1/x"} {
		q.Source = source
		if _, err := w.CompareFace(context60(t), q); !errors.Is(err, vision.ErrNoCamera) || strings.Count(err.Error(), "no camera") != 1 {
			t.Errorf("camera %q: %v, want ErrNoCamera, said once", source, err)
		}
	}
}

func TestACopyOfTheStreetIsCounted(t *testing.T) {
	w := newWorker(t, vision.Options{})
	street := picture.NewStreet(1)
	dir := t.TempDir()
	if err := street.Write(dir); err != nil {
		t.Fatal(err)
	}
	half := [4]float64{160, 70, 160, 235}
	for _, c := range []struct {
		variant         string
		line            [4]float64 // upright in the middle, so that the mirror leaves it
		frames, in, out int
	}{
		{"mirror", street.Line, street.Frames, street.Out, street.In},
		{"backwards", street.Line, street.Frames, street.Out, street.In},
		{"backwards+mirror+scale=0.5", half, street.Frames, street.In, street.Out},
		{"from=10+frames=12", street.Line, 12, 0, 0},
		{"every=2", street.Line, street.Frames / 2, street.In, street.Out},
		{"crop=0.1/0.1/0.8/0.9+noise=4+gain=0.8", [4]float64{256, 92, 256, 422}, street.Frames, street.In, street.Out},
	} {
		v, err := trial.ParseVariant(c.variant)
		if err != nil {
			t.Fatal(err)
		}
		a, err := w.Count(context60(t), vision.CountQuestion{Source: dir, Line: c.line, Variant: &v}, nil)
		if err != nil {
			t.Errorf("%s: %v", c.variant, err)
			continue
		}
		if a.Frames != c.frames || a.In != c.in || a.Out != c.out || a.Size != [2]int{640, 480} {
			t.Errorf("%s: %d frames of %v, in %d, out %d; want %d of 640×480, %d, %d", c.variant, a.Frames, a.Size, a.In, a.Out, c.frames, c.in, c.out)
		}
	}
	if _, err := w.Count(context60(t), vision.CountQuestion{Source: dir, Line: half, Variant: &trial.Variant{Scale: 99}}, nil); !errors.Is(err, vision.ErrQuestion) {
		t.Errorf("a picture 99 times as large: %v, want ErrQuestion", err)
	}
}

func TestTheStreetIsCountedAndDrawn(t *testing.T) {
	w := newWorker(t, vision.Options{})
	street := picture.NewStreet(1)
	t.Chdir(t.TempDir())
	const dir, film = "frames", "seen.avi" // as a person types them: the worker runs elsewhere
	if err := street.Write(dir); err != nil {
		t.Fatal(err)
	}
	a, err := w.Count(context60(t), vision.CountQuestion{Source: dir, Line: street.Line, Video: film}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if a.In != street.In || a.Out != street.Out || a.Frames != street.Frames {
		t.Errorf("counted %d in, %d out of %d frames; want %d, %d, %d", a.In, a.Out, a.Frames, street.In, street.Out, street.Frames)
	}
	if st, err := os.Stat(film); err != nil || st.Size() < 100_000 {
		t.Errorf("the video is not there: %v", err)
	}
}

func TestACountEndsWithItsContextAndKeepsWhatItSaw(t *testing.T) {
	w := newWorker(t, vision.Options{})
	street := picture.NewStreet(2)
	dir := t.TempDir()
	if err := street.Write(dir); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context60(t))
	defer cancel()
	a, err := w.Count(ctx, vision.CountQuestion{Source: dir, Line: street.Line, Loop: true}, func(vision.CountProgress) { cancel() })
	if !errors.Is(err, context.Canceled) || a.Frames == 0 {
		t.Errorf("Count() = %+v, %v; want frames and the context's error", a, err)
	}
}

func TestACountThatCannotBeIsRefused(t *testing.T) {
	w := newWorker(t, vision.Options{Models: t.TempDir()})
	dir := t.TempDir()
	if err := picture.WriteFrames(dir, []image.Image{picture.NewStreet(1).Frame(0)}); err != nil {
		t.Fatal(err)
	}
	line := [4]float64{1, 1, 1, 100}
	for _, c := range []struct {
		q    vision.CountQuestion
		want error
	}{
		{vision.CountQuestion{Source: dir}, vision.ErrQuestion},
		{vision.CountQuestion{Source: dir, Line: line, Detector: "crystal ball"}, vision.ErrQuestion},
		{vision.CountQuestion{Source: dir, Line: line, Detector: "nanodet"}, vision.ErrNoModel},
		{vision.CountQuestion{Source: dir + "/none", Line: line}, vision.ErrNoCamera},
		{vision.CountQuestion{Source: dir, Line: line, Video: "/nowhere/at/all.mp4"}, vision.ErrQuestion},
	} {
		if _, err := w.Count(context60(t), c.q, nil); !errors.Is(err, c.want) {
			t.Errorf("Count(%+v) = %v, want %v", c.q, err, c.want)
		}
	}
}

func TestPETSIsCountedWithinFifteenPercentByTheDefaultDetector(t *testing.T) {
	dir := testdata.Shared(t, "people/PETS09-S2L1")
	f, err := os.Open(filepath.Join(dir, "gt.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	truth, err := people.ParseMOT(f)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, vision.Options{})
	var got, want int
	for _, x := range []float64{384, 250, 500} {
		l := people.Line{X1: x, Y1: 150, X2: x, Y2: 576}
		in, out := truth.Crossings(l, 300)
		a, err := w.Count(context60(t), vision.CountQuestion{Source: filepath.Join(dir, "img1"), Line: [4]float64{x, 150, x, 576}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("x = %g: in %d of %d, out %d of %d, %.0f frames/s", x, a.In, in, a.Out, out, a.FPS)
		if abs(a.In-in) > 1 || abs(a.Out-out) > 1 {
			t.Errorf("x = %g: in %d, out %d; want %d, %d give or take one", x, a.In, a.Out, in, out)
		}
		got, want = got+a.In+a.Out, want+in+out
	}
	if float64(abs(got-want)) > 0.15*float64(want) {
		t.Errorf("%d crossings in all, want %d within 15 %%", got, want)
	}
}

func abs(n int) int { return max(n, -n) }

func TestAQRCodeInAPictureIsRead(t *testing.T) {
	const text = "099099000017||Nguyễn Văn Thử|01011999|Nam|Số 1, Phường Thử|01012022"
	code, err := qrcode.NewQRCodeWriter().Encode(text, gozxing.BarcodeFormat_QR_CODE, 300, 300, map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_CHARACTER_SET: "UTF-8"})
	if err != nil {
		t.Fatal(err)
	}
	img := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for y := range 480 {
		for x := range 640 {
			v := byte(200)
			if x >= 100 && x < 400 && y >= 90 && y < 390 && code.Get(x-100, y-90) {
				v = 30
			}
			o := img.PixOffset(x, y)
			img.Pix[o], img.Pix[o+1], img.Pix[o+2], img.Pix[o+3] = v, v, v, 255
		}
	}
	w := newWorker(t, vision.Options{})
	got, err := w.DecodeQR(context60(t), picture.JPEG(img, 80))
	if err != nil || len(got) != 1 || got[0] != text {
		t.Errorf("DecodeQR: %d texts, %v; want the one that was drawn", len(got), err)
	}
	if got, err := w.DecodeQR(context60(t), picture.PortraitJPEG(1)); err != nil || len(got) != 0 {
		t.Errorf("a portrait: %d texts, %v; want none", len(got), err)
	}
}
