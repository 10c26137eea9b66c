package outbox

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"tram/sync/wire"
)

// Draft is a record before it is accepted.
type Draft struct {
	ID       string    // of the event; empty: a new one. [Store.Find] finds a record by the id that it was given
	Type     string    // vn.tram.….v1
	Time     time.Time // when it happened; zero: now
	Subject  string    // what it is about, never a person's data: it is not for people
	Data     any       // encoded as JSON; may hold a person's data, but not below Priority Count
	Priority Priority  // what goes first near the limit; zero: by type
}

// Receipt says under which number a record is kept.
type Receipt struct {
	Sequence uint64 // 0 when Merged
	ID       string // of the record; of a merged count: not on its way to the hub
	Merged   bool   // a count, near the limit: it is on disk as part of a sum that gets its number later
}

type request struct {
	record   wire.Prepared
	id       string
	named    bool // the id was given: Find shall find it
	recorded time.Time
	class    Priority
	count    *count                           // of a count that can be merged
	settle   func(tx *bolt.Tx, h *head) error // of the outbox's own records: done in the same transaction
	done     func(err error)                  // and told how it went, by the sealer or the writer
	reply    chan reply                       // of all others
}

type reply struct {
	receipt Receipt
	err     error
}

var replies = sync.Pool{New: func() any { return make(chan reply, 1) }}

// Accept numbers, seals and stores a record, and returns after the fsync.
// Errors: ErrFull (a *FullError) when there is no room, ErrTooLarge, ErrDraft,
// ErrClosed; the record is then not kept. After what else the disk said, and
// when ctx ends first, the record may be kept or not.
func (s *Store) Accept(ctx context.Context, d Draft) (Receipt, error) {
	if s.opt.ReadOnly {
		return Receipt{}, ErrReadOnly
	}
	r, err := s.prepare(&d)
	if err != nil {
		return Receipt{}, err
	}
	r.reply = replies.Get().(chan reply)
	select {
	case s.requests <- r:
	case <-ctx.Done():
		return Receipt{}, fmt.Errorf("accept a record: %w", ctx.Err())
	case <-s.quit:
		return Receipt{}, ErrClosed
	}
	select {
	case a := <-r.reply:
		replies.Put(r.reply)
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
func (s *Store) prepare(d *Draft) (request, error) {
	var data []byte
	if d.Data != nil {
		var err error
		if data, err = json.Marshal(d.Data); err != nil {
			return request{}, fmt.Errorf("%w: its data cannot be encoded", ErrDraft)
		}
		if len(data) > wire.MaxEventBytes {
			return request{}, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(data), wire.MaxEventBytes)
		}
	}
	at := s.clock.stamp()
	id := d.ID
	if id == "" {
		id = newID()
	}
	e := wire.Event{
		SpecVersion: "1.0", ID: id, Source: s.opt.Source, Type: d.Type, Subject: d.Subject,
		Time: d.Time, RecordedTime: at.wall.UTC(), BootID: at.bootID, Monotonic: at.monotonic,
	}
	if e.Time.IsZero() {
		e.Time = at.wall
	}
	if at.unsynced {
		e.Clock = wire.ClockUnsynced
	}
	if data != nil {
		e.DataContentType, e.Data = "application/json", data
	}
	record, err := wire.Prepare(e)
	if err != nil {
		return request{}, fmt.Errorf("%w: %w", ErrDraft, err)
	}
	r := request{record: record, id: e.ID, named: d.ID != "", recorded: at.wall, class: priorityOf(d)}
	if r.class == Count {
		r.count = newCount(d, e.Time, data)
	}
	return r, nil
}

// newID returns 80 random bits in hexadecimal.
func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails, says crypto/rand
	return hex.EncodeToString(b[:])
}
