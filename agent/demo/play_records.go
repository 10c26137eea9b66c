package demo

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"tram/agent/visit"
	"tram/drivers"
	"tram/drivers/sim"
)

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
