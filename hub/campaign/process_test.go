package campaign

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is a process that is killed and started again.
type program struct {
	t    *testing.T
	name string
	make func() *exec.Cmd
	line func(line string, ended bool) // of its output; may be nil
	errs bool                          // its lines are on stderr

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
	asked  bool
	tail   []string // of stderr
	exits  int      // unasked
}

func (p *program) start() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd != nil {
		return
	}
	cmd := p.make()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	exited := make(chan struct{})
	p.cmd, p.exited, p.asked = cmd, exited, false
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines := bufio.NewReader(stdout); ; {
			text, err := lines.ReadString('\n')
			if err != nil {
				return // a line that the kill cut is none
			}
			if p.line != nil && !p.errs {
				p.line(strings.TrimSuffix(text, "\n"), false)
			}
		}
	})
	reading.Go(func() {
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if os.Getenv("TRAM_TEST_LOG") != "" {
				fmt.Fprintln(os.Stderr, p.name, lines.Text())
			}
			p.mu.Lock()
			p.tail = append(p.tail[max(0, len(p.tail)-20):], lines.Text())
			p.mu.Unlock()
			if p.line != nil && p.errs {
				p.line(lines.Text(), false)
			}
		}
	})
	go func() {
		reading.Wait()
		err := cmd.Wait()
		p.mu.Lock()
		if !p.asked {
			p.exits++
			p.t.Logf("%s ended by itself: %v\n%s", p.name, err, strings.Join(p.tail, "\n"))
		}
		p.cmd = nil
		p.mu.Unlock()
		close(exited)
	}()
}

// kill ends the process at once and waits until it is gone.
func (p *program) kill() {
	p.mu.Lock()
	cmd, exited := p.cmd, p.exited
	p.asked = true
	p.mu.Unlock()
	if cmd != nil {
		_ = cmd.Process.Kill() // it may be gone already
	}
	if exited != nil {
		<-exited
	}
}

func (p *program) unasked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.exits
}

// until waits for a condition and fails the test when it does not come.
func until(t *testing.T, what string, limit time.Duration, holds func() bool, state func() string) {
	t.Helper()
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %v in vain: %s\n%s", limit, what, state())
		}
	}
}
