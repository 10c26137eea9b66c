package register

import (
	"context"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"
)

// smallCell is the least count that is told: fewer might be recognised.
const smallCell = 5

// Aggregate is how many stays the register holds, by what they have in common.
// A cell below five is withheld and counted in Withheld; nobody is named.
type Aggregate struct {
	Stays       int            `json:"stays"` // 0 when there are fewer than five
	Reason      map[string]int `json:"reason"`
	Age         map[string]int `json:"age"` // "0-17", "18-34", "35-59", "60+", "unknown"
	Nationality map[string]int `json:"nationality"`
	Nights      map[string]int `json:"nights"`   // "0", "1", "2-6", "7+", "open"
	Withheld    int            `json:"withheld"` // cells
}

// Aggregate counts the stays that are still kept.
func (r *Register) Aggregate(_ context.Context, who string) (Aggregate, error) {
	a := Aggregate{Reason: map[string]int{}, Age: map[string]int{}, Nationality: map[string]int{}, Nights: map[string]int{}}
	if err := r.noteLook(who, "aggregate"); err != nil {
		return a, err
	}
	err := r.view("count stays", func(tx *bolt.Tx) error {
		all(tx, kindEntry, func(id string) {
			e, err := r.entry(tx, id)
			if err != nil || e.Kind != Stays || e.State != StateOpen && e.State != StateClosed {
				return
			}
			a.Stays++
			a.Reason[known(e.Answers["reason"])]++
			a.Age[ageBand(e.Person["dateOfBirth"], e.Time)]++
			a.Nationality[known(e.Person["nationality"])]++
			a.Nights[nights(e)]++
		})
		return nil
	})
	for _, cells := range []map[string]int{a.Reason, a.Age, a.Nationality, a.Nights} {
		for name, n := range cells {
			if n < smallCell {
				delete(cells, name)
				a.Withheld++
			}
		}
	}
	if a.Stays < smallCell {
		a.Stays = 0
	}
	return a, err
}

func known(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

func ageBand(birth string, at time.Time) string {
	year, err := strconv.Atoi(yearOf(birth))
	switch age := at.Year() - year; {
	case err != nil || age < 0:
		return "unknown"
	case age < 18:
		return "0-17"
	case age < 35:
		return "18-34"
	case age < 60:
		return "35-59"
	}
	return "60+"
}

func nights(e *entry) string {
	if e.Closed.IsZero() {
		return "open"
	}
	midnight := func(t time.Time) time.Time {
		y, m, d := t.In(Place).Date()
		return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	switch n := int(midnight(e.Closed).Sub(midnight(e.Time)) / (24 * time.Hour)); {
	case n < 1:
		return "0"
	case n == 1:
		return "1"
	case n < 7:
		return "2-6"
	}
	return "7+"
}
