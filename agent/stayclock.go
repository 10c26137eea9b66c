package agent

import (
	"time"

	"tram/agent/lodging"
	"tram/agent/register"
)

// StayRow is a stay with its legal clock.
type StayRow struct {
	register.Row
	StayClock
}

// StayClock is until when a stay has to be declared, and how that stands.
type StayClock struct {
	Deadline time.Time `json:"deadline"`
	Due      string    `json:"due,omitempty"` // "soon", "over"; "" while there is time, or when it was declared in time
	Late     bool      `json:"late"`          // the hub had it too late, or does not have it and the time is over
}

func stayClock(r register.Row, remote bool) StayClock {
	c := StayClock{Deadline: lodging.Deadline(r.Time, lodging.Foreigner(r.Person["nationality"]), remote)}
	delivered := time.Time{}
	if r.Delivered != nil {
		delivered = *r.Delivered
	}
	state := lodging.State(c.Deadline, time.Now(), delivered)
	c.Late = state == lodging.Over
	if state != lodging.Met {
		c.Due = state
	}
	return c
}

// clocks adds their clocks to stays.
func clocks(list []register.Row, remote bool) []StayRow {
	out := make([]StayRow, len(list))
	for i, r := range list {
		out[i] = StayRow{r, stayClock(r, remote)}
	}
	return out
}
