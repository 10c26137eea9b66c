package agent

import (
	"context"
	"errors"
	"fmt"

	"tram/agent/gate"
	"tram/agent/health"
	"tram/agent/kiosk"
	"tram/agent/signin"
	"tram/agent/visit"
	"tram/drivers"
	"tram/vision"
)

// giveAccess says who may ask the local API beside the screen.
func (a *Agent) giveAccess(o *kiosk.Options) {
	c := a.config
	o.People, o.Tokens = signin.OpenPeople(c.StateDir()), signin.OpenTokens(c.StateDir())
	o.Tech = tech{a}
	o.SignInIdle, o.Hosts, o.Origins = c.Kiosk.SignIn.Value(), c.Kiosk.Hosts, c.Kiosk.Origins
	if a.register != nil {
		o.Note = func(who, what string) {
			if err := a.register.Note(who, what, ""); err != nil {
				a.log.Error("access log not written", "err", err)
			}
		}
	}
}

var _ kiosk.Reader = station{}

// Result is what the program that owns a visit may have of it.
func (s station) Result(id string) (visit.Result, bool) { return s.a.engine.Result(id) }

// tech is the device as the signed-in technician sees it.
type tech struct{ a *Agent }

var _ kiosk.Tech = tech{}

func (t tech) Devices(context.Context, string) ([]drivers.Status, error) { return t.a.statuses(), nil }

func (t tech) Health(ctx context.Context, _ string) ([]health.Check, error) {
	answer, err := admin(t).Status(ctx)
	if err != nil {
		return nil, err
	}
	status, ok := answer.(Status)
	if !ok {
		return nil, fmt.Errorf("the status is a %T", answer)
	}
	return status.Health, nil
}

func (t tech) Queue(context.Context, string) (any, error) { return t.a.store.Stat() }

// Still opens the counter's camera for a moment; the picture goes to who asked
// and is kept nowhere. While somebody else looks or a face is compared through a
// camera that only one can open, there is none.
func (t tech) Still(ctx context.Context, _ string) ([]byte, error) {
	c := t.a.camera
	if c == nil {
		return nil, kiosk.ErrNotKept
	}
	if !c.looking.TryLock() {
		return nil, kiosk.ErrNoPicture
	}
	defer c.looking.Unlock()
	w := t.a.newWorker()
	defer w.Close()
	_, jpeg, err := w.Still(ctx, vision.StillQuestion{Source: c.source, Ask: c.ask})
	if errors.Is(err, vision.ErrNoCamera) {
		return nil, kiosk.ErrNoPicture
	}
	return jpeg, err
}

func (t tech) Gate(ctx context.Context, _ string) ([]byte, error) {
	if t.a.gate == nil {
		return nil, kiosk.ErrNotKept
	}
	jpeg, err := t.a.gate.Picture(ctx)
	if errors.Is(err, gate.ErrNoPicture) {
		return nil, kiosk.ErrNoPicture
	}
	return jpeg, err
}
