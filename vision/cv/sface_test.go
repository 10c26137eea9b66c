package cv

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gocv.io/x/gocv"

	"tram/drivers/sim/picture"
	"tram/vision"
	"tram/vision/face"
	"tram/vision/models"
)

// field is one field of a protocol buffer that holds bytes.
func field(number int, content ...byte) []byte {
	b := binary.AppendUvarint(nil, uint64(number)<<3|2)
	return append(binary.AppendUvarint(b, uint64(len(content))), content...)
}

func count(number int, value uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(number)<<3), value)
}

func join(parts ...[]byte) (all []byte) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// likeSFace is an ONNX file with the input and the output of SFace ("data" of
// 1×3×112×112, "fc1" of 1×128). What it computes can be checked by hand: the mean of
// each of the three planes, then 100, then nothing but zeros.
func likeSFace() []byte {
	text := func(n int, s string) []byte { return field(n, []byte(s)...) }
	node := func(op, in, out string, more ...[]byte) []byte {
		return field(1, join(text(1, in), text(2, out), text(3, out), text(4, op), join(more...))...)
	}
	tensor := func(name string, v []float32, dims ...uint64) []byte {
		var t, raw []byte
		for _, d := range dims {
			t = append(t, count(1, d)...)
		}
		for _, x := range v {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(x))
		}
		return field(5, join(t, count(2, 1), text(8, name), field(9, raw...))...)
	}
	value := func(n int, name string, dims ...uint64) []byte {
		var shape []byte
		for _, d := range dims {
			shape = append(shape, field(1, count(1, d)...)...)
		}
		return field(n, join(text(1, name), field(2, field(1, join(count(1, 1), field(2, shape...))...)...))...)
	}
	weights, bias := make([]float32, 128*3), make([]float32, 128)
	for plane := range 3 {
		weights[3*plane+plane] = 1
	}
	bias[3] = 100
	transposed := field(5, join(text(1, "transB"), count(3, 1), count(20, 2))...)
	graph := join(
		node("GlobalAveragePool", "data", "pool"), node("Flatten", "pool", "flat"),
		node("Gemm", "flat", "fc1", text(1, "weights"), text(1, "bias"), transposed),
		text(2, "like-sface"), tensor("weights", weights, 128, 3), tensor("bias", bias, 128),
		value(11, "data", 1, 3, 112, 112), value(12, "fc1", 1, 128),
	)
	return join(count(1, 7), field(7, graph...), field(8, join(text(1, ""), count(2, 11))...))
}

// sfaceServer is a server whose SFace is the stand-in.
func sfaceServer(t *testing.T) *server {
	t.Helper()
	s, _ := faceServer(t)
	net, err := gocv.ReadNetFromONNXBytes(likeSFace())
	if err != nil || net.Empty() {
		t.Fatalf("OpenCV does not take the stand-in: %v", err)
	}
	entry, _ := models.Named(models.SFace)
	s.nets.loaded[models.SFace] = &network{net: net, id: vision.ModelID{Name: entry.Name, SHA256: entry.SHA256}}
	return s
}

func TestSFaceIsComparedByItsOwnNetworkAndThresholds(t *testing.T) {
	s := sfaceServer(t)
	sface, _ := models.Named(models.SFace)
	usual, _ := models.Named(models.FaceEmbedding)
	portrait := picture.PortraitJPEG(picture.DefaultSeed)
	a, err := s.verify(portrait, portrait, vision.FaceModel{Name: models.SFace})
	if err != nil || a.Model.Name != models.SFace || a.Score < 0.999 || a.Match || !a.Unsure || a.Threshold != 0 {
		t.Errorf("without a measured curve: %+v, %v; want score 1, and a person to decide", a, err)
	}
	for _, c := range []struct {
		cut   vision.FaceCut
		match bool
		err   error
	}{
		{vision.FaceCut{SHA256: sface.SHA256, Match: 0.9, Unsure: 0.8}, true, nil},
		{vision.FaceCut{SHA256: sface.SHA256, Match: 1.1, Unsure: 1.05}, false, nil},
		{vision.FaceCut{SHA256: usual.SHA256, Match: 0.9, Unsure: 0.8}, false, vision.ErrQuestion},
		{vision.FaceCut{Match: 0.9, Unsure: 0.8}, false, vision.ErrQuestion},
	} {
		a, err := s.verify(portrait, portrait, vision.FaceModel{Name: models.SFace, Cut: &c.cut})
		if !errors.Is(err, c.err) || a.Match != c.match || err == nil && a.Threshold != c.cut.Match {
			t.Errorf("%+v: match %v at %v, %v; want %v, %v", c.cut, a.Match, a.Threshold, err, c.match, c.err)
		}
	}
	usualAnswer, err := s.verify(portrait, portrait, vision.FaceModel{})
	if err != nil || usualAnswer.Model.Name != models.FaceEmbedding || !usualAnswer.Match {
		t.Errorf("the usual network beside it: %+v, %v", usualAnswer, err)
	}
}

func TestSFaceSeesAFaceAsOpenCVsOwnRecognizerShowsIt(t *testing.T) {
	s := sfaceServer(t)
	e, err := s.eyes(vision.FaceModel{Name: models.SFace})
	if err != nil {
		t.Fatal(err)
	}
	m, err := decodePicture(picture.PortraitJPEG(picture.DefaultSeed))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	p := newPyramid()
	defer p.close()
	_, cut, err := e.look(m, p)
	if err != nil {
		t.Fatal(err)
	}
	defer cut.Close()
	got, err := e.embed(cut)
	if err != nil || len(got) != 128 {
		t.Fatalf("%d numbers, %v; want 128", len(got), err)
	}
	mean := cut.Mean() // blue, green, red, 0 to 255
	want := make([]float32, 128)
	want[0], want[1], want[2], want[3] = float32(mean.Val3), float32(mean.Val2), float32(mean.Val1), 100
	if c := face.Cosine(got, face.NewTemplate(want)); c < 0.999999 {
		t.Errorf("template %v (cosine %f), want red, green, blue from 0 to 255: %v", got[:4], c, face.NewTemplate(want)[:4])
	}
	python := "/usr/bin/python3"
	if exec.Command(python, "-c", "import cv2").Run() != nil {
		t.Skip("the numbers were checked; to hold them against cv2 install the Debian package python3-opencv")
	}
	dir := t.TempDir()
	file, net := filepath.Join(dir, "face.png"), filepath.Join(dir, "sface.onnx")
	if err := os.WriteFile(net, likeSFace(), 0o600); err != nil || !gocv.IMWrite(file, cut) {
		t.Fatalf("write: %v", err)
	}
	out, err := exec.Command(python, "-c", `
import sys, json, cv2
print(json.dumps(cv2.FaceRecognizerSF.create(sys.argv[1], "").feature(cv2.imread(sys.argv[2]))[0].tolist()))`, net, file).Output()
	var theirs []float32
	if err := errors.Join(err, json.Unmarshal(out, &theirs)); err != nil {
		t.Fatal(err)
	}
	if c := face.Cosine(got, face.NewTemplate(theirs)); c < 0.999999 {
		t.Errorf("cosine %f with cv2's own feature %v, want 1", c, theirs[:4])
	}
}
