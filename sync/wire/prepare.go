package wire

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
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

// What stands where the place in the chain will be written.
const (
	noSequence     = "00000000000000000001"
	noHash         = "0000000000000000000000000000000000000000000000000000000000000000"
	beforePrevHash = `","prevhash":"`
)

// Prepare checks and encodes a record, as json.Marshal does. Its Sequence and
// PrevHash do not matter; its Data must be compact JSON, as json.Marshal
// returns it.
func Prepare(e Event) (Prepared, error) {
	e.Sequence, e.PrevHash = 1, Hash{}
	if err := e.Check(); err != nil {
		return Prepared{}, err
	}
	for _, t := range []time.Time{e.Time, e.RecordedTime} {
		if y := t.Year(); y < 0 || y > 9999 {
			return Prepared{}, fmt.Errorf("time or recordedtime: %w (RFC 3339)", ErrFormat)
		}
		if _, offset := t.Zone(); offset%60 != 0 || offset <= -24*3600 || offset >= 24*3600 {
			return Prepared{}, fmt.Errorf("time or recordedtime: %w (RFC 3339)", ErrFormat)
		}
	}
	b := make([]byte, 0, 512+len(e.Data))
	text := func(name, s string) {
		b = append(append(b, name...), '"')
		b = append(appendText(b, s), '"')
	}
	text(`{"specversion":`, e.SpecVersion)
	text(`,"id":`, e.ID)
	text(`,"source":`, e.Source)
	text(`,"type":`, e.Type)
	if e.Subject != "" {
		text(`,"subject":`, e.Subject)
	}
	b = e.Time.AppendFormat(append(b, `,"time":"`...), time.RFC3339Nano)
	b = append(b, '"')
	if e.DataContentType != "" {
		text(`,"datacontenttype":`, e.DataContentType)
	}
	b = append(b, `,"sequence":"`...)
	at := len(b)
	b = append(b, noSequence+beforePrevHash+noHash...)
	b = e.RecordedTime.AppendFormat(append(b, `","recordedtime":"`...), time.RFC3339Nano)
	b = append(b, '"')
	text(`,"bootid":`, e.BootID)
	b = strconv.AppendUint(append(b, `,"monotonic":"`...), uint64(e.Monotonic), 10)
	b = append(b, '"')
	if e.Clock != "" {
		text(`,"clock":`, e.Clock)
	}
	if len(e.Data) > 0 {
		b = append(append(b, `,"data":`...), e.Data...)
	}
	return Prepared{json: append(b, '}'), at: at}, nil
}

// appendText appends the inside of a JSON string.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			quoted, err := json.Marshal(s)
			if err != nil { // a string always encodes
				return b
			}
			return append(b, quoted[1:len(quoted)-1]...)
		}
	}
	return append(b, s...)
}

// Join numbers prepared records from first on, hangs them on prev, and returns
// what MarshalEvents would.
func Join(records []Prepared, first Sequence, prev Hash) ([]byte, error) {
	return AppendJoin(nil, records, first, prev)
}

// AppendJoin is Join into a buffer that may be used again.
func AppendJoin(out []byte, records []Prepared, first Sequence, prev Hash) ([]byte, error) {
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
	if cap(out) < size {
		out = make([]byte, 0, size)
	}
	for i := range records {
		out = append(out, "[,"[min(i, 1)])
		at := len(out) + records[i].at
		out = append(out, records[i].json...)
		writeDigits(out[at:at+len(noSequence)], uint64(first)+uint64(i))
		copy(out[at+len(noSequence)+len(beforePrevHash):], hash)
	}
	return append(out, ']'), nil
}

// writeDigits fills b with n's decimal digits, zeros before them.
func writeDigits(b []byte, n uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
}
