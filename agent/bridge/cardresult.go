package bridge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"tram/agent/kiosk"
)

// Bounds of what programs may send or make us wait for.
const (
	compareWithin = 20 * time.Second
	turnWithin    = 5 * time.Second
	maxPictures   = 12 << 20 // bytes of a comparison's two pictures in base64
)

// cardResult speaks JSON over a plain WebSocket on any path, and compares two
// pictures at /api/v4/compare.
type cardResult struct {
	ctx     context.Context
	server  *kiosk.Server
	opt     Options
	holders holders
	turn    chan struct{} // holds one: whose pictures are compared
}

func newCardResult(ctx context.Context, s *kiosk.Server, opt Options) http.Handler {
	b := &cardResult{ctx: ctx, server: s, opt: opt, turn: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v4/compare", b.compare)
	mux.HandleFunc("GET /", b.socket)
	return mux
}

func (b *cardResult) socket(w http.ResponseWriter, r *http.Request) {
	conn, err := accept(w, r)
	if err != nil {
		return // it has answered
	}
	defer func() { _ = conn.CloseNow() }()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go listen(ctx, conn, cancel, nil)
	b.holders.follow(ctx, b.server.ProgramOf(r), func(h happening) bool {
		message := cardMessage(h)
		return message == nil || sendJSON(ctx, conn, message)
	}, func() bool { return ping(ctx, conn) })
	_ = conn.Close(websocket.StatusGoingAway, "")
}

// cardMessage is a happening in the protocol's words; nil for one it has none for.
func cardMessage(h happening) any {
	switch h.what {
	case inserted:
		return map[string]string{"EventName": "READ"}
	case read:
		out := proof(h.result)
		out["EventName"], out["ChipFace"] = "CARD_RESULT", base64Of(h.portrait)
		out["PersonalInfo"] = with(map[string]any{}, h.result, readerNames)
		return out
	case failed:
		return map[string]string{"Status": "FAILURE", "ErrorCode": h.code}
	case held:
		return map[string]string{"Status": "FAILURE", "ErrorCode": "busy"}
	case removed:
		return map[string]string{"NewState": "EMPTY"}
	}
	return nil
}

// compare serves {"AnhCCCD": base64, "AnhChanDung": base64}: the card's picture
// and the person's. Status is what programs show when Score is 60 or less.
func (b *cardResult) compare(w http.ResponseWriter, r *http.Request) {
	// Two pictures take tens of megabytes on their way: one pair at a time, and who waits has sent none yet.
	turn := time.NewTimer(turnWithin)
	defer turn.Stop()
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-turn.C:
		w.Header().Set("Retry-After", "5")
		refuse(w, http.StatusServiceUnavailable, "Đang so sánh ảnh khác")
		return
	case <-r.Context().Done():
		return
	}
	var in struct{ AnhCCCD, AnhChanDung string }
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxPictures))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "Ảnh quá lớn")
		return
	}
	if json.Unmarshal(body, &in) != nil {
		refuse(w, http.StatusBadRequest, "Nội dung phải là {AnhCCCD, AnhChanDung}")
		return
	}
	card, cardErr := picture(in.AnhCCCD)
	person, personErr := picture(in.AnhChanDung)
	if cardErr != nil || personErr != nil {
		refuse(w, http.StatusBadRequest, "Ảnh phải là base64 của JPEG hoặc PNG")
		return
	}
	if b.opt.Compare == nil {
		refuse(w, http.StatusServiceUnavailable, "Trạm này không so sánh khuôn mặt")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), compareWithin)
	defer cancel()
	score, err := b.opt.Compare(ctx, card, person)
	if err != nil {
		b.opt.Log.Info("two pictures not compared", "bridge", CardResult, "err", err)
		answer(w, http.StatusOK, map[string]any{"Score": 0, "Status": "Không tìm thấy khuôn mặt rõ trong cả hai ảnh"})
		return
	}
	text := "Khuôn mặt khớp"
	if score <= 60 {
		text = "Khuôn mặt không khớp"
	}
	answer(w, http.StatusOK, map[string]any{"Score": score, "Status": text})
}

var errPicture = errors.New("no picture")

// picture decodes base64, also as a data URL.
func picture(text string) ([]byte, error) {
	if rest, ok := strings.CutPrefix(text, "data:image/"); ok {
		var found bool
		if _, text, found = strings.Cut(rest, ";base64,"); !found {
			return nil, errPicture
		}
	}
	data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(data) < 4 {
		return nil, errPicture
	}
	return data, nil
}
