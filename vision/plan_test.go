package vision_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tram/drivers/sim/picture"
	"tram/vision"
)

// A worker of known sources finds itself in an empty room: whatever it tries, as
// if it were taken over, the kernel refuses, and it still does its work.
func TestAWorkerOfKnownSourcesReachesNothingElse(t *testing.T) {
	dir, text := writeFrames(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	w := newWorker(t, vision.Options{Models: t.TempDir(), Sources: []string{dir}})
	pong := ping(t, w)
	on := map[string]bool{}
	for _, layer := range pong.Confined {
		on[layer.Name] = layer.On
	}
	if !on["seccomp"] || !on["no_new_privs"] || !on["limits"] {
		t.Fatalf("not confined: %+v", pong.Confined)
	}
	for what, layer := range map[string]string{
		"read " + secret: "landlock", "read /etc/shadow": "landlock", "read /etc/passwd": "landlock", "list /root": "landlock", "list /proc": "landlock",
		"write " + filepath.Join(dir, "000000.png"): "landlock", "write /tmp/trespass": "landlock", "connect " + l.Addr().String(): "landlock",
		"run /bin/true": "seccomp", fmt.Sprintf("signal %d", os.Getpid()): "seccomp", "become root": "seccomp",
	} {
		if !on[layer] {
			t.Logf("%s was not tried: this kernel has no %s", what, layer)
			continue
		}
		if err := w.Provoke(context60(t), what); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := w.Portrait(context60(t), picture.PortraitJPEG(1)); err != nil {
		t.Errorf("a picture: %v", err)
	}
	read := ""
	if _, err := w.WatchCodes(context60(t), vision.CodesQuestion{Source: dir, Rate: 50, Budget: 500}, func(p vision.CodesProgress) { read += strings.Join(p.Texts, "") }); err != nil || !strings.Contains(read, text) {
		t.Errorf("its own source: %v, read %d bytes", err, len(read))
	}
	other, _ := writeFrames(t)
	if _, err := w.WatchCodes(context60(t), vision.CodesQuestion{Source: other}, func(vision.CodesProgress) {}); on["landlock"] && err == nil {
		t.Error("another source was opened")
	}
}

func TestStartedByRootTheWorkerIsAUserOfItsOwn(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can become another user: run this test as root")
	}
	dir, _ := writeFrames(t) // in a folder that only root may enter
	w := newWorker(t, vision.Options{Sources: []string{dir}, User: "nobody"})
	pong := ping(t, w)
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pong.PID))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && (f[0] == "Uid:" || f[0] == "Gid:") && strings.Contains(" "+strings.Join(f[1:], " ")+" ", " 0 ") {
			t.Errorf("%s", line)
		}
	}
	if _, err := w.WatchCodes(context60(t), vision.CodesQuestion{Source: dir, Rate: 100}, func(vision.CodesProgress) {}); err != nil {
		t.Errorf("a source in a folder of root's: %v", err)
	}
	for name, want := range map[string]error{"root": vision.ErrNoWorker, "no-such-user-here": vision.ErrNoWorker} {
		if _, err := newWorker(t, vision.Options{Sources: []string{dir}, User: name}).Ping(context60(t)); !errors.Is(err, want) {
			t.Errorf("user %s: %v, want ErrNoWorker", name, err)
		}
	}
}
