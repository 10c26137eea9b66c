package vreader_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tram/drivers/pcsc"
	"tram/drivers/sim/vreader"
)

// holderEnv makes the test binary a process that starts a reader, says where
// and waits to be killed.
const holderEnv = "TRAM_TEST_HOLD_READER"

func TestMain(m *testing.M) {
	vreader.Child()
	if os.Getenv(holderEnv) != "" {
		hold()
		return
	}
	goleak.VerifyTestMain(m)
}

func hold() {
	r, err := vreader.Start(context.Background())
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(strings.TrimPrefix(r.Slot(0), "unix:"))
	select {}
}

func TestStartListsBothReadersAndCloseLeavesNothing(t *testing.T) {
	r := start(t)
	if got, want := len(r.Names()), vreader.Slots; got != want {
		t.Fatalf("Names() = %q, want %d readers", r.Names(), want)
	}
	names, err := pcsc.List()
	if err != nil {
		t.Fatalf("pcsc.List: %v", err)
	}
	if fmt.Sprint(names) != fmt.Sprint(r.Names()) {
		t.Errorf("pcsc.List() = %q, want %q", names, r.Names())
	}
	dir := filepath.Dir(r.Socket())
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("after Close, Stat(%s) = %v, want not exist", dir, err)
	}
	if _, err := pcsc.List(); !errors.Is(err, pcsc.ErrNoService) {
		t.Errorf("after Close, pcsc.List() = %v, want ErrNoService", err)
	}
}

func TestStartAgainInTheSameProcess(t *testing.T) {
	first := start(t)
	if _, err := vreader.Start(t.Context()); !errors.Is(err, vreader.ErrInUse) {
		t.Errorf("second Start = %v, want ErrInUse", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := start(t)
	if len(second.Names()) != vreader.Slots {
		t.Errorf("after a second Start, Names() = %q", second.Names())
	}
}

func TestRestartUnplugAndPlugChangeWhatIsListed(t *testing.T) {
	r := start(t)
	for _, step := range []struct {
		name string
		do   func() error
		want int
	}{
		{"Restart", func() error { return r.Restart(t.Context()) }, 2},
		{"Unplug", func() error { return r.Unplug(t.Context()) }, 0},
		{"Plug", func() error { return r.Plug(t.Context()) }, 2},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		names, err := pcsc.List()
		if err != nil || len(names) != step.want {
			t.Errorf("after %s, pcsc.List() = %q, %v; want %d readers", step.name, names, err, step.want)
		}
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Fatalf("Stop: %v", err)
	}
	if _, err := pcsc.List(); !errors.Is(err, pcsc.ErrNoService) {
		t.Errorf("after Stop, pcsc.List() = %v, want ErrNoService", err)
	}
}

func TestPcscdThatEndsByItselfIsStartedAgain(t *testing.T) {
	r := start(t)
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(r.Socket()), "pcscd.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.Trim(string(raw), " \n\x00"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "pcscd to be gone", func() bool { return syscall.Kill(pid, 0) != nil })
	waitFor(t, "both readers to be back", func() bool {
		names, err := pcsc.List()
		return err == nil && len(names) == vreader.Slots
	})
}

func TestNoPortOfTheHostIsTouched(t *testing.T) {
	start(t)
	// proc_net_tcp(5): the second column is the local address, the fourth 0A for a port that is listened on. A
	// connection of some other program may well have one of these numbers on its side.
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		raw, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(raw)) {
			f := strings.Fields(line)
			if len(f) < 4 || f[3] != "0A" {
				continue
			}
			_, port, _ := strings.Cut(f[1], ":")
			if n, err := strconv.ParseUint(port, 16, 16); err == nil && (n == 35963 || n == 35964) {
				t.Errorf("port %d of the host is listened on", n)
			}
		}
	}
}

func TestAnotherProcessHasItsOwnAndPcscdDiesWithIt(t *testing.T) {
	start(t)
	testHolder(t, nil)
}

func TestAnOrdinaryUserCanStartOne(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("the other tests already run as an ordinary user")
	}
	testHolder(t, &syscall.Credential{Uid: 65534, Gid: 65534})
}

// testHolder starts another process with a reader, lays a card on it, kills the
// process with SIGKILL, and expects the card's connection to end and the folder
// to go.
func testHolder(t *testing.T, who *syscall.Credential) {
	t.Helper()
	slot, kill := startHolder(t, who)
	card, err := net.Dial("unix", slot)
	if err != nil {
		t.Fatalf("reach the other process's reader: %v", err)
	}
	defer card.Close()
	_ = card.SetDeadline(time.Now().Add(20 * time.Second))
	frame := make([]byte, 3)
	if _, err := card.Read(frame); err != nil {
		t.Fatalf("vpcd of the other process says nothing: %v", err)
	}
	kill()
	for err = nil; err == nil; {
		_, err = card.Read(frame)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("pcscd still serves the card after its parent was killed")
	}
	dir := filepath.Dir(slot)
	waitFor(t, "the folder of the killed process to go", func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err)
	})
}

func startHolder(t *testing.T, who *syscall.Credential) (slot string, kill func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if who != nil {
		self = copyForOthers(t, self)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), holderEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	cmd.Dir = "/"
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the other process: %v", err)
	}
	var once bool
	kill = func() {
		if !once {
			once = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(kill)
	line := make([]byte, 512)
	n, err := out.Read(line)
	slot = strings.TrimSpace(string(line[:n]))
	if err != nil || strings.HasPrefix(slot, "error:") {
		if who != nil && strings.Contains(slot, vreader.ErrNotAllowed.Error()) {
			t.Skip("user namespaces are not allowed here")
		}
		t.Fatalf("the other process has no reader: %s (%v)", slot, err)
	}
	return slot, kill
}

// copyForOthers copies the test binary to where any user may run it.
func copyForOthers(t *testing.T, path string) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "tram-vr-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(dir, "vreader.test")
	if err := os.WriteFile(to, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return to
}

func start(t *testing.T) *vreader.Reader {
	t.Helper()
	r, err := vreader.Start(t.Context())
	if errors.Is(err, vreader.ErrNotInstalled) || errors.Is(err, vreader.ErrNotAllowed) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited 20 s for %s", what)
		}
	}
}
