package bridge

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"

	"github.com/coder/websocket"
)

// Message types of SignalR's JSON protocol. (ASP.NET Core, HubProtocol.md)
const (
	srInvocation = 1
	srCompletion = 3
	srPing       = 6
	srClose      = 7
)

const recordSeparator = 0x1e

// negotiate offers the one transport that is served. (TransportProtocols.md, "POST [endpoint-base]/negotiate")
func negotiate(w http.ResponseWriter, r *http.Request) {
	id := rand.Text()
	version := 0
	if r.URL.Query().Get("negotiateVersion") == "1" {
		version = 1
	}
	answer(w, http.StatusOK, map[string]any{
		"negotiateVersion": version, "connectionId": id, "connectionToken": id,
		"availableTransports": []any{map[string]any{"transport": "WebSockets", "transferFormats": []string{"Text"}}},
	})
}

// hub tells the events CardInserted, CardReadSuccess, CardRemoved and
// DeviceStatusChanged.
func (b *rar) hub(w http.ResponseWriter, r *http.Request) {
	conn, err := accept(w, r)
	if err != nil {
		return // it has answered
	}
	defer func() { _ = conn.CloseNow() }()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	if !shake(ctx, conn) {
		return
	}
	go b.hear(ctx, conn, cancel)
	b.holders.follow(ctx, b.server.ProgramOf(r), func(h happening) bool {
		target, payload := deviceEvent(h)
		if target == "" {
			return true
		}
		return record(ctx, conn, map[string]any{"type": srInvocation, "target": target, "arguments": []any{payload}})
	}, func() bool { return record(ctx, conn, map[string]int{"type": srPing}) })
	_ = record(context.WithoutCancel(ctx), conn, map[string]any{"type": srClose, "allowReconnect": true})
	_ = conn.Close(websocket.StatusNormalClosure, "")
}

// shake takes the client's handshake and answers it.
func shake(ctx context.Context, conn *websocket.Conn) bool {
	within, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	_, data, err := conn.Read(within)
	first, _, found := bytes.Cut(data, []byte{recordSeparator})
	var in struct {
		Protocol string `json:"protocol"`
		Version  int    `json:"version"`
	}
	if err != nil || !found || json.Unmarshal(first, &in) != nil {
		return false
	}
	if in.Protocol != "json" || in.Version != 1 {
		_ = record(within, conn, map[string]string{"error": "only the protocol json 1 is served"})
		return false
	}
	return record(within, conn, map[string]any{})
}

// hear takes what the client says: pings, and calls of methods, of which there
// are none.
func (b *rar) hear(ctx context.Context, conn *websocket.Conn, ended func()) {
	defer ended()
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			return
		}
		for part := range bytes.SplitSeq(data, []byte{recordSeparator}) {
			var in struct {
				Type         int    `json:"type"`
				InvocationID string `json:"invocationId"`
			}
			if len(part) == 0 || json.Unmarshal(part, &in) != nil {
				continue
			}
			switch {
			case in.Type == srClose:
				return
			case in.Type == srPing:
				_ = record(ctx, conn, map[string]int{"type": srPing})
			case in.InvocationID != "":
				_ = record(ctx, conn, map[string]any{"type": srCompletion, "invocationId": in.InvocationID, "error": "there is no such method"})
			}
		}
	}
}

// record sends one message with its separator.
func record(ctx context.Context, conn *websocket.Conn, message any) bool {
	data, err := json.Marshal(message)
	if err != nil {
		return false
	}
	within, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	return conn.Write(within, websocket.MessageText, append(data, recordSeparator)) == nil
}

// deviceEvent is a happening as the hub's event; "" for one that it does not tell.
func deviceEvent(h happening) (target string, payload any) {
	switch h.what {
	case inserted:
		return "CardInserted", map[string]string{"sessionId": h.visit}
	case read:
		return "CardReadSuccess", cardSession(h.result, h.portrait)
	case removed:
		return "CardRemoved", map[string]string{"sessionId": h.visit}
	case failed:
		return "DeviceStatusChanged", map[string]string{"device": "CardReader", "status": "Error", "code": h.code}
	case held:
		return "DeviceStatusChanged", map[string]string{"device": "CardReader", "status": "Busy"}
	case status:
		return "DeviceStatusChanged", map[string]string{"device": "CardReader", "status": h.devices.reader, "camera": h.devices.camera}
	}
	return "", nil
}
