package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tram/hub/hubtest"
)

// waiting is a tram-hub process whose words are in a file.
type waiting struct {
	cmd    *exec.Cmd
	exited chan struct{}
	said   string
}

func startWaiting(t *testing.T, dsn string) *waiting {
	t.Helper()
	dir := t.TempDir()
	w := &waiting{said: filepath.Join(dir, "said"), exited: make(chan struct{})}
	out, err := os.Create(w.said)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w.cmd = exec.Command(os.Args[0], "run", "--data", dir, "--postgres", dsn, "--listen", "127.0.0.1:0")
	w.cmd.Env = append(os.Environ(), "TRAM_HUB_CHILD=1")
	w.cmd.Stderr = out
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = w.cmd.Wait() // its exit code is looked at afterwards
		close(w.exited)
	}()
	t.Cleanup(func() { hubtest.End(w.cmd, w.exited, syscall.SIGKILL) })
	return w
}

// says waits for words on stderr.
func (w *waiting) says(t *testing.T, words string) {
	t.Helper()
	hubtest.Until(t, "the hub says: "+words, func() bool {
		b, err := os.ReadFile(w.said)
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-w.exited:
			t.Fatalf("tram-hub ended by itself: %s", b)
		default:
		}
		return strings.Contains(string(b), words)
	})
}

func TestADatabaseThatStartsLaterThanTheHubIsWaitedFor(t *testing.T) {
	postgres := hubtest.StartPostgres(t, "fsync=off")
	dsn := postgres.Database()
	postgres.Stop()
	w := startWaiting(t, dsn)
	w.says(t, "the hub waits for its database")
	postgres.Start()
	w.says(t, "tram-hub: ready on")
	hubtest.End(w.cmd, w.exited, syscall.SIGTERM)
	if code := w.cmd.ProcessState.ExitCode(); code != exitDone {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
}

func TestAHubThatWaitsForItsDatabaseEndsWhenItIsTold(t *testing.T) {
	nowhere := "postgres:///tram?host=" + t.TempDir()
	w := startWaiting(t, nowhere)
	w.says(t, "the hub waits for its database")
	hubtest.End(w.cmd, w.exited, syscall.SIGTERM)
	if code := w.cmd.ProcessState.ExitCode(); code != exitDone {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
	for dsn, args := range map[string][]string{nowhere: {"--wait", "1ms"}, "postgres://[": nil} {
		args = append([]string{"run", "--data", t.TempDir(), "--postgres", dsn, "--listen", "127.0.0.1:0"}, args...)
		if code := run(t.Context(), args, terminal{io.Discard, io.Discard}); code != exitNotThere {
			t.Errorf("%q: exit code %d, want %d", args, code, exitNotThere)
		}
	}
}
