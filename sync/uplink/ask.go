package uplink

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"tram/sync/wire"
)

// Limits on online questions.
const (
	askTimeout = 5 * time.Second // when the caller sets none
	maxAsked   = 64              // questions without an answer
)

// ErrBusy is returned for a question beyond those that may wait for an answer.
var ErrBusy = errors.New("too many questions wait for an answer")

// online is a connection with a hub behind it.
type online struct {
	client mqtt.Client
	gone   chan struct{} // closed when the hub or the connection is
}

// current returns the connection when a hub is there, else nil.
func (u *Uplink) current() *online {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.online
}

// setOnline says that a hub is there, behind this client, or nowhere (nil).
func (u *Uplink) setOnline(client mqtt.Client) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.online != nil {
		close(u.online.gone)
		u.online = nil
	}
	if client != nil {
		u.online = &online{client: client, gone: make(chan struct{})}
	}
}

// Ask asks the hub a question and waits for its answer: at most until ctx ends,
// or five seconds when ctx has no deadline. ErrOffline comes at once when broker
// or hub is not there, and when it goes meanwhile; a question is never queued.
func (u *Uplink) Ask(ctx context.Context, name string, data any) (wire.Response, error) {
	answer, err := u.ask(ctx, name, data)
	if err != nil {
		return wire.Response{}, fmt.Errorf("ask the hub for %s: %w", name, err)
	}
	return answer, nil
}

func (u *Uplink) ask(ctx context.Context, name string, data any) (wire.Response, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, askTimeout)
		defer cancel()
	}
	at := u.current()
	if at == nil {
		return wire.Response{}, ErrOffline
	}
	request := wire.Request{ID: rand.Text(), Name: name}
	if data != nil {
		raw, err := json.Marshal(data)
		if err != nil {
			return wire.Response{}, errors.New("its data cannot be encoded")
		}
		request.Data = raw
	}
	plain := wire.Encode(request)
	if _, err := wire.ParseRequest(plain); err != nil {
		return wire.Response{}, err
	}
	payload, err := u.seal("request", plain)
	if err != nil {
		return wire.Response{}, err
	}
	answer, err := u.expect(request.ID)
	if err != nil {
		return wire.Response{}, err
	}
	defer u.forget(request.ID)
	at.client.Publish(u.topic.With(wire.Requests).String(), 1, false, payload)
	select {
	case r := <-answer:
		return r, nil
	case <-at.gone:
		return wire.Response{}, ErrOffline
	case <-ctx.Done():
		return wire.Response{}, ctx.Err()
	}
}

// expect makes room for an answer.
func (u *Uplink) expect(id string) (<-chan wire.Response, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.waiting) >= maxAsked {
		return nil, ErrBusy
	}
	answer := make(chan wire.Response, 1)
	u.waiting[id] = answer
	return answer, nil
}

func (u *Uplink) forget(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.waiting, id)
}

// answered hands a response to whoever asked.
func (u *Uplink) answered(payload []byte) {
	message, err := u.open(wire.Responses, payload)
	if err != nil {
		u.log.Warn("the hub's answer is refused", "err", err)
		return
	}
	r, err := wire.ParseResponse(message)
	if err != nil {
		u.log.Warn("the hub's answer is unreadable", "err", err)
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if answer := u.waiting[r.ID]; answer != nil {
		u.heard.Add(1)
		answer <- r // has room for the one that is taken
		delete(u.waiting, r.ID)
	}
}
