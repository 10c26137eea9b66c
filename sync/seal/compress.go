package seal

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"fmt"
	"io"
	"sync"
)

// dictionary2 is what format tram2's DEFLATE may refer to before its first
// byte. It is part of the contract: it never changes, a new one is a new format.
//
//go:embed dictionary2.txt
var dictionary2 []byte

var writers = sync.Pool{New: func() any {
	// Level 6 packs an identity record as fast as the lower levels do, and smaller.
	w, err := flate.NewWriterDict(nil, 6, dictionary2)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}}

// deflate compresses plain.
func deflate(plain []byte) ([]byte, error) {
	w := writers.Get().(*flate.Writer)
	defer writers.Put(w)
	var out bytes.Buffer
	out.Grow(len(plain)/3 + 64)
	w.Reset(&out)
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return out.Bytes(), nil
}

var readers = sync.Pool{New: func() any { return flate.NewReaderDict(nil, dictionary2) }}

// inflate decompresses at most limit bytes.
func inflate(packed []byte, limit int) ([]byte, error) {
	r := readers.Get().(io.ReadCloser)
	defer readers.Put(r)
	if err := r.(flate.Resetter).Reset(bytes.NewReader(packed), dictionary2); err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	var out bytes.Buffer
	out.Grow(min(4*len(packed), limit))
	n, err := out.ReadFrom(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, fmt.Errorf("%w: decompress", ErrSeal)
	}
	if n > int64(limit) {
		return nil, fmt.Errorf("decompressed: %w (more than %d bytes)", ErrTooLarge, limit)
	}
	return out.Bytes(), nil
}
