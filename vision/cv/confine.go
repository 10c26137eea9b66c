package cv

import (
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"
)

// memoryLimit is how much private memory the worker may take; a leak or a bomb
// of a picture ends the worker, not the device.
const memoryLimit = 2 << 30

// Confine gives up what the worker does not need: core dumps, which would hold
// faces, being read by other processes of the same user, memory without end.
func Confine() {
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	_ = syscall.Setrlimit(unix.RLIMIT_DATA, &syscall.Rlimit{Cur: memoryLimit, Max: memoryLimit})
	debug.SetMemoryLimit(512 << 20)
}
