// Command guest is the first program in a machine of package machine: it reaches
// for the outer machine's files, starts udev, loads the modules of its job, runs
// the job's command, and switches the machine off.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"tram/drivers/sim/machine/job"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "guest: runs inside a virtual machine only, as its first program")
		os.Exit(2)
	}
	fmt.Println(job.Sign)
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
	}
	unix.Sync()
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART) // which the emulator takes as the end
}

func run() error {
	var j job.Job
	b, err := os.ReadFile(job.File)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return err
	}
	for _, path := range j.First {
		if err := insert(path); err != nil {
			return fmt.Errorf("load %s: %w", path, err)
		}
	}
	if err := enter(); err != nil {
		return err
	}
	if err := start(j); err != nil {
		return err
	}
	return work(j)
}

func insert(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	flags := 0
	if !strings.HasSuffix(path, ".ko") {
		flags = unix.MODULE_INIT_COMPRESSED_FILE
	}
	err = unix.FinitModule(int(f.Fd()), "", flags)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

// enter makes the outer machine's files the root, with folders of its own where
// things are written.
func enter() error {
	const shared = "trans=virtio,version=9p2000.L,msize=512000,cache=loose"
	for _, m := range []struct {
		what, where, kind, how string
		flags                  uintptr
	}{
		{"root", "", "9p", shared, unix.MS_RDONLY},
		{"dev", "/dev", "devtmpfs", "", 0}, {"proc", "/proc", "proc", "", 0}, {"sys", "/sys", "sysfs", "", 0},
		{"tmp", "/tmp", "tmpfs", "", 0}, {"run", "/run", "tmpfs", "", 0}, {"home", "/root", "tmpfs", "", 0},
		{"work", "/mnt", "9p", "trans=virtio,version=9p2000.L,msize=512000,cache=none", 0},
	} {
		if err := unix.Mount(m.what, "/root"+m.where, m.kind, m.flags, m.how); err != nil {
			return fmt.Errorf("mount %s at %s: %w", m.kind, m.where, err)
		}
	}
	if err := os.Mkdir("/root/dev/shm", 0o1777); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := unix.Chroot("/root"); err != nil {
		return err
	}
	return os.Chdir("/")
}

// start brings udev up and loads the job's modules.
func start(j job.Job) error {
	for _, name := range append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"}, j.Env...) {
		key, value, _ := strings.Cut(name, "=")
		if err := os.Setenv(key, value); err != nil {
			return err
		}
	}
	const rules = "/run/udev/rules.d"
	if err := errors.Join(os.MkdirAll(rules, 0o755), os.WriteFile(filepath.Join(rules, "50-job.rules"), []byte(j.Rules), 0o644)); err != nil {
		return err
	}
	steps := [][]string{{"/lib/systemd/systemd-udevd", "--daemon"}}
	for _, m := range j.Load {
		steps = append(steps, append([]string{"modprobe"}, m...))
	}
	for _, step := range append(steps, []string{"udevadm", "settle"}) {
		if out, err := exec.Command(step[0], step[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", strings.Join(step, " "), err, out)
		}
	}
	return nil
}

// work runs the command and leaves what came of it.
func work(j job.Job) error {
	out, err := os.Create(filepath.Join("/mnt", job.Output))
	if err != nil {
		return err
	}
	cmd := exec.Command(j.Command[0], j.Command[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = out, out, "/mnt"
	err = cmd.Run()
	if cmd.ProcessState == nil {
		fmt.Fprintln(out, err)
		_ = out.Close()
		return os.WriteFile(filepath.Join("/mnt", job.Status), []byte("127"), 0o600)
	}
	if err := out.Close(); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join("/mnt", job.Status), fmt.Appendf(nil, "%d", cmd.ProcessState.ExitCode()), 0o600)
}
