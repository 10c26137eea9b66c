package kiosk

import (
	"context"

	"tram/agent/signin"
	"tram/agent/visit"
)

// Deciding is a Station that looks at a face once more where it could not compare,
// POST /v1/visits/{id}/face/again, and takes a clerk's word where the device is
// unsure or could not compare, …/face/same and …/face/other.
type Deciding interface {
	CompareAgain(ctx context.Context, visitID string) error
	DecideFace(ctx context.Context, visitID, who string, same bool) error
}

// faceAPI serves another look and the clerk's decision. A program cannot look at a person: only a
// signed-in clerk decides.
func (s *Server) faceAPI(mux router) {
	station, ok := s.opt.Station.(Deciding)
	if !ok {
		return
	}
	mux.HandleFunc("POST /v1/visits/{id}/face/again", s.own(s.act("id", station.CompareAgain)))
	for word, same := range map[string]bool{"same": true, "other": false} {
		mux.HandleFunc("POST /v1/visits/{id}/face/"+word, s.role(signin.Clerk, s.act("id", func(ctx context.Context, id string) error {
			c := callerOf(ctx)
			if c.client != nil || c.role != signin.Clerk {
				return visit.ErrConflict
			}
			return station.DecideFace(ctx, id, c.name, same)
		})))
	}
}
