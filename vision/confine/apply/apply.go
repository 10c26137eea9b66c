package apply

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"

	"tram/vision/confine"
)

// Limits of a worker beside its memory.
const (
	openFiles = 256
	threads   = 512       // of all processes of the worker's user
	slack     = 1 << 30   // of address space above the memory: stacks of threads, not yet touched
	goMemory  = 512 << 20 // of Go's own heap, before its collector works harder
	oomScore  = "700"     // when memory is short the kernel ends the worker, not the daemon
)

// All confines the process for good and says what holds. The order matters: paths
// are opened for Landlock while they can be, the user changes before the
// capabilities go, the filter comes last because it forbids what the others do.
func All(p confine.Plan) []confine.Layer {
	limited := layer("limits", "", limits(p))
	fenced := landlocked(p)
	user := become(p)
	caps := capabilities(p, fenced.On)
	alone := layer("no_new_privs", "", noNewPrivs())
	return []confine.Layer{limited, fenced, user, caps, alone, layer("seccomp", "", filter(p.Network))}
}

func layer(name, detail string, err error) confine.Layer {
	if err != nil {
		return confine.Layer{Name: name, Detail: err.Error()}
	}
	return confine.Layer{Name: name, On: true, Detail: detail}
}

// onAllThreads makes a system call on every thread of the process, Go's and C's.
func onAllThreads(call uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	if _, _, e := psx.Syscall6(call, a[0], a[1], a[2], a[3], a[4], a[5]); e != 0 {
		return e
	}
	return nil
}

func noNewPrivs() error {
	if err := onAllThreads(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	return nil
}

// become changes the user and what goes with it: the kernel then forgets that the
// process ends with its parent and that it may not be dumped.
func become(p confine.Plan) confine.Layer {
	err := changeUser(p)
	if err == nil {
		// Faces: no core dump, no debugger of the same user.
		err = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	}
	uid := os.Geteuid()
	switch {
	case err != nil:
		return confine.Layer{Name: "user", Detail: err.Error()}
	case uid == 0:
		return confine.Layer{Name: "user", Detail: "runs as root"}
	case p.User == nil:
		return confine.Layer{Name: "user", On: true, Detail: fmt.Sprintf("the user of tram, uid %d", uid)}
	}
	return confine.Layer{Name: "user", On: true, Detail: fmt.Sprintf("%s, uid %d", p.User.Name, uid)}
}

func changeUser(p confine.Plan) error {
	u := p.User
	if u == nil {
		return nil
	}
	if p.Foreign {
		if err := onAllThreads(unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1); err != nil {
			return fmt.Errorf("keep a capability: %w", err)
		}
	}
	if err := syscall.Setgroups(u.Groups); err != nil {
		return fmt.Errorf("leave the groups of root: %w", err)
	}
	if err := syscall.Setresgid(u.GID, u.GID, u.GID); err != nil {
		return fmt.Errorf("become group %d: %w", u.GID, err)
	}
	if err := syscall.Setresuid(u.UID, u.UID, u.UID); err != nil {
		return fmt.Errorf("become %s: %w", u.Name, err)
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("end with tram: %w", err)
	}
	if p.Parent != 0 && os.Getppid() != p.Parent {
		os.Exit(1) // it ended before the line above
	}
	return nil
}

// capabilities drops all of them. For files that only root can reach it keeps the
// one that reads files of others, which Landlock must hold to those files.
func capabilities(p confine.Plan, fenced bool) confine.Layer {
	var keep uint32
	if p.Foreign {
		keep = 1 << unix.CAP_DAC_READ_SEARCH
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have, want [2]unix.CapUserData
	if err := unix.Capget(&header, &have[0]); err != nil {
		return layer("capabilities", "", fmt.Errorf("read them: %w", err))
	}
	if p.Files {
		keep = 1<<unix.CAP_DAC_READ_SEARCH | 1<<unix.CAP_DAC_OVERRIDE
	}
	keep &= have[0].Permitted
	want[0] = unix.CapUserData{Effective: keep, Permitted: keep}
	_ = onAllThreads(unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL)
	//nolint:gosec // capset(2) takes two structures
	_, _, e := psx.Syscall3(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&want[0])), 0)
	switch {
	case e != 0:
		return layer("capabilities", "", fmt.Errorf("drop them: %w", e))
	case keep != 0 && !fenced:
		return layer("capabilities", "none but those over files of others", nil)
	case keep != 0:
		return layer("capabilities", "reads what it is given even where only root may", nil)
	}
	return layer("capabilities", "none", nil)
}

func limits(p confine.Plan) error {
	memory := p.Limit()
	written := uint64(0) // not a byte into any file
	if p.Files || len(p.Write) > 0 {
		written = unix.RLIM_INFINITY
	}
	debug.SetMemoryLimit(int64(min(goMemory, memory/2))) //nolint:gosec // bounded
	err := os.WriteFile("/proc/self/oom_score_adj", []byte(oomScore), 0o600)
	type limit struct {
		which int
		value uint64
	}
	list := []limit{{unix.RLIMIT_CORE, 0}, {unix.RLIMIT_DATA, memory + slack}, {unix.RLIMIT_NOFILE, openFiles}, {unix.RLIMIT_FSIZE, written}}
	if p.User != nil {
		// Of another user's processes, such as the person's at this terminal, a limit would count them all.
		list = append(list, limit{unix.RLIMIT_NPROC, threads})
	}
	for _, l := range list {
		err = errors.Join(err, lower(l.which, l.value))
	}
	if err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	return nil
}

// lower sets a limit, or leaves a lower one that is there.
func lower(which int, value uint64) error {
	var have unix.Rlimit
	if err := unix.Getrlimit(which, &have); err != nil {
		return fmt.Errorf("read limit %d: %w", which, err)
	}
	value = min(value, have.Max)
	if err := unix.Setrlimit(which, &unix.Rlimit{Cur: value, Max: value}); err != nil {
		return fmt.Errorf("lower limit %d: %w", which, err)
	}
	return nil
}
