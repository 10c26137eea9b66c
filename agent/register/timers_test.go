package register

import (
	"testing"
	"time"
)

func TestWorkingDaysLeaveOutWeekendsAndHolidays(t *testing.T) {
	tet := []string{"2026-02-16", "2026-02-17", "2026-02-18", "2026-02-19", "2026-02-20", "2027-01-01"}
	for _, c := range []struct{ from, want string }{
		{"2026-03-02 09:00", "2026-03-04 09:00"}, // Monday
		{"2026-03-05 09:00", "2026-03-09 09:00"}, // Thursday: over the weekend
		{"2026-03-06 23:59", "2026-03-10 23:59"}, // Friday, late
		{"2026-03-07 10:00", "2026-03-10 10:00"}, // Saturday
		{"2026-03-08 00:00", "2026-03-10 00:00"}, // Sunday, its first minute
		{"2026-02-13 15:00", "2026-02-24 15:00"}, // the Friday before Tết
		{"2026-02-18 15:00", "2026-02-24 15:00"}, // in the middle of it
		{"2026-12-31 08:00", "2027-01-05 08:00"}, // over the year's end
	} {
		from, err := time.ParseInLocation("2006-01-02 15:04", c.from, Place)
		if err != nil {
			t.Fatal(err)
		}
		if got := WorkingDays(from, 2, tet).In(Place).Format("2006-01-02 15:04"); got != c.want {
			t.Errorf("two working days after %s: %s, want %s", c.from, got, c.want)
		}
		// The device's own zone must not matter: late in the evening here is another day there.
		if got := WorkingDays(from.UTC(), 2, tet).In(Place).Format("2006-01-02 15:04"); got != c.want {
			t.Errorf("two working days after %s, given in UTC: %s, want %s", c.from, got, c.want)
		}
	}
}

func TestAfterADeletionNothingOfThePersonIsInTheFileOrCanBeAskedFor(t *testing.T) {
	d := open(t, t.TempDir(), stays())
	d.enter(t, person("v1", Stays, an, map[string]string{"room": "101"}), 1)
	if err := d.Delete(t.Context(), "clerk", "v1", "request"); err != nil {
		t.Fatal(err)
	}
	clean(t, d.path)
	d.reopen(t)
	if list, err := d.Find(t.Context(), "clerk", an, "look"); err != nil || len(list) != 0 {
		t.Errorf("found %d entries, %v", len(list), err)
	}
	if _, err := d.Export(t.Context(), "clerk", "v1", "look"); err == nil {
		t.Error("the deleted entry can be exported")
	}
}
