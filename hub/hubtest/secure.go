package hubtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tram/hub/ca"
	"tram/testdata"
)

// SecureMosquitto is a Mosquitto with the configuration that ships in
// configs/mosquitto, and certificates of a hub's authority.
type SecureMosquitto struct {
	*Mosquitto        // URL is ssl://HOST:PORT for devices
	HubURL     string // ssl://HOST:PORT for hubs
}

// StartSecureMosquitto starts Debian's mosquitto with exactly the files of
// configs/mosquitto: only the folder and the two ports are replaced, as their
// README says. It is skipped where mosquitto is not installed.
func StartSecureMosquitto(t testing.TB, authority *ca.Authority) *SecureMosquitto {
	t.Helper()
	program, err := exec.LookPath("mosquitto")
	if err != nil {
		program = "/usr/sbin/mosquitto"
	}
	if _, err := os.Stat(program); err != nil {
		t.Skip("needs mosquitto, which is not installed: apt-get install mosquitto")
	}
	m := &SecureMosquitto{Mosquitto: &Mosquitto{t: t, Dir: t.TempDir()}}
	if err := authority.WriteBroker(filepath.Join(m.Dir, "tram"), []string{"localhost", "127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	acl, err := os.ReadFile(testdata.Project("configs/mosquitto/tram.acl"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(m.Dir, "tram.acl"), string(acl))
	conf, err := os.ReadFile(testdata.Project("configs/mosquitto/tram.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for attempt := 0; ; attempt++ {
		m.Addr = freeAddr(t)
		hub := freeAddr(t)
		m.URL, m.HubURL = "ssl://"+m.Addr, "ssl://"+hub
		text := strings.ReplaceAll(string(conf), "/etc/mosquitto", m.Dir)
		for shipped, addr := range map[string]string{"8883": m.Addr, "8884": hub} {
			_, port, _ := net.SplitHostPort(addr)
			text = strings.Replace(text, "\nlistener "+shipped, fmt.Sprintf("\nlistener %s 127.0.0.1", port), 1)
		}
		if err := os.MkdirAll(filepath.Join(m.Dir, "conf.d"), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(m.Dir, "conf.d", "tram.conf"), text)
		m.config = filepath.Join(m.Dir, "mosquitto.conf")
		write(t, m.config, m.debian())
		err := m.start(program)
		if err == nil {
			break
		}
		if attempt == 3 {
			t.Fatalf("start mosquitto: %v", err)
		}
	}
	t.Cleanup(m.Stop)
	return m
}

// debian is Debian's mosquitto.conf with another folder.
func (m *SecureMosquitto) debian() string {
	lines := []string{
		"persistence true", "persistence_location " + m.Dir + "/", "log_dest file " + filepath.Join(m.Dir, "mosquitto.log"),
		"include_dir " + filepath.Join(m.Dir, "conf.d"),
	}
	if os.Geteuid() == 0 { // else mosquitto becomes a user who cannot reach its files
		lines = append(lines, "user root")
	}
	return strings.Join(lines, "\n") + "\n"
}
