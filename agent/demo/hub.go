package demo

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
	"syscall"
	"time"
)

// hubProcess is a tram-hub with its embedded broker, in a process of its own so
// that it can be stopped and started like a real one.
type hubProcess struct {
	program string
	dir     string

	mu     sync.Mutex
	addr   string // of the broker; fixed once the hub has run
	cmd    *exec.Cmd
	exited chan struct{}
	output tail
}

// findProgram looks beside this executable, then on PATH.
func findProgram(name string) (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), name)
		if info, err := os.Stat(beside); err == nil && !info.IsDir() {
			return beside, nil
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("find %s beside tram or on PATH: %w", name, err)
	}
	return path, nil
}

// start runs the hub and returns when its broker listens. A hub that runs already
// is left alone; one that ended by itself or was killed is started anew.
func (h *hubProcess) start(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cmd != nil {
		select {
		case <-h.exited:
			h.cmd = nil
		default:
			return nil
		}
	}
	listen := h.addr
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	ready := filepath.Join(h.dir, "listen")
	if err := os.Remove(ready); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the hub's old address: %w", err)
	}
	cmd := exec.Command(h.program, "run", "--listen", listen, "--data", h.dir)
	cmd.Stderr = &h.output
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the hub: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		_ = cmd.Wait() // how it ended is told by whoever waits for it to be ready
	}()
	h.cmd, h.exited = cmd, exited
	addr, err := awaitFile(ctx, ready, exited)
	if err != nil {
		h.stopLocked()
		return fmt.Errorf("start the hub: %w: %s", err, h.output.String())
	}
	h.addr = addr
	return nil
}

// awaitFile returns the content of a file once it is there and not empty.
func awaitFile(ctx context.Context, path string, exited <-chan struct{}) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	clock := time.NewTicker(10 * time.Millisecond)
	defer clock.Stop()
	for {
		if data, err := os.ReadFile(path); err == nil && len(bytes.TrimSpace(data)) > 0 {
			return strings.TrimSpace(string(data)), nil
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-exited:
			return "", errors.New("it ended at once")
		case <-clock.C:
		}
	}
}

// stop ends the hub as systemd would.
func (h *hubProcess) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopLocked()
}

func (h *hubProcess) stopLocked() {
	if h.cmd == nil {
		return
	}
	_ = h.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-h.exited:
	case <-time.After(6 * time.Second):
		_ = h.cmd.Process.Kill()
		<-h.exited
	}
	h.cmd = nil
}

// HubReport is what the hub says of this device.
type HubReport struct {
	Device     string          `json:"device"`
	Highwater  uint64          `json:"highwater"`
	Missing    json.RawMessage `json:"missing"`
	Duplicates uint64          `json:"duplicates"`
	Rejected   uint64          `json:"rejected"`
}

// NothingMissing reports whether the hub has every record up to its highwater.
func (r HubReport) NothingMissing() bool {
	switch strings.TrimSpace(string(r.Missing)) {
	case "", "0", "null", "[]":
		return true
	}
	return false
}

// report asks the hub's own command what arrived.
func (h *hubProcess) report(ctx context.Context, device string) (HubReport, error) {
	out, err := exec.CommandContext(ctx, h.program, "report", "--data", h.dir, "--json").Output()
	if err != nil {
		return HubReport{}, fmt.Errorf("ask the hub for its report: %w", err)
	}
	var all struct {
		Devices []HubReport `json:"devices"`
	}
	if err := json.Unmarshal(out, &all); err != nil {
		return HubReport{}, fmt.Errorf("read the hub's report: %w", err)
	}
	for _, d := range all.Devices {
		if d.Device == device {
			return d, nil
		}
	}
	return HubReport{}, fmt.Errorf("the hub's report does not name %s", device)
}

// tail keeps the end of what a process printed.
type tail struct {
	mu   sync.Mutex
	data []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if over := len(t.data) - 2048; over > 0 {
		t.data = t.data[over:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.data))
}
