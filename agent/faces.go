package agent

import (
	"context"

	"tram/agent/kiosk"
)

var _ kiosk.Deciding = station{}

func (s station) DecideFace(_ context.Context, id, who string, same bool) error {
	return s.a.engine.DecideFace(id, who, same)
}
