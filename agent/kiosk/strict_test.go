package kiosk

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// bodies are one of each kind that the API reads.
func bodies() map[string]func() any {
	return map[string]func() any{
		"visits": func() any {
			return new(struct {
				QR string `json:"qr"`
			})
		},
		"answers": func() any {
			return new(struct {
				Answers map[string]string `json:"answers"`
			})
		},
		"signin": func() any {
			return new(struct {
				Name string `json:"name"`
				PIN  string `json:"pin"`
			})
		},
		"close": func() any {
			return new(struct {
				When time.Time `json:"when"`
			})
		},
		"trips":    func() any { return new(NewTrip) },
		"requests": func() any { return new(NewRequest) },
		"reason":   func() any { return new(reason) },
	}
}

// hostile is what no body may be.
var hostile = []string{
	``, ` `, `{`, `}`, `[]`, `null`, `"x"`, `5`, `{}{}`, `{} x`, `{"qr":"a","qr":"b"}`, `{"qr":"a","QR":"b"}`, `{"QR":"a"}`, `{"qr":"a","other":1}`, `{"qr":5}`, `{"qr":{"qr":"a"}}`,
	"{\"qr\":\"\xff\"}", "\xef\xbb\xbf{\"qr\":\"a\"}", `{"qr":"\ud800"}`, `{"qr":"\udc00\ud800"}`, `{"qr":"a",}`, `{'qr':'a'}`, `{"qr":"a"}/*x*/`, `{"qr":01}`, `{"qr":1e999999}`, `{"qr":NaN}`,
	`{"qr":` + strings.Repeat("[", 4000), `{"qr":` + strings.Repeat("[", 4000) + strings.Repeat("]", 4000) + `}`, strings.Repeat(`{"qr":`, 1000) + `""` + strings.Repeat(`}`, 1000),
	`{"answers":{"a":"1","a":"2"}}`, `{"answers":{"a":{}}}`, `{"answers":[1]}`, `{"answers":{"a":1}}`, `{"answers":{"\ud800":"1"}}`, `{"name":"a","pin":1}`, `{"name":"a","PIN":"1"}`,
	`{"when":"yesterday"}`, `{"when":99999999999999999999}`, "{\"qr\":\"a\u0000", `{"qr":"` + "\x00" + `"}`, `{"reason":"a","fields":{"b":null,"b":null}}`,
}

func TestABodyThatTwoReadersTakeForDifferentThingsIsRefused(t *testing.T) {
	for _, text := range hostile {
		for name, into := range bodies() {
			if err := decodeObject([]byte(text), into()); err == nil {
				t.Errorf("%s takes %.60q", name, text)
			} else if len(err.Error()) > 120 || strings.Contains(err.Error(), "pin") {
				t.Errorf("%s, %.60q: the error is %q, want one that quotes nothing", name, text, err)
			}
		}
	}
	for text, into := range map[string]any{
		`{"qr":"\ufffd"}`: bodies()["visits"](), `{"qr":"�"}`: bodies()["visits"](), " {\"qr\" : \"a\"}\r\n": bodies()["visits"](), `{"qr":"😀"}`: bodies()["visits"](),
		`{"qr":"\ud83d\ude00"}`: bodies()["visits"](), `{"answers":{}}`: bodies()["answers"](), `{}`: bodies()["close"](), `{"reason":"a","fields":{"room":"1"}}`: bodies()["reason"](),
	} {
		if err := decodeObject([]byte(text), into); err != nil {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// Whatever comes: no panic, nothing quoted, and what is taken reads the same when
// it is written again.
func FuzzBodies(f *testing.F) {
	for _, text := range hostile {
		f.Add([]byte(text))
	}
	for _, text := range []string{`{"qr":"x"}`, `{"answers":{"room":"1"}}`, `{"name":"lan","pin":"804912"}`, `{"when":"2026-03-02T10:00:00Z"}`, `{"route":"A","vehicle":"B"}`, `{"reason":"r","fields":{"room":"2"}}`, `{"kind":"find","reason":"r"}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for name, make := range bodies() {
			in := make()
			if err := decodeObject(body, in); err != nil {
				if err != errBody {
					t.Errorf("%s: got %v", name, err)
				}
				continue
			}
			again, err := json.Marshal(in)
			if err != nil {
				continue // a time that no text stands for
			}
			if !utf8.Valid(again) || !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
				t.Errorf("%s took %q", name, body)
			}
			if err := decodeObject(again, make()); err != nil && name != "close" {
				t.Errorf("%s: %q was taken, %q is not", name, body, again)
			}
		}
	})
}
