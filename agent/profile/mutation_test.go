package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"tram/configs"
	"tram/testdata"
)

// others are the values that a mutation puts where another stood.
var others = map[string]any{
	"true": true, "number": 7, "less": -1, "much": 100000, "half": 1.5, "empty": "", "word": "zzz", "Word": "Zz z", "long": strings.Repeat("a", 300),
	"list": []any{}, "words": []any{"zzz"}, "short": "1s", "object": map[string]any{}, "other": map[string]any{"zzz": "a"}, "span": "90s", "type": "vn.tram.x.y.v1", "vi": map[string]any{"vi": "a", "en": "b"},
	"chip": "chip", "qr": "qr", "qrs": []any{"qr"}, "camera": []any{"camera"}, "typed": []any{"typed", "qr"}, "chips": []any{"chip"}, "required": "required", "legal-duty": "legal-duty", "declared": "declared",
	"text": "text", "choice": "choice", "catalogue": "catalogue", "date": "date", "clerk": "clerk", "stays": "stays", "visits": "visits", "queue": "queue", "upper": "ABC", "nothings": []any{nil},
}

// mutations returns a document once for each way in which a value somewhere in it
// is missing, doubled, beside something that nobody knows, or one of others. Not
// compared is what YAML and JSON see differently: a number without quotes is a text
// where check wants one, as writers of YAML expect, and a key with nothing behind
// it keeps its default.
func mutations(doc any, others map[string]any) map[string]any {
	out := map[string]any{}
	var walk func(path string, node any, put func(any) any)
	walk = func(path string, node any, put func(any) any) {
		_, isText := node.(string)
		for name, v := range others {
			switch v.(type) {
			case bool, int, float64:
				if isText {
					continue
				}
			}
			out[path+" = "+name] = put(v)
		}
		switch n := node.(type) {
		case map[string]any:
			for k, v := range n {
				without := maps.Clone(n)
				delete(without, k)
				out[path+"."+k+" gone"] = put(without)
				walk(path+"."+k, v, func(v any) any { c := maps.Clone(n); c[k] = v; return put(c) })
			}
			c := maps.Clone(n)
			c["shoes"] = "2"
			out[path+".shoes"] = put(c)
		case []any:
			for i, v := range n {
				out[fmt.Sprintf("%s[%d] gone", path, i)] = put(slices.Delete(slices.Clone(n), i, i+1))
				out[fmt.Sprintf("%s[%d] twice", path, i)] = put(slices.Insert(slices.Clone(n), i, v))
				walk(fmt.Sprintf("%s[%d]", path, i), v, func(v any) any { c := slices.Clone(n); c[i] = v; return put(c) })
			}
		}
	}
	walk("", doc, func(v any) any { return v })
	return out
}

// full is a profile that uses every key.
const full = `name: full
title: {vi: a, en: b}
purpose: {vi: a, en: b}
basis: legal-duty
law: {vi: a, en: b}
evidence: [chip, qr]
assurance: chip
face: if-possible
liveness: turn
keeps: [idCode, personName]
questions:
  - {id: a, label: {vi: a, en: b}, help: {vi: a, en: b}, kind: text, by: clerk, required: true, pattern: 'x+', maxLength: 5, default: x}
  - {id: b, label: {vi: a, en: b}, kind: choice, options: [{id: x, label: {vi: a, en: b}}, {id: y, label: {vi: a, en: b}}], default: x}
  - {id: c, label: {vi: a, en: b}, kind: catalogue, catalogue: departments}
  - {id: d, label: {vi: a, en: b}, kind: date, min: 0, max: 10}
  - {id: e, label: {vi: a, en: b}, kind: number, min: 1, max: 3, default: "2"}
record: vn.tram.stay.opened.v1
closes: vn.tram.stay.closed.v1
quick: true
register: {kind: stays, keeps: [idCode], retain: 720h}
ticket: {kind: queue, prefix: A, by: a}
exports: [dd10, na17]
languages: [vi, en]
timeouts: {idle: 60s, card: 60s, confirm: 90s}
model: [9]
`

// beyond are the mistakes that the schema cannot say: they compare one value with
// another, or a span of time with its limits.
var beyond = []string{
	"is not kept in the record", "is no question of this profile", "has no text for en", "has no text for zzz", "has no text for qr", "is asked twice", "is not an id, or there twice",
	"is above max", "is less than 1h0m0s", "is no answer to this question", "is a day, which is soon over", "is not between",
}

func TestSchemaAndCheckAgreeOnEveryChangeOfAProfile(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(testdata.Project(schemaFile))
	if err != nil {
		t.Fatal(err)
	}
	texts, values := map[string][]byte{"full": []byte(full)}, map[string]map[string]any{"full": others}
	for _, name := range Names() {
		if texts[name], err = fs.ReadFile(configs.Profiles, "profiles/"+name+".yaml"); err != nil {
			t.Fatal(err)
		}
	}
	tried, needed := 0, map[string]bool{}
	for name, text := range texts {
		var profile any
		if err := yaml.Unmarshal(text, &profile); err != nil {
			t.Fatal(err)
		}
		for what, doc := range mutations(profile, values[name]) {
			asYAML, err := yaml.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(raw)))
			if err != nil {
				t.Fatal(err)
			}
			_, wrong := Parse("x.yaml", asYAML)
			refused := schema.Validate(v)
			tried++
			var problems configs.Problems
			if wrong != nil && !errors.As(wrong, &problems) {
				t.Fatalf("%s%s: %v", name, what, wrong)
			}
			for _, p := range problems {
				if p.Line < 1 || p.Remedy == "" || p.Text == "" {
					t.Errorf("%s%s: a problem without line or remedy: %+v", name, what, p)
				}
			}
			switch {
			case wrong == nil && refused != nil:
				t.Errorf("%s%s: check takes it, the schema says %v", name, what, refused)
			case wrong != nil && refused == nil:
				known := false
				for _, p := range problems {
					for _, b := range beyond {
						if strings.Contains(p.Text, b) {
							known, needed[b] = true, true
						}
					}
				}
				if !known {
					t.Errorf("%s%s: the schema takes it, check says %v", name, what, problems)
				}
			}
		}
	}
	for _, b := range beyond {
		if !needed[b] {
			t.Errorf("nothing shows that only check says %q", b)
		}
	}
	t.Logf("%d profiles tried", tried)
}
