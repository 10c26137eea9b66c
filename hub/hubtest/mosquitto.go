package hubtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Mosquitto is a real broker in a process of its own.
type Mosquitto struct {
	Addr string // HOST:PORT, the same after a restart
	URL  string // tcp://HOST:PORT
	Dir  string // its folder

	t      testing.TB
	config string
	cmd    *exec.Cmd
	exited chan struct{}
}

// StartMosquitto starts Debian's mosquitto on a free loopback port, with a
// configuration of its own to which lines may be added. It is skipped where
// mosquitto is not installed.
func StartMosquitto(t testing.TB, lines ...string) *Mosquitto {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		program = "/usr/sbin/mosquitto" // not on an ordinary user's PATH
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("needs mosquitto, which is not installed: apt-get install mosquitto")
	}
	m := &Mosquitto{t: t, Dir: t.TempDir()}
	for attempt := 0; ; attempt++ {
		m.Addr = freeAddr(t)
		m.URL = "tcp://" + m.Addr
		m.config = filepath.Join(m.Dir, "mosquitto.conf")
		_, port, _ := net.SplitHostPort(m.Addr)
		config := append([]string{
			"listener " + port + " 127.0.0.1", "allow_anonymous true", "persistence false",
			"log_dest file " + filepath.Join(m.Dir, "mosquitto.log"), "connection_messages true",
		}, lines...)
		if os.Geteuid() == 0 { // else mosquitto becomes a user who cannot reach its files
			config = append(config, "user root")
		}
		write(t, m.config, strings.Join(config, "\n")+"\n")
		err := m.start(program)
		if err == nil {
			break
		}
		if attempt == 3 { // the port was taken between looking and starting
			t.Fatalf("start mosquitto: %v", err)
		}
	}
	t.Cleanup(m.Stop)
	return m
}

// freeAddr returns a loopback address that was free a moment ago.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func (m *Mosquitto) start(program string) error {
	m.cmd = exec.Command(program, "-c", m.config)
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := m.cmd.Start(); err != nil {
		return err
	}
	m.exited = make(chan struct{})
	go func() {
		_ = m.cmd.Wait() // killed, or stopped: either is as ordered
		close(m.exited)
	}()
	for begin := time.Now(); time.Since(begin) < patience; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", m.Addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-m.exited:
			return fmt.Errorf("it ended at once: %s", m.Log())
		default:
		}
	}
	return fmt.Errorf("it does not listen: %s", m.Log())
}

// Stop ends the broker as systemd would.
func (m *Mosquitto) Stop() { m.end(syscall.SIGTERM) }

// Kill ends the broker as a power cut would.
func (m *Mosquitto) Kill() { m.end(syscall.SIGKILL) }

func (m *Mosquitto) end(sig syscall.Signal) {
	if m.cmd == nil {
		return
	}
	End(m.cmd, m.exited, sig)
	m.cmd = nil
}

// Restart starts a stopped broker on the same port.
func (m *Mosquitto) Restart() {
	m.t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		program = "/usr/sbin/mosquitto"
	}
	if err := m.start(program); err != nil {
		m.t.Fatalf("restart mosquitto: %v", err)
	}
}

// Log returns what the broker wrote to its log.
func (m *Mosquitto) Log() string {
	b, _ := os.ReadFile(filepath.Join(m.Dir, "mosquitto.log"))
	return string(b)
}
