package configs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestSystemdTakesTheUnit(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("needs systemd-analyze, of the Debian package systemd")
	}
	unit, err := os.ReadFile("systemd/tram.service")
	if err != nil {
		t.Fatal(err)
	}
	check := func(text string) string {
		path := filepath.Join(t.TempDir(), "tram.service")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(analyze, "verify", "--man=no", path).CombinedOutput()
		if err != nil {
			return string(out) + err.Error()
		}
		var said []string
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, "tram.service") { // not of other units of this machine
				said = append(said, line)
			}
		}
		return strings.Join(said, "")
	}
	// The program is not installed where the tests run.
	text := strings.ReplaceAll(string(unit), "/usr/local/bin/tram", "/bin/true")
	if said := check(text); said != "" {
		t.Errorf("systemd says:\n%s", said)
	}
	if said := check(strings.Replace(text, "Restart=always", "Restart=sometimes", 1)); !strings.Contains(said, "sometimes") {
		t.Errorf("a broken unit passes: %q", said)
	}
}
