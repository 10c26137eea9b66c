package scanner

import "bytes"

// MaxFrame is the longest code that is taken, in bytes; a QR symbol holds at
// most 2953.
const MaxFrame = 4 << 10

// framer cuts the bytes of a scanner into codes. CR, LF or both end one, and so
// does a pause, which the caller tells. A code over MaxFrame is dropped whole:
// what follows its beginning up to the next end is no code either.
type framer struct {
	buf      []byte
	overlong bool
}

// add takes bytes and calls code for each one that they end. It returns how many
// codes were too long.
func (f *framer) add(b []byte, code func([]byte)) (dropped int) {
	for len(b) > 0 {
		i := bytes.IndexAny(b, "\r\n")
		end := i >= 0
		part := b
		if end {
			part, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		if len(f.buf)+len(part) > MaxFrame {
			f.overlong = true
			clear(f.buf)
			f.buf = f.buf[:0]
		}
		if !f.overlong {
			f.buf = append(f.buf, part...)
		}
		if end && f.end(code) {
			dropped++
		}
	}
	return dropped
}

// end ends the code that was begun, if any. It reports whether that was too
// long.
func (f *framer) end(code func([]byte)) (dropped bool) {
	dropped = f.overlong
	// Between CR and LF there is nothing; a scanner that only blinks sends spaces.
	if !dropped && len(bytes.TrimSpace(f.buf)) > 0 {
		code(bytes.Clone(f.buf))
	}
	clear(f.buf) // a person's data does not wait here for the next code
	f.buf, f.overlong = f.buf[:0], false
	return dropped
}

// open reports whether a code was begun and not ended.
func (f *framer) open() bool { return len(f.buf) > 0 || f.overlong }
