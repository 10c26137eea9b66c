package camera

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"tram/drivers/camera/spec"
)

// errOther is an address that answers, with something that FFmpeg may know.
var errOther = errors.New("not a stream of JPEG pictures")

// snapshots is how often a camera that gives one picture for each question is
// asked, when nobody said how often.
const snapshots = 5.0

// web is a camera that sends JPEG pictures over HTTP: one after the other in one
// answer (multipart/x-mixed-replace), or one for each question (image/jpeg).
type web struct {
	address string
	silence time.Duration
	client  *http.Client
	ctx     context.Context // ends with close
	cancel  context.CancelFunc

	end    context.CancelFunc // of the answer in hand
	body   io.ReadCloser
	frames *bufio.Reader
	quiet  *time.Timer // ends the answer when no picture comes
	single bool
	pause  time.Duration
	asked  time.Time
}

func openWeb(ctx context.Context, address string, o Options) (*web, error) {
	w := &web{address: address, silence: o.Silence, pause: time.Duration(float64(time.Second) / snapshots)}
	if o.Ask.Rate > 0 {
		w.pause = time.Duration(float64(time.Second) / o.Ask.Rate)
	}
	dialer := &net.Dialer{Timeout: o.Opening}
	w.client = &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: o.Opening, ResponseHeaderTimeout: o.Opening, DisableCompression: true, MaxResponseHeaderBytes: 64 << 10},
		CheckRedirect: follow,
	}
	w.ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, w.cancel)
	defer stop()
	if err := w.ask(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// follow allows a few redirections, on the same host and into no weaker encryption:
// a camera that somebody took over must not choose whom this machine asks.
func follow(next *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > 3, next.URL.Scheme != "http" && next.URL.Scheme != "https", first.Scheme == "https" && next.URL.Scheme != "https":
		return errors.New("it sends elsewhere, too often or without encryption")
	case !strings.EqualFold(next.URL.Hostname(), first.Hostname()):
		return errors.New("it sends to another host; give that one's address if it is the camera's")
	}
	return nil
}

// ask begins an answer.
func (w *web) ask() error {
	w.asked = time.Now()
	ctx, cancel := context.WithCancel(w.ctx)
	w.end = cancel
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.address, http.NoBody)
	if err != nil {
		return errors.New("no address that can be asked") // the error itself quotes the address
	}
	w.quiet = time.AfterFunc(w.silence, cancel)
	answer, err := w.client.Do(request)
	if err != nil {
		return errors.New(reason(err))
	}
	w.body = answer.Body
	w.frames = bufio.NewReaderSize(answer.Body, 64<<10)
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	w.single = kind == "image/jpeg" || kind == "image/jpg"
	switch {
	case answer.StatusCode == http.StatusUnauthorized && strings.HasPrefix(strings.ToLower(answer.Header.Get("WWW-Authenticate")), "digest"):
		return errOther // FFmpeg knows digest
	case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
		return fmt.Errorf("it wants another user name or password (%d)", answer.StatusCode)
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("it answers %d", answer.StatusCode)
	case !w.single && kind != "multipart/x-mixed-replace" && kind != "multipart/mixed":
		return errOther
	}
	return nil
}

// reason is what went wrong, without the address that the errors of net/http quote.
func reason(err error) string {
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return "its name is not known"
	case errors.As(err, &op) && op.Op == "dial":
		return spec.Public(op.Error())
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "it did not answer in time"
	}
	var wrapped interface{ Unwrap() error }
	if errors.As(err, &wrapped) && wrapped.Unwrap() != nil {
		return spec.Public(wrapped.Unwrap().Error())
	}
	return spec.Public(err.Error())
}

// read waits for the next picture, for at most the time of silence.
func (w *web) read(f *frame) error {
	if w.single && w.body == nil {
		select {
		case <-time.After(time.Until(w.asked.Add(w.pause))):
		case <-w.ctx.Done():
			return w.ctx.Err()
		}
		if err := w.ask(); err != nil {
			return err
		}
	}
	w.quiet.Reset(w.silence)
	data, err := nextJPEG(w.frames, maxFrameBytes)
	w.quiet.Stop()
	switch {
	case errors.Is(err, errGarbage):
		return err
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("no picture for %s", w.silence)
	case err != nil:
		return errors.New("it ended")
	}
	f.jpeg, f.stamp = data, -1
	if w.single {
		w.finish()
	}
	return nil
}

func (w *web) finish() {
	if w.quiet != nil {
		w.quiet.Stop()
	}
	if w.end != nil {
		w.end()
	}
	if w.body != nil {
		_ = w.body.Close()
		w.body = nil
	}
}

func (w *web) mode() spec.Ask { return spec.Ask{Format: "MJPG"} }

// wake ends a read.
func (w *web) wake() { w.cancel() }

func (w *web) close() {
	w.cancel()
	w.finish()
	w.client.CloseIdleConnections()
}
