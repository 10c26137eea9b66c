package kiosk

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/coder/websocket"

	"tram/agent/visit"
)

// An event is one message of a stream: "state" with a snapshot, "result" with
// what the visit's owner may have, "beat" when nothing changes.
type event struct {
	Event string          `json:"event"`
	ID    string          `json:"id,omitempty"` // of a result: its visit and stage
	Data  json.RawMessage `json:"data"`
}

// stream tells the snapshot at once and after each change, and a beat when
// nothing changes, so that a client notices a dead connection. It ends when ctx
// does, when tell fails, or when the caller's token is gone. last is the id of
// the last event that the client has: a result in it is not told again.
func (s *Server) stream(ctx context.Context, c caller, last string, tell func(event) error) {
	s.follow(ctx, c, func() bool { return s.tellState(c, &last, tell) },
		func() bool { return tell(event{Event: "beat", Data: json.RawMessage("{}")}) == nil })
}

// follow calls each at once and after each change, and beat when nothing
// changes, until one of them returns false, ctx ends or the caller's token is
// gone. Changes that come faster than the gap are told together: who is slow sees
// fewer, never old ones.
func (s *Server) follow(ctx context.Context, c caller, each, beat func() bool) {
	changed, stop := s.opt.Station.Watch()
	defer stop()
	rung, deaf := s.bell.listen()
	defer deaf()
	clock := time.NewTicker(s.heartbeat)
	defer clock.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		if !s.known(c) || !each() {
			return
		}
		clock.Reset(s.heartbeat)
		pause.Reset(s.gap)
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		for quiet := true; quiet; {
			select {
			case <-ctx.Done():
				return
			case _, open := <-changed:
				if !open {
					return
				}
				quiet = false
			case <-rung:
				quiet = false
			case <-clock.C:
				if !s.known(c) || !beat() {
					return
				}
			}
		}
	}
}

// known reports whether the caller may still listen, and is its sign of life.
func (s *Server) known(c caller) bool {
	if c.client == nil {
		return true
	}
	s.reader.touch(c.name)
	return s.opt.Tokens.Has(*c.client)
}

// tellState tells the snapshot and, to a visit's owner, its result.
func (s *Server) tellState(c caller, last *string, tell func(event) error) bool {
	n := s.snapshot(c)
	data, err := json.Marshal(n)
	if err != nil {
		s.log.Error("encode an event", "event", "state", "err", err)
		return false
	}
	if tell(event{Event: "state", Data: data}) != nil {
		return false
	}
	if c.client == nil || n.Visit == nil {
		return true
	}
	return s.tellResult(c, n.Visit, last, tell)
}

func (s *Server) tellResult(c caller, v *visit.View, last *string, tell func(event) error) bool {
	station, ok := s.opt.Station.(Reader)
	id := fmt.Sprintf("%s.%s", v.ID, v.Stage)
	if !ok || v.ID == "" || id == *last || !s.mine(c, v.ID) {
		return true
	}
	result, ok := station.Result(v.ID)
	if !ok {
		return true
	}
	data, err := json.Marshal(result)
	if err != nil {
		s.log.Error("encode an event", "event", "result", "err", err)
		return false
	}
	*last = id
	return tell(event{Event: "result", ID: id, Data: data}) == nil
}

// events serves the stream as server-sent events. A client that does not take
// an event in time is dropped; a page connects again by itself.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	c := callerOf(r.Context())
	if !s.admit(w, c) {
		return
	}
	defer s.streams.done(c)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // a stream has no end that could be waited for
	s.stream(r.Context(), c, r.Header.Get("Last-Event-ID"), func(e event) error {
		text := "event: " + e.Event + "\n"
		if e.ID != "" {
			text += "id: " + e.ID + "\n"
		}
		_ = out.SetWriteDeadline(time.Now().Add(s.writeWithin))
		if _, err := w.Write([]byte(text + "data: " + string(e.Data) + "\n\n")); err != nil {
			return err
		}
		return out.Flush()
	})
}

// subprotocol is the name of the WebSocket's messages.
const subprotocol = "tram.v1"

// socket serves the stream as a WebSocket: a JSON object a message. Nothing is
// taken from the client: one that sends anything is dropped.
func (s *Server) socket(w http.ResponseWriter, r *http.Request) {
	c := callerOf(r.Context())
	if !s.admit(w, c) {
		return
	}
	defer s.streams.done(c)
	s.sockets.Add(1) // the server's Shutdown does not know of it any more
	defer s.sockets.Done()
	// The guard has compared Host and Origin with exact lists already, which is stricter than the library's patterns.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{subprotocol}, InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return // it has answered
	}
	defer func() { _ = conn.CloseNow() }()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	// Whoever sends anything is let go at once: a polite farewell would wait for an answer, and hold the stream's place meanwhile.
	conn.SetReadLimit(1)
	go func() {
		defer cancel()
		_, _, _ = conn.Reader(ctx) // answers pings, too
	}()
	s.stream(ctx, c, r.URL.Query().Get("last"), func(e event) error {
		data, err := json.Marshal(e)
		if err != nil {
			return err
		}
		within, cancel := context.WithTimeout(ctx, s.writeWithin)
		defer cancel()
		if err := conn.Write(within, websocket.MessageText, data); err != nil || e.Event != "beat" {
			return err
		}
		return conn.Ping(within)
	})
}
