package lodging

import (
	"testing"
	"time"
)

func at(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", text, Place)
	if err != nil {
		panic(err)
	}
	return t
}

func TestTheLegalClock(t *testing.T) {
	for _, c := range []struct {
		arrived           string
		foreigner, remote bool
		want              string
	}{
		{"2026-03-02 14:00:00", false, false, "2026-03-02 23:00:00"},
		{"2026-03-02 22:59:59", false, false, "2026-03-02 23:00:00"},
		{"2026-03-02 23:00:00", false, false, "2026-03-03 08:00:00"},
		{"2026-03-02 23:59:59", false, false, "2026-03-03 08:00:00"},
		{"2026-03-03 00:00:00", false, false, "2026-03-03 23:00:00"}, // the day begins: its own evening
		{"2026-03-03 00:30:00", false, false, "2026-03-03 23:00:00"},
		{"2026-12-31 23:30:00", false, false, "2027-01-01 08:00:00"},
		{"2028-02-28 23:30:00", false, false, "2028-02-29 08:00:00"},
		{"2026-03-02 14:00:00", true, false, "2026-03-03 02:00:00"},
		{"2026-03-02 23:30:00", true, false, "2026-03-03 11:30:00"},
		{"2026-03-02 23:30:00", true, true, "2026-03-03 23:30:00"},
	} {
		if got := Deadline(at(c.arrived), c.foreigner, c.remote); !got.Equal(at(c.want)) {
			t.Errorf("arrived %s, foreigner %v: %s, want %s", c.arrived, c.foreigner, got.Format(time.DateTime), c.want)
		}
	}
}

func TestTheClockIsVietnamsWhateverZoneTheMachineHas(t *testing.T) {
	for _, zone := range []*time.Location{time.UTC, time.FixedZone("west", -10*3600), time.FixedZone("east", 13*3600)} {
		arrived := time.Date(2026, 3, 2, 16, 30, 0, 0, time.UTC).In(zone) // 23:30 in Vietnam
		if got := Deadline(arrived, false, false); !got.Equal(at("2026-03-03 08:00:00")) {
			t.Errorf("in %s: %s", zone, got)
		}
	}
}

func TestADeadlineWarnsBeforeAndIsFlaggedAfter(t *testing.T) {
	deadline := at("2026-03-02 23:00:00")
	none := time.Time{}
	for _, c := range []struct {
		now      string
		declared time.Time
		want     string
	}{
		{"2026-03-02 22:29:59", none, Wait}, {"2026-03-02 22:30:00", none, Soon}, {"2026-03-02 22:59:59", none, Soon},
		{"2026-03-02 23:00:00", none, Over}, {"2026-03-09 10:00:00", none, Over},
		{"2026-03-09 10:00:00", at("2026-03-02 22:59:59"), Met}, {"2026-03-09 10:00:00", at("2026-03-02 23:00:00"), Over},
	} {
		if got := State(deadline, at(c.now), c.declared); got != c.want {
			t.Errorf("at %s, declared %s: %q, want %q", c.now, c.declared.Format(time.DateTime), got, c.want)
		}
	}
}

func TestWhoIsAForeigner(t *testing.T) {
	for nationality, want := range map[string]bool{"Việt Nam": false, "VNM": false, "": false, "FRA": true, "Lào": true} {
		if got := Foreigner(nationality); got != want {
			t.Errorf("%q: %v, want %v", nationality, got, want)
		}
	}
}
