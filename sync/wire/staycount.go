package wire

import (
	"encoding/json"
	"fmt"
	"regexp"
	"time"
)

// TypeStaysCounted is the record of a day's stays in numbers. "counted" in the
// name makes it one that an outbox adds up and does not discard when it is full.
const TypeStaysCounted = "vn.tram.stays.counted.v1"

// LeastCell is the least count that is told of people: fewer might be recognised.
const LeastCell = 5

// StayCount is the data of a TypeStaysCounted record: how many stays began in a
// period, by what they have in common. Nobody is named. Its members are such that
// an outbox can add records up: whole numbers are summed, also inside the tables.
type StayCount struct {
	Profile     string         `json:"profile"`
	From        time.Time      `json:"from"`
	To          time.Time      `json:"to"`
	Stays       int            `json:"stays"` // 0 when they are fewer than five: then they are in a later record
	Few         int            `json:"few"`   // 1 when so; in a sum, in how many periods
	Reason      map[string]int `json:"reason"`
	Age         map[string]int `json:"age"`
	Nationality map[string]int `json:"nationality"`
	Nights      map[string]int `json:"nights"`           // as they were planned at the arrival
	Withheld    map[string]int `json:"withheld"`         // by the four names: stays in cells that are not told
	Merged      int            `json:"merged,omitempty"` // how many records a sum stands for; absent: one
}

// NewStayCount returns one in which nobody is counted yet.
func NewStayCount() StayCount {
	return StayCount{Reason: map[string]int{}, Age: map[string]int{}, Nationality: map[string]int{}, Nights: map[string]int{}, Withheld: map[string]int{}}
}

// Tables are its four tables by name.
func (c *StayCount) Tables() map[string]map[string]int {
	return map[string]map[string]int{"reason": c.Reason, "age": c.Age, "nationality": c.Nationality, "nights": c.Nights}
}

// Add takes the numbers of o in, which may lack tables; the period stays.
func (c *StayCount) Add(o StayCount) {
	c.Stays, c.Few = c.Stays+o.Stays, c.Few+o.Few
	into := c.Tables()
	for table, cells := range o.Tables() {
		for name, n := range cells {
			into[table][name] += n
		}
	}
	for table, n := range o.Withheld {
		c.Withheld[table] += n
	}
}

// Bounds on what a device may say.
const (
	maxStayCount = 64 << 10
	maxCells     = 300
	maxStays     = 1 << 30
)

var cellName = regexp.MustCompile(`^[A-Za-z0-9+._-]{1,64}$`)

// ParseStayCount reads the data of a TypeStaysCounted record. It takes none that
// tells a cell below five, or whose tables do not add up to its stays.
func ParseStayCount(b []byte) (StayCount, error) {
	c := NewStayCount()
	if len(b) > maxStayCount {
		return c, fmt.Errorf("a count of stays of %d bytes: %w", len(b), ErrFormat)
	}
	bad := func(what string) (StayCount, error) {
		return StayCount{}, fmt.Errorf("a count of stays: %w (%s)", ErrFormat, what)
	}
	if json.Unmarshal(b, &c) != nil || c.From.IsZero() || c.To.Before(c.From) || !shortText(c.Profile, 64) {
		return bad("profile, from and to")
	}
	if c.Stays < 0 || c.Stays > maxStays || c.Few < 0 || c.Few > maxStays || c.Merged < 0 || c.Stays > 0 && c.Stays < LeastCell {
		return bad("stays and few")
	}
	for table, cells := range c.Tables() {
		if cells == nil || len(cells) > maxCells {
			return bad(table)
		}
		sum := c.Withheld[table]
		if sum < 0 || sum > maxStays || sum > 0 && sum < LeastCell {
			return bad("withheld")
		}
		for name, n := range cells {
			if !cellName.MatchString(name) || n < LeastCell || n > maxStays {
				return bad(table)
			}
			sum += n
		}
		if sum != c.Stays {
			return bad(table + " does not add up")
		}
	}
	return c, nil
}
