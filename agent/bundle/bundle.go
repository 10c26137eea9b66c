// Package bundle makes support bundles: what a technician needs to see of a
// device, and nothing of a person.
package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"sync"
	"time"
)

// File is one file of a bundle.
type File struct {
	Name string
	Data []byte
}

// Make packs files into a tar.gz, below one folder.
func Make(folder string, files []File, at time.Time) ([]byte, error) {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	t := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{Name: folder + "/" + f.Name, Mode: 0o600, Size: int64(len(f.Data)), ModTime: at, Format: tar.FormatPAX}
		if err := t.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.Name, err)
		}
		if _, err := t.Write(f.Data); err != nil {
			return nil, fmt.Errorf("pack %s: %w", f.Name, err)
		}
	}
	if err := t.Close(); err != nil {
		return nil, fmt.Errorf("pack the support bundle: %w", err)
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("pack the support bundle: %w", err)
	}
	return out.Bytes(), nil
}

// Tail is a writer that keeps the last bytes written to it, whole lines only
// from the second on.
type Tail struct {
	mu   sync.Mutex
	max  int
	data []byte
}

// NewTail keeps at most max bytes.
func NewTail(max int) *Tail { return &Tail{max: max} }

// Write keeps p, and forgets the oldest lines.
func (t *Tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if len(t.data) > 2*t.max {
		t.data = append([]byte(nil), last(t.data, t.max)...)
	}
	return len(p), nil
}

// Last returns at most n bytes from the end, beginning with a whole line.
func (t *Tail) Last(n int) []byte {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return append([]byte(nil), last(t.data, min(n, t.max))...)
}

func last(b []byte, n int) []byte {
	if len(b) <= n {
		return b
	}
	b = b[len(b)-n:]
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[i+1:]
	}
	return nil
}
