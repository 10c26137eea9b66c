package register

import (
	"context"

	bolt "go.etcd.io/bbolt"
)

// Aggregate is how many stays the register holds, by what they have in common.
// A cell below five is withheld and counted in Withheld, with those that would
// give it away; nobody is named.
type Aggregate struct {
	Stays       int            `json:"stays"` // 0 when there are fewer than five
	Reason      map[string]int `json:"reason"`
	Age         map[string]int `json:"age"`         // "0-17", "18-34", "35-59", "60+", "unknown"
	Nationality map[string]int `json:"nationality"` // "VNM", "FRA", …, "other", "unknown"
	Nights      map[string]int `json:"nights"`      // "0", "1", "2-6", "7+", "open"
	Withheld    int            `json:"withheld"`    // cells
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
			a.Reason[r.reason(e)]++
			a.Age[e.age()]++
			a.Nationality[e.nationality()]++
			a.Nights[e.stayed()]++
		})
		return nil
	})
	for _, cells := range []map[string]int{a.Reason, a.Age, a.Nationality, a.Nights} {
		n, _ := withhold(cells)
		a.Withheld += n
	}
	if a.Stays < smallCell {
		a.Stays = 0
	}
	return a, err
}
