package ca

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// moment is a point in time on both clocks: the one that can be set, and the
// one that counts since the machine's start.
type moment struct {
	Wall   time.Time     `json:"wall"`
	BootID string        `json:"boot"`
	Up     time.Duration `json:"up"`
}

func (a *Authority) moment() moment {
	m := moment{Wall: a.now().UTC()}
	if b, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		m.BootID = strings.TrimSpace(string(b))
	}
	m.Up = a.uptime()
	return m
}

// uptime is the time since the machine's start, sleep included.
func uptime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// within reports whether less than limit has passed from m to now. Until the
// machine starts again only its uptime counts, which nobody can set; after
// that the wall clock does, and one that stands before m is not trusted.
func (m moment) within(limit time.Duration, now moment) bool {
	if m.BootID != "" && m.BootID == now.BootID {
		return now.Up-m.Up < limit
	}
	wall := now.Wall.Sub(m.Wall)
	return wall >= 0 && wall < limit
}
