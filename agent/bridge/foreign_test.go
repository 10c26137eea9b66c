package bridge_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tram/agent/kiosk/kiosktest"
)

// python is Debian's, which has its own socketio and socketIO_client.
const python = "/usr/bin/python3"

// foreignPython runs a script of a client from Debian's Python packages.
func foreignPython(t *testing.T, script string, arg ...string) (hear func() []any, say func(string)) {
	t.Helper()
	if out, err := exec.Command(python, "-c", "import socketio, socketIO_client, websocket, requests").CombinedOutput(); err != nil {
		t.Fatalf("the foreign clients are not there (%s); install python3-socketio, python3-socketio-client, python3-websocket and python3-requests: make setup-test does", strings.TrimSpace(string(out)))
	}
	return foreign(t, exec.Command(python, append([]string{"-c", script}, arg...)...))
}

// foreignNode runs a script of testdata with the packages that
// configs/setup/clients.sh has fetched.
func foreignNode(t *testing.T, script string, arg ...string) (hear func() []any, say func(string)) {
	t.Helper()
	node, modules := kiosktest.Node(t)
	path, err := filepath.Abs(filepath.Join("testdata", script))
	if err != nil {
		t.Fatal(err)
	}
	return foreign(t, exec.Command(node, append([]string{path, modules}, arg...)...))
}

// foreign runs a client, which writes what it hears as one JSON list a line, and
// returns it one list a time, and a way to tell the client something.
func foreign(t *testing.T, cmd *exec.Cmd) (hear func() []any, say func(string)) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var problems strings.Builder
	cmd.Stderr = &problems
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 64)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		kill := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		for range lines {
		}
		_ = cmd.Wait()
		kill.Stop()
	})
	hear = func() []any {
		t.Helper()
		select {
		case line, ok := <-lines:
			var v []any
			if !ok || json.Unmarshal([]byte(line), &v) != nil {
				t.Fatalf("the client ended (%q): %s", line, problems.String())
			}
			return v
		case <-time.After(30 * time.Second):
			t.Fatalf("the client heard nothing: %s", problems.String())
		}
		return nil
	}
	return hear, func(text string) { _, _ = fmt.Fprintln(in, text) }
}
