package pcsc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/ebfe/scard"
	"golang.org/x/sys/unix"
)

// link is one PC/SC context together with the unix socket beneath it.
//
// PC/SC has no call that ends a Transmit: SCardCancel wakes SCardGetStatusChange
// only, and everything else on a busy context waits behind its lock. A link can
// be cut instead: its socket to pcscd is shut down, the call that waits on it
// fails at once, and pcscd tidies up after a client that is gone. A link that
// was cut is good for nothing but release.
type link struct {
	ctx *scard.Context

	mu       sync.Mutex // held while the socket's descriptor must stay ours
	fd       int        // below zero: not found, cutting is not possible
	inode    uint64
	released bool
}

const (
	// wakeGrace is what a polite wake-up gets before the link is cut.
	wakeGrace = 200 * time.Millisecond
	// cutGrace is what a call gets to notice that its link was cut.
	cutGrace = 2 * time.Second
)

// establishing is held while a context is made, so that its socket can be told
// from those of others. It is a channel because a waiter must heed its context.
var establishing = make(chan struct{}, 1)

// openLink makes a context. When ctx ends first it returns, and what came of
// the call is released as soon as the service answers.
func openLink(ctx context.Context) (*link, error) {
	select {
	case establishing <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	type result struct {
		link *link
		err  error
	}
	done := make(chan result, 1)
	go func() {
		defer func() { <-establishing }()
		before := pcscdSockets()
		c, err := scard.EstablishContext()
		if err != nil {
			done <- result{nil, explain(err)}
			return
		}
		l := &link{ctx: c, fd: -1}
		for inode, fd := range pcscdSockets() {
			if _, old := before[inode]; !old {
				l.fd, l.inode = fd, inode
			}
		}
		done <- result{l, nil}
	}()
	select {
	case r := <-done:
		return r.link, r.err
	case <-ctx.Done():
		go func() {
			if r := <-done; r.link != nil {
				r.link.release()
			}
		}()
		return nil, fmt.Errorf("%w: %w", ErrNoService, context.Cause(ctx))
	}
}

// pcscdSockets returns this process's connections to pcscd: descriptor by inode.
func pcscdSockets() map[uint64]int {
	found := map[uint64]int{}
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return found
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		target, err := os.Readlink("/proc/self/fd/" + name)
		if err != nil || !strings.HasPrefix(target, "socket:[") {
			continue
		}
		fd, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		peer, err := unix.Getpeername(fd)
		if err != nil {
			continue
		}
		if u, ok := peer.(*unix.SockaddrUnix); !ok || !strings.HasSuffix(u.Name, "/pcscd.comm") {
			continue
		}
		if inode, ok := inodeOf(fd); ok {
			found[inode] = fd
		}
	}
	return found
}

func inodeOf(fd int) (uint64, bool) {
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return 0, false
	}
	return s.Ino, true
}

// cut ends whatever call waits on the link.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.released || l.fd < 0 {
		return
	}
	if inode, ok := inodeOf(l.fd); ok && inode == l.inode {
		_ = unix.Shutdown(l.fd, unix.SHUT_RDWR)
	}
}

// release gives the context back. It must not run beside another call on it.
func (l *link) release() {
	l.mu.Lock()
	l.released = true
	l.mu.Unlock()
	_ = l.ctx.Release()
}

// errAbandoned says that a call could not be ended. The link belongs to the
// goroutine that waits for it; nobody else may touch it again.
var errAbandoned = errors.New("the PC/SC service holds on to the call")

// do runs a call that may block for as long as the card or the service likes.
// When ctx ends, wake (if any) asks it to return; then the link is cut. Where
// even that does not help (the socket was not found), the call is abandoned: one
// goroutine waits for it, releases the link after it, and do returns
// errAbandoned. The error is ctx's cause whenever ctx ended the call.
func (l *link) do(ctx context.Context, wake func(), call func() error) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	if wake != nil {
		wake()
		if returned(done, wakeGrace) {
			return context.Cause(ctx)
		}
	}
	l.cut()
	if returned(done, cutGrace) {
		return context.Cause(ctx)
	}
	go func() {
		<-done
		l.release()
	}()
	return fmt.Errorf("%w: %w", errAbandoned, context.Cause(ctx))
}

func returned(done <-chan error, within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
