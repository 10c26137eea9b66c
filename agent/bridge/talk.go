package bridge

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"github.com/coder/websocket"
)

// Bounds of what programs may send or make us wait for.
const (
	writeWithin = 10 * time.Second
	maxMessage  = 16 << 10 // bytes of a message or a body
	// A program's protocol needs one message in ten seconds; so many more than that are a flood.
	maxTalk   = 200
	talkEvery = 10 * time.Second
)

// accept makes a request a WebSocket. The door has compared Host and Origin with
// exact lists already.
func accept(w http.ResponseWriter, r *http.Request) (*websocket.Conn, error) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true, CompressionMode: websocket.CompressionDisabled})
	if err == nil {
		conn.SetReadLimit(maxMessage)
	}
	return conn, err
}

// listen gives take what a program sends, until the connection ends, take returns
// false or the program floods; then it calls ended. take is nil where a program
// has nothing to say.
func listen(ctx context.Context, conn *websocket.Conn, ended func(), take func(message []byte) bool) {
	defer ended()
	said, since := 0, time.Now()
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			return
		}
		if now := time.Now(); now.Sub(since) > talkEvery {
			said, since = 0, now
		}
		if said++; said > maxTalk || take != nil && !take(data) {
			return
		}
	}
}

// ping reports whether the program is still there: each WebSocket's client
// answers by itself, unless it hangs.
func ping(ctx context.Context, conn *websocket.Conn) bool {
	within, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	return conn.Ping(within) == nil
}

// send writes one message.
func send(ctx context.Context, conn *websocket.Conn, message []byte) bool {
	within, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	return conn.Write(within, websocket.MessageText, message) == nil
}

// sendJSON writes one message and what the protocol ends it with.
func sendJSON(ctx context.Context, conn *websocket.Conn, message any, end ...byte) bool {
	data, err := json.Marshal(message)
	return err == nil && send(ctx, conn, append(data, end...))
}

// takeBody reads a body of which nothing is wanted: only then does the server
// notice that who asked has gone. It reports whether it was small enough, and
// has answered otherwise.
func takeBody(w http.ResponseWriter, r *http.Request) bool {
	if _, err := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, maxMessage)); err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "Nội dung quá lớn")
		return false
	}
	return true
}

func answer(w http.ResponseWriter, code int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		code, data = http.StatusInternalServerError, []byte(`{"message":"internal error"}`)
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = w.Write(data)
}

func refuse(w http.ResponseWriter, code int, message string) {
	answer(w, code, map[string]string{"message": message, "Status": message})
}
