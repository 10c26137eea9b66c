package agent

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tram/agent/lodging"
	"tram/agent/register"
)

func TestEachStaySaysWhetherTheHubHadItInTime(t *testing.T) {
	arrived := time.Date(2026, 3, 2, 14, 0, 0, 0, register.Place)
	in, late := arrived.Add(time.Hour), arrived.Add(10*time.Hour)
	foreigner := map[string]string{"nationality": "FRA"}
	for name, c := range map[string]struct {
		row    register.Row
		remote bool
		want   StayClock
	}{
		"in time":              {register.Row{Time: arrived, Delivered: &in}, false, StayClock{Deadline: arrived.Add(9 * time.Hour)}},
		"after 23:00":          {register.Row{Time: arrived, Delivered: &late}, false, StayClock{arrived.Add(9 * time.Hour), lodging.Over, true}},
		"never":                {register.Row{Time: arrived}, false, StayClock{arrived.Add(9 * time.Hour), lodging.Over, true}},
		"a foreigner, in time": {register.Row{Time: arrived, Delivered: &late, Person: foreigner}, false, StayClock{Deadline: arrived.Add(12 * time.Hour)}},
		"a remote area":        {register.Row{Time: arrived, Delivered: &late, Person: foreigner}, true, StayClock{Deadline: arrived.Add(24 * time.Hour)}},
		"just arrived":         {register.Row{Time: time.Now(), Person: foreigner}, false, StayClock{Deadline: time.Now().Add(12 * time.Hour)}},
	} {
		got := stayClock(c.row, c.remote)
		if got.Due != c.want.Due || got.Late != c.want.Late || got.Deadline.Sub(c.want.Deadline).Abs() > time.Minute {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	raw, err := json.Marshal(clocks([]register.Row{{ID: "v1", Time: arrived}}, false))
	if err != nil || !strings.Contains(string(raw), `"late":true`) || !strings.Contains(string(raw), `"id":"v1"`) {
		t.Errorf("as JSON: %s, %v", raw, err)
	}
}
