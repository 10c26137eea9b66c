package kiosktest

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"sync"
)

// axe-core 4.14.1 of Deque Systems as its authors publish it, under the Mozilla
// Public License 2.0, whose notice stands in the file; source at
// https://github.com/dequelabs/axe-core.
//
//go:embed axe.min.js.gz
var axeGzip []byte

// Axe is the source text of axe-core, which checks a page for accessibility.
var Axe = sync.OnceValue(func() string {
	z, err := gzip.NewReader(bytes.NewReader(axeGzip))
	if err != nil {
		panic(err) // the file beside this one is not what it was
	}
	text, err := io.ReadAll(z)
	if err != nil {
		panic(err)
	}
	return string(text)
})
