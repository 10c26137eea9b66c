package vreader

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"tram/drivers/pcsc"
)

// Slots is the number of virtual readers that one Reader has.
const Slots = 2

// socketEnv is the variable that tells the PC/SC library where pcscd listens.
const socketEnv = "PCSCLITE_CSOCK_NAME"

// startTimeout bounds the wait for both readers; they are there within 50 ms on
// an idle machine.
const startTimeout = 20 * time.Second

// What Start and Restart say when they cannot. All of them tell the remedy.
var (
	ErrNotInstalled = errors.New("pcscd or its virtual reader is not installed")
	ErrNotAllowed   = errors.New("namespaces are not allowed here")
	ErrInUse        = errors.New("this process already has a virtual reader")
)

// A Reader is a running pcscd with two virtual readers. Its methods may be
// called from several goroutines.
type Reader struct {
	dir     string
	restore func()
	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers chan string   // lines of the child; closed when it has ended
	done    chan struct{} // closed when the child has been waited for
	stderr  *tail

	mu      sync.Mutex // one command at a time
	namesMu sync.Mutex
	names   []string

	closeOnce sync.Once
	closeErr  error
}

// process holds what one process can have only once.
var process struct {
	sync.Mutex
	dir   string // kept after Close: the PC/SC library never forgets the socket's path
	inUse bool
}

// Start runs pcscd with two virtual readers and returns when both are listed.
// ctx bounds the start only; Close ends it. It fails with ErrNotInstalled,
// ErrNotAllowed or ErrInUse, or with what pcscd said.
func Start(ctx context.Context) (*Reader, error) {
	if _, err := findParts(); err != nil {
		return nil, fmt.Errorf("start virtual reader: %w", err)
	}
	dir, err := takeDir()
	if err != nil {
		return nil, fmt.Errorf("start virtual reader: %w", err)
	}
	r := &Reader{dir: dir, restore: setenv(socketEnv, filepath.Join(dir, socketName))}
	if err := r.spawn(); err != nil {
		r.release()
		return nil, fmt.Errorf("start virtual reader: %w", err)
	}
	if err := r.ready(ctx, Slots); err != nil {
		err = fmt.Errorf("start virtual reader: %w", err)
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Slot returns the address at which a virtual card reaches slot i (0 or 1):
// "unix:" and a path. What is written there must speak vpcd's protocol. A
// connection is a card in the reader; closing it takes the card out.
func (r *Reader) Slot(i int) string { return "unix:" + filepath.Join(r.dir, slotName(i)) }

// Socket returns the path of pcscd's socket, for another process that wants to
// use the virtual reader through PCSCLITE_CSOCK_NAME.
func (r *Reader) Socket() string { return filepath.Join(r.dir, socketName) }

// Names returns the PC/SC names of the readers, in the order of their slots.
// They stay the same over a Restart.
func (r *Reader) Names() []string {
	r.namesMu.Lock()
	defer r.namesMu.Unlock()
	return append([]string(nil), r.names...)
}

// Restart kills pcscd and starts it again in the same namespaces, as an update
// of the package would. Cards are out after it. It returns when both readers
// are listed again.
func (r *Reader) Restart(ctx context.Context) error { return r.order(ctx, orderRestart, Slots) }

// Unplug starts pcscd again without any reader: the cable is pulled. Plug
// brings the readers back.
func (r *Reader) Unplug(ctx context.Context) error { return r.order(ctx, orderUnplug, 0) }

// Plug brings the readers back after Unplug.
func (r *Reader) Plug(ctx context.Context) error { return r.order(ctx, orderRestart, Slots) }

// Stop ends pcscd and leaves it ended, as "systemctl stop pcscd" would; Restart
// brings it back.
func (r *Reader) Stop(ctx context.Context) error { return r.order(ctx, orderStop, -1) }

// Close ends pcscd and removes what it left. It may be called more than once.
func (r *Reader) Close() error {
	r.closeOnce.Do(func() {
		_ = r.stdin.Close() // the child ends when its input does
		go func() {
			for range r.answers { // nobody asks any more
			}
		}()
		select {
		case <-r.done:
		case <-time.After(5 * time.Second):
			r.closeErr = errors.New("close virtual reader: it did not end by itself and was killed")
			_ = r.cmd.Process.Kill()
			<-r.done
		}
		r.release()
	})
	return r.closeErr
}

// spawn starts the inside half. As root it needs no user namespace; where root
// lacks the right (a container), it tries with one.
func (r *Reader) spawn() error {
	err := r.spawnWith(os.Geteuid() != 0)
	if os.Geteuid() == 0 && errors.Is(err, syscall.EPERM) {
		err = r.spawnWith(true)
	}
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%w: %w; run as root, or allow user namespaces (sysctl user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns=0)", ErrNotAllowed, err)
	}
	return err
}

func (r *Reader) spawnWith(userNamespace bool) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this executable: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+r.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Setpgid:    true, // Ctrl-C is for the parent, which closes us in order
	}
	if userNamespace {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	// Our own pipe, not StdoutPipe: Wait closes that one under the reader.
	out, in, err := os.Pipe()
	if err != nil {
		return err
	}
	r.stderr = &tail{}
	cmd.Stdout, cmd.Stderr = in, r.stderr
	err = cmd.Start()
	_ = in.Close()
	if err != nil {
		_ = out.Close()
		_ = stdin.Close()
		return fmt.Errorf("run %s in its own namespaces: %w", filepath.Base(self), err)
	}
	r.cmd, r.stdin = cmd, stdin
	r.answers, r.done = make(chan string, 1), make(chan struct{})
	go func() {
		defer close(r.done)
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			r.answers <- lines.Text()
		}
		_ = out.Close()
		_ = cmd.Wait()
		close(r.answers)
	}()
	return nil
}

// order sends one command to the child and waits until as many readers are
// listed as it should bring; below zero it does not look.
func (r *Reader) order(ctx context.Context, what string, readers int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := io.WriteString(r.stdin, what+"\n"); err != nil {
		return fmt.Errorf("%s virtual reader: it has ended: %w", what, err)
	}
	if err := r.ready(ctx, readers); err != nil {
		return fmt.Errorf("%s virtual reader: %w", what, err)
	}
	return nil
}

func (r *Reader) ready(ctx context.Context, readers int) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	select {
	case line, ok := <-r.answers:
		if !ok {
			return fmt.Errorf("it ended: %s", r.stderr.String())
		}
		if line != answerOK {
			return errors.New(line)
		}
	case <-ctx.Done():
		return fmt.Errorf("wait for pcscd: %w", ctx.Err())
	}
	for readers >= 0 {
		names, err := pcsc.List()
		virtual := onlyVirtual(names)
		if err == nil && len(virtual) == readers {
			if readers > 0 {
				r.namesMu.Lock()
				r.names = virtual
				r.namesMu.Unlock()
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d virtual readers, %d are listed: %w", readers, len(virtual), errors.Join(ctx.Err(), err))
		case <-r.done:
			return fmt.Errorf("it ended: %s", r.stderr.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return nil
}

func onlyVirtual(names []string) []string {
	var virtual []string
	for _, name := range names {
		if strings.HasPrefix(name, "Virtual PCD") {
			virtual = append(virtual, name)
		}
	}
	return virtual
}

func (r *Reader) release() {
	r.restore()
	_ = os.RemoveAll(r.dir)
	process.Lock()
	process.inUse = false
	process.Unlock()
}

// takeDir makes the folder of the sockets: always the same one in a process.
func takeDir() (string, error) {
	process.Lock()
	defer process.Unlock()
	if process.inUse {
		return "", ErrInUse
	}
	if process.dir != "" {
		if err := os.Mkdir(process.dir, 0o700); err != nil {
			return "", fmt.Errorf("make the folder of the sockets: %w", err)
		}
		process.inUse = true
		return process.dir, nil
	}
	// The PC/SC library cuts the path at 99 bytes, the kernel at 107.
	base := os.TempDir()
	if len(base) > 60 {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, "tram-vr-")
	if err != nil {
		return "", fmt.Errorf("make the folder of the sockets: %w", err)
	}
	process.dir, process.inUse = dir, true
	return dir, nil
}

// setenv sets a variable, also for C code, and returns what undoes it.
func setenv(key, value string) func() {
	before, was := os.LookupEnv(key)
	_ = os.Setenv(key, value)
	return func() {
		if was {
			_ = os.Setenv(key, before)
		} else {
			_ = os.Unsetenv(key)
		}
	}
}
