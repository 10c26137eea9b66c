package agent

import (
	"context"

	"tram/agent/kiosk"
	"tram/agent/profile"
	"tram/agent/visit"
)

var _ kiosk.Asking = station{}

func (s station) Answer(_ context.Context, id string, answers map[string]string) error {
	return s.a.engine.Answer(id, answers)
}

func (s station) Back(_ context.Context, id string) error { return s.a.engine.Back(id) }

func (s station) SubmitCAN(_ context.Context, digits string) (string, error) {
	return s.a.engine.CAN(digits)
}

func (s station) SubmitMRZ(_ context.Context, lines string) (string, error) {
	return s.a.engine.MRZ(lines)
}

// Declare begins a visit with what a signed-in clerk typed.
func (s station) Declare(_ context.Context, person map[string]string) (string, error) {
	return s.a.engine.Declare(person)
}

// catalogue is a list to choose from: the hub's, else the one that came with Tram.
func (a *Agent) catalogue(name string) []profile.Option {
	entries, err := a.lists.Catalogue(name)
	if err != nil {
		a.log.Error("catalogue not read; the shipped one stands in", "err", err)
	}
	if len(entries) > 0 {
		options := make([]profile.Option, len(entries))
		for i, e := range entries {
			options[i] = profile.Option{ID: e.ID, Label: e.Label}
		}
		return options
	}
	options, err := profile.Catalogue(name)
	if err != nil {
		a.log.Error("catalogue not read", "err", err)
	}
	return options
}

// profileView is the profile as the screen needs it.
func (a *Agent) profileView() visit.ProfileView {
	p := a.profile
	idle := a.config.Kiosk.Idle.Value()
	seconds := func(d interface{ Seconds() float64 }) int { return int(d.Seconds()) }
	v := visit.ProfileView{
		Name: p.Name, Title: p.Title, Basis: string(p.Basis), Purpose: p.Purpose, Law: p.Law, Keeps: p.Keeps,
		Evidence: []string{}, Questions: []visit.QuestionView{}, Languages: p.Languages, Assurance: string(p.Assurance),
		Face: string(p.Face), Liveness: string(p.Liveness), Exports: []string{}, Quick: p.Quick,
		Timeouts: visit.TimeoutsView{Idle: seconds(idle), Card: seconds(idle), Confirm: seconds(idle)},
	}
	for _, e := range p.Evidence {
		v.Evidence = append(v.Evidence, string(e))
	}
	for _, e := range p.Exports {
		v.Exports = append(v.Exports, string(e))
	}
	if t := p.Timeouts; t.Idle != 0 {
		v.Timeouts.Idle = seconds(t.Idle.Value())
	}
	if t := p.Timeouts; t.Card != 0 {
		v.Timeouts.Card = seconds(t.Card.Value())
	}
	if t := p.Timeouts; t.Confirm != 0 {
		v.Timeouts.Confirm = seconds(t.Confirm.Value())
	}
	if r := p.Register; r != nil {
		v.Register, v.Retain = string(r.Kind), r.Retain.Value().String()
	}
	if t := p.Ticket; t != nil {
		v.Ticket = string(t.Kind)
	}
	for _, q := range p.Questions {
		options := q.Options
		if q.Kind == profile.KindCatalogue {
			options = a.catalogue(q.Catalogue)
		}
		view := visit.QuestionView{
			ID: q.ID, Label: q.Label, Help: q.Help, Kind: string(q.Kind), By: string(q.By), Required: q.Required,
			Pattern: q.Pattern, MaxLength: q.MaxLength, Min: q.Min, Max: q.Max, Default: q.Default,
		}
		for _, o := range options {
			view.Options = append(view.Options, visit.OptionView{ID: o.ID, Label: o.Label})
		}
		v.Questions = append(v.Questions, view)
	}
	return v
}
