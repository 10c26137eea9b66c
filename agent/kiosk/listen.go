package kiosk

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// listenLoopback listens on addr, which must be a loopback address: what is
// served here is a person's data in clear.
func listenLoopback(addr string) (net.Listener, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("kiosk address %q: %w", addr, err)
	}
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Unmap().IsLoopback() {
		return nil, fmt.Errorf("kiosk address %q is not a loopback address: the screen shows personal data and is served to this machine only (use 127.0.0.1:PORT)", addr)
	}
	l, err := net.Listen("tcp", net.JoinHostPort(ip.Unmap().String(), port))
	if err != nil {
		return nil, fmt.Errorf("listen for the kiosk: %w", err)
	}
	return l, nil
}

// hostList returns the Host header values that name this server: a foreign name
// that resolves to 127.0.0.1 is not among them.
func hostList(a *net.TCPAddr) map[string]bool {
	port := strconv.Itoa(a.Port)
	list := map[string]bool{a.String(): true}
	for _, name := range []string{"127.0.0.1", "localhost", "::1"} {
		list[net.JoinHostPort(name, port)] = true
	}
	if a.Port == 80 { // browsers leave it out
		list["127.0.0.1"], list["localhost"], list["[::1]"] = true, true, true
	}
	return list
}

// socket is a unix listener that removes its own file, and only its own, when
// it is closed.
type socket struct {
	*net.UnixListener
	path string
	file os.FileInfo
	once sync.Once
}

// listenSocket listens on a unix socket at path with mode 0600. A file that a
// killed daemon left behind is replaced, but only when nobody answers on it.
func listenSocket(path string) (*socket, error) {
	if err := claim(path); err != nil {
		return nil, err
	}
	// Born in a private folder and moved into place when its mode is right:
	// there is no moment at which another user could connect.
	nest, err := os.MkdirTemp(filepath.Dir(path), ".k")
	if err != nil {
		return nil, fmt.Errorf("make the daemon's socket: %w", err)
	}
	defer func() { _ = os.RemoveAll(nest) }()
	born := filepath.Join(nest, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: born, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("make the daemon's socket %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false)
	file, err := place(born, path)
	if err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("make the daemon's socket %s: %w", path, err)
	}
	return &socket{UnixListener: l, path: path, file: file}, nil
}

func place(born, path string) (os.FileInfo, error) {
	if err := os.Chmod(born, 0o600); err != nil {
		return nil, err
	}
	if err := os.Rename(born, path); err != nil {
		return nil, err
	}
	return os.Lstat(path)
}

// claim returns nil when path is free: nothing there, or a socket that nobody
// answers on.
func claim(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the daemon's socket: %w", err)
	}
	if info.Mode().Type() != os.ModeSocket {
		return fmt.Errorf("the daemon's socket %s: a file that is no socket is in its place; move it away", path)
	}
	conn, err := net.DialTimeout("unix", path, 2*time.Second)
	if err == nil {
		_ = conn.Close()
		return fmt.Errorf("the daemon's socket %s: another daemon answers there", path)
	}
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("the daemon's socket %s: %w", path, err)
}

// Close stops listening and removes the socket's file if it is still this one.
func (s *socket) Close() error {
	var err error
	s.once.Do(func() {
		if now, statErr := os.Lstat(s.path); statErr == nil && os.SameFile(now, s.file) {
			_ = os.Remove(s.path)
		}
		err = s.UnixListener.Close()
	})
	return err
}
