package cccd_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tram/drivers/cccd"
)

func TestNumberTellsPlaceSexAndYear(t *testing.T) {
	for _, c := range []struct {
		number, place, gender string
		year                  int
		abroad                bool
		warnings              []string
	}{
		{"001099000017", "Hà Nội", cccd.Male, 1999, false, nil},
		{"079199000017", "TP Hồ Chí Minh", cccd.Female, 1999, false, nil},
		{"036200000017", "Nam Định", cccd.Male, 2000, false, nil},
		{"224305000017", "Nauru", cccd.Female, 2005, true, nil},
		{"099999000017", "", cccd.Female, 2399, false, []string{cccd.WarnNumberPlace}},
	} {
		n, warnings := cccd.ParseNumber(c.number)
		if n.Place.Reveal() != c.place || n.Gender.Reveal() != c.gender || n.BirthYear.Reveal() != c.year || n.Abroad.Reveal() != c.abroad {
			t.Errorf("ParseNumber(%s…) = %q %q %d abroad %v, want %+v", c.number[:4], n.Place.Reveal(), n.Gender.Reveal(), n.BirthYear.Reveal(), n.Abroad.Reveal(), c)
		}
		if !slices.Equal(warnings, c.warnings) {
			t.Errorf("ParseNumber(%s…) warns %q, want %q", c.number[:4], warnings, c.warnings)
		}
	}
}

func TestNumberWarnsAndNeverRefuses(t *testing.T) {
	n, _ := cccd.ParseNumber("099099000017")
	if w := n.Compare(cccd.Date{Year: 1999}, cccd.Male); len(w) != 0 {
		t.Errorf("a fitting number warns %q", w)
	}
	got := n.Compare(cccd.Date{Year: 1998, Month: 1, Day: 1}, cccd.Female)
	if want := []string{cccd.WarnNumberSex, cccd.WarnNumberYear}; !slices.Equal(got, want) {
		t.Errorf("Compare = %q, want %q", got, want)
	}
	if w := n.Compare(cccd.Date{}, ""); len(w) != 0 {
		t.Errorf("nothing to compare warns %q", w)
	}
	for _, bad := range []string{"", "12345678901", "1234567890123", "09909900001a", "０９９０９９００００１７"} {
		if _, w := cccd.ParseNumber(bad); !slices.Equal(w, []string{cccd.WarnNumberForm}) {
			t.Errorf("ParseNumber of a bad number warns %q", w)
		}
		if _, err := cccd.CANFromNumber(bad); !errors.Is(err, cccd.ErrNotNumber) {
			t.Errorf("CANFromNumber of a bad number = %v, want ErrNotNumber", err)
		}
	}
	if can, err := cccd.CANFromNumber("099099000017"); can != "000017" || err != nil {
		t.Errorf("CANFromNumber = %q, %v; want 000017", can, err)
	}
}

func TestEveryPlaceOfTheTableIsKnown(t *testing.T) {
	known := 0
	for i := range 1000 {
		if _, ok := cccd.PlaceName(fmt.Sprintf("%03d", i)); ok {
			known++
		}
	}
	if want := 63 + 195; known != want {
		t.Errorf("%d places are known, want %d", known, want)
	}
	if name, _ := cccd.PlaceName("077"); name != "Bà Rịa – Vũng Tàu" {
		t.Errorf("PlaceName(077) = %q", name)
	}
}

func TestMaskHidesTheMiddle(t *testing.T) {
	for in, want := range map[string]string{
		"099099000017": "0990****0017", "099000017": "09****017", "1234567": "****", "": "", "C1234567": "C1****567",
	} {
		if got := cccd.Mask(in); got != want {
			t.Errorf("Mask(%d characters) = %q, want %q", len(in), got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[0-9A-Z]{1,20}`).Draw(t, "number")
		if got := cccd.Mask(s); strings.Contains(got, s) || !strings.Contains(got, "****") {
			t.Errorf("Mask shows all of a number of %d characters", len(s))
		}
	})
}
