package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Prepared is a record's JSON, complete but for its place in the chain, which
// is known only when its envelope is sealed. It lets many callers encode their
// records at once, and leaves little to the one who numbers them.
type Prepared struct {
	json []byte
	at   int // of the sequence's first digit
}

// Len returns the bytes of the record's JSON.
func (p *Prepared) Len() int { return len(p.json) }

// What stands between the sequence's digits and those of prevhash.
var (
	beforeSequence = []byte(`"sequence":"`)
	beforePrevHash = []byte(`","prevhash":"`)
)

// Prepare checks and encodes a record. Its Sequence and PrevHash do not
// matter; its Data must be compact JSON, as json.Marshal returns it.
func Prepare(e Event) (Prepared, error) {
	e.Sequence, e.PrevHash = 1, Hash{}
	if err := e.Check(); err != nil {
		return Prepared{}, err
	}
	data := e.Data
	e.Data = nil // json.Marshal would read and copy it twice
	b, err := json.Marshal(e)
	if err != nil {
		return Prepared{}, fmt.Errorf("encode a record: %w", err)
	}
	// Quotes in values are escaped, so that this can only be the attribute.
	at := bytes.Index(b, beforeSequence) + len(beforeSequence)
	if data != nil {
		b = append(append(b[:len(b)-1], `,"data":`...), data...)
		b = append(b, '}')
	}
	return Prepared{json: b, at: at}, nil
}

// Join numbers prepared records from first on, hangs them on prev, and returns
// what MarshalEvents would.
func Join(records []Prepared, first Sequence, prev Hash) ([]byte, error) {
	if len(records) == 0 || len(records) > MaxEvents {
		return nil, fmt.Errorf("an envelope of %d records: %w (1 to %d)", len(records), ErrFormat, MaxEvents)
	}
	size := 2
	for i := range records {
		size += len(records[i].json) + 1
	}
	if size > MaxEventsBytes {
		return nil, fmt.Errorf("an envelope of %d bytes: %w (at most %d)", size, ErrFormat, MaxEventsBytes)
	}
	hash := prev.String()
	out := make([]byte, 0, size)
	for i := range records {
		out = append(out, "[,"[min(i, 1)])
		at := len(out) + records[i].at
		out = append(out, records[i].json...)
		digits := (first + Sequence(i)).String()
		copy(out[at:], digits)
		copy(out[at+len(digits)+len(beforePrevHash):], hash)
	}
	return append(out, ']'), nil
}
