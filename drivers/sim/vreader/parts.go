package vreader

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// parts are the foreign programs that a virtual reader is made of.
type parts struct {
	pcscd  string // the daemon
	driver string // vpcd's shared library
}

// vpcdConfig is where vpcd's package tells pcscd of its library.
const vpcdConfig = "/etc/reader.conf.d/vpcd"

// findParts looks where distributions put them. sbin is rarely in the PATH of
// an ordinary user.
func findParts() (parts, error) {
	programs := []string{"pcscd", "/usr/sbin/pcscd", "/sbin/pcscd", "/usr/local/sbin/pcscd"}
	libraries := append(libraryOf(vpcdConfig),
		"/usr/lib/pcsc/drivers/serial/libifdvpcd.so", "/usr/local/lib/pcsc/drivers/serial/libifdvpcd.so",
		"/usr/lib64/pcsc/drivers/serial/libifdvpcd.so")
	return firstOf(programs, libraries)
}

// firstOf takes the first of each that is there, and names the packages of what
// is not.
func firstOf(programs, libraries []string) (parts, error) {
	var p parts
	for _, name := range programs {
		if path, err := exec.LookPath(name); err == nil {
			p.pcscd = path
			break
		}
	}
	for _, path := range libraries {
		if _, err := os.Stat(path); err == nil {
			p.driver = path
			break
		}
	}
	var missing []string
	if p.pcscd == "" {
		missing = append(missing, "pcscd")
	}
	if p.driver == "" {
		missing = append(missing, "vsmartcard-vpcd")
	}
	if len(missing) > 0 {
		list := strings.Join(missing, " ")
		return p, fmt.Errorf("%w: missing %s; install with: apt-get install %s", ErrNotInstalled, list, list)
	}
	return p, nil
}

// libraryOf reads LIBPATH from a reader configuration of pcscd.
func libraryOf(config string) []string {
	text, err := os.ReadFile(config)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "LIBPATH" && filepath.IsAbs(f[1]) {
			return []string{f[1]}
		}
	}
	return nil
}

// tail keeps the last few kilobytes written to it, for an error's text.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

const tailBytes = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - tailBytes; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text := strings.TrimSpace(string(t.buf)); text != "" {
		return text
	}
	return "it said nothing"
}
