package visit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tram/agent/profile"
	"tram/drivers/privacy"
	"tram/vision"
)

// faceLimit is the longest that a person is asked to look into the camera,
// turnLimit what the turns of the head may take beside it.
const (
	faceLimit = 20 * time.Second
	turnLimit = 20 * time.Second
)

// Faces answers questions about pictures; the camera worker does. It keeps
// nothing of a person when it has answered.
type Faces interface {
	// Portrait turns the chip's picture, JPEG or JPEG 2000, into a JPEG for the screen.
	Portrait(ctx context.Context, picture []byte) ([]byte, error)
	// CompareFace compares the chip's picture with the person before the camera.
	CompareFace(ctx context.Context, check FaceCheck) (vision.FaceAnswer, error)
}

// FaceCheck is one comparison.
type FaceCheck struct {
	Portrait []byte
	Likeness *vision.Likeness  // what an earlier comparison of the visit made of the portrait; wiped when the visit ends
	Liveness bool              // ask for turns of the head
	Guide    func(code string) // told what the person should do now; see Progress.Guide
}

// FaceResult is the outcome of the comparison, as the record keeps it: numbers
// and the model, never a picture or a template.
type FaceResult struct {
	Result      string  `json:"result"` // "match", "mismatch", "unsure", "not_done"
	Reason      string  `json:"reason,omitempty"`
	Score       float64 `json:"score,omitempty"`
	Threshold   float64 `json:"threshold,omitempty"`
	Model       string  `json:"model,omitempty"`
	ModelSHA256 string  `json:"modelSha256,omitempty"`
	Liveness    string  `json:"liveness,omitempty"` // "passed", "failed" where turns of the head were asked for; no certified detection of presentation attacks

	// Where the device was unsure or could not compare, a clerk may have looked.
	Decision  string     `json:"decision,omitempty"`  // "same", "other"
	DecidedBy string     `json:"decidedBy,omitempty"` // the clerk, as signed in
	DecidedAt *time.Time `json:"decidedAt,omitempty"`
}

// compareFace compares the person present with the chip's portrait as far as the
// profile asks for it.
func (e *Engine) compareFace(s *session, picture privacy.Private[[]byte]) {
	if e.opt.Profile.Face == profile.FaceOff {
		return
	}
	if !e.update(s, func() {
		clear(s.picture.Reveal()) // of an earlier read in this visit
		s.picture = privacy.New(bytes.Clone(picture.Reveal()))
		e.toFace(s)
	}) {
		return
	}
	e.judgeFace(s, picture)
}

// toFace asks the person to look into the camera. The caller holds the lock.
func (e *Engine) toFace(s *session) {
	if s.likeness == nil {
		s.likeness = &vision.Likeness{}
	}
	s.progress = &Progress{Step: "face"}
	e.enter(s, StageFace)
}

func (e *Engine) judgeFace(s *session, picture privacy.Private[[]byte]) {
	result := e.askFace(s, picture)
	e.update(s, func() {
		s.face = &result
		s.checks = append(s.checks, result.check())
		if result.Result != "match" && e.opt.Profile.Face == profile.FaceRequired {
			e.fail(s, "face_"+result.Result, "this counter asks for a matched face: "+result.Reason)
		}
	})
}

// CompareAgain looks at the person once more where no face could be compared and the
// counter asks for one: nobody stood in the light, the camera was away. A visit that got
// a score keeps it: the highest of several would let more strangers through than the
// threshold says.
func (e *Engine) CompareAgain(id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, err := e.at(id, StageFailed)
	if err != nil {
		return err
	}
	if !s.canCompareAgain() {
		return ErrConflict
	}
	s.failure, s.face = nil, nil
	s.checks = slices.DeleteFunc(s.checks, func(c Check) bool { return c.ID == "face" })
	picture := privacy.New(bytes.Clone(s.picture.Reveal())) // the session's own is wiped when the person leaves
	e.toFace(s)
	e.work.Go(func() {
		defer func() { clear(picture.Reveal()) }()
		e.judgeFace(s, picture)
		e.update(s, func() { e.afterEvidence(s) })
	})
	return nil
}

// canCompareAgain reports whether CompareAgain may be called. The caller holds the lock.
func (s *session) canCompareAgain() bool {
	return s.stage == StageFailed && s.failure != nil && s.failure.Code == "face_not_done" && len(s.picture.Reveal()) > 0
}

func (e *Engine) askFace(s *session, picture privacy.Private[[]byte]) FaceResult {
	if e.opt.Faces == nil {
		return FaceResult{Result: "not_done", Reason: "no camera is configured"}
	}
	if len(picture.Reveal()) == 0 {
		return FaceResult{Result: "not_done", Reason: "the chip gave no portrait"}
	}
	check := FaceCheck{Portrait: picture.Reveal(), Likeness: e.likenessOf(s), Liveness: e.opt.Profile.Liveness == profile.LivenessTurn}
	check.Guide = func(code string) {
		e.update(s, func() { s.progress = &Progress{Step: "face", Guide: code} })
	}
	limit := faceLimit
	if check.Liveness {
		limit += turnLimit
	}
	ctx, cancel := context.WithTimeout(s.ctx, limit)
	defer cancel()
	answer, err := e.opt.Faces.CompareFace(ctx, check)
	if err != nil {
		return FaceResult{Result: "not_done", Reason: faceReason(err)}
	}
	result := FaceResult{Result: "mismatch", Score: answer.Score, Threshold: answer.Threshold, Model: answer.Model.Name, ModelSHA256: answer.Model.SHA256, Liveness: answer.Liveness}
	switch {
	case check.Liveness && answer.Liveness != "passed" && (answer.Match || answer.Unsure):
		result.Result, result.Reason = "unsure", "the turns of the head were not seen"
	case answer.Unsure:
		result.Result = "unsure"
	case answer.Match:
		result.Result = "match"
	}
	return result
}

func (e *Engine) likenessOf(s *session) *vision.Likeness {
	e.mu.Lock()
	defer e.mu.Unlock()
	return s.likeness // nil when the person has left meanwhile: then nothing is kept
}

// DecideFace takes the word of a clerk who looked at person and portrait, where
// the device was unsure or could not compare. who is the clerk as signed in; the
// record names them. The assurance stays what it is: "+face" is the machine's.
func (e *Engine) DecideFace(id, who string, same bool) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	s, err := e.at(id, StageFailed, StageAsk, StageConfirm)
	if err != nil {
		return err
	}
	if who == "" || s.saving || s.face == nil || s.face.Result != "unsure" && s.face.Result != "not_done" {
		return ErrConflict
	}
	stopped := s.stage == StageFailed
	if stopped && (s.failure == nil || s.failure.Code != "face_"+s.face.Result) {
		return ErrConflict
	}
	now := e.opt.Now().UTC().Truncate(time.Millisecond)
	decided := *s.face
	decided.Decision, decided.DecidedBy, decided.DecidedAt = "other", who, &now
	if same {
		decided.Decision = "same"
	}
	s.face = &decided
	for i := range s.checks {
		if s.checks[i].ID == "face" {
			s.checks[i] = decided.check()
		}
	}
	switch {
	case !same:
		e.fail(s, "face_mismatch", "the clerk says that this is another person")
	case stopped:
		s.failure = nil
		e.afterEvidence(s)
	}
	e.opt.Changed()
	return nil
}

// faceReason says why no face was compared, with the way out where there is one.
func faceReason(err error) string {
	switch {
	case errors.Is(err, vision.ErrNoModel):
		return "no model; bring the networks with: tram models pull, or tram models import DIR"
	case errors.Is(err, vision.ErrNoWorker):
		return "tram-vision is not installed"
	case errors.Is(err, vision.ErrFaceQuality):
		return err.Error()
	case errors.Is(err, vision.ErrNoFace):
		return "no face was found"
	case errors.Is(err, vision.ErrNoCamera):
		return "no camera is there"
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return "the camera worker failed: " + err.Error()
}

func (f FaceResult) check() Check {
	status := map[string]string{"match": "ok", "mismatch": "failed", "unsure": "unsure", "not_done": "not_done"}[f.Result]
	detail := f.Reason
	if f.Result != "not_done" {
		detail = fmt.Sprintf("score %.3f, threshold %.3f, %s", f.Score, f.Threshold, f.Model)
	}
	if f.Decision != "" {
		detail += "; decided by " + f.DecidedBy + ": " + f.Decision
	}
	return Check{ID: "face", Status: status, Detail: detail}
}
