package camera_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"gocv.io/x/gocv"

	"tram/drivers/camera"
)

// raw is a server that says whatever write does, to everybody who connects.
func raw(t *testing.T, write func(conn net.Conn) error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = conn.Close() }()
				_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
				_, _ = conn.Read(make([]byte, 4096)) // the question
				for write(conn) == nil {
				}
			}()
		}
	}()
	return l.Addr().String()
}

func say(text string) func(net.Conn) error {
	return func(c net.Conn) error { _, err := io.WriteString(c, text); return err }
}

// then says first once, and rest for ever.
func then(first string, rest func(net.Conn) error) func(net.Conn) error {
	begun := map[net.Conn]bool{}
	lock := make(chan struct{}, 1)
	return func(c net.Conn) error {
		lock <- struct{}{}
		known := begun[c]
		begun[c] = true
		<-lock
		if !known {
			return say(first)(c)
		}
		return rest(c)
	}
}

const multipartHead = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n--x\r\n\r\n"

// Whatever a server says, opening it or the first picture ends within what was
// asked for, as "no camera", and in little memory.
func TestHostileServersAreNoCameras(t *testing.T) {
	drip := func(text string) func(net.Conn) error {
		return func(c net.Conn) error { time.Sleep(20 * time.Millisecond); return say(text)(c) }
	}
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	for range 64 {
		_, _ = z.Write(make([]byte, 1<<20))
	}
	_ = z.Close()
	quiet := func(c net.Conn) error { _, err := c.Read(make([]byte, 1)); return err }
	for name, write := range map[string]func(net.Conn) error{
		"silence":                    quiet,
		"no HTTP":                    say("220 ready\r\n"),
		"headers without end":        then("HTTP/1.1 200 OK\r\n", say("X-Filler: "+strings.Repeat("a", 4000)+"\r\n")),
		"one header without end":     then("HTTP/1.1 200 OK\r\nX-Filler: ", say(strings.Repeat("a", 4000))),
		"headers drop by drop":       then("HTTP/1.1 200 OK\r\n", drip("X: y\r\n")),
		"wait, wait":                 say("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
		"a picture drop by drop":     then(multipartHead+"\xff\xd8\xff\xe0\xff\xff", drip("\x01")),
		"a segment without end":      then(multipartHead+"\xff\xd8", say("\xff\xe0\xff\xff"+strings.Repeat("a", 65533))),
		"a scan without end":         then(multipartHead+"\xff\xd8\xff\xda\x00\x02", say(strings.Repeat("a", 65536))),
		"beginnings without end":     then(multipartHead, say(strings.Repeat("\xff\xd8\xff\xd8\xff", 10000))),
		"a gzip bomb":                then("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n"+bomb.String(), quiet),
		"chunks that claim the moon": then("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFF\r\n", drip("\xff\xd8")),
		"a length that is a lie":     then("HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 99999999999\r\n\r\n\xff\xd8\xff\xe0\xff\xff", quiet),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := "http://" + raw(t, write) + "/"
			ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
			defer cancel()
			c, err := camera.Open(ctx, url, camera.Options{Opening: 2 * time.Second, Silence: 700 * time.Millisecond})
			if err == nil {
				m := gocv.NewMat()
				err = c.Next(ctx, &m)
				c.Close()
				_ = m.Close()
			}
			if !errors.Is(err, camera.ErrNoCamera) {
				t.Errorf("%v, want ErrNoCamera", err)
			}
		})
	}
}

// leavesNoCall waits at the end of a test until the calls that servers hold inside
// FFmpeg have timed out: they have OpenCV's lock, for which others would wait.
func leavesNoCall(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		err := goleak.Find(before)
		for end := time.Now().Add(2 * time.Minute); err != nil && time.Now().Before(end); err = goleak.Find(before) {
			time.Sleep(50 * time.Millisecond)
		}
		if err != nil {
			t.Error(err)
		}
	})
}

// FFmpeg speaks with these; what it does not end by itself within the time for
// opening is left to its own time-out.
func TestHostileRTSPServersAreNoCameras(t *testing.T) {
	leavesNoCall(t)
	const ok = "RTSP/1.0 200 OK\r\nCSeq: 1\r\n"
	for name, write := range map[string]func(net.Conn) error{
		"silence":               func(c net.Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		"no RTSP":               say("HTTP/1.0 400 no\r\n\r\n"),
		"headers without end":   then(ok, say("X-Filler: "+strings.Repeat("a", 4000)+"\r\n")),
		"a body of 2 GiB":       then(ok+"Content-Length: 2147483646\r\n\r\n", say(strings.Repeat("v=0\r\n", 1000))),
		"a body below zero":     say(ok + "Content-Length: -5\r\n\r\n"),
		"a scene without end":   then(ok+"Content-Type: application/sdp\r\nContent-Length: 16000000\r\n\r\n", say(strings.Repeat("m=video 0 RTP/AVP 96\r\n", 500))),
		"sent away and away":    say("RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: rtsp://127.0.0.1:1/live\r\n\r\n"),
		"sent to a local file":  say("RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: file:///etc/passwd\r\n\r\n"),
		"no password is enough": say("RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := camera.Open(context.Background(), "rtsp://admin:secret@"+raw(t, write)+"/live", camera.Options{Opening: 3 * time.Second, Silence: time.Second})
			if err == nil {
				m := gocv.NewMat()
				err = c.Next(context.Background(), &m)
				c.Close()
				_ = m.Close()
			}
			if !errors.Is(err, camera.ErrNoCamera) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%v, want ErrNoCamera without the password", err)
			}
		})
	}
}

func TestEndlessPicturesTakeLittleMemory(t *testing.T) {
	var sent atomic.Int64
	block := []byte(strings.Repeat("a", 1<<20))
	url := "http://" + raw(t, then(multipartHead+"\xff\xd8\xff\xda\x00\x02", func(c net.Conn) error {
		n, err := c.Write(block)
		sent.Add(int64(n))
		return err
	})) + "/"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c, next := open(t, url, camera.Options{Silence: 20 * time.Second})
	if _, err := next(); !errors.Is(err, camera.ErrNoCamera) {
		t.Errorf("a picture without end: %v, want ErrNoCamera", err)
	}
	c.Close()
	runtime.ReadMemStats(&after)
	if sent.Load() < 10<<20 || sent.Load() > 200<<20 {
		t.Errorf("%d MiB were read before it was given up, want more than a picture and not much more", sent.Load()>>20)
	}
	if grown := int64(after.Sys) - int64(before.Sys); grown > 300<<20 { //nolint:gosec // far below
		t.Errorf("it took %d MiB of memory", grown>>20)
	}
}

func TestACameraMayNotSendToAnotherHost(t *testing.T) {
	var asked, told atomic.Int32
	elsewhere := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get("Authorization") != "" || strings.Contains(r.Referer(), "secret") {
			told.Add(1)
		}
		_ = multi(t, w).send(numbered(t, 9, 64, 48))
	})
	elsewhere = strings.Replace(elsewhere, "127.0.0.1", "localhost", 1)
	for name, to := range map[string]string{"another host": elsewhere + "/", "a file": "file:///etc/passwd", "the same, for ever": "/again"} {
		url := serve(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusFound) })
		_, err := camera.Open(context.Background(), strings.Replace(url, "http://", "http://admin:secret@", 1), camera.Options{Opening: 2 * time.Second})
		if !errors.Is(err, camera.ErrNoCamera) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want ErrNoCamera without the password", name, err)
		}
	}
	if asked.Load() != 0 || told.Load() != 0 {
		t.Errorf("the other host was asked %d times, and told the password %d times", asked.Load(), told.Load())
	}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			http.Redirect(w, r, "/live", http.StatusFound)
			return
		}
		_ = multi(t, w).send(numbered(t, 9, 64, 48))
		<-r.Context().Done()
	})
	_, next := open(t, url, camera.Options{})
	if n, err := next(); err != nil || n != 9 {
		t.Errorf("on the same host: %d, %v; want the picture", n, err)
	}
}
