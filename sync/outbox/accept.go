package outbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"tram/sync/wire"
)

// Draft is a record before it is accepted.
type Draft struct {
	Type    string    // vn.tram.….v1
	Time    time.Time // when it happened; zero: now
	Subject string    // what it is about, never a person's data: it is not for people
	Data    any       // encoded as JSON; may hold a person's data
}

// Receipt says under which number a record is kept.
type Receipt struct {
	Sequence uint64
	ID       string
}

type request struct {
	record   wire.Prepared
	id       string
	recorded time.Time
	urgent   bool // may use the reserve
	reply    chan reply
}

type reply struct {
	receipt Receipt
	err     error
}

// Accept numbers, seals and stores a record, and returns after the fsync.
// Errors: ErrFull when the quota is used up, ErrTooLarge, ErrDraft, ErrClosed,
// or what the disk said; the record is then not kept. When ctx ends first the
// record may be kept or not.
func (s *Store) Accept(ctx context.Context, d Draft) (Receipt, error) {
	if s.opt.ReadOnly {
		return Receipt{}, ErrReadOnly
	}
	r, err := s.prepare(d)
	if err != nil {
		return Receipt{}, err
	}
	select {
	case s.requests <- r:
	case <-ctx.Done():
		return Receipt{}, fmt.Errorf("accept a record: %w", ctx.Err())
	case <-s.quit:
		return Receipt{}, ErrClosed
	}
	select {
	case a := <-r.reply:
		return a.receipt, a.err
	case <-ctx.Done():
		return Receipt{}, fmt.Errorf("accept a record: %w", ctx.Err())
	case <-s.ended:
	}
	select {
	case a := <-r.reply:
		return a.receipt, a.err
	default:
		return Receipt{}, ErrClosed
	}
}

// prepare encodes what does not depend on the record's place in the chain.
func (s *Store) prepare(d Draft) (request, error) {
	data, err := json.Marshal(d.Data)
	if err != nil {
		return request{}, fmt.Errorf("%w: its data cannot be encoded", ErrDraft)
	}
	if len(data) > wire.MaxEventBytes {
		return request{}, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), wire.MaxEventBytes)
	}
	now := s.opt.Now()
	e := wire.Event{
		SpecVersion: "1.0", ID: newID(), Source: s.opt.Source, Type: d.Type, Subject: d.Subject,
		Time: d.Time, RecordedTime: now.UTC(),
		BootID: s.boot.id, Monotonic: s.boot.now(),
	}
	if e.Time.IsZero() {
		e.Time = now
	}
	if d.Data != nil {
		e.DataContentType, e.Data = "application/json", data
	}
	record, err := wire.Prepare(e)
	if err != nil {
		return request{}, fmt.Errorf("%w: %w", ErrDraft, err)
	}
	return request{record: record, id: e.ID, recorded: now, urgent: d.Type == wire.TypeDiscarded, reply: make(chan reply, 1)}, nil
}

// newID returns 80 random bits in hexadecimal.
func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails, says crypto/rand
	return hex.EncodeToString(b[:])
}
