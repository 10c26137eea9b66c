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

// manyFrom is the size, in bytes, from which plain holds so many records that
// their likeness does what effort does for one.
const manyFrom = 24 << 10

// writers pack few records: level 6 is as fast as the lower levels there, and
// packs them smaller. manyWriters pack many: level 2 takes a third of the time
// of level 6 and 48 instead of 43 bytes for a record.
var (
	writers     = sync.Pool{New: func() any { return newWriter(6) }}
	manyWriters = sync.Pool{New: func() any { return newWriter(2) }}
)

func newWriter(level int) *flate.Writer {
	w, err := flate.NewWriterDict(nil, level, dictionary2)
	if err != nil {
		panic(err) // the level is a constant
	}
	return w
}

// deflate compresses plain.
func deflate(plain []byte) ([]byte, error) {
	pool := &writers
	if len(plain) >= manyFrom {
		pool = &manyWriters
	}
	w := pool.Get().(*flate.Writer)
	defer pool.Put(w)
	var out bytes.Buffer
	out.Grow(len(plain)/8 + 512)
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
