package agent

import (
	"context"

	"tram/agent/kiosk"
	"tram/configs"
	"tram/vision"
)

var _ kiosk.Deciding = station{}

// DecideFace is the word of a clerk who is at no page, as the demo's.
func (a *Agent) DecideFace(id, who string, same bool) error {
	return a.engine.DecideFace(id, who, same)
}

func (s station) DecideFace(_ context.Context, id, who string, same bool) error {
	return s.a.engine.DecideFace(id, who, same)
}

// faceModel is the network that the configuration wants faces compared with.
func faceModel(v configs.Vision) vision.FaceModel {
	m := vision.FaceModel{Name: v.Embedding}
	if v.Cut != (configs.Cut{}) {
		m.Cut = &vision.FaceCut{SHA256: v.Cut.SHA256, Match: v.Cut.Match, Unsure: v.Cut.Unsure}
	}
	return m
}

func (s station) CompareAgain(_ context.Context, id string) error {
	return s.a.engine.CompareAgain(id)
}
