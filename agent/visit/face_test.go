package visit

import (
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
