package vision

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"tram/drivers/camera/spec"
)

// process is one running tram-vision and the socket to it.
type process struct {
	cmd     *exec.Cmd
	conn    net.Conn
	in      chan Message  // what it says; closed when the socket is
	done    chan struct{} // closed when it has ended and been reaped
	readErr error         // why in was closed; valid after that
	fate    fate
	devices bool // it may open the cameras that were there when it started
	nextID  uint64
}

// findWorker returns the path of tram-vision: the one asked for, beside this
// executable, or on the PATH.
func findWorker(asked string) (string, error) {
	if asked != "" {
		if _, err := os.Stat(asked); err != nil {
			return "", fmt.Errorf("%w: %s", ErrNoWorker, asked)
		}
		return asked, nil
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "tram-vision")
		if st, err := os.Stat(beside); err == nil && st.Mode().IsRegular() {
			return beside, nil
		}
	}
	path, err := exec.LookPath("tram-vision")
	if err != nil {
		return "", fmt.Errorf("%w: neither beside this program nor on the PATH", ErrNoWorker)
	}
	return path, nil
}

// startProcess starts tram-vision with one end of a socket pair as its file 3.
func startProcess(o Options) (*process, error) {
	path, err := findWorker(o.Path)
	if err != nil {
		return nil, err
	}
	plan, err := o.plan()
	if err != nil {
		return nil, err
	}
	mine, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd := exec.Command(path)
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Env = append(workerEnv(o.Models), planEnv+"="+plan.String())
	cmd.Dir = "/"
	// The worker must not outlive this process, however that ends.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		_ = mine.Close()
		return nil, fmt.Errorf("start tram-vision: %w", err)
	}
	p := &process{cmd: cmd, conn: mine, in: make(chan Message, 4), done: make(chan struct{}), devices: len(plan.Devices) > 0 || !plan.Files}
	started := make(chan error)
	go p.live(stderr, started, o.Log)
	if err := <-started; err != nil {
		_ = mine.Close()
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
			return nil, fmt.Errorf("%w: %s: %v", ErrNoWorker, path, err) //nolint:errorlint // one sentinel is enough
		}
		return nil, fmt.Errorf("start tram-vision: %w", err)
	}
	go p.receive()
	go p.watchMemory(o.MemoryMiB)
	return p, nil
}

func socketPair() (net.Conn, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make the socket to tram-vision: %w", err)
	}
	mineFile := os.NewFile(uintptr(fds[0]), "tram-vision")
	theirs := os.NewFile(uintptr(fds[1]), "tram")
	mine, err := net.FileConn(mineFile)
	_ = mineFile.Close()
	if err != nil {
		_ = theirs.Close()
		return nil, nil, fmt.Errorf("use the socket to tram-vision: %w", err)
	}
	return mine, theirs, nil
}

// workerEnv is all that the worker sees of this process's environment.
func workerEnv(models string) []string {
	env := []string{
		"TRAM_MODELS=" + models,
		"OPENCV_LOG_LEVEL=ERROR",
		"OPENCV_FFMPEG_LOGLEVEL=-8",
		"OPENCV_FFMPEG_CAPTURE_OPTIONS=rtsp_transport;tcp|timeout;5000000",
		"OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT=5",
		"GOTRACEBACK=none", // a stack may hold addresses into a picture, never its content; it is noise all the same
	}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "HOME", "TMPDIR", "TZ", "LANG"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// live starts the process, carries its stderr into the log, and reaps it. It
// keeps its thread to itself: the kernel sends the death signal when the thread
// that started the process ends, not when the whole program does.
func (p *process) live(stderr io.ReadCloser, started chan<- error, log *slog.Logger) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	lines := bufio.NewScanner(stderr)
	lines.Buffer(make([]byte, 4096), 64<<10)
	for lines.Scan() {
		if text := cleanLine(lines.Text()); text != "" {
			p.fate.hear(text)
			log.Warn("tram-vision says", "pid", p.cmd.Process.Pid, "line", text)
		}
	}
	_, _ = io.Copy(io.Discard, stderr) // a line too long for the scanner must not block the worker
	err = p.cmd.Wait()
	p.ended()
	log.Debug("tram-vision ended", "pid", p.cmd.Process.Pid, "err", err)
	close(p.done)
}

// cleanLine shortens a line of the worker and takes passwords out of addresses.
func cleanLine(s string) string {
	s = spec.Public(s)
	if len(s) > 400 {
		s = s[:400] + "…"
	}
	return s
}

func (p *process) receive() {
	defer close(p.in)
	for {
		m, err := ReadMessage(p.conn) // unbuffered: a buffer would hold the end of a picture for long
		if err != nil {
			p.readErr = err
			return
		}
		select {
		case p.in <- m:
		case <-p.done:
			p.readErr = io.EOF
			return
		}
	}
}

// kill ends the process and waits until it is gone and nothing of it runs on.
func (p *process) kill() {
	p.fate.because("was ended")
	_ = p.cmd.Process.Kill()
	<-p.done
	_ = p.conn.Close()
	for m := range p.in { // until receive has returned
		m.wipe()
	}
}

// quit lets the process end by itself, for at most a moment, then kills it.
func (p *process) quit(grace time.Duration) {
	_ = p.conn.Close()
	t := time.NewTimer(grace)
	defer t.Stop()
	select {
	case <-p.done:
	case <-t.C:
	}
	p.kill()
}

func (p *process) alive() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}
