package vreader

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// childEnv marks the process inside the namespaces; its value is the folder
// outside that holds the sockets.
const childEnv = "TRAM_VREADER_CHILD"

// What the two halves say to each other, a line each.
const (
	orderRestart = "restart"
	orderUnplug  = "unplug"
	orderStop    = "stop"
	answerOK     = "ok"
)

// Names of the sockets in the shared folder.
const socketName = "pcscd.comm"

func slotName(i int) string { return fmt.Sprintf("slot%d", i) }

// Where things are inside the namespaces.
const (
	insideSockets = "/run/pcscd" // compiled into pcscd
	insideDriver  = "/run/vpcd"
	insideReaders = "/run/readers"   // the configuration with both readers
	insideNone    = "/run/noreaders" // the configuration without any
)

// firstPort is where vpcd listens for slot 0; slot 1 is the port after it.
const firstPort = 35963

// Child must be the first call of main and TestMain. In an ordinary process it
// returns at once. In the process that Start made inside the namespaces it runs
// pcscd, and never returns.
func Child() {
	dir := os.Getenv(childEnv)
	if dir == "" {
		return
	}
	_ = os.Unsetenv(childEnv)
	// pcscd gets the kernel's word to die with the thread that started it, so
	// that thread must be this one for as long as this process lives.
	runtime.LockOSThread()
	if err := inside(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// inside does what its parent says until the parent closes the pipe or dies.
func inside(dir string) error {
	p, err := findParts()
	if err != nil {
		return err
	}
	if err := furnish(dir, p); err != nil {
		return err
	}
	defer cleanUp(dir)
	d := &daemon{program: p.pcscd}
	defer d.stop()
	for i := range Slots {
		l, err := relay(filepath.Join(insideSockets, slotName(i)), firstPort+i)
		if err != nil {
			return err
		}
		defer l.Close()
	}
	answer(d.start(insideReaders))
	orders := make(chan string)
	go func() {
		defer close(orders)
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			orders <- lines.Text()
		}
	}()
	for {
		select {
		case order, ok := <-orders:
			if !ok {
				return nil
			}
			d.stop()
			answer(d.obey(order))
		case <-d.ended:
			// pcscd aborts now and then; systemd would start it again too.
			fmt.Fprintf(os.Stderr, "pcscd ended by itself and is started again: %s\n", d.output)
			time.Sleep(100 * time.Millisecond)
			if err := d.start(d.config); err != nil {
				return err
			}
		}
	}
}

func (d *daemon) obey(order string) error {
	switch order {
	case orderRestart:
		return d.start(insideReaders)
	case orderUnplug:
		return d.start(insideNone)
	case orderStop:
		return nil
	}
	return fmt.Errorf("unknown order %q", order)
}

func answer(err error) {
	if err != nil {
		fmt.Println(strings.ReplaceAll(err.Error(), "\n", "; "))
		return
	}
	fmt.Println(answerOK)
}

// furnish makes the namespaces a home for pcscd: a loopback interface, a /run of
// its own with the parent's folder as pcscd's, and no driver but vpcd's, so that
// this pcscd never takes a real USB reader away from the host's.
func furnish(dir string, p parts) error {
	if err := loopbackUp(); err != nil {
		return fmt.Errorf("bring up the loopback interface: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	// Both are opened first: the mounts below may hide their paths.
	sockets, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the folder of the sockets: %w", err)
	}
	defer unix.Close(sockets)
	drivers := filepath.Dir(p.driver)
	driver, err := unix.Open(drivers, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the folder of the driver: %w", err)
	}
	defer unix.Close(driver)
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return fmt.Errorf("mount a private /run: %w", err)
	}
	for _, d := range []string{insideSockets, insideDriver, insideReaders, insideNone} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	for _, m := range []struct {
		fd int
		at string
	}{{sockets, insideSockets}, {driver, insideDriver}} {
		if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", m.fd), m.at, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	if bundles := filepath.Dir(drivers); filepath.Base(bundles) == "drivers" {
		if err := unix.Mount("tmpfs", bundles, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
			return fmt.Errorf("hide the drivers of real readers: %w", err)
		}
	}
	config := fmt.Sprintf("FRIENDLYNAME \"Virtual PCD\"\nDEVICENAME /dev/null:0x%X\nLIBPATH %s\nCHANNELID 0x%X\n",
		firstPort, filepath.Join(insideDriver, filepath.Base(p.driver)), firstPort)
	return os.WriteFile(filepath.Join(insideReaders, "vpcd"), []byte(config), 0o644)
}

// cleanUp removes what the parent cannot when it was killed.
func cleanUp(dir string) {
	for _, name := range []string{socketName, "pcscd.pid", slotName(0), slotName(1)} {
		_ = os.Remove(filepath.Join(insideSockets, name))
	}
	_ = os.Remove(dir)
}

// daemon is the one pcscd inside.
type daemon struct {
	program string
	config  string // of the last start
	cmd     *exec.Cmd
	ended   chan struct{} // nil while it is meant to be ended
	output  *tail
}

// start runs pcscd and waits until its socket and, with readers, vpcd's ports
// answer.
func (d *daemon) start(config string) error {
	for _, name := range []string{socketName, "pcscd.pid"} {
		_ = os.Remove(filepath.Join(insideSockets, name))
	}
	d.config, d.output = config, &tail{}
	d.cmd = exec.Command(d.program, "--foreground", "--config", config)
	d.cmd.Stdout, d.cmd.Stderr = d.output, d.output
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.cmd.Start(); err != nil {
		d.cmd, d.ended = nil, nil
		return fmt.Errorf("run pcscd: %w", err)
	}
	d.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait()
		close(ended)
	}(d.cmd, d.ended)
	deadline := time.Now().Add(startTimeout)
	for {
		if _, err := os.Stat(filepath.Join(insideSockets, socketName)); err == nil {
			return nil
		}
		select {
		case <-d.ended:
			d.cmd, d.ended = nil, nil
			return fmt.Errorf("pcscd ended: %s", d.output)
		case <-time.After(2 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return errors.New("pcscd does not open its socket")
		}
	}
}

func (d *daemon) stop() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.ended:
	case <-time.After(500 * time.Millisecond): // it waits for a card that hangs
		_ = d.cmd.Process.Kill()
		<-d.ended
	}
	d.cmd, d.ended = nil, nil
}
