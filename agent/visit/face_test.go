package visit

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"tram/agent/profile"
	"tram/vision"
)

func TestAClerkDecidesWhereTheDeviceIsUnsureAndTheRecordSaysWho(t *testing.T) {
	for name, answer := range map[string]answeringFaces{
		"unsure":      {answer: vision.FaceAnswer{Score: .35, Threshold: .4, Unsure: true}},
		"not done":    {err: vision.ErrNoModel},
		"not fit":     {err: vision.ErrFaceQuality},
		"not living":  {answer: vision.FaceAnswer{Score: .9, Threshold: .4, Match: true, Liveness: "failed"}},
		"if possible": {answer: vision.FaceAnswer{Score: .35, Threshold: .4, Unsure: true}},
	} {
		c := newCounter(t, "clinic", answer)
		stage := StageFailed
		if c.opt.Profile.Face = profile.FaceRequired; name == "if possible" {
			c.opt.Profile.Face, stage = profile.FaceIfPossible, StageConfirm
		}
		c.opt.Profile.Liveness = profile.LivenessTurn
		id := c.scan(t)
		c.Card(true)
		c.await(t, stage)
		if err := c.DecideFace(id, "", true); !errors.Is(err, ErrConflict) {
			t.Errorf("%s: decided by nobody: %v, want ErrConflict", name, err)
		}
		if err := c.DecideFace(id, "clerk Thử", true); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c.await(t, StageConfirm)
		if err := c.Confirm(t.Context(), id); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := c.record(t)
		if r.Face == nil || r.Face.Result == "match" || r.Face.Decision != "same" || r.Face.DecidedBy != "clerk Thử" || r.Face.DecidedAt == nil {
			t.Errorf("%s: record's face %+v", name, r.Face)
		}
		if r.Assurance != "chip-genuine" {
			t.Errorf("%s: assurance %s, want chip-genuine: a clerk's word is not the machine's", name, r.Assurance)
		}
	}
}

func TestAClerkWhoSeesAnotherPersonEndsTheVisit(t *testing.T) {
	c := newCounter(t, "clinic", answeringFaces{answer: vision.FaceAnswer{Score: .35, Threshold: .4, Unsure: true}})
	id := c.scan(t)
	c.Card(true)
	c.await(t, StageConfirm)
	if err := c.DecideFace(id, "clerk", false); err != nil {
		t.Fatal(err)
	}
	if v := c.await(t, StageFailed); v.Failure.Code != "face_mismatch" {
		t.Errorf("failure %+v, want face_mismatch", v.Failure)
	}
}

func TestAMismatchOfTheDeviceIsNotForAClerkToOverrule(t *testing.T) {
	c := newCounter(t, "clinic", answeringFaces{answer: vision.FaceAnswer{Score: .1, Threshold: .4}})
	c.opt.Profile.Face = profile.FaceRequired
	id := c.scan(t)
	c.Card(true)
	c.await(t, StageFailed)
	if err := c.DecideFace(id, "clerk", true); !errors.Is(err, ErrConflict) {
		t.Errorf("DecideFace() = %v, want ErrConflict", err)
	}
}

// lookingFaces sees nobody the first times, and keeps what it is given.
type lookingFaces struct {
	blind    int
	checks   []FaceCheck
	pictures [][]byte
}

func (f *lookingFaces) Portrait(_ context.Context, p []byte) ([]byte, error) { return p, nil }
func (f *lookingFaces) CompareFace(_ context.Context, check FaceCheck) (vision.FaceAnswer, error) {
	f.checks, f.pictures = append(f.checks, check), append(f.pictures, bytes.Clone(check.Portrait))
	if !check.Likeness.Held() {
		check.Likeness.Keep([]byte("what the networks made of it"))
	}
	if len(f.checks) <= f.blind {
		return vision.FaceAnswer{}, vision.ErrNoFace
	}
	return vision.FaceAnswer{Score: .9, Threshold: .4, Match: true, Liveness: "passed"}, nil
}

func TestWhereNoFaceWasSeenThePersonMayLookOnceMore(t *testing.T) {
	faces := &lookingFaces{blind: 2}
	c := newCounter(t, "clinic", faces)
	c.opt.Profile.Face = profile.FaceRequired
	id := c.scan(t)
	c.Card(true)
	for range 2 {
		if v := c.await(t, StageFailed); v.Failure.Code != "face_not_done" || !v.CanCompareAgain {
			t.Fatalf("failure %+v, again %v; want face_not_done, and once more", v.Failure, v.CanCompareAgain)
		}
		if err := c.CompareAgain(id); err != nil {
			t.Fatal(err)
		}
	}
	v := c.await(t, StageConfirm)
	if v.Assurance != "chip-genuine+face" || v.CanCompareAgain || len(v.Checks) != 7 {
		t.Errorf("assurance %s, again %v, checks %+v", v.Assurance, v.CanCompareAgain, v.Checks)
	}
	if err := c.CompareAgain(id); !errors.Is(err, ErrConflict) {
		t.Errorf("again after a score: %v, want ErrConflict", err)
	}
	if len(faces.checks) != 3 || !bytes.Equal(faces.pictures[0], faces.pictures[2]) || faces.checks[0].Likeness != faces.checks[2].Likeness {
		t.Fatalf("%d comparisons, want 3 of one portrait with one likeness", len(faces.checks))
	}
	if err := c.Confirm(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if r := c.record(t); r.Face == nil || r.Face.Result != "match" {
		t.Errorf("record's face %+v, want a match", r.Face)
	}
}

func TestNothingOfAFaceOutlivesTheVisit(t *testing.T) {
	for name, end := range map[string]func(*counter, string){
		"left":      func(c *counter, id string) { _ = c.Cancel(id) },
		"next code": func(c *counter, _ string) { c.Card(false); c.scan(t) },
		"closed":    func(c *counter, _ string) { c.Close() },
	} {
		faces := &lookingFaces{blind: 1}
		c := newCounter(t, "clinic", faces)
		c.opt.Profile.Face = profile.FaceRequired
		id := c.scan(t)
		c.Card(true)
		c.await(t, StageFailed)
		c.mu.Lock()
		picture, likeness := c.cur.picture.Reveal(), c.cur.likeness
		c.mu.Unlock()
		if !likeness.Held() || len(picture) == 0 {
			t.Fatalf("%s: nothing is kept for another look", name)
		}
		end(c, id)
		if likeness.Held() || !bytes.Equal(picture, make([]byte, len(picture))) {
			t.Errorf("%s: likeness held %v, picture overwritten %v", name, likeness.Held(), bytes.Equal(picture, make([]byte, len(picture))))
		}
		if likeness.Keep([]byte("late")); likeness.Held() {
			t.Errorf("%s: a comparison that ended late left something", name)
		}
	}
}

func TestAVisitWithAScoreIsNotComparedAgain(t *testing.T) {
	for name, answer := range map[string]vision.FaceAnswer{
		"unsure": {Score: .35, Threshold: .4, Unsure: true}, "mismatch": {Score: .1, Threshold: .4},
	} {
		c := newCounter(t, "clinic", answeringFaces{answer: answer})
		c.opt.Profile.Face = profile.FaceRequired
		id := c.scan(t)
		c.Card(true)
		if v := c.await(t, StageFailed); v.CanCompareAgain {
			t.Errorf("%s: the screen offers another look", name)
		}
		if err := c.CompareAgain(id); !errors.Is(err, ErrConflict) {
			t.Errorf("%s: CompareAgain() = %v, want ErrConflict", name, err)
		}
	}
}
