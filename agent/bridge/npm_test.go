package bridge_test

import (
	"strings"
	"testing"

	"tram/agent/bridge"
	"tram/agent/visit"
)

// Socket.IO's own clients of the three major versions that software for the
// reader is made with.
func TestSocketIOsOwnClientsReadACard(t *testing.T) {
	for _, name := range []string{"socket.io-client-2", "socket.io-client-3", "socket.io-client-4"} {
		for _, transports := range []string{"polling+websocket", "websocket", "polling"} {
			t.Run(name+" over "+transports, func(t *testing.T) {
				t.Parallel()
				c := open(t, bridge.Options{Kind: bridge.HN212Socket})
				hear, say := foreignNode(t, "socketio.cjs", name, "http://"+c.addr+"/?token="+c.token["his"], transports)
				settled := strings.HasSuffix(transports, "websocket")
				for informed, over := false, ""; !informed || settled != (over == "websocket"); {
					switch v := hear(); v[0] {
					case "over":
						over, _ = v[1].(string)
					case "/info":
						informed = true
					case "connect_error":
						t.Fatalf("got %v", v)
					}
				}
				c.watched(t, 1)
				c.stage(visit.StageReading)
				if got := await(t, hear, "/event"); got["id"] != 1.0 {
					t.Errorf("the card lies there: got %v", got)
				}
				c.stage(visit.StageConfirm)
				readAsTold(t, hear)
				say("ask")
				await(t, hear, "ack")
				if got := await(t, hear, "/event"); got["id"] != 3.0 {
					t.Errorf("what is not offered: got %v", got)
				}
				if !settled {
					return
				}
				// The line breaks: the client connects again by itself, and is told of the visit that is still its own.
				say("cut")
				await(t, hear, "disconnect")
				if got := await(t, hear, "/event"); got["id"] != 1.0 {
					t.Errorf("after the line broke: got %v", got)
				}
				readAsTold(t, hear)
				say("close")
				await(t, hear, "disconnect")
				c.watched(t, 0)
			})
		}
	}
}

// readAsTold hears the two messages of a card that was read, in the reader's names.
func readAsTold(t *testing.T, hear func() []any) {
	t.Helper()
	got := await(t, hear, "/event")
	data, _ := got["data"].(map[string]any)
	for _, name := range visit.Fields[:16] {
		if value, there := data[name]; !there || value != citizen[name] {
			t.Errorf("%s: got %v (there: %v), want %q", name, value, there, citizen[name])
		}
	}
	if got["id"] != 2.0 || data["source"] != "chip" || data["consentId"] != "consent-v1" {
		t.Errorf("the card was read: got %v", got)
	}
	got = await(t, hear, "/event")
	data, _ = got["data"].(map[string]any)
	if got["id"] != 4.0 || data["img_data"] == "" || data["sod"] != "" {
		t.Errorf("the pictures: got %v", got)
	}
}

// Microsoft's own client of SignalR, as software on RAR's kit has it.
func TestMicrosoftsOwnClientHearsAVisit(t *testing.T) {
	for _, how := range []string{"token", "path", "direct"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			c := open(t, bridge.Options{Kind: bridge.RARRest})
			url := "http://" + c.addr + "/ws/device"
			if how == "path" {
				url = "http://" + c.addr + "/" + c.token["his"] + "/ws/device"
			}
			hear, say := foreignNode(t, "signalr.cjs", how, url, c.token["his"])
			await(t, hear, "started")
			c.watched(t, 1)
			say("call")
			if v := hear(); v[0] == "called" && (len(v) < 2 || !strings.Contains(v[1].(string), "no such method")) {
				t.Errorf("a method that is not there: got %v", v)
			}
			c.stage(visit.StageReading)
			if got := await(t, hear, "CardInserted"); got["sessionId"] != "v1" {
				t.Errorf("the card lies there: got %v", got)
			}
			c.stage(visit.StageConfirm)
			isTheCard(t, await(t, hear, "CardReadSuccess"))
			say("cut")
			await(t, hear, "reconnecting")
			isTheCard(t, await(t, hear, "CardReadSuccess")) // it is there again, and the visit still its own
			c.stage(visit.StageIdle)
			await(t, hear, "CardRemoved")
			say("stop")
			await(t, hear, "closed")
			c.watched(t, 0)
		})
	}
}

func TestMicrosoftsOwnClientIsToldWhatIsNotServed(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.RARRest})
	url := "http://" + c.addr + "/ws/device"
	for how, tc := range map[string]struct{ token, want string }{
		"messagepack": {c.token["his"], "does not support Binary"},
		"token":       {c.token["api"], "403"},
		"direct":      {"tram_guess", "WebSocket failed to connect"},
	} {
		hear, _ := foreignNode(t, "signalr.cjs", how, url, tc.token)
		if v := hear(); v[0] != "refused" || !strings.Contains(v[1].(string), tc.want) {
			t.Errorf("%s: got %v, want it refused with %q", how, v, tc.want)
		}
	}
}

// isTheCard checks a reading in the names of the REST service.
func isTheCard(t *testing.T, got map[string]any) {
	t.Helper()
	card, _ := got["cardData"].(map[string]any)
	for theirs, ours := range map[string]string{
		"cardNumber": "idCode", "fullName": "personName", "dateOfBirth": "dateOfBirth", "gender": "gender", "nationality": "nationality",
		"hometown": "originPlace", "permanentAddress": "residencePlace", "issueDate": "issueDate", "expiryDate": "expiryDate",
	} {
		if value, there := card[theirs]; !there || value != citizen[ours] {
			t.Errorf("%s: got %v (there: %v), want %q", theirs, value, there, citizen[ours])
		}
	}
	if got["sessionId"] != "v1" || got["consentId"] != "consent-v1" || card["faceImageBase64"] == "" {
		t.Errorf("the card: got %v", got)
	}
}

// pythonSocket is Debian's websocket-client, which writes an Origin of its own.
const pythonSocket = `
import sys, json, threading, websocket
url, header = sys.argv[1], [a for a in sys.argv[2:]]
def tell(*a): print(json.dumps(a), flush=True)
try:
    c = websocket.create_connection(url, header=header, timeout=60)
except websocket.WebSocketBadStatusException as e:
    tell("refused", e.status_code); sys.exit(0)
tell("open")
threading.Thread(target=lambda: (sys.stdin.readline(), c.close()), daemon=True).start()
while True:
    try: text = c.recv()
    except Exception: break
    if not text: break
    tell("message", json.loads(text))
tell("closed", 0)
`

// Two clients of plain WebSockets of other makes.
func TestForeignWebSocketsReadACard(t *testing.T) {
	for name, dial := range map[string]func(*testing.T, string, string) (func() []any, func(string)){
		"Node's ws": func(t *testing.T, url, token string) (func() []any, func(string)) {
			return foreignNode(t, "ws.cjs", url, token)
		},
		"Python's websocket-client": func(t *testing.T, url, token string) (func() []any, func(string)) {
			return foreignPython(t, pythonSocket, url, "Authorization: Bearer "+token)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := open(t, bridge.Options{Kind: bridge.CardResult})
			if hear, _ := dial(t, "ws://"+c.addr+"/", c.token["api"]); true {
				if v := hear(); v[0] != "refused" || v[1] != 403.0 {
					t.Errorf("a token of another scope: got %v, want 403", v)
				}
			}
			hear, say := dial(t, "ws://"+c.addr+"/", c.token["his"])
			await(t, hear, "open")
			c.watched(t, 1)
			c.stage(visit.StageReading)
			if got := await(t, hear, "message"); got["EventName"] != "READ" {
				t.Errorf("the card lies there: got %v", got)
			}
			c.stage(visit.StageConfirm)
			got := await(t, hear, "message")
			person, _ := got["PersonalInfo"].(map[string]any)
			for _, field := range visit.Fields[:16] {
				if value, there := person[field]; !there || value != citizen[field] {
					t.Errorf("%s: got %v (there: %v), want %q", field, value, there, citizen[field])
				}
			}
			if got["EventName"] != "CARD_RESULT" || got["ChipFace"] == "" || got["assurance"] != "chip-trusted" {
				t.Errorf("the card was read: got %v", got)
			}
			c.lead("v2", visit.StageFailed)
			if got := await(t, hear, "message"); got["NewState"] != "EMPTY" {
				t.Errorf("the visit is over: got %v", got)
			}
			if got := await(t, hear, "message"); got["Status"] != "FAILURE" {
				t.Errorf("a visit that failed: got %v", got)
			}
			say("close")
			await(t, hear, "closed")
			c.watched(t, 0)
		})
	}
}
