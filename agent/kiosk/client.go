package kiosk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
)

// ErrNoServer means that no daemon answers on the socket.
var ErrNoServer = errors.New("no daemon answers on its socket")

// maxAnswerBytes bounds what a client reads of one answer.
const maxAnswerBytes = 32 << 20

// A RemoteError is the daemon's refusal of a request. errors.Is finds ErrNoVisit,
// ErrConflict, ErrUnknownAction and ErrBadQR in it.
type RemoteError struct {
	Status  int    // HTTP status
	Code    string // "no_visit", "not_found", …
	Message string
}

// Error returns the daemon's words.
func (e *RemoteError) Error() string {
	return fmt.Sprintf("the daemon refused: %s (%s)", e.Message, e.Code)
}

// Is reports whether target is the sentinel that e's code stands for.
func (e *RemoteError) Is(target error) bool {
	for _, known := range sentinels {
		if known.code == e.Code {
			return known.err == target
		}
	}
	return false
}

// A Client asks the running daemon over its unix socket. It is safe for use by
// several goroutines.
type Client struct {
	http   http.Client
	socket string
}

// Dial returns a client for the daemon's socket. It connects with the first
// request, which fails with ErrNoServer when no daemon is there.
func Dial(socket string) *Client {
	var d net.Dialer
	return &Client{socket: socket, http: http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", socket)
		},
		// One request, one connection: a command asks once or twice and ends.
		DisableKeepAlives: true,
	}}}
}

// GetJSON asks path ("/v1/outbox") and decodes the answer into out.
func (c *Client) GetJSON(ctx context.Context, path string, out any) error {
	return c.do(ctx, http.MethodGet, path, nil, out)
}

// PostJSON sends in as JSON (nil: an empty body) to path and decodes the answer
// into out unless that is nil.
func (c *Client) PostJSON(ctx context.Context, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("ask the daemon for %s: %w", path, err)
		}
	}
	return c.do(ctx, http.MethodPost, path, body, out)
}

// Get asks path ("/v1/bundle") and returns the answer's bytes.
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	return c.raw(ctx, http.MethodGet, path, nil)
}

func (c *Client) do(ctx context.Context, method, path string, body []byte, out any) error {
	data, err := c.raw(ctx, method, path, body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("the daemon's answer to %s: %w", path, err)
	}
	return nil
}

func (c *Client) raw(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://tram"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask the daemon for %s: %w", path, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("%w: %s", ErrNoServer, c.socket)
		}
		return nil, fmt.Errorf("ask the daemon for %s: %w", path, err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes))
	if err != nil {
		return nil, fmt.Errorf("ask the daemon for %s: %w", path, err)
	}
	if res.StatusCode/100 != 2 {
		var e ErrorBody
		_ = json.Unmarshal(data, &e)
		if e.Error.Code == "" {
			e.Error.Code, e.Error.Message = "internal", res.Status
		}
		return nil, &RemoteError{Status: res.StatusCode, Code: e.Error.Code, Message: e.Error.Message}
	}
	return data, nil
}
