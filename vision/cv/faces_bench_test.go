package cv

import (
	"image"
	"image/color"
	"testing"

	"gocv.io/x/gocv"

	"tram/drivers/sim/picture"
	"tram/vision/face"
)

// BenchmarkFaceFrame compares one more 1280×720 frame of a camera with a template
// that is already there; "total/forward" is the whole beside the networks' share.
func BenchmarkFaceFrame(b *testing.B) {
	s, e := faceServer(b)
	m, err := decodePicture(picture.JPEG(picture.Visitor(picture.DefaultSeed, 1)[0], 95))
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	gocv.Resize(m, &m, image.Pt(960, 720), 0, 0, gocv.InterpolationLinear)
	gocv.CopyMakeBorder(m, &m, 0, 0, 160, 160, gocv.BorderConstant, color.RGBA{90, 90, 90, 0})
	portrait, err := e.templateOf(picture.PortraitJPEG(picture.DefaultSeed))
	if err != nil {
		b.Fatal(err)
	}
	_, _ = e.detector.take(), e.embedding.take()
	_ = s
	for b.Loop() {
		_, cut, err := e.look(m)
		if err != nil {
			b.Fatal(err)
		}
		t, err := e.embed(cut)
		_ = cut.Close()
		if err != nil {
			b.Fatal(err)
		}
		if face.Cosine(portrait.template, t) < face.Threshold {
			b.Fatal("the same face does not match")
		}
	}
	forward := (e.detector.take() + e.embedding.take()).Seconds()
	b.ReportMetric(1000*forward/float64(b.N), "forward-ms/op")
	b.ReportMetric(b.Elapsed().Seconds()/forward, "total/forward")
}
