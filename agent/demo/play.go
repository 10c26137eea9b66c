package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tram/agent/profile"
	"tram/agent/visit"
	"tram/drivers"
	"tram/drivers/cccd"
	"tram/drivers/sim"
)

// Step is one part of the main job and how it went.
type Step struct {
	Name   string  `json:"name"`
	OK     bool    `json:"ok"`     // false only when it failed
	Status string  `json:"status"` // "done", "not done" (with the reason in Detail), "failed"
	MS     float64 `json:"ms"`
	Detail string  `json:"detail"`
}

// Result is a whole play. It is good when every accepted record was delivered
// and no step failed.
type Result struct {
	Steps     []Step `json:"steps"`
	Accepted  uint64 `json:"accepted"`
	Delivered uint64 `json:"delivered"`
}

// Good reports whether the play did all it had to.
func (r Result) Good() bool {
	for _, s := range r.Steps {
		if !s.OK {
			return false
		}
	}
	return len(r.Steps) > 0 && r.Accepted > 0 && r.Accepted == r.Delivered
}

// notDone is an outcome that is no failure: something that the main job can do
// without is not there.
type notDone string

func (n notDone) Error() string { return string(n) }

// play goes through the steps.
type play struct {
	d      *Desk
	result Result
	told   func(Step)
	snap   visit.Snapshot // the newest
}

// Play sets a desk up, goes once through the whole main job and takes the desk
// away. Each step is told as it ends. The error is about the set-up; how the
// steps went is in the result. When ctx ends, the step at work fails and the
// result says how far the records came.
func Play(ctx context.Context, opt Options, told func(Step)) (Result, error) {
	p := &play{told: told}
	began := time.Now()
	d, err := Open(ctx, opt)
	if err != nil {
		return p.result, err
	}
	p.d = d
	select {
	case <-d.camera:
	case <-ctx.Done():
	}
	if err := ctx.Err(); err != nil {
		return p.result, errors.Join(fmt.Errorf("draw the pictures of the camera: %w", err), d.Close())
	}
	p.tell("set up", time.Since(began), "hub, virtual reader under pcscd, scanner, camera, daemon", nil)

	// The daemon outlives an interrupt until it has said how far the records came.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- d.Run(running) }()
	p.steps(ctx, p.acts())
	stop()
	return p.result, errors.Join(<-ended, d.Close())
}

// act is one step: what it says when it is done.
type act struct {
	name string
	do   func(context.Context) (string, error)
}

// acts are the steps at this counter.
func (p *play) acts() []act {
	var first []act
	if p.d.wanted() != "" {
		first = []act{{"take the hub's list", p.takeLists}}
	}
	return append(first, []act{
		{"scan the code", p.scanCode},
		{"read the chip", p.readChip},
		{"verify the chip", p.verifyChip},
		{"compare code, MRZ, DG13", p.crossCheck},
		{"compare the face", p.compareFace},
		{"accept the record", p.acceptRecord},
		{"count people", p.countPeople},
		{"deliver", p.deliver},
		{"stop the hub, go on", p.withoutHub},
		{"start the hub, deliver", p.hubReturns},
		{"ask the hub", p.askHub},
	}...)
}

func (p *play) steps(ctx context.Context, acts []act) {
	for _, step := range acts {
		ctx, cancel := context.WithTimeout(ctx, patience)
		began := time.Now()
		detail, err := step.do(ctx)
		cancel()
		p.tell(step.name, time.Since(began), detail, err)
		if n := notDone(""); err != nil && !errors.As(err, &n) {
			break // the later steps need this one
		}
	}
	// Whatever went wrong, say truly how far the records came.
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	var snap visit.Snapshot
	if err := p.d.client.GetJSON(last, "/v1/state", &snap); err == nil {
		p.snap = snap
		p.result.Accepted, p.result.Delivered = p.snap.Queue.Accepted, p.snap.Queue.Delivered
	}
}

func (p *play) tell(name string, took time.Duration, detail string, err error) {
	s := Step{Name: name, OK: true, Status: "done", MS: float64(took.Microseconds()) / 1000, Detail: detail}
	if n := notDone(""); errors.As(err, &n) {
		s.Status, s.Detail = "not done", "not done: "+n.Error()
	} else if err != nil {
		s.OK, s.Status, s.Detail = false, "failed", err.Error()
	}
	p.result.Steps = append(p.result.Steps, s)
	if p.told != nil {
		p.told(s)
	}
}

// until waits for a snapshot that is as wanted.
func (p *play) until(ctx context.Context, what string, wanted func(visit.Snapshot) bool) error {
	clock := time.NewTicker(5 * time.Millisecond)
	defer clock.Stop()
	for {
		var snap visit.Snapshot
		err := p.d.client.GetJSON(ctx, "/v1/state", &snap)
		if err == nil {
			p.snap = snap
			if wanted(snap) {
				return nil
			}
			if v := snap.Visit; v != nil && v.Stage == visit.StageFailed {
				return fmt.Errorf("waiting for %s, the visit failed: %s, %s", what, v.Failure.Code, v.Failure.Detail)
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, errors.Join(ctx.Err(), err))
		case <-clock.C:
		}
	}
}

func atStage(stages ...visit.Stage) func(visit.Snapshot) bool {
	return func(s visit.Snapshot) bool {
		for _, stage := range stages {
			if s.Visit != nil && s.Visit.Stage == stage {
				return true
			}
		}
		return false
	}
}

func (p *play) post(ctx context.Context, verb string) error {
	return p.d.client.PostJSON(ctx, "/v1/visits/"+p.snap.Visit.ID+"/"+verb, nil, nil)
}

func (p *play) scanCode(ctx context.Context) (string, error) {
	citizen := sim.DefaultCitizen()
	if err := p.takesCodes(ctx); err != nil {
		return "", err
	}
	if err := p.scan(ctx, citizen.QR2021()); err != nil {
		return "", err
	}
	newer, err := cccd.ParseQR([]byte(citizen.QR2024()))
	if err != nil {
		return "", fmt.Errorf("parse the code of a 2024 card: %w", err)
	}
	if newer.Kind != cccd.KindCanCuoc2024 {
		return "", fmt.Errorf("the code of a 2024 card was taken for %s", newer.Kind)
	}
	return fmt.Sprintf("serial scanner, %d fields; the 2024 card's %d fields too", 1+strings.Count(citizen.QR2021(), "|"), 1+strings.Count(citizen.QR2024(), "|")), nil
}

// takesCodes says so where nobody is identified.
func (p *play) takesCodes(ctx context.Context) error {
	if err := p.d.client.GetJSON(ctx, "/v1/state", &p.snap); err != nil {
		return err
	}
	if !slices.Contains(p.snap.Profile.Evidence, string(profile.EvidenceQR)) {
		return notDone("no code is taken here")
	}
	return nil
}

// scan shows a code to the scanner and waits for the visit that it begins.
func (p *play) scan(ctx context.Context, text string) error {
	before := ""
	if p.snap.Visit != nil {
		before = p.snap.Visit.ID
	}
	if err := p.d.scan.Type(ctx, text); err != nil {
		return err
	}
	return p.until(ctx, "the scanned code", func(s visit.Snapshot) bool { return s.Visit != nil && s.Visit.ID != before })
}

// consent agrees where the screen asks, and waits for what comes next.
func (p *play) consent(ctx context.Context) error {
	if atStage(visit.StageConsent)(p.snap) {
		if err := p.post(ctx, "consent"); err != nil {
			return fmt.Errorf("consent: %w", err)
		}
	}
	return p.until(ctx, "the consent", func(s visit.Snapshot) bool {
		// The reader may not yet have noticed that the last card is gone.
		return s.Visit != nil && !atStage(visit.StageConsent, visit.StageOnline, visit.StageReading, visit.StageFace)(s)
	})
}

// finish answers what must be answered and finds the data right.
func (p *play) finish(ctx context.Context) error {
	if atStage(visit.StageAsk)(p.snap) {
		body := map[string]any{"answers": answers(p.snap)}
		if err := p.d.client.PostJSON(ctx, "/v1/visits/"+p.snap.Visit.ID+"/answers", body, nil); err != nil {
			return fmt.Errorf("answer the questions: %w", err)
		}
	}
	if !p.snap.Profile.Quick {
		if err := p.post(ctx, "confirm"); err != nil {
			return fmt.Errorf("confirm: %w", err)
		}
	}
	return p.until(ctx, "the record", atStage(visit.StageRecorded))
}

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

func (p *play) acceptRecord(ctx context.Context) (string, error) {
	if p.snap.Visit == nil {
		return "", notDone("nobody is identified here")
	}
	if err := p.finish(ctx); err != nil {
		return "", err
	}
	r := p.snap.Visit.Record
	p.d.takeCard()
	return fmt.Sprintf("sequence %d, %s, assurance %s", r.Sequence, r.Type, r.Assurance), nil
}

func (p *play) countPeople(ctx context.Context) (string, error) {
	truth, drawn := p.d.street, p.d.drawn
	clock := time.NewTicker(50 * time.Millisecond)
	defer clock.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("waiting for the count: %w%s", ctx.Err(), p.gateSays())
		case c := <-p.d.counted:
			if c.In != truth.In || c.Out != truth.Out {
				return "", fmt.Errorf("counted %d in, %d out; %d and %d crossed the line", c.In, c.Out, truth.In, truth.Out)
			}
			return fmt.Sprintf("%d in, %d out in %d frames, as drawn", c.In, c.Out, c.Frames), nil
		case <-drawn:
			if p.d.drawErr != nil {
				return "", p.d.drawErr
			}
			drawn = nil
		case <-clock.C:
			var snap visit.Snapshot
			if err := p.d.client.GetJSON(ctx, "/v1/state", &snap); err != nil {
				continue // the deadline tells
			}
			p.snap = snap
			if w, ok := p.device("worker", ""); ok && w.State == drivers.Missing {
				return "", fmt.Errorf("nobody can count: %s", cmp.Or(w.Detail, w.Name+" is not there"))
			}
		}
	}
}

// device is what a device said of itself in the newest snapshot; an empty name
// is any of that kind.
func (p *play) device(kind, name string) (drivers.Status, bool) {
	for _, s := range p.snap.Devices {
		if s.Kind == kind && (name == "" || s.Name == name) {
			return s, true
		}
	}
	return drivers.Status{}, false
}

// gateSays is how the gate's camera and the worker that counts are, as the end of
// an error's text.
func (p *play) gateSays() string {
	var says []string
	for _, want := range []struct{ kind, name string }{{"camera", "gate"}, {"worker", ""}} {
		if s, ok := p.device(want.kind, want.name); ok {
			says = append(says, strings.TrimSuffix(fmt.Sprintf("%s %s is %s: %s", s.Kind, s.Name, s.State, s.Detail), ": "))
		}
	}
	if len(says) == 0 {
		return ""
	}
	return " (" + strings.Join(says, "; ") + ")"
}

// allDelivered waits until the hub has acknowledged everything.
func (p *play) allDelivered(ctx context.Context) error {
	return p.until(ctx, "the hub's acknowledgement", func(s visit.Snapshot) bool {
		return s.Queue.Accepted > 0 && s.Queue.Delivered == s.Queue.Accepted
	})
}

func (p *play) deliver(ctx context.Context) (string, error) {
	if err := p.allDelivered(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("%d records acknowledged by the hub", p.snap.Queue.Delivered), nil
}

// withoutHub makes three records while nobody takes them.
func (p *play) withoutHub(ctx context.Context) (string, error) {
	if err := p.takesCodes(ctx); err != nil {
		return "", err
	}
	before := p.snap.Queue.Accepted
	p.d.hub.stop()
	for _, citizen := range others() {
		if err := p.qrVisit(ctx, citizen); err != nil {
			return "", err
		}
	}
	if err := p.until(ctx, "three waiting records", func(s visit.Snapshot) bool {
		return s.Queue.Accepted == before+3 && s.Queue.Hub != "connected"
	}); err != nil {
		return "", err
	}
	q := p.snap.Queue
	if q.Delivered != before {
		return "", fmt.Errorf("%d records count as delivered while the hub is stopped; %d were before", q.Delivered, before)
	}
	return fmt.Sprintf("%d more records accepted, hub %s, %d wait", q.Accepted-before, q.Hub, q.Accepted-q.Delivered), nil
}

// qrVisit is a visit of a person who has only the code of a 2024 card.
func (p *play) qrVisit(ctx context.Context, c sim.Citizen) error {
	if err := p.scan(ctx, c.QR2024()); err != nil {
		return err
	}
	if err := p.consent(ctx); err != nil {
		return err
	}
	if atStage(visit.StageCard)(p.snap) {
		if p.snap.Visit.CanSkipChip {
			if err := p.post(ctx, "skip-chip"); err != nil {
				return fmt.Errorf("skip-chip: %w", err)
			}
		} else if err := p.d.layCard(c); err != nil {
			return err
		}
		if _, err := p.passFace(ctx); err != nil {
			return err
		}
	}
	err := p.finish(ctx)
	p.d.takeCard()
	return err
}

func (p *play) hubReturns(ctx context.Context) (string, error) {
	if err := p.d.hub.start(ctx); err != nil {
		return "", err
	}
	if err := p.allDelivered(ctx); err != nil {
		return "", err
	}
	return fmt.Sprintf("all %d records acknowledged", p.snap.Queue.Delivered), nil
}

func (p *play) askHub(ctx context.Context) (string, error) {
	r, err := p.d.hub.report(ctx, deviceName)
	if err != nil {
		return "", err
	}
	if r.Highwater != p.snap.Queue.Accepted || !r.NothingMissing() || r.Rejected != 0 {
		return "", fmt.Errorf("the hub has up to %d of %d, missing %s, rejected %d", r.Highwater, p.snap.Queue.Accepted, r.Missing, r.Rejected)
	}
	return fmt.Sprintf("%s: 1 to %d, nothing missing, %d duplicates, 0 rejected", r.Device, r.Highwater, r.Duplicates), nil
}
