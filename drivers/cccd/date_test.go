package cccd_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"tram/drivers/cccd"
)

func TestParseDateReadsWhatDocumentsWrite(t *testing.T) {
	for _, c := range []struct{ in, text, iso string }{
		{"15011999", "15/01/1999", "1999-01-15"},
		{"011999", "01/1999", "1999-01"},
		{"1999", "1999", "1999"},
		{"00001999", "1999", "1999"},
		{"00011999", "01/1999", "1999-01"},
		{"15/01/1999", "15/01/1999", "1999-01-15"},
		{"5/1/1999", "05/01/1999", "1999-01-05"},
		{"15-01-1999", "15/01/1999", "1999-01-15"},
		{"1999-01-15", "15/01/1999", "1999-01-15"},
		{" 01/1999 ", "01/1999", "1999-01"},
		{"29/02/2024", "29/02/2024", "2024-02-29"},
		{"Không thời hạn", "Không thời hạn", ""},
		{"KHÔNG THỜI HẠN", "Không thời hạn", ""},
		{"Không thời hạn", "Không thời hạn", ""}, // decomposed
		{"khong thoi han", "Không thời hạn", ""},
	} {
		d, err := cccd.ParseDate(c.in)
		if err != nil || d.String() != c.text || d.ISO() != c.iso {
			t.Errorf("ParseDate(%q) = %q, %q, %v; want %q, %q", c.in, d, d.ISO(), err, c.text, c.iso)
		}
	}
	for _, bad := range []string{"", "32011999", "30022023", "15131999", "150199", "x", "1/2/3/4", "15//", "00/00/0000", "15001999", "+5/01/1999", "９９９９"} {
		if d, err := cccd.ParseDate(bad); !errors.Is(err, cccd.ErrNotDate) {
			t.Errorf("ParseDate(%q) = %q, %v; want ErrNotDate", bad, d, err)
		}
	}
}

func TestDatesSurviveBeingWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := cccd.Date{Year: rapid.IntRange(1850, 2399).Draw(t, "year"), Month: rapid.IntRange(0, 12).Draw(t, "month")}
		if d.Month != 0 {
			d.Day = rapid.IntRange(0, 28).Draw(t, "day")
		}
		if got, err := cccd.ParseDate(d.String()); err != nil || got != d {
			t.Errorf("ParseDate(String()) = %+v, %v; want %+v", got, err, d)
		}
	})
}

func TestExpiryIsEstimatedByTheLawsAges(t *testing.T) {
	for _, c := range []struct{ birth, issued, want, why string }{
		{"15/01/1999", "02/03/2022", "15/01/2039", "within two years before 25"},
		{"15/01/1999", "02/12/2021", "15/01/2024", "2 years and a month before 25"},
		{"15/01/1999", "15/01/2022", "15/01/2039", "exactly two years before 25"},
		{"15/01/1999", "16/01/2024", "15/01/2039", "after 25"},
		{"15/01/1999", "15/01/2024", "15/01/2039", "on the birthday itself"},
		{"15/01/1999", "02/07/2038", "15/01/2059", "within two years before 40"},
		{"15/01/1964", "02/03/2022", "Không thời hạn", "issued at 58"},
		{"15/01/1964", "14/01/2022", "15/01/2024", "a day over two years before 60"},
		{"15/01/1950", "02/03/2022", "Không thời hạn", "after 60"},
		{"15/01/2012", "02/03/2023", "15/01/2037", "14 did not count before July 2024"},
		{"15/01/2015", "02/08/2024", "15/01/2029", "14 counts since"},
		{"15/01/2012", "02/08/2024", "15/01/2037", "within two years before 14"},
		{"29/02/2000", "01/08/2020", "28/02/2025", "no 29 February in that year"},
	} {
		birth, _ := cccd.ParseDate(c.birth)
		issued, _ := cccd.ParseDate(c.issued)
		if got, ok := cccd.EstimateExpiry(birth, issued); !ok || got.String() != c.want {
			t.Errorf("born %s, issued %s (%s): expires %q, %v; want %q", c.birth, c.issued, c.why, got, ok, c.want)
		}
	}
	for _, c := range [][2]cccd.Date{
		{{Year: 1999}, {Year: 2022, Month: 3, Day: 2}},
		{{Year: 1999, Month: 1, Day: 15}, {}},
		{{Year: 2022, Month: 3, Day: 2}, {Year: 1999, Month: 1, Day: 15}},
		{{Year: 1999, Month: 1, Day: 15}, {Never: true}},
	} {
		if got, ok := cccd.EstimateExpiry(c[0], c[1]); ok {
			t.Errorf("EstimateExpiry(%q, %q) = %q, want no answer", c[0], c[1], got)
		}
	}
}

func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{"15011999", "01/1999", "1999", "00001999", "29/02/2024", "2024-02-30", "Không thời hạn", "", "//", "-1/-1/1999", "0\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := cccd.ParseDate(s)
		if err != nil {
			return
		}
		if again, err := cccd.ParseDate(d.String()); err != nil || again != d {
			t.Errorf("ParseDate(String()) = %+v, %v; want %+v", again, err, d)
		}
		if d.IsZero() {
			t.Error("a date was read that is none")
		}
		_, _ = cccd.EstimateExpiry(d, cccd.Date{Year: 2022, Month: 3, Day: 2})
	})
}
