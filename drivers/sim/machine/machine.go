package machine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tram/drivers/sim/machine/job"
)

// Job is what a machine does before it is switched off.
type Job struct {
	Dir     string     // becomes /mnt; the machine leaves its console's text there
	Load    [][]string // modules of the kernel, each with its parameters
	Rules   string     // udev's, beside Debian's
	Command []string   // by its path inside; its output and exit code are Run's
	Env     []string
}

const emulator = "qemu-system-x86_64"

// Missing says what a machine needs and is not here, or nothing. Where one is
// emulated it takes minutes, so it needs a campaign, too.
func Missing() string {
	if os.Getenv("TRAM_CAMPAIGN") != "long" {
		return "boots a machine, for minutes where it is emulated: make campaign does, or TRAM_CAMPAIGN=long"
	}
	if _, err := exec.LookPath(emulator); err != nil {
		return "needs " + emulator + ", of the package qemu-system-x86"
	}
	if _, err := exec.LookPath("udevadm"); err != nil {
		return "needs udevadm, of the package udev"
	}
	if _, _, err := kernel(); err != nil {
		return err.Error()
	}
	return ""
}

// kernel finds the newest of Debian's kernels that has its modules beside it.
func kernel() (image, modules string, err error) {
	images, _ := filepath.Glob("/boot/vmlinuz-*") // the pattern is well formed
	slices.Reverse(images)
	for _, image := range images {
		modules := filepath.Join("/lib/modules", strings.TrimPrefix(filepath.Base(image), "vmlinuz-"))
		if found, _ := filepath.Glob(modules + "/kernel/drivers/media/test-drivers/vivid/vivid.ko*"); len(found) > 0 {
			return image, modules, nil
		}
	}
	return "", "", errors.New("needs a kernel in /boot with the driver vivid, such as that of the package linux-image-amd64")
}

// needed are the modules by which the machine reaches this machine's files.
var needed = []string{"virtio_pci", "9pnet_virtio", "9p"}

// Run boots a machine, carries the job out, and returns what its command wrote.
// The error tells a command that failed from a machine that did not come up.
func Run(ctx context.Context, j Job) ([]byte, error) {
	image, modules, err := kernel()
	if err != nil {
		return nil, err
	}
	ram, err := initramfs(ctx, modules, job.Job{Load: j.Load, Rules: j.Rules, Command: j.Command, Env: j.Env})
	if err != nil {
		return nil, err
	}
	disk := filepath.Join(j.Dir, "initramfs")
	if err := os.WriteFile(disk, ram, 0o600); err != nil {
		return nil, fmt.Errorf("write the machine's first files: %w", err)
	}
	share := func(path, tag, more string) []string {
		return []string{
			"-fsdev", "local,id=" + tag + ",path=" + path + ",security_model=none,multidevs=remap" + more,
			"-device", "virtio-9p-pci,fsdev=" + tag + ",mount_tag=" + tag,
		}
	}
	console := filepath.Join(j.Dir, "console")
	args := slices.Concat([]string{
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-m", "1536", "-smp", "2", "-nic", "none",
		"-serial", "file:" + console, "-kernel", image, "-initrd", disk, "-append", "console=ttyS0 panic=-1 loglevel=4 no_timer_check rdinit=/init",
	}, share("/", "root", ",readonly=on"), share(j.Dir, "work", ""))
	said, runErr := []byte(nil), errNoSign
	if unix.Access("/dev/kvm", unix.R_OK|unix.W_OK) == nil {
		said, runErr = boot(ctx, console, true, append(args, "-accel", "kvm", "-cpu", "host,-arch-capabilities"))
	}
	if errors.Is(runErr, errNoSign) {
		said, runErr = boot(ctx, console, false, append(args, "-accel", "tcg", "-cpu", "max"))
	}
	out, _ := os.ReadFile(filepath.Join(j.Dir, job.Output))
	status, err := os.ReadFile(filepath.Join(j.Dir, job.Status))
	if err != nil {
		text, _ := os.ReadFile(console)
		return out, fmt.Errorf("the machine did not do its job: %w: %s\n%s", errors.Join(err, runErr), said, tail(text, 4000))
	}
	if code, err := strconv.Atoi(strings.TrimSpace(string(status))); err != nil || code != 0 {
		return out, fmt.Errorf("%s ended with %s", j.Command[0], status)
	}
	return out, nil
}

// errNoSign is a machine that does not even begin.
var errNoSign = errors.New("the machine gave no sign of life")

// signWithin is how long a machine may take to begin where its acceleration is in
// doubt: inside of some virtual machines /dev/kvm is there and all but stands still.
const signWithin = 12 * time.Second

// boot runs the emulator to its end. A machine in doubt is given up when nothing
// of its first program is seen in time.
func boot(ctx context.Context, console string, doubt bool, args []string) ([]byte, error) {
	_ = os.Remove(console)
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	if doubt {
		watch := time.AfterFunc(signWithin, func() {
			if text, err := os.ReadFile(console); err != nil || !bytes.Contains(text, []byte(job.Sign)) {
				giveUp(errNoSign)
			}
		})
		defer watch.Stop()
	}
	cmd := exec.CommandContext(ctx, emulator, args...)
	cmd.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	said, err := cmd.CombinedOutput()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return said, err
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// initramfs is the machine's first files: the guest, its job, and the modules
// that lead to all others.
func initramfs(ctx context.Context, modules string, j job.Job) ([]byte, error) {
	dir, err := os.MkdirTemp("", "tram-machine")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the guest: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	guest := filepath.Join(dir, "guest")
	build := exec.CommandContext(ctx, "go", "build", "-o", guest, "tram/drivers/sim/machine/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the guest: %w\n%s", err, out)
	}
	paths, err := closure(modules, needed)
	if err != nil {
		return nil, err
	}
	var a archive
	for _, dir := range []string{"proc", "sys", "dev", "root", "modules"} {
		a.folder(dir)
	}
	for _, path := range paths {
		data, err := os.ReadFile(filepath.Join(modules, path))
		if err != nil {
			return nil, fmt.Errorf("read a module of the kernel: %w", err)
		}
		name := filepath.Join("modules", filepath.Base(path))
		a.file(name, data)
		j.First = append(j.First, "/"+name)
	}
	program, err := os.ReadFile(guest)
	if err != nil {
		return nil, fmt.Errorf("read the guest: %w", err)
	}
	a.file("init", program)
	task, err := json.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("write the machine's job: %w", err)
	}
	a.file(job.File[1:], task)
	return a.done(), nil
}

// closure lists the files of modules and of all that they depend on, in the order
// in which they can be loaded.
func closure(dir string, names []string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "modules.dep"))
	if err != nil {
		return nil, fmt.Errorf("read what the kernel's modules depend on: %w", err)
	}
	depends, paths := map[string][]string{}, map[string]string{}
	for line := range bytes.Lines(text) {
		path, rest, ok := strings.Cut(strings.TrimSpace(string(line)), ":")
		if !ok {
			continue
		}
		depends[path] = strings.Fields(rest)
		name, _, _ := strings.Cut(filepath.Base(path), ".ko")
		paths[strings.ReplaceAll(name, "-", "_")] = path
	}
	var list []string
	var add func(path string)
	add = func(path string) {
		for _, d := range slices.Backward(depends[path]) {
			add(d)
		}
		if !slices.Contains(list, path) {
			list = append(list, path)
		}
	}
	for _, name := range names {
		path, ok := paths[name]
		if !ok {
			continue // built into this kernel
		}
		add(path)
	}
	return list, nil
}
