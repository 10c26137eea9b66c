package vision

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// DefaultMemoryMiB is how much memory a worker may use when nothing else is said:
// several times what the largest network takes.
const DefaultMemoryMiB = 1024

// memoryLook is how often a worker's memory is looked at.
const memoryLook = 250 * time.Millisecond

// fate is how a process came to its end, for health.
type fate struct {
	mu   sync.Mutex
	text string
}

// lastWords are how a dying worker's first line begins, and what it means.
var lastWords = []struct{ begins, means string }{
	{"SIGABRT", "aborted"}, {"terminate called", "aborted"}, {"SIGSEGV", "broke on a bad address"}, {"fatal error: unexpected signal", "broke on a bad address"},
	{"unexpected fault", "broke on a bad address"}, {"panic:", "panicked"}, {"fatal error:", "gave up"}, {"runtime: out of memory", "ran out of memory"},
}

// hear takes a reason out of what the worker says on its way out.
func (f *fate) hear(line string) {
	for _, w := range lastWords {
		if strings.HasPrefix(line, w.begins) {
			f.because(w.means)
			return
		}
	}
}

// because notes the first reason.
func (f *fate) because(text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.text == "" {
		f.text = text
	}
}

func (f *fate) String() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text
}

// watchMemory ends the process when it uses more memory than it may: a leak must
// not take the machine down with it.
func (p *process) watchMemory(limit int) {
	clock := time.NewTicker(memoryLook)
	defer clock.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-clock.C:
		}
		if used := resident(p.cmd.Process.Pid); used > int64(limit)<<20 {
			p.fate.because(fmt.Sprintf("used %d MiB of memory, more than its %d", used>>20, limit))
			_ = p.cmd.Process.Kill()
			return
		}
	}
}

// resident is how many bytes of a process's own are in memory, without what its
// files and libraries take; 0 when that is not known.
func resident(pid int) int64 {
	// proc(5), statm: size resident shared text lib data dt, in pages
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	f := bytes.Fields(b)
	if err != nil || len(f) < 3 {
		return 0
	}
	all, err1 := strconv.ParseInt(string(f[1]), 10, 64)
	shared, err2 := strconv.ParseInt(string(f[2]), 10, 64)
	if err1 != nil || err2 != nil {
		return 0
	}
	return (all - shared) * int64(os.Getpagesize())
}

// ended notes how the process ended, where no reason is known yet.
func (p *process) ended() {
	status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case !ok:
	case status.Signaled():
		p.fate.because("ended by a signal: " + status.Signal().String())
	case status.ExitStatus() != 0:
		p.fate.because(fmt.Sprintf("ended with exit code %d", status.ExitStatus()))
	default:
		p.fate.because("ended by itself")
	}
}

// deathOf says why a question has no answer. The kernel tells how a process ended
// a moment after its socket closes.
func (p *process) deathOf(kind string) error {
	t := time.NewTimer(stopGrace)
	defer t.Stop()
	for open := true; open; { // readErr is there once the socket's reader has ended
		select {
		case _, open = <-p.in:
		case <-t.C:
			return fmt.Errorf("%s: %w", kind, ErrWorkerDied)
		}
	}
	if p.readErr != nil && errors.Is(p.readErr, ErrProtocol) {
		p.fate.because("answered nonsense")
		return fmt.Errorf("%s: %w: %w", kind, ErrWorkerDied, p.readErr)
	}
	select {
	case <-p.done:
		return fmt.Errorf("%s: %w: it %s", kind, ErrWorkerDied, &p.fate)
	case <-t.C:
	}
	return fmt.Errorf("%s: %w", kind, ErrWorkerDied)
}

// A picture that ended workers is known by its hash.
const (
	enough     = 2  // so many workers, and it is not shown to another
	maxPoisons = 64 // remembered
)

// poisons are pictures that ended workers. Only whoever holds the worker's token
// uses them.
type poisons map[[sha256.Size]byte]int

func poisonOf(q request) (key [sha256.Size]byte, ok bool) {
	h := sha256.New()
	h.Write([]byte(q.kind))
	for _, b := range q.blobs {
		h.Write([]byte(strconv.Itoa(len(b)) + ":"))
		h.Write(b)
	}
	return [sha256.Size]byte(h.Sum(nil)), len(q.blobs) > 0
}

// refuses reports whether a question has ended enough workers.
func (p poisons) refuses(q request) bool {
	if len(p) == 0 {
		return false
	}
	key, ok := poisonOf(q)
	return ok && p[key] >= enough
}

func (p poisons) note(q request) {
	key, ok := poisonOf(q)
	if !ok {
		return
	}
	if _, known := p[key]; !known && len(p) >= maxPoisons {
		clear(p)
	}
	p[key]++
}
