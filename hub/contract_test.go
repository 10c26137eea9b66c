package hub_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"tram/sync/wire"
	"tram/testdata"
)

// schemas reads every schema of the contract.
type schemas struct {
	t   *testing.T
	all map[string]*jsonschema.Schema // by name, without .json
	raw map[string]map[string]any
}

func contract(t *testing.T) *schemas {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	s := &schemas{t: t, all: map[string]*jsonschema.Schema{}, raw: map[string]map[string]any{}}
	files, err := filepath.Glob(testdata.Project("docs/contract/schema/*.json"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d schemas: %v", len(files), err)
	}
	ids := map[string]string{}
	for _, file := range files {
		doc := readJSON(t, file).(map[string]any)
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		id, _ := doc["$id"].(string)
		if id == "" {
			id = "https://contract.tram.invalid/v1/" + name + ".json"
		}
		ids[name], s.raw[name] = id, doc
		if err := c.AddResource(id, doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	for name, id := range ids {
		if s.all[name], err = c.Compile(id); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return s
}

func readJSON(t *testing.T, file string) any {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return v
}

// check holds JSON against a schema.
func (s *schemas) check(name string, b []byte) {
	s.t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		s.t.Errorf("%s: not JSON: %v", name, err)
		return
	}
	s.checkValue(name, v)
}

func (s *schemas) checkValue(name string, v any) {
	s.t.Helper()
	if s.all[name] == nil {
		s.t.Fatalf("no schema %s", name)
	}
	if err := s.all[name].Validate(v); err != nil {
		s.t.Errorf("%s does not fit its schema: %v", name, err)
	}
}

// checkCBOR holds CBOR against a schema, byte strings as base64.
func (s *schemas) checkCBOR(name string, b []byte) {
	s.t.Helper()
	var v any
	if err := cbor.Unmarshal(b, &v); err != nil {
		s.t.Errorf("%s: not CBOR: %v", name, err)
		return
	}
	asJSON, err := json.Marshal(plain(v))
	if err != nil {
		s.t.Fatal(err)
	}
	s.check(name, asJSON)
}

func plain(v any) any {
	switch v := v.(type) {
	case []byte:
		return base64.StdEncoding.EncodeToString(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		return out
	}
	return v
}

// signedOnly are the members that only a message inside a signature has.
var signedOnly = []string{"kind", "device"}

func TestTheSchemasAreTheGoTypes(t *testing.T) {
	s := contract(t)
	for name, v := range map[string]any{
		"record": wire.Event{}, "ack": wire.Ack{}, "state": wire.State{}, "status": wire.Status{}, "command": wire.Command{},
		"reply": wire.Reply{}, "request": wire.Request{}, "response": wire.Response{}, "sealed": wire.Sealed{},
		"data-checkpoint": wire.Checkpoint{}, "data-clock-offset": wire.ClockOffset{}, "data-records-discarded": wire.Discarded{},
		"enroll-request": wire.EnrollRequest{}, "renew-request": wire.RenewRequest{}, "renewal": wire.Renewal{}, "enrollment": wire.Enrollment{}, "refusal": wire.Refusal{},
	} {
		var fields, required []string
		typ := reflect.TypeOf(v)
		for i := range typ.NumField() {
			member, options, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if member == "" || member == "-" {
				continue
			}
			fields = append(fields, member)
			if options == "" {
				required = append(required, member)
			}
		}
		var members []string
		for member := range s.raw[name]["properties"].(map[string]any) {
			if !slices.Contains(signedOnly, member) || slices.Contains(fields, member) {
				members = append(members, member)
			}
		}
		slices.Sort(fields)
		slices.Sort(members)
		if !slices.Equal(fields, members) {
			t.Errorf("%s: the Go type has %v, the schema %v", name, fields, members)
		}
		list, _ := s.raw[name]["required"].([]any)
		for _, r := range list {
			if !slices.Contains(required, r.(string)) {
				t.Errorf("%s: the schema asks for %v, which the Go type may leave out", name, r)
			}
		}
	}
}

func TestTheAsyncAPIDocumentIsValidAndNamesEveryTopic(t *testing.T) {
	b, err := os.ReadFile(testdata.Project("docs/contract/asyncapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := yaml.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	official := readJSON(t, "testdata/asyncapi/3.0.0.json")
	const id = "http://asyncapi.com/definitions/3.0.0/asyncapi.json"
	if err := c.AddResource(id, official); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("asyncapi.yaml is not AsyncAPI 3.0: %v", err)
	}

	want := []string{wire.HubStateTopic("{instance}")}
	for _, kind := range []wire.Kind{wire.Records, wire.Acks, wire.Commands, wire.Replies, wire.StatusOf, wire.Requests, wire.Responses} {
		want = append(want, wire.Topic{Site: "{site}", Device: "{device}", Kind: kind}.String())
	}
	var got []string
	for _, ch := range doc["channels"].(map[string]any) {
		got = append(got, ch.(map[string]any)["address"].(string))
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("asyncapi.yaml has the topics\n%v\nthe code has\n%v", got, want)
	}
	for name, m := range doc["components"].(map[string]any)["messages"].(map[string]any) {
		ref := m.(map[string]any)["payload"].(map[string]any)["$ref"].(string)
		if _, err := os.Stat(testdata.Project("docs/contract/" + ref)); err != nil {
			t.Errorf("message %s: %v", name, err)
		}
	}
}

// goldenSchemas are the schemas of golden messages with other names.
var goldenSchemas = map[string]string{
	"checkpoint": "data-checkpoint", "clock": "data-clock-offset", "discarded": "data-records-discarded",
	"events": "records", "offline": "status", "refusal": "ack",
}

func TestTheGoldenMessagesFitTheirSchemas(t *testing.T) {
	s := contract(t)
	files, err := filepath.Glob(testdata.Project("sync/wire/testdata/*.*"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no golden messages in sync/wire/testdata")
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ext := filepath.Ext(file)
		name := strings.TrimSuffix(filepath.Base(file), ext)
		if other, ok := goldenSchemas[name]; ok {
			name = other
		}
		switch {
		case s.all[name] == nil:
			t.Errorf("%s: no schema of this name", filepath.Base(file))
		case ext == ".cbor":
			s.checkCBOR(name, b)
		case ext == ".json":
			s.check(name, b)
		}
	}
}

func TestTheSchemasRefuseWhatTheCodeRefuses(t *testing.T) {
	s := contract(t)
	for name, texts := range map[string][]string{
		"ack":    {`{"v":2,"highwater":1,"hash":"` + strings.Repeat("0", 64) + `"}`, `{"v":1,"highwater":-1,"hash":"` + strings.Repeat("0", 64) + `"}`, `{"v":1,"highwater":1,"hash":"AB"}`},
		"status": {`{"v":1,"state":"asleep","instance":"x","time":"2026-09-21T07:00:00Z"}`, `{"v":1,"state":"online","instance":"x","time":"yesterday"}`},
		"record": {`{}`, `[]`},
		"signed": {`{"v":1}`, `{"v":1,"signed":"a.b"}`, `{"v":1,"signed":"a.b.c","sealed":"a.b.c.d.e"}`},
		"batch":  {`[2,[[1,1,0,"AA=="]]]`, `[1,[]]`, `[1,[[0,1,0,"AA=="]]]`, `[1,[[1,101,0,"AA=="]]]`},
	} {
		for _, text := range texts {
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
			if err != nil {
				t.Fatal(err)
			}
			if s.all[name].Validate(v) == nil {
				t.Errorf("schema %s takes %s", name, text)
			}
		}
	}
}
