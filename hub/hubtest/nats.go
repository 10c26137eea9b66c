package hubtest

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// NATS is a real NATS server that speaks MQTT, in a process of its own.
type NATS struct {
	URL string // tcp://HOST:PORT of its MQTT

	t      testing.TB
	cmd    *exec.Cmd
	log    bytes.Buffer
	exited chan struct{}
}

// StartNATS starts Debian's nats-server with the settings that the project
// ships for it (config is that file's content), but on free loopback ports and
// a temporary folder. It is skipped where nats-server is not installed.
func StartNATS(t testing.TB, config string) *NATS {
	t.Helper()
	program, err := exec.LookPath("nats-server")
	if err != nil {
		program = "/usr/sbin/nats-server"
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("needs nats-server, which is not installed: apt-get install nats-server")
	}
	n := &NATS{t: t}
	dir := t.TempDir()
	own, mqtt := freeAddr(t), freeAddr(t)
	n.URL = "tcp://" + mqtt
	for shipped, here := range map[string]string{
		"listen: 127.0.0.1:4222": "listen: " + own,
		"listen: 0.0.0.0:1883":   "listen: " + mqtt,
		"/var/lib/nats/tram":     filepath.Join(dir, "jetstream"),
	} {
		if !strings.Contains(config, shipped) {
			t.Fatalf("the shipped configuration has no %q", shipped)
		}
		config = strings.Replace(config, shipped, here, 1)
	}
	// With the strictest setting where this version knows it.
	strict := strings.Replace(config, "# sync_interval: always", "sync_interval: always", 1)
	file := filepath.Join(dir, "nats.conf")
	write(t, file, strict)
	if exec.Command(program, "-t", "-c", file).Run() != nil {
		t.Log("this nats-server does not know sync_interval")
		write(t, file, config)
	}
	n.cmd = exec.Command(program, "-c", file)
	n.cmd.Stderr = &n.log
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.cmd.Start(); err != nil {
		t.Fatalf("start nats-server: %v", err)
	}
	n.exited = make(chan struct{})
	go func() {
		_ = n.cmd.Wait() // stopped, as ordered
		close(n.exited)
	}()
	t.Cleanup(n.Stop)
	Until(t, "nats-server listens", func() bool {
		select {
		case <-n.exited:
			t.Fatalf("nats-server ended at once: %s", &n.log)
		default:
		}
		conn, err := net.Dial("tcp", mqtt)
		return err == nil && conn.Close() == nil
	})
	return n
}

// Stop ends the server.
func (n *NATS) Stop() {
	End(n.cmd, n.exited, syscall.SIGTERM)
}
