package apply

import "golang.org/x/sys/unix"

const (
	auditArch    = uint32(unix.AUDIT_ARCH_AARCH64)
	foreignCalls = uint32(0)
)

// onlyHere are the calls that this architecture numbers under a name of its own.
var onlyHere = []uint32{unix.SYS_FSTATAT}
