package bridge

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"tram/agent/kiosk"
)

// A webhook tells a server of the hospital's each person that was read. What it
// could not deliver in patience is gone: it is a message to a screen, the record
// goes to the hub whatever happens here.
type webhook struct {
	opt     Options
	holders holders
	client  *http.Client
}

const (
	postWithin = 5 * time.Second
	patience   = 30 * time.Second
	lookEvery  = 5 * time.Second
)

// run follows the visits of the program that the configuration names, for as
// long as it has its token.
func (h *webhook) run(ctx context.Context, s *kiosk.Server) {
	h.client = &http.Client{
		Transport:     http.DefaultTransport.(*http.Transport).Clone(), // its connections are its own
		Timeout:       postWithin,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	defer h.client.CloseIdleConnections()
	missing := false
	for ctx.Err() == nil {
		p, ok := s.ProgramNamed(h.opt.Client)
		if ok {
			missing = false
			h.follow(ctx, p)
		} else if !missing {
			missing = true
			h.opt.Log.Warn("the webhook has no program", "client", h.opt.Client, "remedy", "tram token new "+h.opt.Client+" --scope bridge")
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
}

// follow delivers in the background, one after the other, so that a slow server
// does not keep the story from being followed. What is still on its way when the
// token is taken back is not delivered any more.
func (h *webhook) follow(ctx context.Context, p *kiosk.Program) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	queue := make(chan []byte, 8)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for body := range queue {
			if err := h.deliver(ctx, body); err != nil {
				h.opt.Log.Warn("the hospital's server was not told of a person who was read", "err", err)
			}
			clear(body)
		}
	}()
	h.holders.follow(ctx, p, func(e happening) bool {
		if e.what != read {
			return true
		}
		out := with(proof(e.result), e.result, webhookNames)
		out["id_img"] = base64Of(e.portrait)
		body, err := json.Marshal(out)
		if err != nil {
			return true
		}
		select {
		case queue <- body:
		default:
			h.opt.Log.Warn("the hospital's server was not told of a person who was read", "err", "it is too slow")
		}
		return true
	}, nil)
	cancel()
	close(queue)
	<-done
}

var errRefused = errors.New("refused")

// deliver posts one body until it is taken, refused for good or too old.
func (h *webhook) deliver(ctx context.Context, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 4*time.Second) {
		err := h.post(ctx, body)
		if err == nil || errors.Is(err, errRefused) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(rand.N(wait) + wait/2):
		}
	}
}

// post sends the body once. Its errors hold nothing of it.
func (h *webhook) post(ctx context.Context, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.opt.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: the address is wrong", errRefused)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("User-Agent", "tram/"+h.opt.Version)
	if h.opt.Secret != nil {
		at := strconv.FormatInt(time.Now().Unix(), 10)
		req.Header.Set("Tram-Time", at)
		req.Header.Set("Tram-Signature", Sign(h.opt.Secret, at, body))
	}
	res, err := h.client.Do(req)
	if err != nil {
		return errors.New("no answer")
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.CopyN(io.Discard, res.Body, maxMessage)
	switch {
	case res.StatusCode < 300:
		return nil
	case res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests || res.StatusCode == http.StatusRequestTimeout:
		return fmt.Errorf("it answered %d", res.StatusCode)
	}
	return fmt.Errorf("%w: it answered %d", errRefused, res.StatusCode)
}

// Sign is the value of the header Tram-Signature: HMAC-SHA256 in hexadecimal
// over the value of Tram-Time, a full stop and the body.
func Sign(secret []byte, at string, body []byte) string {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(at + "."))
	m.Write(body)
	return hex.EncodeToString(m.Sum(nil))
}
