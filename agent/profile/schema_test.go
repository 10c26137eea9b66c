package profile

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"tram/configs"
	"tram/testdata"
)

const schemaFile = "docs/contract/schema/profile.schema.json"

// asJSON is a YAML file as the schema's validator wants it.
func asJSON(t *testing.T, text []byte) any {
	t.Helper()
	var any any
	if err := yaml.Unmarshal(text, &any); err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(any)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTheSchemaTakesEveryShippedProfileAndRefusesWhatCheckRefuses(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(testdata.Project(schemaFile))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range Names() {
		text, err := fs.ReadFile(configs.Profiles, "profiles/"+name+".yaml")
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(asJSON(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	const good = "name: x\ntitle: {vi: a, en: b}\npurpose: {vi: a, en: b}\nevidence: [qr]\nassurance: qr\nrecord: vn.tram.visit.registered.v1\n"
	if err := schema.Validate(asJSON(t, []byte(good))); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"face: maybe", "basis: because", "keeps: [shoeSize]", "shoes: 2", "questions: [{id: A, label: {vi: a, en: b}, kind: text}]", "questions: [{id: a, label: {vi: a, en: b}, kind: drum}]", "register: {kind: stars, retain: 1h}", "ticket: {kind: queue, prefix: abc}", "exports: [pdf]", "timeouts: {idle: soon}", "model: [99]", "languages: [en]"} {
		text := []byte(good + line + "\n")
		if schema.Validate(asJSON(t, text)) == nil {
			t.Errorf("the schema takes %s", line)
		}
		if _, err := Parse("x.yaml", text); err == nil {
			t.Errorf("check takes %s", line)
		}
	}
}

func TestTheSchemaHasTheKeysOfTheType(t *testing.T) {
	raw, err := os.ReadFile(testdata.Project(schemaFile))
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Items      json.RawMessage            `json:"items"`
		Enum       []string                   `json:"enum"`
	}
	var top struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(raw, &top); err != nil {
		t.Fatal(err)
	}
	inside := func(raw json.RawMessage) (o object) {
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	for kind, o := range map[reflect.Type]object{
		reflect.TypeFor[Profile]():  top.object,
		reflect.TypeFor[Question](): top.Defs["question"],
		reflect.TypeFor[Register](): inside(top.Properties["register"]),
		reflect.TypeFor[Ticket]():   inside(top.Properties["ticket"]),
		reflect.TypeFor[Timeouts](): inside(top.Properties["timeouts"]),
		reflect.TypeFor[Option]():   inside(inside(top.Defs["question"].Properties["options"]).Items),
	} {
		var keys []string
		for i := range kind.NumField() {
			keys = append(keys, kind.Field(i).Tag.Get("yaml"))
		}
		slices.Sort(keys)
		if got := slices.Sorted(maps.Keys(o.Properties)); !slices.Equal(got, keys) {
			t.Errorf("%s: the schema has %v, the type %v", kind.Name(), got, keys)
		}
	}
	if want := Fields(); !slices.Equal(top.Defs["field"].Enum, want) {
		t.Errorf("the schema's fields are %v, a person's %v", top.Defs["field"].Enum, want)
	}
}
