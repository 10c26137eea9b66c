package relay

import (
	"errors"
	"io"
	"slices"
	"strings"
)

// Way is which way somebody went, as far as a sensor can tell.
type Way string

// The ways.
const (
	Either Way = "" // the sensor does not tell
	In     Way = "in"
	Out    Way = "out"
)

// What a sensor says: the four bytes of the relay boards with the number of an
// input (A0, input, 01, sum), or a line of text.
var (
	inputWays = map[byte]Way{1: Either, 2: In, 3: Out}
	wordWays  = map[string]Way{"pass": Either, "1": Either, "in": In, "2": In, "out": Out, "3": Out}
)

// maxLine is the longest line of text that a sensor sends; longer ones are noise.
const maxLine = 32

// inputs takes what a sensor said out of b and returns what may be the beginning
// of the next. An input that opens again, and noise, say nothing.
func inputs(b []byte) (ways []Way, rest []byte) {
	for len(b) > 0 {
		if b[0] == 0xa0 {
			if len(b) < 4 {
				return ways, b
			}
			if b[3] == b[0]+b[1]+b[2] && b[2] <= 1 {
				if way, known := inputWays[b[1]]; known && b[2] == 1 {
					ways = append(ways, way)
				}
				b = b[4:]
				continue
			}
			b = b[1:]
			continue
		}
		end := slices.IndexFunc(b, func(c byte) bool { return c == '\r' || c == '\n' || c == 0xa0 })
		if end < 0 {
			if len(b) > maxLine {
				b = b[len(b):]
			}
			return ways, b
		}
		if way, known := wordWays[strings.ToLower(strings.TrimSpace(string(b[:end])))]; known && b[end] != 0xa0 {
			ways = append(ways, way)
		}
		if b[end] != 0xa0 {
			end++
		}
		b = b[end:]
	}
	return ways, nil
}

// listen reads a line until done is closed or it fails; each passage goes to passed.
func listen(line io.Reader, done <-chan struct{}, passed func(Way)) error {
	var pending []byte
	buf := make([]byte, 256)
	for {
		select {
		case <-done:
			return nil
		default:
		}
		n, err := line.Read(buf) // returns after a moment without a byte
		var ways []Way
		ways, pending = inputs(append(pending, buf[:n]...))
		for _, way := range ways {
			passed(way)
		}
		if err != nil && !errors.Is(err, io.EOF) { // io.EOF is the moment without a byte
			return err
		}
	}
}
