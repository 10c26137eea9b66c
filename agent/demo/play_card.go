package demo

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"tram/agent/profile"
	"tram/agent/visit"
	"tram/drivers/sim"
)

func (p *play) readChip(ctx context.Context) (string, error) {
	if p.snap.Visit == nil {
		return "", notDone("nobody is identified here")
	}
	if err := p.consent(ctx); err != nil {
		return "", err
	}
	if !atStage(visit.StageCard)(p.snap) {
		return "", notDone("the code is all that this counter takes")
	}
	if err := p.d.layCard(sim.DefaultCitizen()); err != nil {
		return "", err
	}
	if err := p.until(ctx, "the chip", func(s visit.Snapshot) bool {
		return atStage(visit.StageFace, visit.StageAsk, visit.StageConfirm)(s) && len(s.Visit.Checks) > 0
	}); err != nil && !p.clerkMayDecide() {
		return "", err
	}
	return p.d.agent.LastRead(), nil
}

// answer is the status of one check of the visit.
func (p *play) answer(id string) visit.Check {
	for _, c := range p.snap.Visit.Checks {
		if c.ID == id {
			return c
		}
	}
	return visit.Check{ID: id, Status: "missing"}
}

func (p *play) verifyChip(context.Context) (string, error) {
	if !p.chipRead() {
		return "", notDone("no chip was read")
	}
	var answers []string
	for _, want := range []struct{ id, status string }{{"hashes", "ok"}, {"sodSignature", "ok"}, {"chain", "trusted"}} {
		got := p.answer(want.id).Status
		if got != want.status {
			return "", fmt.Errorf("%s is %s, not %s", want.id, got, want.status)
		}
		answers = append(answers, want.id+" "+got)
	}
	return strings.Join(answers, ", ") + "; assurance " + strings.TrimSuffix(p.snap.Visit.Assurance, "+face"), nil
}

// chipRead reports whether there is a chip to speak of.
func (p *play) chipRead() bool { return p.snap.Visit != nil && len(p.snap.Visit.Checks) > 0 }

func (p *play) crossCheck(context.Context) (string, error) {
	if !p.chipRead() {
		return "", notDone("no chip was read")
	}
	if c := p.answer("crossCheck"); c.Status != "ok" {
		return "", fmt.Errorf("%s: %s", c.Status, c.Detail)
	}
	return "all fields agree", nil
}

func (p *play) compareFace(ctx context.Context) (string, error) {
	if p.snap.Profile.Face == string(profile.FaceOff) || !p.chipRead() {
		return "", notDone("no face is compared here")
	}
	clerk, err := p.passFace(ctx)
	if err != nil {
		return "", err
	}
	switch c := p.answer("face"); c.Status {
	case "ok", "not_done", "unsure":
		if clerk != "" {
			return clerk, nil
		}
	}
	switch c := p.answer("face"); c.Status {
	case "ok":
		return "match: " + c.Detail, nil
	case "not_done":
		return "", notDone(c.Detail)
	default:
		return "", fmt.Errorf("%s: %s", c.Status, c.Detail)
	}
}

// clerkMayDecide reports whether the visit stands because no machine may decide
// about the face, and a clerk may.
func (p *play) clerkMayDecide() bool {
	v := p.snap.Visit
	return v != nil && v.Failure != nil && (v.Failure.Code == "face_not_done" || v.Failure.Code == "face_unsure")
}

// passFace waits for the comparison. Where the counter wants a face and the machine
// cannot say, the clerk looks at person and portrait; then it says so.
func (p *play) passFace(ctx context.Context) (clerk string, err error) {
	done := atStage(visit.StageAsk, visit.StageConfirm)
	if err = p.until(ctx, "the face", done); err == nil || !p.clerkMayDecide() {
		return "", err
	}
	why := p.snap.Visit.Failure.Detail
	if err := p.d.agent.DecideFace(p.snap.Visit.ID, clerkName, true); err != nil {
		return "", fmt.Errorf("the clerk decides: %w", err)
	}
	return "a clerk looked; " + why, p.until(ctx, "the clerk's word", done)
}

// answers are what the citizen and the clerk of the demo say to the questions.
func answers(s visit.Snapshot) map[string]string {
	given := map[string]string{}
	for _, q := range s.Profile.Questions {
		switch {
		case !q.Required:
		case len(q.Options) > 0:
			given[q.ID] = q.Options[0].ID
		case q.Kind == "date":
			given[q.ID] = s.Time.AddDate(0, 0, 1).Format(time.DateOnly)
		case q.Kind == "number":
			given[q.ID] = "1"
			if q.Min != nil {
				given[q.ID] = strconv.Itoa(*q.Min)
			}
		default:
			given[q.ID] = "17"
		}
	}
	return given
}
