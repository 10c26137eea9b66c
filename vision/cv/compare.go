package cv

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/vision"
	"tram/vision/face"
	"tram/vision/models"
)

const turnTime = 8 * time.Second // for each turn of the head

// viewer looks at a camera for one comparison; what it knows of a person ends with it.
type viewer struct {
	eyes
	camera  *camera.Camera
	frame   gocv.Mat
	pyramid *pyramid
	tell    func(face.Guide)
	frames  int
}

// compare compares a portrait with the best of several frames of a camera. The
// best is the one that shows the face best, not the one that scores best: taking
// the highest of many scores would let more strangers through than the threshold
// says. Every template is wiped before it returns.
//
// The portrait's template is told, where the question wants to keep it, before the
// camera is opened: whatever becomes of this comparison, the next of the same
// visit need not compute it.
func (s *server) compare(ctx context.Context, id uint64, blobs [][]byte, q vision.FaceQuestion) (vision.FaceAnswer, error) {
	began := time.Now()
	said := face.Fine
	tell := func(g face.Guide) {
		if g != said && g != face.Fine {
			said = g
			_ = s.write(vision.Message{ID: id, Kind: vision.KindProgress}, vision.FaceProgress{Guide: string(g)})
		}
	}
	e, err := s.eyes(q.Model)
	if errors.Is(err, models.ErrMissing) {
		return vision.FaceAnswer{}, s.frameOnly(ctx, q, tell, err)
	}
	if err != nil {
		return vision.FaceAnswer{}, err
	}
	if q.Frames <= 0 {
		q.Frames = enoughFrames
	}
	q.Frames = min(q.Frames, 100)
	p, err := s.portraitOf(e, id, blobs, q.Keep)
	if err != nil {
		return vision.FaceAnswer{}, fmt.Errorf("portrait: %w", err)
	}
	defer p.Wipe()
	c, err := camera.Open(ctx, q.Source, camera.Options{Rate: q.Rate, Ask: q.Ask})
	if err != nil {
		return vision.FaceAnswer{}, fmt.Errorf("camera: %w", err)
	}
	defer c.Close()
	v := &viewer{eyes: e, camera: c, frame: gocv.NewMat(), pyramid: newPyramid(), tell: tell}
	defer func() { wipe(&v.frame); v.pyramid.close() }()
	best, err := v.best(ctx, q.Frames)
	if err != nil {
		return vision.FaceAnswer{}, fmt.Errorf("camera: %w", err)
	}
	defer best.template.Wipe()
	a := e.judge(p, best.template, began)
	if q.Liveness {
		a.Liveness = "failed"
		alive, err := v.alive(ctx, best.template, rand.IntN(2) == 0) //nolint:gosec // an order that a film cannot know
		if err != nil {
			return vision.FaceAnswer{}, fmt.Errorf("camera: %w", err)
		}
		if alive {
			a.Liveness = "passed"
		} else if a.Match {
			a.Match, a.Unsure = false, true // the face is right, that a person stands there is not shown
		}
		a.MS.Total = ms(time.Since(began))
		e.account(&a)
	}
	a.Frames, a.Quality = v.frames, best.quality
	return a, nil
}

// portraitOf is the portrait's template: the one that an earlier comparison of the
// same visit left, if these networks made it of this very portrait, else a new one.
func (s *server) portraitOf(e eyes, id uint64, blobs [][]byte, keep bool) (face.Template, error) {
	portrait, detector, embedding := sha256.Sum256(blobs[0]), e.detector.sum, e.embedding.sum
	if len(blobs) > 1 {
		if t := face.FromKept(blobs[1], portrait, detector, embedding); t != nil {
			return t, nil
		}
	}
	p, err := e.templateOf(blobs[0])
	if err != nil || !keep {
		return p.template, err
	}
	kept := face.Kept(p.template, portrait, detector, embedding)
	defer clear(kept)
	_ = s.write(vision.Message{ID: id, Kind: vision.KindProgress, Blobs: [][]byte{kept}}, vision.FaceProgress{})
	return p.template, nil
}

// best looks at frames until enough of them are fit and returns the one that
// shows the face best. Without any it is ErrNoFace, or ErrFaceQuality with what
// was wrong most often.
func (v *viewer) best(ctx context.Context, enough int) (found, error) {
	ctx, cancel := context.WithTimeout(ctx, compareTime)
	defer cancel()
	cut := gocv.NewMat()
	defer func() { wipe(&cut) }()
	var best found
	wrong := map[face.Guide]int{}
	for fit := 0; fit < enough; {
		err := v.camera.Next(ctx, &v.frame)
		if errors.Is(err, io.EOF) || errors.Is(err, context.DeadlineExceeded) || err != nil && fit > 0 {
			break
		}
		if err != nil {
			return found{}, err
		}
		v.frames++
		f, shown, err := v.look(v.frame, v.pyramid)
		if errors.Is(err, vision.ErrNoFace) {
			g := v.pyramid.blind()
			v.tell(g)
			wrong[g]++
			continue
		}
		if err != nil {
			return found{}, err
		}
		if f.wrong != face.Fine {
			wipe(&shown)
			v.tell(f.wrong)
			wrong[f.wrong]++
			continue
		}
		if fit++; fit == 1 || f.quality > best.quality {
			best = f
			wipe(&cut)
			cut = shown
		} else {
			wipe(&shown)
		}
	}
	if cut.Empty() {
		return found{}, v.unfit(wrong)
	}
	var err error
	best.template, err = v.embed(cut)
	return best, err
}

// unfit is why none of the frames could be compared.
func (v *viewer) unfit(wrong map[face.Guide]int) error {
	worst := face.NoFace
	for g, n := range wrong {
		if g != face.NoFace && (worst == face.NoFace || n > wrong[worst] || n == wrong[worst] && g < worst) {
			worst = g
		}
	}
	if worst == face.NoFace {
		return fmt.Errorf("%w in %d frames", vision.ErrNoFace, v.frames)
	}
	return fmt.Errorf("%w: %s", vision.ErrFaceQuality, worst)
}

// alive asks the person to turn the head to both sides and reports whether that
// was seen, by the same face all the time.
func (v *viewer) alive(ctx context.Context, front face.Template, leftFirst bool) (bool, error) {
	c := face.NewChallenge(leftFirst)
	limit := time.Now().Add(2 * turnTime)
	ctx, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	for c.Now() != face.Fine && !c.Failed() {
		v.tell(c.Now())
		err := v.camera.Next(ctx, &v.frame)
		if errors.Is(err, io.EOF) || errors.Is(err, context.DeadlineExceeded) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		v.frames++
		f, cut, err := v.look(v.frame, v.pyramid)
		if errors.Is(err, vision.ErrNoFace) {
			c.Lost()
			continue
		}
		if err != nil {
			return false, err
		}
		same := true
		if c.See(f.face.Turn()) {
			same, err = v.same(front, cut)
		}
		wipe(&cut)
		if err != nil || !same {
			return false, err
		}
	}
	return c.Now() == face.Fine, nil
}

// same reports whether a turned face may be that of the front view.
func (v *viewer) same(front face.Template, cut gocv.Mat) (bool, error) {
	t, err := v.embed(cut)
	if err != nil {
		return false, err
	}
	defer t.Wipe()
	return face.Cosine(front, t) >= face.SameWhileOff, nil
}
