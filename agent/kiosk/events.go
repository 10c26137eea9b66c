package kiosk

import (
	"encoding/json"
	"net/http"
	"time"
)

// events streams the snapshot: one event "state" at once and after each change,
// one event "beat" when nothing changes, so that the page notices a dead
// connection. Changes that come faster than the gap are told together. A client
// that does not take an event in time is dropped; the page connects again by
// itself.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	if s.streams.Add(1) > maxStreams {
		s.streams.Add(-1)
		refuse(w, http.StatusServiceUnavailable, "too_many", "too many event streams are open")
		return
	}
	defer s.streams.Add(-1)
	changed, stop := s.opt.Station.Watch()
	defer stop()

	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{}) // a stream has no end that could be waited for
	send := func(event string, v any) bool {
		data, err := json.Marshal(v)
		if err != nil {
			s.log.Error("encode an event", "event", event, "err", err)
			return false
		}
		_ = out.SetWriteDeadline(time.Now().Add(s.writeWithin))
		if _, err := w.Write([]byte("event: " + event + "\ndata: " + string(data) + "\n\n")); err != nil {
			return false
		}
		return out.Flush() == nil
	}

	beat := time.NewTicker(s.heartbeat)
	defer beat.Stop()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for send("state", s.snapshot(callerOf(r.Context()))) {
		beat.Reset(s.heartbeat)
		pause.Reset(s.gap)
		select {
		case <-r.Context().Done():
			return
		case <-pause.C:
		}
		for quiet := true; quiet; {
			select {
			case <-r.Context().Done():
				return
			case _, open := <-changed:
				if !open {
					return
				}
				quiet = false
			case <-beat.C:
				if !send("beat", struct{}{}) {
					return
				}
			}
		}
	}
}
