package bridge

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"tram/agent/kiosk"
)

// A session is one Engine.IO connection, over polling, a WebSocket, or first the
// one and then the other.
type session struct {
	b        *socketIO
	id       string
	program  *kiosk.Program
	revision int
	ctx      context.Context
	cancel   context.CancelFunc
	joined   sync.Once
	wake     chan struct{} // has a value when out has

	mu      sync.Mutex
	out     []string
	heard   time.Time
	asked   bool // a ping waits for its answer (revision 4)
	polling bool // a GET waits
	socket  bool // a WebSocket has taken over
}

// end ends the session. What waits is dropped.
func (s *session) end() { s.cancel() }

func (s *session) lastHeard() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard
}

// give puts a packet into the queue; a client that lets too many wait is dropped.
func (s *session) give(packet string) {
	s.mu.Lock()
	s.out = append(s.out, packet)
	full := len(s.out) > maxWaiting
	s.mu.Unlock()
	if full {
		s.end()
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *session) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.out
	s.out = nil
	return list
}

// check ends a session whose client was not heard of, and asks after one (of
// revision 4, where the server asks).
func (s *session) check() {
	if s.ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.watch()
	silent := time.Since(s.heard)
	ask := s.revision >= 4 && silent >= pingInterval && !s.asked
	s.asked = silent >= pingInterval && (s.asked || ask)
	s.mu.Unlock()
	if silent > pingInterval+pingTimeout {
		s.end()
		return
	}
	if ask {
		s.give(string(eioPing))
	}
}

// watch has the session checked after a while.
func (s *session) watch() { time.AfterFunc(pingInterval/4, s.check) }

// poll answers a GET: with what waits, or with the first that comes.
func (s *session) poll(w http.ResponseWriter, r *http.Request, first []string) {
	s.mu.Lock()
	twice := s.polling || s.socket
	s.polling = s.polling || !s.socket
	s.heard = time.Now()
	s.mu.Unlock()
	if twice {
		// Two at once would tear the order apart: the reference server ends such a session too.
		s.end()
		s.b.refuse(w, 3, "Bad request")
		return
	}
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.polling, s.heard = false, time.Now()
	}()
	out := http.NewResponseController(w)
	_ = out.SetReadDeadline(time.Time{})
	_ = out.SetWriteDeadline(time.Now().Add(2*pingInterval + writeWithin))
	packets := first
	// Revision 3 has no ping of the server's: an empty answer keeps proxies and the deadlines content.
	quiet := time.NewTimer(2 * pingInterval)
	defer quiet.Stop()
	for len(packets) == 0 {
		if packets = s.take(); len(packets) > 0 {
			break
		}
		select {
		case <-s.wake:
		case <-quiet.C:
			packets = []string{string(eioNoop)}
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			packets = []string{string(eioClose)}
		}
	}
	body, kind := encodePayload(s.revision, r.URL.Query().Get("b64") != "", packets)
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// post takes a client's packets.
func (s *session) post(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	var packets []string
	if err == nil {
		packets, err = decodePayload(s.revision, body)
	}
	if err != nil {
		s.b.refuse(w, 3, "Bad request")
		return
	}
	for _, p := range packets {
		s.packet(p)
	}
	w.Header().Set("Content-Type", "text/html") // as the reference server does
	_, _ = w.Write([]byte("ok"))
}

// websocket serves a session that began over a WebSocket, or moves one there.
func (s *session) websocket(w http.ResponseWriter, r *http.Request) {
	moves := r.URL.Query().Get("sid") != ""
	conn, err := accept(w, r)
	if err != nil { // it has answered
		if !moves {
			s.end()
		}
		return
	}
	defer func() { _ = conn.CloseNow() }()
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	if moves && !s.move(ctx, conn) {
		return
	}
	defer s.end()
	s.mu.Lock()
	twice := s.socket
	s.socket = true
	s.mu.Unlock()
	if twice {
		return
	}
	go listen(ctx, conn, cancel, func(data []byte) bool {
		s.packet(string(data))
		return true
	})
	for {
		for _, packet := range s.take() {
			if !send(ctx, conn, []byte(packet)) {
				return
			}
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			_ = conn.Close(websocket.StatusNormalClosure, "")
			return
		}
	}
}

// move is the upgrade: the client's probe is answered, a GET that waits is let
// go, and the client says that it has changed over.
func (s *session) move(ctx context.Context, conn *websocket.Conn) bool {
	within, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	if _, data, err := conn.Read(within); err != nil || string(data) != string(eioPing)+"probe" || !send(within, conn, []byte(string(eioPong)+"probe")) {
		return false
	}
	s.give(string(eioNoop))
	_, data, err := conn.Read(within)
	return err == nil && string(data) == string(eioUpgrade)
}
