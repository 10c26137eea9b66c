package hub

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// maxAnswer is the largest answer taken from a hook, in bytes.
const maxAnswer = 64 << 10

// unanswered is what a device is told when a hook fails: what went wrong is
// for the hub's operator only.
var unanswered = Answer{Text: "the verifier does not answer"}

// Hook returns a Handler that asks an operator's verifier: a URL, which gets
// the Question by POST, or a program with its arguments, which gets it on its
// standard input. Either answers with an Answer in JSON. fails is told what
// went wrong, never what was asked.
func Hook(target string, fails func(error)) (Handler, error) {
	if strings.HasPrefix(target, "http://") || strings.HasPrefix(target, "https://") {
		return httpHook(target, fails), nil
	}
	args := strings.Fields(target)
	if len(args) == 0 {
		return nil, fmt.Errorf("a verifier is a URL or a program, not nothing")
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return nil, fmt.Errorf("find the verifier: %w", err)
	}
	return execHook(path, args[1:], fails), nil
}

func httpHook(url string, fails func(error)) Handler {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context, q Question) Answer {
		body, err := json.Marshal(q)
		if err != nil {
			return unanswered
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			fails(fmt.Errorf("ask the verifier: %w", err))
			return unanswered
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			fails(fmt.Errorf("ask the verifier: %w", err))
			return unanswered
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			fails(fmt.Errorf("ask the verifier: it answers %s", resp.Status))
			return unanswered
		}
		return readAnswer(resp.Body, fails)
	}
}

func execHook(path string, args []string, fails func(error)) Handler {
	return func(ctx context.Context, q Question) Answer {
		in, err := json.Marshal(q)
		if err != nil {
			return unanswered
		}
		var out limited
		cmd := exec.CommandContext(ctx, path, args...)
		cmd.Stdin, cmd.Stdout = bytes.NewReader(in), &out
		cmd.WaitDelay = time.Second
		// Its children go with it.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
		if err := cmd.Run(); err != nil {
			fails(fmt.Errorf("run the verifier: %w", err))
			return unanswered
		}
		return readAnswer(&out.Buffer, fails)
	}
}

// limited keeps as much of a program's output as an answer may have.
type limited struct{ bytes.Buffer }

func (l *limited) Write(b []byte) (int, error) {
	if l.Len()+len(b) > maxAnswer {
		return 0, fmt.Errorf("more than %d bytes", maxAnswer)
	}
	return l.Buffer.Write(b)
}

func readAnswer(r io.Reader, fails func(error)) Answer {
	var a Answer
	b, err := io.ReadAll(io.LimitReader(r, maxAnswer+1))
	if err == nil && len(b) > maxAnswer {
		err = fmt.Errorf("more than %d bytes", maxAnswer)
	}
	if err == nil && json.Unmarshal(b, &a) != nil {
		err = fmt.Errorf("it is no answer in JSON") // the decoder's error may quote it
	}
	if err != nil {
		fails(fmt.Errorf("read the verifier's answer: %w", err))
		return unanswered
	}
	if len(a.Text) > 1024 {
		a.Text = strings.ToValidUTF8(a.Text[:1024], "")
	}
	return a
}
