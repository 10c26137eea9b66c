package outbox

import (
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tram/sync/wire"
)

// A wall clock that moves against the boot clock by stepFrom between two looks
// was set; less is drift.
const stepFrom = time.Second

// believeAfter is how long a synchronised clock has to stand behind the latest
// time on record before that record is taken to be the one that was wrong.
const believeAfter = 10 * time.Minute

// reference is where the wall clock stood against a boot's own clock.
type reference struct {
	BootID   string `json:"bootid"`
	Base     int64  `json:"base"`     // wall minus boot clock, ns
	Unsynced bool   `json:"unsynced"` // records of this boot were stamped by a clock not to be trusted
	Latest   int64  `json:"latest"`   // highest wall time ever recorded while trusted, Unix ns: a floor
}

// stamp is the time of one record.
type stamp struct {
	wall      time.Time
	bootID    string
	monotonic wire.Nanoseconds
	unsynced  bool
}

// clock stamps records and notices when the wall clock is set. It may be used
// by several goroutines at once.
type clock struct {
	wall   func() time.Time
	boot   func() (id string, since time.Duration)
	synced func() bool
	floor  time.Time

	mu      sync.Mutex
	ref     reference
	known   bool               // ref is of this boot
	asked   time.Duration      // when synced was asked
	answer  bool               // and what it said
	behind  time.Duration      // since when a synchronised clock is behind the latest recorded time; 0: it is not
	pending []wire.ClockOffset // not yet in the queue
}

// newClock begins at the reference that the file holds: a clock that was set
// while the process was down, in the same boot, is noticed too.
func newClock(o *Options, ref reference) *clock {
	c := &clock{wall: o.Now, boot: o.Boot, synced: o.Synced, floor: o.Floor, ref: ref}
	if c.boot == nil {
		c.boot = bootClock()
	}
	if c.synced == nil {
		c.synced = ClockSynced
	}
	if built := BuildTime(); built.After(c.floor) {
		c.floor = built
	}
	return c
}

// stamp returns the time now, and queues an offset when the wall clock was set
// since the last stamp. What is stamped before has a lower monotonic time.
func (c *clock) stamp() stamp {
	c.mu.Lock()
	defer c.mu.Unlock()
	id, since := c.boot()
	now := c.wall()
	base := now.UnixNano() - int64(since)
	if !c.known {
		c.known = true
		if c.ref.BootID != id {
			c.ref = reference{BootID: id, Base: base, Latest: c.ref.Latest}
		}
	}
	step := time.Duration(base - c.ref.Base)
	stepped := step.Abs() >= stepFrom
	if stepped { // unless this goroutine was halted between the two clocks
		id, since = c.boot()
		now = c.wall()
		base = now.UnixNano() - int64(since)
		step = time.Duration(base - c.ref.Base)
		stepped = step.Abs() >= stepFrom
	}
	trusted := c.trusted(now, since, stepped)
	c.ref.Base = base
	switch {
	case stepped && trusted && c.ref.Unsynced:
		c.offset(since, step, wire.ReasonSynced)
	case stepped:
		c.offset(since, step, wire.ReasonStepped)
	case trusted && c.ref.Unsynced:
		c.offset(since, 0, wire.ReasonSynced) // what was stamped is right
	}
	c.ref.Unsynced = !trusted
	if trusted {
		c.ref.Latest = max(c.ref.Latest, now.UnixNano())
	}
	return stamp{wall: now, bootID: id, monotonic: wire.Nanoseconds(since), unsynced: !trusted}
}

// trusted reports whether the wall clock can be right. The kernel is asked once
// a second and after each step.
func (c *clock) trusted(now time.Time, since time.Duration, stepped bool) bool {
	if stepped || c.asked == 0 || since-c.asked > time.Second || since < c.asked {
		c.asked, c.answer = max(since, 1), c.synced()
	}
	if !c.answer || now.Before(c.floor) {
		c.behind = 0
		return false
	}
	if now.UnixNano() >= c.ref.Latest-int64(stepFrom) {
		c.behind = 0
		return true
	}
	// Behind what was recorded: either is wrong. The one that stays synchronised is believed.
	if c.behind == 0 {
		c.behind = max(since, 1)
	}
	if since-c.behind < believeAfter {
		return false
	}
	c.behind, c.ref.Latest = 0, now.UnixNano()
	return true
}

func (c *clock) offset(since, step time.Duration, reason string) {
	c.pending = append(c.pending, wire.ClockOffset{BootID: c.ref.BootID, Before: int64(since), Offset: int64(step), Reason: reason})
}

// take returns the offsets that wait and the reference that holds with them.
func (c *clock) take() ([]wire.ClockOffset, reference) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.pending
	c.pending = nil
	return p, c.ref
}

// putBack returns offsets that could not be stored.
func (c *clock) putBack(p []wire.ClockOffset) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = append(p, c.pending...)
}

// bootClock returns the time that nobody can set: since this boot, sleep included.
func bootClock() func() (string, time.Duration) {
	id := "unknown"
	if b, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		id = strings.TrimSpace(string(b))
	}
	return func() (string, time.Duration) {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
			return id, 0
		}
		return id, time.Duration(ts.Nano())
	}
}

// ClockSynced reports whether somebody disciplines the kernel's clock.
func ClockSynced() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}

// BuildTime is when the source of this program was committed, or zero: no clock is right before that.
func BuildTime() time.Time {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return time.Time{}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.time" {
			if t, err := time.Parse(time.RFC3339, s.Value); err == nil {
				return t
			}
		}
	}
	return time.Time{}
}
