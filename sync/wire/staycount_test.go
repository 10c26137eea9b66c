package wire

import (
	"encoding/json"
	"errors"
	"maps"
	"testing"
	"time"
)

func counted() StayCount {
	c := NewStayCount()
	c.Profile, c.From, c.To, c.Stays = "lodging", time.Date(2026, 3, 1, 17, 0, 0, 0, time.UTC), time.Date(2026, 3, 2, 17, 0, 0, 0, time.UTC), 12
	c.Reason, c.Age = map[string]int{"tourism": 7, "other": 5}, map[string]int{"60+": 12}
	c.Nationality, c.Nights = map[string]int{"VNM": 7}, map[string]int{}
	c.Withheld = map[string]int{"nationality": 5, "nights": 12}
	return c
}

func TestACountOfStaysTellsNoSmallCell(t *testing.T) {
	b, err := json.Marshal(counted())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseStayCount(b); err != nil || got.Stays != 12 || !maps.Equal(got.Reason, map[string]int{"tourism": 7, "other": 5}) {
		t.Errorf("ParseStayCount = %+v, %v", got, err)
	}
	for name, change := range map[string]func(*StayCount){
		"a cell of four": func(c *StayCount) { c.Reason = map[string]int{"tourism": 8, "other": 4} },
		"four withheld":  func(c *StayCount) { c.Nationality, c.Withheld["nationality"] = map[string]int{"VNM": 8}, 4 },
		"four stays": func(c *StayCount) {
			*c = NewStayCount()
			c.Profile, c.From, c.To, c.Stays = "x", time.Now(), time.Now(), 4
		},
		"a table that does not add up":    func(c *StayCount) { c.Age = map[string]int{"60+": 11} },
		"a cell with somebody's name":     func(c *StayCount) { c.Reason = map[string]int{"Nguyễn Văn Thử": 12} },
		"a period that ends before":       func(c *StayCount) { c.To = c.From.Add(-time.Hour) },
		"fewer than none":                 func(c *StayCount) { c.Few = -1 },
		"a table that is missing, a null": func(c *StayCount) { c.Nights = nil },
	} {
		c := counted()
		change(&c)
		b, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseStayCount(b); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: %v, want ErrFormat", name, err)
		}
	}
}

func TestCountsOfStaysAddUp(t *testing.T) {
	sum := NewStayCount()
	sum.Add(counted())
	sum.Add(counted())
	if sum.Stays != 24 || sum.Reason["tourism"] != 14 || sum.Withheld["nights"] != 24 {
		t.Errorf("twice the same: %+v", sum)
	}
}

func FuzzParseStayCount(f *testing.F) {
	b, err := json.Marshal(counted())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"profile":"x","from":"2026-03-01T17:00:00Z","to":"2026-03-01T17:00:00Z","stays":0,"few":1,"withheld":{"reason":-5}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseStayCount(b)
		if err != nil {
			return
		}
		for _, cells := range c.Tables() {
			for name, n := range cells {
				if n < LeastCell {
					t.Fatalf("%s: %d", name, n)
				}
			}
		}
	})
}
