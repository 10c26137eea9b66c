package vreader

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// relay joins each connection to the unix socket at path with a new connection
// to a port of this namespace, byte by byte, until one of them ends.
func relay(path string, port int) (net.Listener, error) {
	_ = os.Remove(path)
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for cards: %w", err)
	}
	go func() {
		for {
			card, err := l.Accept()
			if err != nil {
				return
			}
			go join(card.(*net.UnixConn), port)
		}
	}()
	return l, nil
}

func join(card *net.UnixConn, port int) {
	defer card.Close()
	reader, err := dial(port)
	if err != nil {
		return
	}
	defer reader.Close()
	done := make(chan struct{}, 2)
	go func() {
		_, _ = io.Copy(onlyWriter{reader}, card)
		done <- struct{}{}
	}()
	go func() {
		_, _ = io.Copy(onlyWriter{card}, quickAck{reader})
		done <- struct{}{}
	}()
	<-done
}

// dial waits for vpcd while pcscd starts: a card laid down early is a card.
func dial(port int) (*net.TCPConn, error) {
	addr := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	for end := time.Now().Add(5 * time.Second); ; {
		c, err := net.DialTCP("tcp4", nil, addr)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, syscall.ECONNREFUSED) || time.Now().After(end) {
			return nil, err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// onlyWriter hides ReadFrom, so that io.Copy goes through our Read.
type onlyWriter struct{ io.Writer }

// quickAck acknowledges what comes at once. vpcd sends length and body apart,
// and the kernel holds the body back until the length is acknowledged: 44 ms for
// each APDU. The option does not last, so it is set before every read.
type quickAck struct{ conn *net.TCPConn }

func (q quickAck) Read(b []byte) (int, error) {
	raw, err := q.conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
	})
	return q.conn.Read(b)
}

// loopbackUp does what "ip link set lo up" does, without that program.
func loopbackUp() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, req); err != nil {
		return err
	}
	req.SetUint16(req.Uint16() | unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, req)
}
