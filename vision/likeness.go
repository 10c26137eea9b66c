package vision

import (
	"fmt"
	"io"
	"sync"
)

// Likeness keeps what the networks made of a portrait, so that a second comparison
// in the same visit need not look at the portrait again. What it holds is the
// worker's own and means nothing to anybody else; a worker that cannot use it,
// because it compares with another network, makes it anew. The zero Likeness is
// empty. The one who made it calls Wipe when the visit ends.
type Likeness struct {
	mu    sync.Mutex
	held  []byte
	wiped bool
}

// copied returns a copy of what is held, nil for nothing.
func (l *Likeness) copied() []byte {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]byte(nil), l.held...)
}

// Keep takes b, which is the Likeness's from now on. A comparison may still be
// under way when its visit ends: what it brings then is wiped at once.
func (l *Likeness) Keep(b []byte) {
	if l == nil {
		clear(b)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wiped {
		clear(b)
		return
	}
	clear(l.held)
	l.held = b
}

// Held reports whether there is anything of a portrait.
func (l *Likeness) Held() bool {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held) > 0
}

// Wipe overwrites what is held; nothing can be kept afterwards.
func (l *Likeness) Wipe() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.held)
	l.held, l.wiped = nil, true
}

// Format writes "[redacted]" for every verb.
func (*Likeness) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

// MarshalJSON encodes "[redacted]".
func (*Likeness) MarshalJSON() ([]byte, error) { return []byte(`"[redacted]"`), nil }
