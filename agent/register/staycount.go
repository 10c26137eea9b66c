package register

import (
	"crypto/rand"
	"errors"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// tell withholds what must not be told of a count.
func tell(c *wire.StayCount) {
	for table, cells := range c.Tables() {
		if _, together := withhold(cells); together > 0 {
			c.Withheld[table] = together
		}
	}
}

// stayCounts is what was counted and no record tells of yet. It is counted as it
// happens, for an entry may be gone before its day ends.
type stayCounts struct {
	From time.Time                 `json:"from"` // since when no record tells
	To   time.Time                 `json:"to"`   // until when a record was made
	Days map[string]wire.StayCount `json:"days"` // by day
	ID   string                    `json:"id,omitempty"`
	Due  *wire.StayCount           `json:"due,omitempty"` // handed out under ID, and not known to be accepted
}

const countStays = "stays"

// carried is the day of what was too little to tell.
const carried = ""

func (r *Register) stayCounts(tx *bolt.Tx) (*stayCounts, error) {
	var c stayCounts
	err := r.get(tx, kindCount, countStays, &c)
	if errors.Is(err, ErrUnknown) {
		today := midnight(r.now())
		c, err = stayCounts{From: today, To: today}, nil
	}
	if c.Days == nil {
		c.Days = map[string]wire.StayCount{}
	}
	return &c, err
}

// countStay counts a stay that began.
func (r *Register) countStay(tx *bolt.Tx, e *entry) error {
	if !r.opt.Policy.Counts {
		return nil
	}
	c, err := r.stayCounts(tx)
	if err != nil {
		return err
	}
	one := wire.StayCount{
		Stays: 1, Reason: map[string]int{r.reason(e): 1}, Age: map[string]int{e.age(): 1},
		Nationality: map[string]int{e.nationality(): 1}, Nights: map[string]int{e.planned(): 1},
	}
	sum := wire.NewStayCount()
	sum.Add(c.Days[day(e.Time)])
	sum.Add(one)
	c.Days[day(e.Time)] = sum
	return r.put(tx, kindCount, countStays, c)
}

// DueStayCount is the count of the days that are over and that no record tells of
// yet, and the id of its record: the same ones until [Register.StayCountDone] is
// called, so that a crash between the two makes no second record. It is nil while
// there is none, or the clock is not known to be right.
func (r *Register) DueStayCount() (id string, due *wire.StayCount, err error) {
	now, right := r.opt.Clock()
	if !right || !r.opt.Policy.Counts {
		return "", nil, nil
	}
	today, wanted := midnight(now), false
	err = r.view("look for a count of stays", func(tx *bolt.Tx) error {
		c, err := r.stayCounts(tx)
		id, due = c.ID, c.Due
		wanted = due == nil && c.To.Before(today)
		return err
	})
	if err != nil || due != nil {
		return id, due, err
	}
	if !wanted {
		return "", nil, r.beginCounting()
	}
	err = r.update("count the stays of a day", func(tx *bolt.Tx) error {
		c, err := r.stayCounts(tx)
		if err != nil {
			return err
		}
		sum := wire.NewStayCount()
		sum.From, sum.To = c.From.UTC(), today.UTC()
		for d, n := range c.Days {
			if d != day(now) { // a day to come is one of a clock that was wrong
				sum.Add(n)
				delete(c.Days, d)
			}
		}
		c.To = today
		if sum.Stays < smallCell {
			c.Days[carried] = sum
			few := wire.NewStayCount()
			few.From, few.To, few.Few = sum.From, sum.To, 1
			sum = few
		} else {
			c.From = today
		}
		tell(&sum)
		c.ID, c.Due = rand.Text(), &sum
		id, due = c.ID, c.Due
		return r.put(tx, kindCount, countStays, c)
	})
	return id, due, err
}

// beginCounting writes down since when is counted, at the first time.
func (r *Register) beginCounting() error {
	known := false
	err := r.view("look for a count of stays", func(tx *bolt.Tx) error {
		known = tx.Bucket(bucketKeys).Get(name(kindCount, countStays)) != nil
		return nil
	})
	if err != nil || known {
		return err
	}
	return r.update("begin to count stays", func(tx *bolt.Tx) error {
		c, err := r.stayCounts(tx)
		if err != nil {
			return err
		}
		return r.put(tx, kindCount, countStays, c)
	})
}

// StayCountDone says that the record of that id is accepted.
func (r *Register) StayCountDone(id string) error {
	return r.update("end a count of stays", func(tx *bolt.Tx) error {
		c, err := r.stayCounts(tx)
		if err != nil || c.ID != id {
			return err
		}
		c.ID, c.Due = "", nil
		return r.put(tx, kindCount, countStays, c)
	})
}
