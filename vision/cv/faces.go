package cv

import (
	"fmt"
	"image"
	"math"
	"time"

	"gocv.io/x/gocv"

	"tram/vision"
	"tram/vision/face"
	"tram/vision/models"
)

const (
	faceScore    = 0.7 // least score of a face; YuNet finds the portraits of a card above 0.9
	detectSide   = 256 // the picture is shrunk to this before faces are looked for
	compareTime  = 12 * time.Second
	enoughFrames = 5
)

// Where the detector places the five points well, measured on the development
// pictures at many sizes: of faces that are so wide in its input and so little tilted
// (radians). Above, its coarser grid takes over. A second look at the face alone
// takes a quarter of the first's time, and what is then 50 pixels wide has its points
// as well as what was 96 at first.
const (
	leastWide = 84.0
	mostWide  = 110.0
	mostRoll  = 0.17
	nearFace  = 50.0
	nearSide  = 128
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

// detect finds the faces in the picture, shrunk so that no side is longer than
// detectSide, or twice that where it finds none: somebody may stand far away. k is
// how much it was shrunk.
func (e eyes) detect(p *pyramid) (k float64, faces []face.Face, err error) {
	for _, side := range []int{detectSide, 2 * detectSide} {
		var small gocv.Mat
		k, small = p.within(side)
		if faces, err = e.detectIn(small, &p.field); err != nil || len(faces) > 0 || k == 1 {
			break
		}
	}
	if err != nil {
		return k, nil, err
	}
	for i := range faces {
		faces[i] = faces[i].Scale(1 / k)
	}
	return k, faces, nil
}

// detectIn finds the faces in a picture of the size that the detector sees; field is
// memory for its input, used again where the size is the same.
func (e eyes) detectIn(m gocv.Mat, field *gocv.Mat) (faces []face.Face, err error) {
	if err := planes(m, field); err != nil {
		return nil, err
	}
	size := field.Size()
	err = e.detector.with(*field, []string{"loc", "conf", "iou"}, func(out [][]float32) error {
		faces, err = face.Decode(face.YuNetOutput{Width: size[3], Height: size[2], Loc: out[0], Conf: out[1], IoU: out[2]}, faceScore)
		return err
	})
	return faces, err
}

// nearer looks at f once more where the detector saw it too large, too small or too
// tilted (in pixels of its input, k of the picture's) to place the five points well:
// upright, in the middle of a small field, as large as it places them best. A face
// that is not found there keeps its points.
func (e eyes) nearer(p *pyramid, f face.Face, k float64) (face.Face, error) {
	if w := f.W * k; w >= leastWide && w <= mostWide && math.Abs(f.Roll()) <= mostRoll {
		return f, nil
	}
	a := f.Upright(nearFace, nearSide)
	cut, field := p.upright(a, nearSide, nearSide), gocv.NewMat()
	defer func() { wipe(&cut); wipe(&field) }()
	faces, err := e.detectIn(cut, &field)
	if err != nil {
		return f, err
	}
	middle := float64(nearSide) / 2
	near, ok := face.Main(faces, 2*middle, 2*middle)
	if !ok || math.Abs(near.X+near.W/2-middle) > nearFace/2 || math.Abs(near.Y+near.H/2-middle) > nearFace/2 {
		return f, nil
	}
	f.Score = max(f.Score, near.Score)
	for i, q := range near.Points {
		f.Points[i] = face.Back(a, q)
	}
	return f, nil
}

// look finds the main face of m and how fit it is; without a face ErrNoFace.
// The aligned face is the caller's to close. p is memory, the same for each frame.
func (e eyes) look(m gocv.Mat, p *pyramid) (found, gocv.Mat, error) {
	p.show(m)
	k, faces, err := e.detect(p)
	if err != nil {
		return found{}, gocv.Mat{}, err
	}
	f, ok := face.Main(faces, float64(m.Cols()), float64(m.Rows()))
	if !ok {
		return found{}, gocv.Mat{}, vision.ErrNoFace
	}
	if f, err = e.nearer(p, f, k); err != nil {
		return found{}, gocv.Mat{}, err
	}
	cut, err := p.align(f)
	if err != nil {
		return found{}, gocv.Mat{}, fmt.Errorf("%w: %w", vision.ErrNoFace, err)
	}
	l := lightOf(cut)
	return found{face: f, wrong: face.Gate(faces, f, l), quality: face.Quality(f, l.Sharpness)}, cut, nil
}

// lightOf is how bright and how sharp an aligned face is, and whether it is covered.
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
	l := face.Light{Mean: grey.Mean().Val1, Sharpness: d * d}
	if pixels, err := m.DataPtrUint8(); err == nil && m.Cols() == face.Side {
		l.Covered = face.Covered(pixels)
	}
	return l
}

// embed computes the template of an aligned face.
func (e eyes) embed(cut gocv.Mat) (face.Template, error) {
	blob, err := e.input(cut)
	if err != nil {
		return nil, err
	}
	defer wipe(&blob)
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
	return tensor(cut)
}

// templateOf finds the main face in a file and computes its template.
func (e eyes) templateOf(data []byte) (found, error) {
	m, err := decodePicture(data)
	if err != nil {
		return found{}, err
	}
	defer wipe(&m)
	p := newPyramid()
	defer p.close()
	f, cut, err := e.look(m, p)
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
