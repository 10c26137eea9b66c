package campaign

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// said is what a device said that it accepted.
type said struct{ id, class string }

// oracle is the memory outside all processes under test: each accepted record
// is in its file, with fsync, before anything else is done with it.
type oracle struct {
	t    *testing.T
	file *os.File

	mu      sync.Mutex
	records map[string]map[uint64]said // by device
	n       int
}

func newOracle(t *testing.T) *oracle {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "accepted"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &oracle{t: t, file: f, records: map[string]map[uint64]said{}}
}

// accepted notes records of a device.
func (o *oracle) accepted(device string, seq uint64, s said) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := fmt.Fprintln(o.file, device, seq, s.id, s.class); err != nil {
		o.t.Error(err)
	}
	if err := o.file.Sync(); err != nil {
		o.t.Error(err)
	}
	if o.records[device] == nil {
		o.records[device] = map[uint64]said{}
	}
	if was, ok := o.records[device][seq]; ok {
		o.t.Errorf("%s: sequence %d was given to %s and to %s", device, seq, was.id, s.id)
	}
	o.records[device][seq] = s
	o.n++
}

func (o *oracle) total() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.n
}
