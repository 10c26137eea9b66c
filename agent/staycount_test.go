package agent

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tram/agent/profile"
	"tram/agent/register"
	"tram/agent/visit"
	"tram/drivers/privacy"
	"tram/hub"
	"tram/hub/hubtest"
	"tram/hub/store"
	"tram/sync/seal/rest"
	"tram/sync/wire"
)

// TestADaysStaysReachTheHubInNumbersOnce lets guests in yesterday, on the register
// that a daemon left, and starts the daemon three times today.
func TestADaysStaysReachTheHubInNumbersOnce(t *testing.T) {
	r := newRig(t)
	r.config.Profile = "lodging"
	r.config.Reader.Enabled = true
	now := time.Now()
	r.clock = func() (time.Time, bool) { return now, true }
	yesterday := now.AddDate(0, 0, -1)
	box, err := rest.LoadOrCreate(RestKeyPath(r.config.State))
	if err != nil {
		t.Fatal(err)
	}
	p, err := profile.Load("lodging")
	if err != nil {
		t.Fatal(err)
	}
	policy := RegisterPolicy(p)
	policy.Counts = true
	reg, err := register.Open(RegisterPath(r.config.State), register.Options{Box: box, Policy: policy, Clock: func() (time.Time, bool) { return yesterday, true }})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 7 {
		number, id := fmt.Sprintf("09909900%04d", i), fmt.Sprintf("v%d", i)
		_, err := reg.Begin(t.Context(), visit.Entry{
			ID: id, Profile: "lodging", Kind: register.Stays, Time: yesterday, Number: privacy.New(number),
			Person:  privacy.New(map[string]string{"idCode": number, "personName": "Nguyễn Văn Thử", "dateOfBirth": "15/08/1990", "nationality": "Việt Nam"}),
			Answers: privacy.New(map[string]string{"room": "101", "reason": "tourism", "until": yesterday.AddDate(0, 0, 1).In(register.Place).Format(time.DateOnly)}), RecordType: "vn.tram.stay.opened.v1",
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := reg.Done(id, uint64(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := reg.Close(); err != nil {
		t.Fatal(err)
	}
	counts := func() (list []store.Record) {
		err := hub.Place{Data: r.hub.Dir}.Records(context.Background(), rigName, func(rec store.Record) error {
			if rec.Type == wire.TypeStaysCounted {
				list = append(list, rec)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		return list
	}
	for range 3 {
		a, stop := startAgent(t, r)
		hubtest.Until(t, "the hub has the count", func() bool { return len(counts()) > 0 })
		hubtest.Until(t, "no count is due any more", func() bool {
			_, due, err := a.register.DueStayCount()
			return err == nil && due == nil
		})
		stop()
	}
	list := counts()
	if len(list) != 1 {
		t.Fatalf("%d counts of one day", len(list))
	}
	c := list[0].Stays
	if c == nil || c.Stays != 7 || c.Reason["tourism"] != 7 || c.Age["35-59"] != 7 || c.Nationality["VNM"] != 7 || c.Nights["1"] != 7 || c.Profile != "lodging" {
		t.Errorf("the hub shows %+v", c)
	}
	if c != nil && c.To.Sub(c.From) != 24*time.Hour {
		t.Errorf("a day from %s to %s", c.From, c.To)
	}
}
