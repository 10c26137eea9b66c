package qr

import (
	"testing"
)

// stream packs numbers of so many bits.
func stream(pairs ...int) []byte {
	var out []byte
	at := 0
	for i := 0; i < len(pairs); i += 2 {
		for bit := pairs[i+1] - 1; bit >= 0; bit-- {
			if at%8 == 0 {
				out = append(out, 0)
			}
			out[at/8] |= byte(pairs[i]>>bit&1) << (7 - at%8)
			at++
		}
	}
	return out
}

func TestEachKindOfSegmentIsRead(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"digits":                     {stream(modeDigits, 4, 5, 10, 12, 10, 34, 7, modeEnd, 4), "01234"},
		"capitals":                   {stream(modeCapital, 4, 3, 9, 10*45+11, 11, 12, 6, modeEnd, 4), "ABC"},
		"GS1 separators":             {stream(modeGS1, 4, modeCapital, 4, 4, 9, 38*45+10, 11, 38*45+38, 11, modeEnd, 4), "\x1dA%"},
		"one trade's":                {stream(modeTrade, 4, 37, 8, modeDigits, 4, 1, 10, 7, 4, modeEnd, 4), "7"},
		"bytes that are no UTF-8":    {stream(modeBytes, 4, 2, 8, 0xE9, 8, 0xFF, 8, modeEnd, 4), "\xe9\xff"},
		"bytes of a named set":       {stream(modeSet, 4, 3, 8, modeBytes, 4, 1, 8, 0xE9, 8, modeEnd, 4), "é"},
		"named UTF-8":                {stream(modeSet, 4, 26, 8, modeBytes, 4, 2, 8, 0xC3, 8, 0xA9, 8, modeEnd, 4), "é"},
		"a set nobody knows":         {stream(modeSet, 4, 0x8000|899, 16, modeBytes, 4, 1, 8, 0xE9, 8, modeEnd, 4), "\xe9"},
		"kanji":                      {stream(modeKanji, 4, 1, 8, 0xD9F, 13, modeEnd, 4), "点"},
		"kanji and UTF-8":            {stream(modeBytes, 4, 2, 8, 0xC3, 8, 0xA9, 8, modeKanji, 4, 1, 8, 0xD9F, 13, modeEnd, 4), "é点"},
		"kanji and Shift-JIS":        {stream(modeBytes, 4, 1, 8, 0xB1, 8, modeKanji, 4, 1, 8, 0xD9F, 13, modeEnd, 4), "ｱ点"},
		"a part of several":          {stream(modePart, 4, 0x01AB, 16, modeDigits, 4, 1, 10, 7, 4, modeEnd, 4), "7"},
		"no end, for want of room":   {stream(modeDigits, 4, 2, 10, 34, 7), "34"},
		"counts of a larger version": {stream(modeBytes, 4, 1, 16, 'x', 8, modeEnd, 4), "x"},
	} {
		version := 1
		if name == "counts of a larger version" {
			version = 10
		}
		if got, ok := content(c.data, version); !ok || string(got) != c.want {
			t.Errorf("%s: got %q %v, want %q", name, got, ok, c.want)
		}
	}
	for name, data := range map[string][]byte{
		"more bytes than there are":  stream(modeBytes, 4, 200, 8, 'x', 8),
		"more digits than there are": stream(modeDigits, 4, 200, 10, 1, 10),
		"1023 as three digits":       stream(modeDigits, 4, 3, 10, 1023, 10),
		"2046 as two capitals":       stream(modeCapital, 4, 2, 9, 2046, 11),
		"a mode that is none":        stream(15, 4, 0, 8),
		"kanji without end":          stream(modeKanji, 4, 255, 8, 0, 13),
	} {
		if got, ok := content(data, 1); ok {
			t.Errorf("%s: got %q, want none", name, got)
		}
	}
}

func FuzzContent(f *testing.F) {
	f.Add(stream(modeSet, 4, 26, 8, modeBytes, 4, 2, 8, 0xC3, 8, 0xA9, 8, modeEnd, 4), byte(1))
	f.Add(stream(modeKanji, 4, 1, 8, 0xD9F, 13, modeHanzi, 4, 1, 4, 1, 8, 5, 13), byte(1))
	f.Add(stream(modeDigits, 4, 5, 12, 12, 10, 34, 7, modeCapital, 4, 3, 11, 461, 11, 12, 6), byte(12))
	f.Fuzz(func(t *testing.T, data []byte, version byte) {
		if len(data) > 3000 || version < 1 || version > maxVersion {
			return
		}
		if out, ok := content(data, int(version)); ok {
			if len(out) > 8*len(data) {
				t.Errorf("%d bytes from %d", len(out), len(data))
			}
			_ = textOf(out)
		}
	})
}
