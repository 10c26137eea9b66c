package outbox

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tram/sync/wire"
)

// bootClock tells time that nobody can set: since this boot, sleep included.
type bootClock struct {
	id string
}

func readBootClock() bootClock {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return bootClock{id: "unknown"}
	}
	return bootClock{id: strings.TrimSpace(string(b))}
}

// now returns the time since boot.
func (bootClock) now() wire.Nanoseconds {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0
	}
	return wire.Nanoseconds(time.Duration(ts.Nano()))
}
