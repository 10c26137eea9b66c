package agent

import (
	"context"

	"tram/agent/kiosk"
)

var _ kiosk.Deciding = station{}

// DecideFace is the word of a clerk who is at no page, as the demo's.
func (a *Agent) DecideFace(id, who string, same bool) error {
	return a.engine.DecideFace(id, who, same)
}

func (s station) DecideFace(_ context.Context, id, who string, same bool) error {
	return s.a.engine.DecideFace(id, who, same)
}
