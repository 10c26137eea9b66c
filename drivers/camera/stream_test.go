package camera_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gocv.io/x/gocv"

	"tram/drivers/camera"
	"tram/drivers/camera/condition"
	"tram/drivers/camera/spec"
)

// numbered is a picture whose left half's shade tells its number, up to 60, and
// whose right half is grey.
func numbered(t testing.TB, n, w, h int) []byte {
	t.Helper()
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			shade := uint8(128)
			if x < w/2 {
				shade = uint8(4 * (n % 60))
			}
			img.SetRGBA(x, y, color.RGBA{shade, shade, shade, 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 90}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// numberOf reads the number of a picture.
func numberOf(m gocv.Mat) int { return (int(m.GetVecbAt(m.Rows()/2, m.Cols()/4)[0]) + 2) / 4 }

// parts writes pictures as a camera does until the caller of the address is gone.
type parts struct {
	t testing.TB
	w *multipart.Writer
	f http.Flusher
}

func multi(t testing.TB, w http.ResponseWriter) *parts {
	p := &parts{t, multipart.NewWriter(w), w.(http.Flusher)}
	w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary="+p.w.Boundary())
	return p
}

func (p *parts) send(data []byte) error {
	part, err := p.w.CreatePart(textproto.MIMEHeader{"Content-Type": {"image/jpeg"}, "Content-Length": {fmt.Sprint(len(data))}})
	if err != nil {
		return err
	}
	_, err = part.Write(data)
	p.f.Flush()
	return err
}

func serve(t testing.TB, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL
}

// open opens a source that must be there.
func open(t testing.TB, source string, o camera.Options) (*camera.Camera, func() (int, error)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	c, err := camera.Open(ctx, source, o)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	m := gocv.NewMat()
	t.Cleanup(func() { c.Close(); _ = m.Close() })
	return c, func() (int, error) {
		if err := c.Next(ctx, &m); err != nil {
			return -1, err
		}
		return numberOf(m), nil
	}
}

// until asks again until ok, or fails.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

func TestASlowConsumerGetsTheNewestPicture(t *testing.T) {
	var sent atomic.Int64
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		p := multi(t, w)
		for n := 0; n < 60; n++ {
			if p.send(numbered(t, n, 64, 48)) != nil {
				return
			}
			sent.Store(int64(n))
			select {
			case <-time.After(10 * time.Millisecond):
			case <-r.Context().Done():
				return
			}
		}
		<-r.Context().Done()
	})
	c, next := open(t, url, camera.Options{})
	if n, err := next(); err != nil || n > 30 {
		t.Fatalf("the first picture is %d, %v", n, err)
	}
	until(t, "sending 40 pictures", func() bool { return sent.Load() >= 40 })
	before := int(sent.Load())
	if n, err := next(); err != nil || n < before-2 {
		t.Errorf("after %d were sent, picture %d came, %v; want one of the newest", before, n, err)
	}
	if r := c.Report(); r.Dropped < 10 {
		t.Errorf("%d counted as dropped, want those that nobody took", r.Dropped)
	}
}

func TestAStreamThatEndsIsOpenedAgain(t *testing.T) {
	var opened atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := int(opened.Add(1))
		p := multi(t, w)
		_ = p.send(numbered(t, n, 64, 48))
		if n < 3 {
			return // cut
		}
		<-r.Context().Done()
	})
	c, next := open(t, url, camera.Options{Reconnect: true, Silence: 5 * time.Second})
	for want := 1; want <= 3; want++ {
		if n, err := next(); err != nil || n != want {
			t.Fatalf("picture %d, %v; want %d", n, err, want)
		}
	}
	if r := c.Report(); r.Reconnects != 2 {
		t.Errorf("%d reconnections told, want 2", r.Reconnects)
	}
}

func TestWithoutReconnectTheEndIsTold(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) { _ = multi(t, w).send(numbered(t, 7, 64, 48)) })
	_, next := open(t, url, camera.Options{})
	if n, err := next(); err != nil || n != 7 {
		t.Fatalf("the only picture: %d, %v", n, err)
	}
	if _, err := next(); !errors.Is(err, camera.ErrNoCamera) {
		t.Errorf("after the end: %v, want ErrNoCamera", err)
	}
}

func TestAStalledStreamIsLeftAndOpenedAgain(t *testing.T) {
	var opened, gone atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := int(opened.Add(1))
		p := multi(t, w)
		_ = p.send(numbered(t, n, 64, 48))
		<-r.Context().Done() // and nothing more
		gone.Add(1)
	})
	_, next := open(t, url, camera.Options{Reconnect: true, Silence: 150 * time.Millisecond})
	seen := 0
	until(t, "a picture of the third connection", func() bool {
		n, err := next()
		if err != nil && !errors.Is(err, camera.ErrNoCamera) {
			t.Fatalf("Next: %v", err)
		}
		seen = max(seen, n)
		return seen >= 3
	})
	until(t, "the end of the stalled connections", func() bool { return gone.Load() >= 2 })
}

func TestAServerThatGoesAndComesBackIsFound(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := multi(t, w)
		for n := 0; p.send(numbered(t, 20, 64, 48)) == nil && r.Context().Err() == nil; n++ {
			time.Sleep(10 * time.Millisecond)
		}
	})
	first := httptest.NewServer(handler)
	addr := first.Listener.Addr().String()
	_, next := open(t, first.URL, camera.Options{Reconnect: true, Silence: 300 * time.Millisecond})
	if n, err := next(); err != nil || n != 20 {
		t.Fatalf("before: %d, %v", n, err)
	}
	first.CloseClientConnections()
	first.Close()
	until(t, "the notice that it is gone", func() bool { _, err := next(); return errors.Is(err, camera.ErrNoCamera) })
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Skipf("the port was taken by another program: %v", err)
	}
	second := &httptest.Server{Listener: listener, Config: &http.Server{Handler: handler}} //nolint:gosec // a test
	second.Start()
	t.Cleanup(func() { second.CloseClientConnections(); second.Close() })
	until(t, "a picture of the new server", func() bool { n, err := next(); return err == nil && n == 20 })
}

func TestAStreamMayChangeItsSize(t *testing.T) {
	step := make(chan struct{})
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		p := multi(t, w)
		_ = p.send(numbered(t, 1, 64, 48))
		<-step
		_ = p.send(numbered(t, 2, 128, 96))
		<-r.Context().Done()
	})
	c, next := open(t, url, camera.Options{Watch: true})
	if n, err := next(); err != nil || n != 1 {
		t.Fatalf("first: %d, %v", n, err)
	}
	close(step)
	if n, err := next(); err != nil || n != 2 {
		t.Fatalf("the larger one: %d, %v", n, err)
	}
	if r := c.Report(); r.Width != 128 || r.Height != 96 || r.Code != condition.OK {
		t.Errorf("report %+v: want 128×96, and nothing wrong yet", r)
	}
}

func TestGarbageIsNoCamera(t *testing.T) {
	for name, send := range map[string]func(w http.ResponseWriter){
		"no picture in it": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=x")
			for range 200 {
				_, _ = w.Write(bytes.Repeat([]byte("garbage\xff\xd8\xff\x00"), 1000))
			}
		},
		"a picture that claims to be huge": func(w http.ResponseWriter) {
			data := numbered(t, 1, 64, 48)
			at := bytes.Index(data, []byte{0xFF, 0xC0})
			copy(data[at+5:], []byte{0xFF, 0xFF, 0xFF, 0xFF})
			w.Header().Set("Content-Type", "multipart/x-mixed-replace; boundary=x")
			_, _ = w.Write(data)
		},
		"a page": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write([]byte("<html>sign in</html>"))
		},
	} {
		url := serve(t, func(w http.ResponseWriter, _ *http.Request) { send(w) })
		c, err := camera.Open(context.Background(), url, camera.Options{Silence: time.Second, Opening: 5 * time.Second})
		if err == nil {
			m := gocv.NewMat()
			err = c.Next(context.Background(), &m)
			c.Close()
			_ = m.Close()
		}
		if !errors.Is(err, camera.ErrNoCamera) {
			t.Errorf("%s: %v, want ErrNoCamera", name, err)
		}
	}
}

func TestCloseEndsTheConnection(t *testing.T) {
	var open atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		open.Add(1)
		defer open.Add(-1)
		p := multi(t, w)
		_ = p.send(numbered(t, 1, 64, 48))
		<-r.Context().Done()
	})
	for range 3 {
		c, err := camera.Open(context.Background(), url, camera.Options{Reconnect: true})
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	until(t, "the end of all connections", func() bool { return open.Load() == 0 })
}

func TestPasswordsOfAddressesAreUsedAndNeverTold(t *testing.T) {
	const secret = "p@ss-w0rd"
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if user != "admin" || password != secret {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = multi(t, w).send(numbered(t, 5, 64, 48))
	})
	host := strings.TrimPrefix(url, "http://")
	_, next := open(t, "http://admin:p%40ss-w0rd@"+host+"/", camera.Options{})
	if n, err := next(); err != nil || n != 5 {
		t.Errorf("with the password: %d, %v", n, err)
	}
	gone := "127.0.0.1:1"
	for _, source := range []string{
		"http://admin:wrong-" + secret + "@" + host + "/", "http://admin:" + secret + "@" + gone + "/x?key=" + secret, "http://admin:" + secret + "@nowhere.invalid/",
		"rtsp://admin:" + secret + "@" + gone + "/1", "rtsp://" + gone + "/user=admin&password=" + secret + "&channel=1.sdp", "http://a:" + secret + "@[::bad/", "ftp://a:" + secret + "@h/",
		"rtsp:/admin:" + secret + "@h/",
	} {
		_, err := camera.Open(context.Background(), source, camera.Options{Opening: 5 * time.Second})
		if !errors.Is(err, camera.ErrNoCamera) {
			t.Errorf("%s: %v, want ErrNoCamera", camera.Public(source), err)
			continue
		}
		if strings.Contains(err.Error(), "w0rd") || strings.Contains(camera.Public(source), "w0rd") {
			t.Errorf("the password is told: %v; %s", err, camera.Public(source))
		}
	}
}

func TestACameraThatGivesOnePictureForEachQuestion(t *testing.T) {
	var asked atomic.Int32
	url := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "image/jpeg")
		_, _ = w.Write(numbered(t, int(asked.Add(1)), 64, 48))
	})
	_, next := open(t, url, camera.Options{Ask: spec.Ask{Rate: 50}})
	last := 0
	for range 3 {
		n, err := next()
		if err != nil || n <= last {
			t.Fatalf("picture %d after %d, %v", n, last, err)
		}
		last = n
	}
}
