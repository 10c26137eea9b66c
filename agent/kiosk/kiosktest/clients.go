package kiosktest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Node returns the node program, and the folder of the npm packages that
// configs/setup/clients.sh fetches. Without them the test is skipped and says so.
func Node(t testing.TB) (program, modules string) {
	t.Helper()
	modules = Clients(t)
	program, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed (Debian package nodejs): npm's packages were not tried")
	}
	return program, modules
}

// Clients returns the folder of the npm packages alone.
func Clients(t testing.TB) (modules string) {
	t.Helper()
	dir, err := root()
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(dir, ".state", "clients")
	if _, err := os.Stat(filepath.Join(home, "complete")); err != nil {
		t.Skip("npm's packages are not in .state/clients and were not tried; configs/setup/clients.sh fetches them, as make test does")
	}
	return filepath.Join(home, "node_modules")
}
