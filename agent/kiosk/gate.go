package kiosk

import (
	"context"
	"time"

	"tram/agent/signin"
	"tram/agent/visit"
)

// ErrNeedsClerk says that a clerk must sign in for that: 401 sign_in.
var ErrNeedsClerk = visit.ErrNeedsClerk

// Clerk is the signed-in clerk, or the owner of the socket, who asks in ctx.
func Clerk(ctx context.Context) (name string, ok bool) {
	c := callerOf(ctx)
	return c.name, c.name != "" && (c.owner || c.role == signin.Clerk)
}

// Evacuation is who is inside a gate.
type Evacuation struct {
	At      time.Time `json:"at"`
	Inside  int       `json:"inside"`
	In      int       `json:"in"`    // today
	Out     int       `json:"out"`   // today
	Names   bool      `json:"names"` // whether the profile keeps them
	Rows    []Row     `json:"rows"`
	Minutes []Minute  `json:"minutes"` // of today; one without a passage is left out
}

// Minute is what went through a gate in one minute.
type Minute struct {
	At  time.Time `json:"at"`
	In  int       `json:"in"`
	Out int       `json:"out"`
}

// Guarding is a Desk of a gate: who is inside.
type Guarding interface {
	Evacuation(ctx context.Context, who string) (Evacuation, error)
}

// Counting is a Desk that counts what it kept: nobody is named.
type Counting interface {
	Aggregate(ctx context.Context, who string) (any, error)
}

// gateAPI serves who is inside, and counts of what the register holds.
func (s *Server) gateAPI(mux router) {
	if d, ok := s.opt.Desk.(Guarding); ok {
		for _, path := range []string{"evacuation", "inside"} {
			mux.HandleFunc("GET /v1/desk/"+path, s.role(signin.Clerk, object(s, d.Evacuation)))
		}
	}
	if d, ok := s.opt.Desk.(Counting); ok {
		mux.HandleFunc("GET /v1/desk/aggregate", s.role(signin.Clerk, object(s, d.Aggregate)))
	}
}
