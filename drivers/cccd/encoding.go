package cccd

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/unicode/norm"
)

// idCode is how the text of every CCCD, Căn cước and VNeID code begins.
var idCode = regexp.MustCompile(`^\d{12}\|`)

// The code is UTF-8 without saying so, and readers guess. guesses are what they
// are known to take it for, in the order in which the way back is tried: back
// returns the bytes that a text was misread from.
var guesses = []struct {
	name string
	back func(text string) ([]byte, bool)
}{
	{"Big5", encodeIn(traditionalchinese.Big5)},
	{"Shift-JIS", func(text string) ([]byte, bool) {
		// Japanese tables show these two in the places of \ and ~.
		return encodeIn(japanese.ShiftJIS)(strings.NewReplacer("¥", `\`, "‾", "~").Replace(text))
	}},
	{"Windows-1252", encode1252},
	{"ISO-8859-1", encodeIn(charmap.ISO8859_1)},
}

func encodeIn(enc encoding.Encoding) func(string) ([]byte, bool) {
	return func(text string) ([]byte, bool) {
		b, err := enc.NewEncoder().Bytes([]byte(text))
		return b, err == nil
	}
}

// encode1252 takes the five bytes that Windows-1252 leaves undefined for the
// control codes that decoders make of them.
func encode1252(text string) ([]byte, bool) {
	var b []byte
	for _, r := range text {
		c, ok := charmap.Windows1252.EncodeRune(r)
		if !ok {
			if r < 0x80 || r > 0x9F {
				return nil, false
			}
			c = byte(r)
		}
		b = append(b, c)
	}
	return b, true
}

// repair returns the text of a code as it was meant. by names the wrong encoding
// that was undone, and is empty when there was none. ok is false when the text
// holds what a Vietnamese document cannot and no way back was found.
func repair(raw []byte) (text, by string, ok bool) {
	if !utf8.Valid(raw) {
		// A scanner that was told to write Vietnamese Windows text.
		if s, err := charmap.Windows1258.NewDecoder().Bytes(raw); err == nil {
			if t := norm.NFC.String(string(s)); plausible(t, "") {
				return t, "Windows-1258", true
			}
		}
		return strings.ToValidUTF8(string(raw), "\uFFFD"), "", false
	}
	text = string(raw)
	if plausible(text, "") {
		return text, "", true
	}
	// Twice wrong happens: a decoder and then a scanner's own setting.
	for _, first := range undo(text) {
		if plausible(first.text, punctuation) {
			return first.text, first.by, true
		}
	}
	for _, first := range undo(text) {
		for _, second := range undo(first.text) {
			if plausible(second.text, punctuation) {
				return second.text, first.by + " and " + second.by, true
			}
		}
	}
	return text, "", plausible(text, punctuation)
}

type undone struct{ text, by string }

// undo takes the text back through each guess and keeps what is UTF-8 of an ID
// code then.
func undo(text string) []undone {
	var all []undone
	for _, g := range guesses {
		if b, ok := g.back(text); ok && utf8.Valid(b) && string(b) != text && idCode.Match(b) {
			all = append(all, undone{string(b), g.name})
		}
	}
	return all
}
