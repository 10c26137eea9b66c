package scanner

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func frames(chunks ...string) (codes []string, dropped int) {
	var f framer
	keep := func(b []byte) { codes = append(codes, string(b)) }
	for _, c := range chunks {
		if c == "pause" {
			if f.end(keep) {
				dropped++
			}
			continue
		}
		dropped += f.add([]byte(c), keep)
	}
	return codes, dropped
}

func TestCodesEndWithCRLFOrAPause(t *testing.T) {
	long := strings.Repeat("x", MaxFrame)
	for _, c := range []struct {
		name    string
		chunks  []string
		want    []string
		dropped int
	}{
		{"CR", []string{"one\rtwo\r"}, []string{"one", "two"}, 0},
		{"LF", []string{"one\ntwo\n"}, []string{"one", "two"}, 0},
		{"CR LF", []string{"one\r\ntwo\r\n"}, []string{"one", "two"}, 0},
		{"CR LF apart", []string{"one\r", "\ntwo\r", "\n"}, []string{"one", "two"}, 0},
		{"in pieces", []string{"o", "n", "e\r"}, []string{"one"}, 0},
		{"pause", []string{"one", "pause", "two", "pause", "pause"}, []string{"one", "two"}, 0},
		{"pause after CR", []string{"one\r", "pause"}, []string{"one"}, 0},
		{"unfinished", []string{"one"}, nil, 0},
		{"nothing", []string{"\r\n\r\n \r", "pause"}, nil, 0},
		{"longest", []string{long + "\r"}, []string{long}, 0},
		{"too long", []string{long + "x\rone\r"}, []string{"one"}, 1},
		{"too long in pieces", []string{long, "x", "tail", "\rone\r"}, []string{"one"}, 1},
		{"too long, pause", []string{long, "x", "pause", "one\r"}, []string{"one"}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, dropped := frames(c.chunks...)
			if !slices.Equal(got, c.want) || dropped != c.dropped {
				t.Errorf("%d codes and %d dropped, want %d and %d", len(got), dropped, len(c.want), c.dropped)
			}
		})
	}
}

func FuzzFramer(f *testing.F) {
	f.Add([]byte("one\r\ntwo"), 3)
	f.Add(bytes.Repeat([]byte("x"), MaxFrame+2), 1000)
	f.Add([]byte("\r\r\n\n"), 1)
	f.Fuzz(func(t *testing.T, stream []byte, size int) {
		size = max(size, 1)
		var fr framer
		check := func(code []byte) {
			if len(code) == 0 || len(code) > MaxFrame || bytes.ContainsAny(code, "\r\n") {
				t.Errorf("a code of %d bytes with an end inside or a wrong length", len(code))
			}
		}
		for len(stream) > 0 {
			n := min(size, len(stream))
			fr.add(stream[:n], check)
			stream = stream[n:]
		}
		fr.end(check)
		if fr.open() {
			t.Error("after its end a code is still open")
		}
	})
}
