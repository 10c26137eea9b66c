package kiosk_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tram/agent/kiosk"
)

// The socket opens everything: another user of the machine gets nothing from it,
// though the folder is open to all.
func TestAnotherUserGetsNothingFromTheSocket(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root: another user cannot be played")
	}
	dir, err := os.MkdirTemp("", "kiosk-socket-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	start(t, newStation(), func(o *kiosk.Options) { o.Socket = path })
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v %v, want mode 0600", info.Mode(), err)
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		t.Errorf("beside the socket: %v %v, want nothing", list, err)
	}
	connect := func(uid uint32) string {
		cmd := exec.Command("/usr/bin/python3", "-c", "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.sendall(b'GET /v1/health HTTP/1.0\\r\\n\\r\\n'); print(s.recv(100))", path)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := cmd.CombinedOutput()
		return fmt.Sprint(string(out), err)
	}
	if got := connect(0); !strings.Contains(got, "200 OK") {
		t.Errorf("its owner: got %s, want an answer", got)
	}
	if got := connect(65534); !strings.Contains(got, "PermissionError") {
		t.Errorf("another user: got %s, want no permission", got)
	}
}
