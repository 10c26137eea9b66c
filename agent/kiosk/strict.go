package kiosk

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep a body may be nested; none that is served needs more than two.
const maxDepth = 4

// errBody says that a body is not what it must be. It quotes nothing: the body is
// a person's data, and the decoder's own words may hold parts of it.
var errBody = errors.New("the body must be one JSON object with known keys, each once, in UTF-8")

// decodeObject reads one JSON object into a pointer to a struct, and refuses what
// encoding/json lets pass though two readers may take it for two different
// things: a key given twice or in other letters, text that is not UTF-8, half of
// a surrogate pair.
func decodeObject(body []byte, into any) error {
	if !utf8.Valid(body) || checkTokens(body, reflect.TypeOf(into).Elem()) != nil {
		return errBody
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if d.Decode(into) != nil {
		return errBody
	}
	return nil
}

// checkTokens walks over a body: one object, whose keys are those of a struct,
// not nested too deep, without a key twice, and nothing behind it.
func checkTokens(body []byte, kind reflect.Type) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if first, err := d.Token(); err != nil || first != json.Delim('{') {
		return errBody
	}
	whole := bytes.Contains(body, []byte("\uFFFD")) || bytes.Contains(bytes.ToLower(body), []byte(`\ufffd`))
	if err := checkObject(d, fieldNames(kind), 1, whole); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errBody
	}
	return nil
}

// checkObject walks to the end of an object whose beginning was read. known are
// the keys that it may have; nil for any.
func checkObject(d *json.Decoder, known map[string]bool, depth int, whole bool) error {
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if folded := strings.ToLower(key); err != nil || !ok || seen[folded] || known != nil && !known[key] || torn(key, whole) {
			return errBody
		} else {
			seen[folded] = true
		}
		if err := checkValue(d, depth, whole); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func checkValue(d *json.Decoder, depth int, whole bool) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch v := t.(type) {
	case string:
		if torn(v, whole) {
			return errBody
		}
	case json.Delim:
		if depth >= maxDepth {
			return errBody
		}
		if v == '{' {
			return checkObject(d, nil, depth+1, whole)
		}
		for d.More() {
			if err := checkValue(d, depth+1, whole); err != nil {
				return err
			}
		}
		_, err := d.Token()
		return err
	}
	return nil
}

// torn reports a text in which the decoder put a replacement character that the
// body does not have: for half of a surrogate pair.
func torn(text string, whole bool) bool { return !whole && strings.ContainsRune(text, utf8.RuneError) }

// fieldNames are the keys that a struct is encoded with.
func fieldNames(kind reflect.Type) map[string]bool {
	names := map[string]bool{}
	for i := range kind.NumField() {
		name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
		if name == "" {
			name = kind.Field(i).Name
		}
		names[name] = true
	}
	return names
}
