package bridge

import (
	"context"
	"maps"
	"net/http"
	"sync"
	"time"

	"tram/agent/kiosk"
	"tram/agent/visit"
)

// readWithin is how long POST /api/card/read waits for a person.
const readWithin = 20 * time.Second

// rar is the REST service with events over SignalR that software on Windows
// knows from RAR's kit.
type rar struct {
	ctx     context.Context
	server  *kiosk.Server
	opt     Options
	holders holders

	mu      sync.Mutex
	reading map[string]bool // programs whose read is under way
}

func newRAR(ctx context.Context, s *kiosk.Server, opt Options) http.Handler {
	b := &rar{ctx: ctx, server: s, opt: opt, reading: map[string]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/device/status", b.status)
	mux.HandleFunc("GET /api/card/current", b.current)
	mux.HandleFunc("POST /api/card/read", b.read)
	mux.HandleFunc("POST /api/session/cancel", b.cancel)
	mux.HandleFunc("/api/face/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotImplemented, "Trạm tự so khuôn mặt trong lượt làm thủ tục; ảnh camera không đưa ra ngoài")
	})
	mux.HandleFunc("POST /ws/device/negotiate", negotiate)
	mux.HandleFunc("GET /ws/device", b.hub)
	return mux
}

func (b *rar) status(w http.ResponseWriter, r *http.Request) {
	n := b.server.ProgramOf(r).Snapshot()
	d := devicesOf(n)
	var active any
	if n.Visit != nil && n.Visit.ID != "" {
		active = n.Visit.ID
	}
	answer(w, http.StatusOK, map[string]any{
		"isOnline": true, "service": "tram", "version": b.opt.Version, "cardReaderStatus": d.reader, "cameraStatus": d.camera,
		"activeSessionId": active, "serverTime": time.Now(),
	})
}

// current gives the visit under way, if it is the program's own and read.
func (b *rar) current(w http.ResponseWriter, r *http.Request) {
	p := b.server.ProgramOf(r)
	_ = p.Hold() // a program that only polls wants the next visit for its own
	n := p.Snapshot()
	if n.Visit != nil {
		if result, ok := p.Result(n.Visit.ID); ok {
			portrait, _ := p.Portrait(n.Visit.ID)
			answer(w, http.StatusOK, cardSession(result, portrait))
			return
		}
	}
	refuse(w, http.StatusNotFound, "Không có phiên làm việc nào đang hoạt động.")
}

// read waits until a person's card is read.
func (b *rar) read(w http.ResponseWriter, r *http.Request) {
	p := b.server.ProgramOf(r)
	if !takeBody(w, r) {
		return
	}
	if devicesOf(p.Snapshot()).reader == "Disconnected" {
		refuse(w, http.StatusServiceUnavailable, "Thiết bị đầu đọc thẻ chưa được kết nối.")
		return
	}
	if !b.enter(p.Name()) {
		refuse(w, http.StatusConflict, "Đầu đọc thẻ đang bận.")
		return
	}
	defer b.leave(p.Name())
	ctx, cancel := context.WithTimeout(r.Context(), readWithin)
	defer cancel()
	code, body := http.StatusNotFound, any(map[string]string{"message": "Không có thẻ trên đầu đọc."})
	b.holders.follow(ctx, p, func(h happening) bool {
		switch h.what {
		case read:
			code, body = http.StatusOK, cardSession(h.result, h.portrait)
		case held:
			code, body = http.StatusConflict, map[string]string{"message": "Đầu đọc thẻ đang bận."}
		case failed:
			code, body = http.StatusUnprocessableEntity, map[string]string{"message": "Không đọc được thẻ.", "code": h.code}
		default:
			return true
		}
		return false
	}, nil)
	answer(w, code, body)
}

func (b *rar) enter(program string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.reading[program] {
		return false
	}
	b.reading[program] = true
	return true
}

func (b *rar) leave(program string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.reading, program)
}

func (b *rar) cancel(w http.ResponseWriter, r *http.Request) {
	p := b.server.ProgramOf(r)
	if !takeBody(w, r) {
		return
	}
	if n := p.Snapshot(); n.Visit != nil && n.Visit.ID != "" {
		ctx, cancel := context.WithTimeout(r.Context(), writeWithin)
		defer cancel()
		if err := p.Cancel(ctx, n.Visit.ID); err != nil {
			refuse(w, http.StatusConflict, "Phiên này không hủy được nữa.")
			return
		}
	}
	answer(w, http.StatusOK, map[string]any{"success": true, "message": "Đã hủy phiên làm việc."})
}

// cardSession is a reading as the service gives it.
func cardSession(r visit.Result, portrait []byte) map[string]any {
	card := with(map[string]any{"faceImageBase64": base64Of(portrait)}, r, cardNames)
	out := map[string]any{"sessionId": r.Visit, "createdAt": r.ConsentTime, "expiresAt": r.ConsentTime.Add(5 * time.Minute), "cardData": card}
	maps.Copy(out, proof(r))
	return out
}
