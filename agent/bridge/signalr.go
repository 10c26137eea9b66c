package bridge

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

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

// silence is how long a client may say nothing, as at the reference server: clients
// ping every 15 seconds. Tests change it.
var silence = 30 * time.Second

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
	var heard atomic.Int64
	heard.Store(time.Now().UnixNano())
	go listen(ctx, conn, cancel, func(data []byte) bool {
		heard.Store(time.Now().UnixNano())
		return said(ctx, conn, data)
	})
	b.holders.follow(ctx, b.server.ProgramOf(r), func(h happening) bool {
		target, payload := deviceEvent(h)
		if target == "" {
			return true
		}
		return record(ctx, conn, map[string]any{"type": srInvocation, "target": target, "arguments": []any{payload}})
	}, func() bool {
		// A program that hangs and a page that its browser has put aside must not hold the reader: the one
		// answers no WebSocket's ping, the other sends no ping of the protocol's, which asks for no answer.
		return time.Since(time.Unix(0, heard.Load())) < silence && record(ctx, conn, map[string]int{"type": srPing}) && ping(ctx, conn)
	})
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

// said answers what the client says: pings, and calls of methods, of which there
// are none. It reports false when the client has closed.
func said(ctx context.Context, conn *websocket.Conn, data []byte) bool {
	for part := range bytes.SplitSeq(data, []byte{recordSeparator}) {
		var in struct {
			Type         int    `json:"type"`
			InvocationID string `json:"invocationId"`
		}
		if len(part) == 0 || json.Unmarshal(part, &in) != nil {
			continue
		}
		open := true
		switch {
		case in.Type == srClose:
			open = false
		case in.Type == srPing:
			open = record(ctx, conn, map[string]int{"type": srPing})
		case in.InvocationID != "":
			open = record(ctx, conn, map[string]any{"type": srCompletion, "invocationId": in.InvocationID, "error": "there is no such method"})
		}
		if !open {
			return false
		}
	}
	return true
}

// record sends one message with its separator.
func record(ctx context.Context, conn *websocket.Conn, message any) bool {
	return sendJSON(ctx, conn, message, recordSeparator)
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
