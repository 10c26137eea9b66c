package apply

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets into struct seccomp_data (seccomp(2)).
const (
	offsetNumber = 0
	offsetArch   = 4
	offsetArgs   = 16 // low half of the first argument, little-endian; 8 bytes each
)

const (
	allow   = uint32(unix.SECCOMP_RET_ALLOW)
	refuse  = uint32(unix.SECCOMP_RET_ERRNO) | uint32(unix.EPERM)
	unknown = uint32(unix.SECCOMP_RET_ERRNO) | uint32(unix.ENOSYS) // libraries fall back to an older call
	kill    = uint32(unix.SECCOMP_RET_KILL_PROCESS)
)

// Requests about any file (asm-generic/ioctls.h).
const (
	fionbio = uint32(0x5421)
	fioclex = uint32(0x5451)
)

// namespaces are the flags of clone(2) that make one.
const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// code is a filter in the making. Each rule is entered with the call's number in
// the accumulator and either leaves it there or returns.
type code []unix.SockFilter

func (c *code) load(at uint32) {
	*c = append(*c, unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: at})
}

func (c *code) argument(n uint32) { c.load(offsetArgs + 8*n) }

func (c *code) and(mask uint32) {
	*c = append(*c, unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: mask})
}

func (c *code) ret(v uint32) {
	*c = append(*c, unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: v})
}

// is returns v when the accumulator equals k.
func (c *code) is(k, v uint32) {
	*c = append(*c, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: k})
	c.ret(v)
}

// has returns v when the accumulator has a bit of mask.
func (c *code) has(mask, v uint32) {
	*c = append(*c, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, Jf: 1, K: mask})
	c.ret(v)
}

// call enters rule, which must return in the end, for the call of that number.
func (c *code) call(number uint32, rule func(*code)) {
	at := len(*c)
	*c = append(*c, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: number})
	rule(c)
	(*c)[at].Jf = uint8(len(*c) - at - 1) //nolint:gosec // rules are short
}

// program is the filter: another architecture's calls kill, calls that decoders
// make are allowed, some of them with certain arguments only, all others are
// answered as if the kernel did not know them.
func program(pid uint32, network bool) []unix.SockFilter {
	c := &code{}
	c.load(offsetArch)
	*c = append(*c, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 1, K: auditArch})
	c.ret(kill)
	c.load(offsetNumber)
	if foreignCalls != 0 {
		c.has(foreignCalls, kill)
	}
	for _, list := range [][]uint32{always, onlyHere} {
		for _, number := range list {
			c.is(number, allow)
		}
	}
	for _, number := range []uint32{unix.SYS_MMAP, unix.SYS_MPROTECT} {
		c.call(number, memory)
	}
	c.call(unix.SYS_CLONE, threadsOnly)
	c.call(unix.SYS_TGKILL, func(c *code) { // abort(3), and Go's own pre-emption
		c.argument(0)
		c.is(pid, allow)
		c.ret(refuse)
	})
	c.call(unix.SYS_PRLIMIT64, func(c *code) {
		c.argument(0)
		c.is(0, allow)
		c.ret(refuse)
	})
	c.call(unix.SYS_PRCTL, func(c *code) {
		c.argument(0)
		for _, option := range []uint32{unix.PR_SET_NAME, unix.PR_GET_NAME, unix.PR_SET_VMA, unix.PR_CAPBSET_READ} {
			c.is(option, allow)
		}
		c.ret(refuse)
	})
	c.call(unix.SYS_IOCTL, videoOnly)
	if network {
		for _, number := range streams {
			c.is(number, allow)
		}
		c.call(unix.SYS_SOCKET, internetOnly)
	}
	c.ret(unknown)
	return *c
}

// memory refuses what may be written and run at once.
func memory(c *code) {
	c.argument(2)
	c.and(unix.PROT_WRITE | unix.PROT_EXEC)
	c.is(unix.PROT_WRITE|unix.PROT_EXEC, refuse)
	c.ret(allow)
}

// threadsOnly lets no process be made: the worker is one and stays one. The flags of
// clone3 lie in memory, out of a filter's sight; it is unknown, glibc falls back to clone.
func threadsOnly(c *code) {
	c.argument(0)
	c.has(namespaces, refuse)
	c.has(unix.CLONE_THREAD, allow)
	c.ret(refuse)
}

// videoOnly allows the questions of Video4Linux and the few about any file.
func videoOnly(c *code) {
	const toVideo = 'V' << 8
	c.argument(1)
	for _, request := range []uint32{unix.TIOCINQ, fionbio, fioclex, unix.TCGETS} {
		c.is(request, allow)
	}
	c.and(0xff00)
	c.is(toVideo, allow)
	c.ret(refuse)
}

// internetOnly leaves out the sockets of this machine's services; netlink's
// first protocol tells the resolver which addresses there are.
func internetOnly(c *code) {
	c.argument(0)
	c.is(unix.AF_INET, allow)
	c.is(unix.AF_INET6, allow)
	*c = append(*c, unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jt: 1, K: unix.AF_NETLINK})
	c.ret(refuse)
	c.argument(2)
	c.is(unix.NETLINK_ROUTE, allow)
	c.ret(refuse)
}

// filter puts the filter on every thread.
func filter(network bool) error {
	if auditArch == 0 {
		return errors.New("no filter was written for this architecture")
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	lines := program(uint32(os.Getpid()), network)                     //nolint:gosec // a process number
	prog := unix.SockFprog{Len: uint16(len(lines)), Filter: &lines[0]} //nolint:gosec // far below 4096
	//nolint:gosec // seccomp(2) takes a pointer
	thread, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	runtime.KeepAlive(lines)
	switch {
	case e != 0:
		return fmt.Errorf("the kernel takes no filter: %w", e)
	case thread != 0:
		return fmt.Errorf("thread %d has another filter", thread)
	}
	return nil
}
