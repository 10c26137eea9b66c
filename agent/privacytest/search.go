// Package privacytest searches bytes for a person's data in every form that
// somebody might have left them in by accident: other encodings, escapes,
// other orders of a date, and compressed or encoded streams within streams. Tests
// use it; nothing that runs at a counter does.
package privacytest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"

	"golang.org/x/text/unicode/norm"
)

// Finding is a value that was found.
type Finding struct {
	Value    string // its name
	Encoding string
	Where    string // the stream within the stream
	Offset   int
}

// Value is something that must not be found, and its name, which may.
type Value struct{ Name, Text string }

// minBytes is the shortest text that is looked for: shorter ones are everywhere.
const minBytes = 6

type needle struct {
	value, encoding string
	bytes           []byte
}

// Searcher looks for values.
type Searcher struct{ needles []needle }

// New makes a searcher. Values of fewer than six bytes are left out.
func New(values ...Value) *Searcher {
	s := &Searcher{}
	seen := map[string]bool{}
	for _, v := range values {
		for form, text := range forms(v.Text) {
			for encoding, b := range encodings(text) {
				if len(b) < minBytes || seen[string(b)] {
					continue
				}
				seen[string(b)] = true
				s.needles = append(s.needles, needle{v.Name, form + " " + encoding, b})
			}
		}
	}
	slices.SortFunc(s.needles, func(a, b needle) int { return strings.Compare(a.value+a.encoding, b.value+b.encoding) })
	return s
}

// forms are the ways in which a text may be written.
func forms(text string) map[string]string {
	out := map[string]string{"": text, "upper": strings.ToUpper(text), "lower": strings.ToLower(text), "NFD": norm.NFD.String(text), "reversed": reverse(text)}
	plain := strings.Map(func(r rune) rune {
		switch {
		case r == 'đ':
			return 'd'
		case r == 'Đ':
			return 'D'
		case r >= 0x300 && r < 0x370:
			return -1
		}
		return r
	}, norm.NFD.String(text))
	out["without marks"] = plain
	out["MRZ"] = strings.ReplaceAll(strings.ToUpper(plain), " ", "<")
	if d := strings.Split(text, "/"); len(d) == 3 && len(d[0]) == 2 && len(d[2]) == 4 {
		out["ISO"] = d[2] + "-" + d[1] + "-" + d[0]
		out["yyyymmdd"] = d[2] + d[1] + d[0]
		out["ddmmyyyy"] = d[0] + d[1] + d[2]
		out["dd-mm-yyyy"] = d[0] + "-" + d[1] + "-" + d[2]
		out["dd.mm.yyyy"] = d[0] + "." + d[1] + "." + d[2]
	}
	if len(text) >= 12 && strings.Trim(text, "0123456789") == "" {
		if packed, err := hex.DecodeString(text[:len(text)/2*2]); err == nil {
			out["packed"] = string(packed)
		}
	}
	return out
}

func reverse(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

// encodings are the bytes that a text may have become.
func encodings(text string) map[string][]byte {
	raw := []byte(text)
	out := map[string][]byte{"UTF-8": raw}
	var le, be []byte
	for _, u := range utf16.Encode([]rune(text)) {
		le, be = append(le, byte(u), byte(u>>8)), append(be, byte(u>>8), byte(u))
	}
	out["UTF-16LE"], out["UTF-16BE"] = le, be
	for name, b := range map[string][]byte{"UTF-8": raw, "UTF-16LE": le, "UTF-16BE": be} {
		h := hex.EncodeToString(b)
		out["hex "+name], out["HEX "+name] = []byte(h), []byte(strings.ToUpper(h))
		for offset := range 3 {
			out[fmt.Sprintf("base64 %s +%d", name, offset)] = base64Core(base64.RawStdEncoding, b, offset)
			out[fmt.Sprintf("base64url %s +%d", name, offset)] = base64Core(base64.RawURLEncoding, b, offset)
		}
	}
	var percent, percentAll, escaped strings.Builder
	for _, c := range raw {
		fmt.Fprintf(&percentAll, "%%%02X", c)
		if c > ' ' && c < 0x7f && c != '/' {
			percent.WriteByte(c)
		} else {
			fmt.Fprintf(&percent, "%%%02X", c)
		}
	}
	for _, u := range utf16.Encode([]rune(text)) {
		if u < 0x80 {
			escaped.WriteByte(byte(u))
		} else {
			fmt.Fprintf(&escaped, `\u%04x`, u)
		}
	}
	out["URL"], out["url"] = []byte(percent.String()), []byte(strings.ToLower(percent.String()))
	out["URL+"] = []byte(strings.ReplaceAll(percent.String(), "%20", "+"))
	out["URL all"] = []byte(percentAll.String())
	out[`\u`], out[`\U`] = []byte(escaped.String()), []byte(strings.ReplaceAll(strings.ToUpper(escaped.String()), `\U`, `\u`))
	out[`\x`] = []byte(strings.ReplaceAll(percentAll.String(), "%", `\x`))
	return out
}

// base64Core is the part of a text's base64 that does not depend on what stands
// around it, when the text begins offset bytes into a group of three.
func base64Core(e *base64.Encoding, b []byte, offset int) []byte {
	padded := append(make([]byte, offset), b...)
	text := e.EncodeToString(padded)
	from := (offset*8 + 5) / 6
	to := len(padded) * 8 / 6
	return []byte(text[min(from, to):to])
}

// The bounds of looking inside.
const (
	maxDepth   = 4
	maxStream  = 8 << 20
	maxStreams = 10_000
	maxDeflate = 128 << 10 // of data, how much is tried as raw DEFLATE at each byte
)

// Search looks through data and what is compressed or encoded inside.
func (s *Searcher) Search(data []byte) []Finding {
	budget := maxStreams
	return s.search("", data, maxDepth, true, &budget)
}

// search looks through one stream. Raw DEFLATE is not looked for within raw
// DEFLATE: noise within noise would use up the budget.
func (s *Searcher) search(where string, data []byte, depth int, headless bool, budget *int) []Finding {
	var found []Finding
	for _, n := range s.needles {
		if at := bytes.Index(data, n.bytes); at >= 0 {
			found = append(found, Finding{n.value, n.encoding, where, at})
		}
	}
	if depth == 0 {
		return found
	}
	inside(data, headless, func(kind string, at int, stream []byte) bool {
		if *budget--; *budget < 0 {
			return false
		}
		found = append(found, s.search(fmt.Sprintf("%s%s at %d: ", where, kind, at), stream, depth-1, headless && kind != "deflate", budget)...)
		return true
	})
	return found
}

// inside calls each with the streams that data holds; those without a header
// only if asked.
func inside(data []byte, headless bool, each func(kind string, at int, stream []byte) bool) {
	for at := range data {
		rest := data[at:]
		switch {
		case bytes.HasPrefix(rest, []byte{0x1f, 0x8b, 8}):
			if z, err := gzip.NewReader(bytes.NewReader(rest)); err == nil {
				if b := readSome(z); len(b) >= minBytes && !each("gzip", at, b) {
					return
				}
			}
		case len(rest) > 2 && rest[0] == 0x78 && (int(rest[0])<<8|int(rest[1]))%31 == 0:
			if z, err := zlib.NewReader(bytes.NewReader(rest)); err == nil {
				if b := readSome(z); len(b) >= minBytes && !each("zlib", at, b) {
					return
				}
			}
		}
	}
	if !runs(data, each) || !headless {
		return
	}
	// Last, for it has no header: noise looks like it often enough to use up what may be looked into.
	raw := flate.NewReader(bytes.NewReader(nil))
	for at := range data[:min(len(data), maxDeflate)] {
		if err := raw.(flate.Resetter).Reset(bytes.NewReader(data[at:]), nil); err != nil {
			continue
		}
		// Noise inflates to a few bytes before it breaks: only what goes on is a stream.
		if b := readSome(raw); len(b) >= 64 && !each("deflate", at, b) {
			return
		}
	}
}

func readSome(r io.Reader) []byte {
	b, _ := io.ReadAll(io.LimitReader(r, maxStream)) // a stream that breaks off still tells what it told
	return b
}

// runs decodes what looks like base64 or hexadecimal, and says whether each
// wants more.
func runs(data []byte, each func(kind string, at int, stream []byte) bool) bool {
	for from := 0; from < len(data); {
		to := from
		for to < len(data) && isBase64(data[to]) {
			to++
		}
		if to-from >= 24 {
			text := strings.NewReplacer("-", "+", "_", "/").Replace(string(data[from:to]))
			for skip := range 4 { // where a group of four begins
				part := text[min(skip, len(text)):]
				if b, err := base64.RawStdEncoding.DecodeString(part[:len(part)/4*4]); err == nil && !each("base64", from+skip, b) {
					return false
				}
				if skip == 0 && len(data) > maxDeflate {
					break
				}
			}
			if b, err := hex.DecodeString(text[:len(text)/2*2]); err == nil && !each("hex", from, b) {
				return false
			}
		}
		from = to + 1
	}
	return true
}

func isBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
}
