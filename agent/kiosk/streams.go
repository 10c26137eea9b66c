package kiosk

import (
	"net/http"
	"sync"
)

// How many event streams may be open. A browser opens six connections to a
// server at most; a program needs one, or two while it connects again. What
// programs may have together leaves room for the screen.
const (
	pageStreams    = 6  // of one page's session
	programStreams = 4  // of one program
	maxPrograms    = 24 // of all programs
	maxStreams     = 40 // of everybody
)

// streams counts the event streams that are open, by who listens.
type streams struct{ everybody, programs places }

// add counts one more: the status says what is full, 0 that it was counted.
func (s *streams) add(c caller) (status int) {
	key, limit := c.listener()
	if c.client != nil {
		if status := s.programs.take(key, limit, maxPrograms); status != 0 {
			return status
		}
	}
	if status = s.everybody.take(key, limit, maxStreams); status != 0 && c.client != nil {
		s.programs.give(key)
	}
	return status
}

func (s *streams) done(c caller) {
	key, _ := c.listener()
	s.everybody.give(key)
	if c.client != nil {
		s.programs.give(key)
	}
}

// listener is whose streams are counted together, and how many those may be.
func (c caller) listener() (key string, limit int) {
	switch {
	case c.client != nil:
		return "program " + c.client.Name, programStreams
	case c.owner:
		return "socket", maxStreams
	}
	return "page " + c.session, pageStreams
}

// admit counts a stream, or answers that there are too many. Every one that was
// admitted ends with s.streams.done.
func (s *Server) admit(w http.ResponseWriter, c caller) bool {
	switch status := s.streams.add(c); status {
	case 0:
		return true
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "5")
		refuse(w, status, "too_many", "you have too many event streams open: close one first")
	default:
		w.Header().Set("Retry-After", "5")
		refuse(w, status, "too_many", "too many event streams are open")
	}
	return false
}

// A bell wakes those who follow when something changed that the station does not
// know of: whose visit it is.
type bell struct {
	mu   sync.Mutex
	hear map[chan struct{}]bool
}

func (b *bell) listen() (rung <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hear == nil {
		b.hear = map[chan struct{}]bool{}
	}
	b.hear[c] = true
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.hear, c)
	}
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.hear {
		select {
		case c <- struct{}{}:
		default: // it has not heard the last one yet
		}
	}
}
