package apply

import "golang.org/x/sys/unix"

const (
	auditArch    = uint32(unix.AUDIT_ARCH_X86_64)
	foreignCalls = uint32(0x40000000) // the x32 calls, by which a filter could be walked around
)

// onlyHere are the older names of calls that only this architecture has.
var onlyHere = []uint32{
	unix.SYS_OPEN, unix.SYS_STAT, unix.SYS_LSTAT, unix.SYS_NEWFSTATAT, unix.SYS_ACCESS, unix.SYS_READLINK, unix.SYS_POLL, unix.SYS_SELECT,
	unix.SYS_PIPE, unix.SYS_DUP2, unix.SYS_EPOLL_CREATE, unix.SYS_EPOLL_WAIT, unix.SYS_EVENTFD, unix.SYS_TIME, unix.SYS_ARCH_PRCTL,
	unix.SYS_GETPGRP,
}
