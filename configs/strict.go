package configs

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxBytes bounds a configuration or profile file before it is parsed.
const maxBytes = 1 << 20

// Problem is one mistake in a configuration file, told so that it can be mended.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line"` // 1-based; 0 when the mistake has no line, such as a missing key
	Key    string `json:"key"`  // "hub.broker"
	Text   string `json:"text"`
	Remedy string `json:"remedy"`
}

// String is the problem as a compiler would print it.
func (p Problem) String() string {
	var at strings.Builder
	at.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&at, ":%d", p.Line)
	}
	if p.Key != "" {
		at.WriteString(": " + p.Key)
	}
	return at.String() + ": " + p.Text
}

// Problems is all that is wrong with a configuration; as an error it lists them.
type Problems []Problem

// Error lists the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Lines maps a dotted key to the line where the file sets it.
type Lines map[string]int

// Decode reads YAML into the struct that into points to, which holds the
// defaults. Unknown keys, doubled keys and values of a wrong kind are Problems;
// everything that is right is set even then, so that checks further on can
// report more. Fields are named by their `yaml` tags.
func Decode(file string, data []byte, into any) (Lines, Problems) {
	lines := Lines{}
	if len(data) > maxBytes {
		return lines, Problems{{File: file, Text: fmt.Sprintf("the file has %d bytes; at most %d are read", len(data), maxBytes), Remedy: "use a smaller file"}}
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return lines, Problems{{File: file, Line: lineOf(err), Text: "is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: "), Remedy: "check the indentation and the colons near this line"}}
	}
	if len(doc.Content) == 0 {
		return lines, nil // an empty file sets nothing
	}
	d := decoder{file: file, lines: lines}
	d.node("", doc.Content[0], reflect.ValueOf(into).Elem(), 0)
	return lines, d.problems
}

// lineOf digs the line out of a YAML syntax error, which gives it only in its text.
func lineOf(err error) int {
	_, after, found := strings.Cut(err.Error(), "line ")
	if !found {
		return 0
	}
	digits, _, _ := strings.Cut(after, ":")
	n, _ := strconv.Atoi(digits)
	return n
}

type decoder struct {
	file     string
	lines    Lines
	problems Problems
}

func (d *decoder) problem(n *yaml.Node, key, text, remedy string) {
	d.problems = append(d.problems, Problem{File: d.file, Line: n.Line, Key: key, Text: text, Remedy: remedy})
}

// maxDepth bounds nesting, so that aliases cannot make a small file endless.
const maxDepth = 8

func (d *decoder) node(key string, n *yaml.Node, v reflect.Value, depth int) {
	d.lines[key] = n.Line
	if depth > maxDepth || n.Kind == yaml.AliasNode {
		d.problem(n, key, "uses an alias or is nested too deeply", "write the value itself")
		return
	}
	if v.Kind() == reflect.Struct {
		d.mapping(key, n, v, depth)
		return
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return // "key:" with nothing behind it keeps the default
	}
	if v.Kind() == reflect.Pointer && v.Type().Elem().Kind() == reflect.Struct {
		fresh := reflect.New(v.Type().Elem())
		d.mapping(key, n, fresh.Elem(), depth)
		v.Set(fresh)
		return
	}
	if v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct && n.Kind == yaml.SequenceNode {
		list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
		for i, item := range n.Content {
			d.node(fmt.Sprintf("%s[%d]", key, i), item, list.Index(i), depth+1)
		}
		v.Set(list)
		return
	}
	if loose(n, v.Type()) {
		d.problem(n, key, "is not "+kindName(v.Type()), "write "+example(v.Type()))
		return
	}
	// A fresh value, so that a list or map in the file replaces the default and is not merged into it.
	fresh := reflect.New(v.Type())
	if err := n.Decode(fresh.Interface()); err != nil {
		d.problem(n, key, "is not "+kindName(v.Type()), "write "+example(v.Type()))
		return
	}
	v.Set(fresh.Elem())
}

// loose reports what the YAML library would take and nobody means: an item of a
// list with nothing in it, which it leaves out, and a fraction for a whole number,
// which it cuts.
func loose(n *yaml.Node, t reflect.Type) bool {
	switch {
	case t == durationType:
		return false
	case t.Kind() == reflect.Pointer:
		return loose(n, t.Elem())
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
		return slices.ContainsFunc(n.Content, func(item *yaml.Node) bool { return item.Tag == "!!null" || loose(item, t.Elem()) })
	case reflect.Int <= t.Kind() && t.Kind() <= reflect.Uint64:
		return n.Kind == yaml.ScalarNode && n.Tag == "!!float"
	}
	return false
}

func (d *decoder) mapping(key string, n *yaml.Node, v reflect.Value, depth int) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.problem(n, key, "is not a group of keys", "put its keys below it, indented")
		return
	}
	fields := map[string]reflect.Value{}
	var known []string
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("yaml")
		if name == "" || name == "-" {
			continue
		}
		fields[name] = v.Field(i)
		known = append(known, name)
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, value := n.Content[i], n.Content[i+1]
		path := k.Value
		if key != "" {
			path = key + "." + k.Value
		}
		if first, twice := seen[k.Value]; twice {
			d.problem(k, path, fmt.Sprintf("is set twice, first in line %d", first), "keep one of them")
			continue
		}
		seen[k.Value] = k.Line
		field, ok := fields[k.Value]
		if !ok {
			d.problem(k, path, "is not a key that Tram knows", unknownRemedy(k.Value, known))
			continue
		}
		d.node(path, value, field, depth+1)
	}
}

func unknownRemedy(key string, known []string) string {
	best, distance := "", 4
	for _, k := range known {
		if n := editDistance(key, k); n < distance {
			best, distance = k, n
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "remove it; the keys here are " + strings.Join(known, ", ")
}

// editDistance is the number of single-character edits from a to b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}

var durationType = reflect.TypeFor[Duration]()

func kindName(t reflect.Type) string {
	switch {
	case t == durationType:
		return "a duration"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.String:
		return "a text"
	case t.Kind() == reflect.Slice || t.Kind() == reflect.Array:
		return "a list"
	case t.Kind() == reflect.Map:
		return "a group of keys"
	default:
		return "a number"
	}
}

func example(t reflect.Type) string {
	switch {
	case t == durationType:
		return "a number with its unit, such as 30s or 5m"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.String:
		return "one text, in quotes if it holds a colon"
	case t.Kind() == reflect.Array:
		return fmt.Sprintf("a list of %d values, such as [1, 2]", t.Len())
	case t.Kind() == reflect.Slice:
		return "a list, such as [a, b]"
	case t.Kind() == reflect.Map:
		return "keys below it, indented"
	default:
		return "a whole number without a unit"
	}
}

// Duration is a time.Duration that YAML writes as "1m30s".
type Duration time.Duration

// UnmarshalYAML reads "30s".
func (d *Duration) UnmarshalYAML(n *yaml.Node) error {
	parsed, err := time.ParseDuration(n.Value)
	if err != nil {
		return err
	}
	*d = Duration(parsed)
	return nil
}

// MarshalYAML writes "30s".
func (d Duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }

// MarshalJSON writes "30s".
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// Value is the duration for the rest of the program.
func (d Duration) Value() time.Duration { return time.Duration(d) }
