package bridge_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tram/agent/bridge"
	"tram/agent/visit"
)

// Two clients of other makes: python-socketio speaks Engine.IO 4 (socket.io-client
// 3 and 4), socketIO_client speaks Engine.IO 3 (socket.io-client 1 and 2).
const (
	clientOf4 = `
import sys, json, threading, socketio
url, transports = sys.argv[1], sys.argv[2].split("+")
c = socketio.Client(reconnection=False)
lock = threading.Lock()
def tell(*a):
    with lock: print(json.dumps(a), flush=True)
def say(name): return lambda *a: tell(name, *a)
for name in ("/event", "/info", "connect", "disconnect"): c.on(name, say(name))
c.connect(url, transports=transports)
tell("over", c.transport())
sys.stdin.readline()
c.emit("/get_aa", {"challenge": "AAAAAAAAAAA="}, callback=say("ack"))
sys.stdin.readline()
c.disconnect()
`
	clientOf3 = `
import sys, json, threading, os, warnings
warnings.simplefilter("ignore")
from socketIO_client import SocketIO
host, port, token, transports = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4].split("+")
lock = threading.Lock()
def tell(*a):
    with lock: print(json.dumps(a), flush=True)
def say(name): return lambda *a: tell(name, *a)
c = SocketIO(host, port, params={"token": token}, transports=transports)
for name in ("/event", "/info"): c.on(name, say(name))
tell("over", c.transport_name)
def stop():
    sys.stdin.readline(); sys.stdin.readline(); os._exit(0)
threading.Thread(target=stop, daemon=True).start()
while True: c.wait(seconds=1)
`
)

// await reads until the client hears an event of that name.
func await(t *testing.T, hear func() []any, name string) map[string]any {
	t.Helper()
	for {
		v := hear()
		if v[0] == name {
			if len(v) > 1 {
				m, _ := v[1].(map[string]any)
				return m
			}
			return nil
		}
	}
}

func TestForeignSocketIOClientsReadACard(t *testing.T) {
	for _, tc := range []struct{ name, script, transports string }{
		{"Engine.IO 4, polling and then WebSocket", clientOf4, "polling+websocket"},
		{"Engine.IO 4, WebSocket alone", clientOf4, "websocket"},
		{"Engine.IO 4, polling alone", clientOf4, "polling"},
		{"Engine.IO 3, polling and then WebSocket", clientOf3, "xhr-polling+websocket"},
		{"Engine.IO 3, WebSocket alone", clientOf3, "websocket"},
		{"Engine.IO 3, polling alone", clientOf3, "xhr-polling"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := open(t, bridge.Options{Kind: bridge.HN212Socket})
			arg := []string{"http://" + c.addr + "/?token=" + c.token["his"], tc.transports}
			if tc.script == clientOf3 {
				host, port, _ := strings.Cut(c.addr, ":")
				arg = []string{host, port, c.token["his"], tc.transports}
			}
			hear, say := foreignPython(t, tc.script, arg...)
			over, info := "", map[string]any{}
			for over == "" || len(info) == 0 {
				switch v := hear(); v[0] {
				case "over":
					over, _ = v[1].(string)
				case "/info":
					info, _ = v[1].(map[string]any)
				}
			}
			if strings.HasSuffix(tc.transports, "websocket") != (over == "websocket") {
				t.Errorf("asked for %s: connected over %s", tc.transports, over)
			}
			if info["serial_device"] != "kiosk-01" {
				t.Errorf("/info: got %v", info)
			}
			c.watched(t, 1)
			c.stage(visit.StageReading)
			if got := await(t, hear, "/event"); got["id"] != 1.0 || got["message"] != "new card!" {
				t.Errorf("the card lies there: got %v", got)
			}
			c.stage(visit.StageConfirm)
			got := await(t, hear, "/event")
			data, _ := got["data"].(map[string]any)
			if got["id"] != 2.0 || got["message"] != "read card successfully!" || data["source"] != "chip" || data["consentId"] != "consent-v1" {
				t.Errorf("the card was read: got %v", got)
			}
			for _, name := range visit.Fields[:16] {
				if value, there := data[name]; !there || value != citizen[name] {
					t.Errorf("%s: got %v (there: %v), want %q", name, value, there, citizen[name])
				}
			}
			got = await(t, hear, "/event")
			data, _ = got["data"].(map[string]any)
			if got["id"] != 4.0 || data["img_data"] == "" || data["dg2"] != "" || data["dg13"] != "" || data["sod"] != "" {
				t.Errorf("the pictures: got %v", got)
			}
			c.stage(visit.StageIdle)
			c.lead("v2", visit.StageFailed)
			if got = await(t, hear, "/event"); got["id"] != 3.0 || got["message"] != "card_removed" {
				t.Errorf("a visit that failed: got %v", got)
			}
			say("")
			if tc.script == clientOf4 {
				if got = await(t, hear, "/event"); got["id"] != 3.0 {
					t.Errorf("what is not offered: got %v", got)
				}
			}
			say("")
		})
	}
}

func TestASocketIOSessionIsItsProgramsAlone(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.HN212Socket})
	req, _ := http.NewRequest("GET", "http://"+c.addr+"/socket.io/?EIO=4&transport=polling", nil)
	req.Header.Set("Authorization", "Bearer "+c.token["his"])
	_, body, _ := ask(t, req)
	var hello struct{ SID string }
	if !strings.HasPrefix(body, "0{") || json.Unmarshal([]byte(body[1:]), &hello) != nil || hello.SID == "" {
		t.Fatalf("open: got %s", body)
	}
	for name, want := range map[string]int{"other": 400, "his": 200} {
		req, _ := http.NewRequest("POST", "http://"+c.addr+"/socket.io/?EIO=4&transport=polling&sid="+hello.SID, strings.NewReader("40"))
		req.Header.Set("Authorization", "Bearer "+c.token[name])
		if code, body, _ := ask(t, req); code != want {
			t.Errorf("%s posts into it: got %d %s, want %d", name, code, body, want)
		}
	}
}

func TestSocketIORefusesWhatItDoesNotSpeak(t *testing.T) {
	c := open(t, bridge.Options{Kind: bridge.HN212Socket})
	for path, want := range map[string]int{
		"/socket.io/":                                       400,
		"/socket.io/?EIO=2&transport=polling":               400,
		"/socket.io/?EIO=4&transport=flashsocket":           400,
		"/socket.io/?EIO=4&transport=polling&j=0":           400,
		"/socket.io/?EIO=4&transport=polling&sid=unknown":   400,
		"/socket.io/?EIO=4&transport=websocket&sid=unknown": 400,
		"/elsewhere": 404,
	} {
		req, _ := http.NewRequest("GET", "http://"+c.addr+path, nil)
		req.Header.Set("Authorization", "Bearer "+c.token["his"])
		if code, body, _ := ask(t, req); code != want {
			t.Errorf("%s: got %d %s, want %d", path, code, body, want)
		}
	}
}
