package bridge

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"tram/agent/kiosk"
)

// How often a connection is tried, and how long an answer may take.
const (
	pingInterval = 10 * time.Second
	pingTimeout  = 10 * time.Second
	maxSessions  = 16
	ofAProgram   = 6  // sessions; beyond that the one that was silent longest ends
	maxWaiting   = 64 // packets for a client that does not fetch them
)

// socketIO is a reader of the make HN212: Socket.IO at /socket.io/ with the
// events "/event" and "/info" of the default namespace. Both revisions of
// Engine.IO that clients speak are served, over polling and WebSocket.
type socketIO struct {
	ctx     context.Context
	server  *kiosk.Server
	opt     Options
	holders holders

	mu       sync.Mutex
	sessions map[string]*session
}

func newSocketIO(ctx context.Context, s *kiosk.Server, opt Options) http.Handler {
	b := &socketIO{ctx: ctx, server: s, opt: opt, sessions: map[string]*session{}}
	mux := http.NewServeMux()
	mux.HandleFunc("/socket.io/", b.serve)
	return mux
}

// serve is one request of either transport.
func (b *socketIO) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p := b.server.ProgramOf(r)
	revision, err := strconv.Atoi(q.Get("EIO"))
	transport := q.Get("transport")
	switch {
	case err != nil || revision < 3 || revision > 4:
		b.refuse(w, 5, "Unsupported protocol version")
		return
	case transport != "polling" && transport != "websocket", q.Has("j"):
		b.refuse(w, 0, "Transport unknown")
		return
	}
	sid := q.Get("sid")
	if sid == "" {
		b.open(w, r, p, revision)
		return
	}
	s := b.find(sid, p.Name())
	if s == nil {
		b.refuse(w, 1, "Session ID unknown")
		return
	}
	switch {
	case transport == "websocket":
		s.websocket(w, r)
	case r.Method == http.MethodGet:
		s.poll(w, r, nil)
	case r.Method == http.MethodPost:
		s.post(w, r)
	default:
		b.refuse(w, 2, "Bad handshake method")
	}
}

// refuse answers as Engine.IO's own server does.
func (b *socketIO) refuse(w http.ResponseWriter, code int, message string) {
	answer(w, http.StatusBadRequest, map[string]any{"code": code, "message": message})
}

func (b *socketIO) find(sid, program string) *session {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.sessions[sid]; s != nil && s.program.Name() == program {
		return s
	}
	return nil
}

// open begins a session over whichever transport asked.
func (b *socketIO) open(w http.ResponseWriter, r *http.Request, p *kiosk.Program, revision int) {
	if r.Method != http.MethodGet {
		b.refuse(w, 2, "Bad handshake method")
		return
	}
	overSocket := r.URL.Query().Get("transport") == "websocket"
	s, ok := b.begin(p, revision)
	if !ok {
		refuse(w, http.StatusServiceUnavailable, "too many sessions are open")
		return
	}
	upgrades := []string{"websocket"}
	if overSocket {
		upgrades = []string{}
	}
	hello, err := json.Marshal(map[string]any{
		"sid": s.id, "upgrades": upgrades, "pingInterval": pingInterval.Milliseconds(), "pingTimeout": pingTimeout.Milliseconds(), "maxPayload": maxMessage,
	})
	if err != nil {
		s.end()
		return
	}
	first := []string{string(eioOpen) + string(hello)}
	if revision == 3 { // the default namespace is joined without being asked for
		first = append(first, string(eioMessage)+"0")
	}
	if overSocket {
		for _, packet := range first {
			s.give(packet)
		}
	}
	if revision == 3 { // only now: what it is told comes behind the beginning
		s.join()
	}
	if overSocket {
		s.websocket(w, r)
		return
	}
	s.poll(w, r, first)
}

func (b *socketIO) begin(p *kiosk.Program, revision int) (*session, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.makeRoom(p.Name())
	if len(b.sessions) >= maxSessions || b.ctx.Err() != nil {
		return nil, false
	}
	ctx, cancel := context.WithCancel(b.ctx)
	s := &session{b: b, id: rand.Text(), program: p, revision: revision, ctx: ctx, cancel: cancel, wake: make(chan struct{}, 1), heard: time.Now()}
	b.sessions[s.id] = s
	context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.sessions, s.id)
	})
	s.watch()
	return s, true
}

// makeRoom ends a program's session that was silent longest, where it has as many
// as it may: one that connects again and again leaves its former ones behind, and
// must lock neither itself nor another program out. The caller holds the lock.
func (b *socketIO) makeRoom(program string) {
	var oldest *session
	count := 0
	for _, s := range b.sessions {
		if s.program.Name() != program {
			continue
		}
		count++
		if oldest == nil || s.lastHeard().Before(oldest.lastHeard()) {
			oldest = s
		}
	}
	if count >= ofAProgram {
		delete(b.sessions, oldest.id)
		oldest.end()
	}
}

// join begins to tell the program what happens, until the session ends.
func (s *session) join() {
	s.joined.Do(func() {
		s.emit("/info", map[string]any{"version": s.b.opt.Version, "serial_nfc": "", "serial_device": s.b.opt.Device, "date": time.Now().UTC()})
		s.b.server.Go(func() {
			defer s.end()
			s.b.holders.follow(s.ctx, s.program, func(h happening) bool {
				for _, message := range readerMessages(h) {
					s.emit("/event", message)
				}
				return s.ctx.Err() == nil
			}, nil)
		})
	})
}

// packet takes one packet of the client.
func (s *session) packet(p string) {
	s.mu.Lock()
	s.heard = time.Now()
	s.mu.Unlock()
	if p == "" || !utf8.ValidString(p) {
		return
	}
	switch p[0] {
	case eioPing: // revision 3: the client asks
		s.give(string(eioPong) + p[1:])
	case eioClose:
		s.end()
	case eioMessage:
		s.message(p[1:])
	}
}

// message takes one packet of Socket.IO. (Socket.IO protocol, revision 5, "Packet types")
func (s *session) message(m string) {
	kind := byte(0)
	if m != "" {
		kind, m = m[0], m[1:]
	}
	namespace := ""
	if strings.HasPrefix(m, "/") {
		namespace, m, _ = strings.Cut(m, ",")
		namespace, _, _ = strings.Cut(namespace, "?")
	}
	switch kind {
	case '0':
		if namespace != "" && namespace != "/" {
			reply, _ := json.Marshal(map[string]string{"message": "Invalid namespace"})
			s.give(fmt.Sprintf("%c4%s,%s", eioMessage, ascii(namespace), ascii(string(reply))))
			return
		}
		if s.revision >= 4 {
			s.give(fmt.Sprintf(`%c0{"sid":%q}`, eioMessage, s.id))
			s.join()
		}
	case '1':
		s.end()
	case '2':
		digits := len(m) - len(strings.TrimLeft(m, "0123456789"))
		if digits > 0 && digits < 10 {
			s.give(fmt.Sprintf("%c3%s[]", eioMessage, m[:digits]))
		}
		if strings.HasPrefix(m[digits:], `["/get_aa"`) || strings.HasPrefix(m[digits:], `["/input_data"`) {
			s.emit("/event", map[string]any{"id": 3, "message": "not offered: the person's code or number opens the card here"})
		}
	}
}

// emit gives the client an event of the default namespace.
func (s *session) emit(event string, body any) {
	data, err := json.Marshal([]any{event, body})
	if err == nil {
		s.give(string(eioMessage) + "2" + ascii(string(data)))
	}
}

// ascii writes the other characters of a JSON text as \u escapes.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	return b.String()
}

// readerMessages are a happening in the reader's own words.
func readerMessages(h happening) []any {
	switch h.what {
	case inserted:
		return []any{map[string]any{"id": 1, "message": "new card!"}}
	case read:
		data := with(proof(h.result), h.result, readerNames)
		data["qr"] = ""
		return []any{
			map[string]any{"id": 2, "message": "read card successfully!", "data": data},
			map[string]any{"id": 4, "message": "Read raw data successfully!", "data": map[string]string{
				"img_data": base64Of(h.portrait), "dg1": "", "dg2": "", "dg13": "", "dg14": "", "dg15": "", "sod": "",
			}},
		}
	case failed:
		return []any{map[string]any{"id": 3, "message": h.code}}
	case held:
		return []any{map[string]any{"id": 3, "message": "busy"}}
	}
	return nil
}
