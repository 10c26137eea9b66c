package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"tram/agent/kiosk/kiosktest"
	"tram/drivers/sim/vreader"
	"tram/testdata"
)

// asProgram makes the test binary be the program itself, so that tests can kill
// a real process.
const asProgram = "TRAM_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	vreader.Child()
	if os.Getenv(asProgram) != "" {
		main()
	}
	testscript.Main(cleaning{m}, map[string]func(){"tram": main})
}

// cleaning removes what the tests built, after the last of them.
type cleaning struct{ m *testing.M }

func (c cleaning) Run() int {
	code := c.m.Run()
	kiosktest.Close()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir) // in the system's temporary folder: nothing depends on it
	}
	return code
}

// program is a tram command in a process of its own.
func program(t *testing.T, env []string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(append(os.Environ(), asProgram+"=1"), env...)
	return cmd
}

// built is where the project's other programs are compiled to.
var built struct {
	mu  sync.Mutex
	dir string
}

// build compiles a command of the project once for all tests of this run.
func build(t *testing.T, name string) string {
	t.Helper()
	built.mu.Lock()
	defer built.mu.Unlock()
	if built.dir == "" {
		var err error
		if built.dir, err = os.MkdirTemp("", "tram-test-bin-"); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(built.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	cmd := exec.Command("go", "build", "-o", path, "./cmd/"+name)
	cmd.Dir = testdata.Project(".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return path
}

// outcome is what a command printed and how it ended.
type outcome struct {
	code     int
	out, err string
}

// tram runs a command line in this process.
func tram(ctx context.Context, args ...string) outcome {
	var out, errOut lockedBuffer
	code := run(ctx, args, terminal{strings.NewReader(""), &out, &errOut})
	return outcome{code, out.String(), errOut.String()}
}

// ownProcess runs a command line in a process of its own, for commands that use
// a reader which the test watches: one process waits on a reader once only.
func ownProcess(t *testing.T, args ...string) outcome {
	t.Helper()
	cmd := program(t, nil, args...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
}

// decode reads the command's JSON and fails the test if anything else is there.
func (o outcome) decode(t *testing.T, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(o.out))
	if err := d.Decode(into); err != nil {
		t.Fatalf("standard output is not JSON: %v\n%s\n%s", err, o.out, o.err)
	}
	if rest := strings.TrimSpace(o.out[d.InputOffset():]); rest != "" {
		t.Errorf("more than one JSON object on standard output: %q", rest)
	}
}

func (o outcome) String() string {
	return fmt.Sprintf("exit %d\n%s%s", o.code, o.out, o.err)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/scripts",
		Setup: func(e *testscript.Env) error {
			e.Setenv("TRAM_STATE", filepath.Join(e.WorkDir, "state"))
			e.Setenv("PCSCLITE_CSOCK_NAME", filepath.Join(e.WorkDir, "no-pcscd"))
			return nil
		},
	})
}
