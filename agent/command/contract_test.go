package command

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"tram/agent/keep"
	"tram/agent/pushed"
	"tram/sync/seal/rest"
	"tram/sync/wire"
	"tram/testdata"
)

// trier takes all settings at once.
type trier struct{ settings pushed.Settings }

func (t *trier) Try(_ context.Context, id string, _ time.Duration, change func(pushed.Settings) pushed.Settings) (pushed.Outcome, error) {
	t.settings = change(t.settings)
	return pushed.Outcome{Command: id, OK: true}, nil
}

func testDevice(t *testing.T) Device {
	t.Helper()
	box, err := rest.LoadOrCreate(filepath.Join(t.TempDir(), "rest.jwk"))
	if err != nil {
		t.Fatal(err)
	}
	return Device{
		Settings: &trier{}, Lists: keep.Open(t.TempDir(), box),
		Trust:   func([][]byte) (string, error) { return "", nil },
		Resend:  func([]wire.Range) []wire.Range { return nil },
		HubKeys: func([]byte) (bool, error) { return true, nil },
		Collect: func(context.Context) ([]byte, error) { return []byte("x"), nil },
		Ping:    func() any { return map[string]string{} },
	}
}

// schema compiles the schema of a command and returns it with its examples.
func schema(t *testing.T, name string) (*jsonschema.Schema, []json.RawMessage) {
	t.Helper()
	path := testdata.Project("docs/contract/schema/command-" + name + ".json")
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	s, err := compiler.Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Examples) == 0 {
		t.Fatalf("%s: no examples, %v", path, err)
	}
	return s, file.Examples
}

func validates(t *testing.T, s *jsonschema.Schema, data []byte) bool {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return false
	}
	return s.Validate(v) == nil
}

// wrong is what neither the schemas nor the device may take.
var wrong = map[string][]string{
	"config":     {`{}x`, `{"yaml":1}`, `{"yaml":"","withinSeconds":5}`, `{"yaml":"","withinSeconds":90000}`, `{"yaml":"","more":1}`, `[]`},
	"profile":    {`{"yaml":[]}`, `{"yaml":"","name":"x"}`},
	"roster":     {`{}`, `{"version":0,"entries":[]}`, `{"version":1,"entries":[{"idCode":"17"}]}`, `{"version":1,"entries":[{}]}`, `{"version":1,"part":1,"entries":[{"x":1}]}`, `{"version":1,"part":33,"parts":33,"entries":[]}`},
	"allow-list": {`{"version":1,"entries":[{"idCode":"099099000017"}]}`, `{"version":1,"salt":"AAECAwQFBgcICQoLDA0ODw==","rounds":10000,"entries":[{"idCode":"099099000017"}]}`, `{"version":1,"salt":"AAECAwQFBgcICQoLDA0ODw==","rounds":10000,"entries":[{"hash":"jzfAUCHCT8tOwh4xBtweP+19BsVi7qFExz/Wk+Tw+YI=","from":"yesterday"}]}`, `{"version":1,"salt":"AAECAwQFBgcICQoLDA0ODw==","rounds":10000,"entries":[{"group":"x"}]}`, `{"version":1,"salt":"AAEC","rounds":10000,"entries":[]}`, `{"version":1,"salt":"AAECAwQFBgcICQoLDA0ODw==","rounds":1,"entries":[]}`},
	"notice":     {`{"version":1,"entries":[{"id":"a","kind":"loud","text":{"vi":"x"}}]}`, `{"version":1,"entries":[{"id":"a","kind":"info","text":{"en":"x"}}]}`, `{"version":1,"entries":[{"id":"a/b","kind":"info","text":{"vi":"x"}}]}`, `{"version":1,"entries":[{"id":"a","kind":"info","text":{"vi":"x"},"picture":"PHN2Zz4="}]}`, `{"version":1,"entries":[{"id":"a","kind":"info","text":{"vi":"x"},"phone":"call"}]}`},
	"catalogue":  {`{"version":1,"entries":[{"catalogue":"services","id":"a"}]}`, `{"version":1,"entries":[{"id":"a","label":{"vi":"x"}}]}`, `{"version":1,"entries":[{"catalogue":"services","id":"a/b","label":{"vi":"x"}}]}`},
	"trust":      {`{"files":[]}`, `{"files":[{"data":""}]}`, `{"files":[{"data":"%%"}]}`, `{"files":[{"name":"x"}]}`},
	"resend":     {`{"ranges":[]}`, `{"ranges":[[0,1]]}`, `{"ranges":[[1]]}`, `{"ranges":"all"}`},
	"rotate-key": {`{}`, `{"jwks":[]}`, `{"jwks":"x"}`},
	"collect":    {`{"all":true}`, `[]`},
	"ping":       {`{"x":1}`},
}

func TestSchemasAndDeviceTakeTheSame(t *testing.T) {
	for name := range Handlers(Device{}) {
		s, examples := schema(t, name)
		handler := Handlers(testDevice(t))[name]
		for i, example := range examples {
			if !validates(t, s, example) {
				t.Errorf("%s: the schema refuses its own example %d", name, i)
			}
			if _, err := handler(t.Context(), wire.Command{ID: "c", Name: name, Data: example}); err != nil {
				t.Errorf("%s: the device refuses example %d: %v", name, i, err)
			}
		}
		if len(wrong[name]) == 0 {
			t.Errorf("no wrong data for %s", name)
		}
		for _, data := range wrong[name] {
			if validates(t, s, []byte(data)) {
				t.Errorf("%s: the schema takes %s", name, data)
			}
			if _, err := handler(t.Context(), wire.Command{ID: "c", Name: name, Data: json.RawMessage(data)}); err == nil {
				t.Errorf("%s: the device takes %s", name, data)
			}
		}
	}
	page, err := os.ReadFile(testdata.Project("docs/contract/commands.md"))
	if err != nil {
		t.Fatal(err)
	}
	for name := range Handlers(Device{}) {
		if !strings.Contains(string(page), "| `"+name+"` |") || !strings.Contains(string(page), "command-"+name+".json") {
			t.Errorf("commands.md has no line for %s", name)
		}
	}
}

func TestADeviceWithoutAPartRefusesItsCommands(t *testing.T) {
	for name, handler := range Handlers(Device{}) {
		if name == "ping" {
			continue
		}
		_, examples := schema(t, name)
		if _, err := handler(t.Context(), wire.Command{ID: "c", Name: name, Data: examples[0]}); err == nil {
			t.Errorf("%s was done by a device that has nothing to do it with", name)
		}
	}
}

func FuzzHandlers(f *testing.F) {
	f.Add("roster", `{"version":1,"entries":[]}`)
	f.Add("resend", `{"ranges":[[1,2]]}`)
	d := Device{Settings: &trier{}, Resend: func([]wire.Range) []wire.Range { return nil }, Trust: func([][]byte) (string, error) { return "", nil }}
	r := &Runner{Handlers: Handlers(d), Log: slog.New(slog.DiscardHandler)}
	f.Fuzz(func(t *testing.T, name, data string) {
		reply := r.do(t.Context(), wire.Command{ID: "c", Name: name, Data: json.RawMessage(data)})
		if _, err := wire.ParseReply(wire.Encode(reply)); err != nil {
			t.Errorf("the reply is no reply: %v", err)
		}
	})
}
