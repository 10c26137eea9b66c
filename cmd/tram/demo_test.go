package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"tram/agent/demo"
)

// withPrograms puts tram-hub and tram-vision where the demo looks for them.
func withPrograms(t *testing.T) {
	t.Helper()
	dir := filepath.Dir(build(t, "tram-hub"))
	build(t, "tram-vision")
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func TestDemoPlaysTheWholeMainJob(t *testing.T) {
	withPrograms(t)
	t.Setenv("TRAM_STATE", t.TempDir())
	t.Setenv("TRAM_MODELS", filepath.Join(t.TempDir(), "none")) // as on a fresh machine
	// The program as it is shipped: the pictures are drawn slowly under the race detector.
	cmd := exec.CommandContext(t.Context(), build(t, "tram"), "demo", "--once", "--json")
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	o := outcome{cmd.ProcessState.ExitCode(), out.String(), errOut.String()}
	if err != nil || errOut.Len() > 0 {
		t.Fatal(err, o)
	}
	var r demo.Result
	o.decode(t, &r)
	if r.Accepted != 5 || r.Delivered != 5 {
		t.Errorf("%d accepted, %d delivered, want 5 and 5", r.Accepted, r.Delivered)
	}
	status := map[string]string{}
	for _, s := range r.Steps {
		status[s.Name] = s.Status
		if !s.OK || s.MS < 0 || s.Detail == "" {
			t.Errorf("step %+v", s)
		}
	}
	if len(status) != 12 || status["compare the face"] != "not done" || status["read the chip"] != "done" || status["count people"] != "done" {
		t.Errorf("steps: %v", status)
	}
}
