package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tram/agent/profile"
	"tram/agent/visit"
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
