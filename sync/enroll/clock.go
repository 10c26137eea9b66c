package enroll

import (
	"encoding/json"
	"path/filepath"
	"sync"
	"time"

	"tram/sync/seal"
)

// floorFile keeps the last time that a hub's answer named.
const floorFile = "time-floor.json"

// storeEvery is how much later than the stored time a new one must be to be stored.
const storeEvery = time.Hour

// Clock is the time that certificates are judged by: the system's, but never
// before the floor, which is the latest of the build's time, the last time that
// a hub's answer named, and the start of the newest certificate. A device that
// begins in 1970 still connects.
type Clock struct {
	now  func() time.Time
	path string

	mu     sync.Mutex
	floor  time.Time
	stored time.Time
}

// storedFloor is the content of floorFile.
type storedFloor struct {
	Time time.Time `json:"time"`
}

// NewClock returns the clock of a state folder. A nil now is time.Now.
func NewClock(state string, built time.Time, now func() time.Time) *Clock {
	if now == nil {
		now = time.Now
	}
	c := &Clock{now: now, path: filepath.Join(state, floorFile), floor: built}
	if b, err := readFile(c.path); err == nil {
		var s storedFloor
		if json.Unmarshal(b, &s) == nil {
			c.stored = s.Time
			c.raise(s.Time)
		}
	}
	for _, name := range []string{CertFile, NewFile, PrevFile} {
		if list, err := readCertificates(filepath.Join(state, name)); err == nil {
			c.raise(list[0].NotBefore)
		}
	}
	return c
}

// Now returns the system's time, or the floor when that is later.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.After(c.floor) {
		return now
	}
	return c.floor
}

// Floor returns the time that no right clock is before.
func (c *Clock) Floor() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.floor
}

// Behind reports whether the system's time is before the floor, and so wrong.
func (c *Clock) Behind() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now().Before(c.floor)
}

func (c *Clock) raise(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.After(c.floor) {
		c.floor = t
	}
}

// vouched takes a time that a hub's answer names. The device's own clock never
// gets here: one that ran ahead would be the floor for as long.
func (c *Clock) vouched(t time.Time) error {
	c.raise(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.Before(c.stored.Add(storeEvery)) {
		return nil
	}
	b, err := json.Marshal(storedFloor{t.UTC()})
	if err != nil {
		return err
	}
	c.stored = t
	return seal.WriteFile(c.path, append(b, '\n'), 0o600)
}
