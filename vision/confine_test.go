package vision_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"tram/vision"
)

func TestTheWorkerIsConfinedOnEveryThread(t *testing.T) {
	pong := ping(t, newWorker(t, vision.Options{}))
	on := map[string]bool{}
	for _, l := range pong.Confined {
		on[l.Name] = l.On
		if !l.On && l.Detail == "" {
			t.Errorf("%s is missing and nothing says why", l.Name)
		}
	}
	for _, name := range []string{"no_new_privs", "capabilities", "limits"} {
		if !on[name] {
			t.Errorf("%s is not on: %+v", name, pong.Confined)
		}
	}
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pong.PID))
	if err != nil {
		t.Skip("no /proc: ", err)
	}
	for _, task := range tasks {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/status", pong.PID, task.Name()))
		if err != nil {
			continue // the thread has ended
		}
		status := string(b)
		if !strings.Contains(status, "NoNewPrivs:\t1") {
			t.Errorf("thread %s may gain privileges", task.Name())
		}
		if on["seccomp"] && !strings.Contains(status, "Seccomp:\t2") {
			t.Errorf("thread %s has no filter", task.Name())
		}
	}
}
