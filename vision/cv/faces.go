package cv

import (
	"fmt"
	"image"
	"image/color"
	"time"

	"gocv.io/x/gocv"

	"tram/vision"
	"tram/vision/face"
	"tram/vision/models"
)

const (
	faceScore    = 0.7 // least score of a face; YuNet finds the portraits of a card above 0.9
	detectSide   = 320 // the picture is shrunk to this before faces are looked for
	compareTime  = 12 * time.Second
	enoughFrames = 5
)

// found is a face in a picture, aligned, with its template.
type found struct {
	face     face.Face
	wrong    face.Guide // what the gates say of the frame
	quality  float64
	template face.Template
}

// eyes are the two networks of a face comparison.
type eyes struct {
	detector, embedding *network
	cut                 face.Cut
}

// eyes loads the networks that faces are compared with.
func (s *server) eyes(m vision.FaceModel) (eyes, error) {
	switch m.Name {
	case "":
		m.Name = models.FaceEmbedding
	case models.FaceEmbedding, models.SFace:
	default:
		return eyes{}, fmt.Errorf("%w: faces are compared with %s or %s, not with %q", vision.ErrQuestion, models.FaceEmbedding, models.SFace, m.Name)
	}
	entry, _ := models.Named(m.Name)
	cut, _ := face.CutOf(entry.SHA256)
	if c := m.Cut; c != nil {
		if c.SHA256 != entry.SHA256 {
			return eyes{}, fmt.Errorf("%w: the threshold was measured with another network than %s", vision.ErrQuestion, m.Name)
		}
		cut = face.Cut{Threshold: c.Match, UnsureFrom: c.Unsure}
	}
	d, err := s.nets.get(models.FaceDetector)
	if err != nil {
		return eyes{}, err
	}
	e, err := s.nets.get(m.Name)
	if err != nil {
		return eyes{}, err
	}
	_, _ = d.take(), e.take() // of a question that ended without an answer
	return eyes{d, e, cut}, nil
}

// detect finds the faces in m.
func (e eyes) detect(m gocv.Mat) ([]face.Face, error) {
	k := min(1, float64(detectSide)/float64(max(m.Cols(), m.Rows())))
	small := gocv.NewMat()
	defer small.Close()
	w, h := max(1, int(float64(m.Cols())*k)), max(1, int(float64(m.Rows())*k))
	gocv.Resize(m, &small, image.Pt(w, h), 0, 0, gocv.InterpolationArea)
	pw, ph := (w+31)/32*32, (h+31)/32*32
	gocv.CopyMakeBorder(small, &small, 0, ph-h, 0, pw-w, gocv.BorderConstant, color.RGBA{})
	blob := gocv.BlobFromImage(small, 1, image.Pt(pw, ph), gocv.NewScalar(0, 0, 0, 0), false, false)
	defer blob.Close()
	out, err := e.detector.forward(blob, "loc", "conf", "iou")
	if err != nil {
		return nil, err
	}
	faces, err := face.Decode(face.YuNetOutput{Width: pw, Height: ph, Loc: out[0], Conf: out[1], IoU: out[2]}, faceScore)
	if err != nil {
		return nil, err
	}
	for i := range faces {
		faces[i] = faces[i].Scale(1 / k)
	}
	return faces, nil
}

// align cuts f out of m, upright, face.Side pixels square. The caller closes it.
func align(m gocv.Mat, f face.Face) (gocv.Mat, error) {
	a, err := face.Align(f.Points)
	if err != nil {
		return gocv.Mat{}, err
	}
	t := gocv.NewMatWithSize(2, 3, gocv.MatTypeCV64F)
	defer t.Close()
	for i, v := range a {
		t.SetDoubleAt(i/3, i%3, v)
	}
	out := gocv.NewMat()
	gocv.WarpAffine(m, &out, t, image.Pt(face.Side, face.Side))
	return out, nil
}

// look finds the main face of m and how fit it is; without a face ErrNoFace.
// The aligned face is the caller's to close.
func (e eyes) look(m gocv.Mat) (found, gocv.Mat, error) {
	faces, err := e.detect(m)
	if err != nil {
		return found{}, gocv.Mat{}, err
	}
	f, ok := face.Main(faces, float64(m.Cols()), float64(m.Rows()))
	if !ok {
		return found{}, gocv.Mat{}, vision.ErrNoFace
	}
	cut, err := align(m, f)
	if err != nil {
		return found{}, gocv.Mat{}, fmt.Errorf("%w: %w", vision.ErrNoFace, err)
	}
	l := lightOf(cut)
	return found{face: f, wrong: face.Gate(faces, f, l), quality: face.Quality(f, l.Sharpness)}, cut, nil
}

// lightOf is how bright and how sharp an aligned face is.
func lightOf(m gocv.Mat) face.Light {
	grey, edges, mean, deviation := gocv.NewMat(), gocv.NewMat(), gocv.NewMat(), gocv.NewMat()
	defer grey.Close()
	defer edges.Close()
	defer mean.Close()
	defer deviation.Close()
	gocv.CvtColor(m, &grey, gocv.ColorBGRToGray)
	gocv.Laplacian(grey, &edges, gocv.MatTypeCV16S, 1, 1, 0, gocv.BorderDefault)
	gocv.MeanStdDev(edges, &mean, &deviation)
	d := deviation.GetDoubleAt(0, 0)
	return face.Light{Mean: grey.Mean().Val1, Sharpness: d * d}
}

// embed computes the template of an aligned face.
func (e eyes) embed(cut gocv.Mat) (face.Template, error) {
	blob, err := e.input(cut)
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	out, err := e.embedding.forward(blob, e.embedding.outputs()...)
	if err != nil {
		return nil, err
	}
	t := face.NewTemplate(out[0])
	clear(out[0])
	if t == nil {
		return nil, fmt.Errorf("%w: the embedding network gives no template", vision.ErrFailed)
	}
	return t, nil
}

// input is an aligned face as the network wants it.
func (e eyes) input(cut gocv.Mat) (gocv.Mat, error) {
	if e.embedding.id.Name == models.SFace {
		// As cv::FaceRecognizerSF of OpenCV 4.6 makes it: RGB, 0 to 255.
		return gocv.BlobFromImage(cut, 1, image.Pt(face.Side, face.Side), gocv.NewScalar(0, 0, 0, 0), true, false), nil
	}
	pixels := cut.ToBytes()
	defer clear(pixels)
	return blobOf(face.Tensor(pixels), face.Side, face.Side)
}

// templateOf finds the main face in a file and computes its template.
func (e eyes) templateOf(data []byte) (found, error) {
	m, err := decodePicture(data)
	if err != nil {
		return found{}, err
	}
	defer wipe(&m)
	f, cut, err := e.look(m)
	if err != nil {
		return found{}, err
	}
	defer wipe(&cut)
	f.template, err = e.embed(cut)
	return f, err
}

// wipe overwrites a picture that may show a person, and closes it.
func wipe(m *gocv.Mat) {
	if !m.Empty() {
		m.SetTo(gocv.NewScalar(0, 0, 0, 0))
	}
	_ = m.Close()
}

// verify compares the faces in two files.
func (s *server) verify(a, b []byte, model vision.FaceModel) (vision.FaceAnswer, error) {
	began := time.Now()
	e, err := s.eyes(model)
	if err != nil {
		return vision.FaceAnswer{}, err
	}
	fa, err := e.templateOf(a)
	if err != nil {
		return vision.FaceAnswer{}, fmt.Errorf("first picture: %w", err)
	}
	defer fa.template.Wipe()
	fb, err := e.templateOf(b)
	if err != nil {
		return vision.FaceAnswer{}, fmt.Errorf("second picture: %w", err)
	}
	defer fb.template.Wipe()
	answer := e.judge(fa.template, fb.template, began)
	answer.Quality = min(fa.quality, fb.quality)
	return answer, nil
}

func (e eyes) judge(a, b face.Template, began time.Time) vision.FaceAnswer {
	score := face.Cosine(a, b)
	match, unsure := e.cut.Judge(score)
	answer := vision.FaceAnswer{
		Score: score, Threshold: e.cut.Threshold, Match: match, Unsure: unsure,
		Model: e.embedding.id, Detector: e.detector.id, MS: vision.FaceTimes{Total: ms(time.Since(began))},
	}
	e.account(&answer)
	return answer
}

// account adds what the networks did since it was last asked.
func (e eyes) account(a *vision.FaceAnswer) {
	looked, compared := e.detector.take(), e.embedding.take()
	a.MS.Forward += ms(looked.spent + compared.spent)
	a.Passes.Detector += looked.passes
	a.Passes.Embedding += compared.passes
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
