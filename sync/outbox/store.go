package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"tram/sync/boltfile"
	"tram/sync/wire"
)

// Errors that callers tell apart.
var (
	ErrFull     = errors.New("the outbox is full")
	ErrClosed   = errors.New("the outbox is closed")
	ErrTooLarge = errors.New("the record is too large")
	ErrDraft    = errors.New("not a record")
	ErrConflict = errors.New("the hub's acknowledgement does not belong to this outbox")
	ErrReadOnly = errors.New("the outbox is open for reading only")
	ErrLocked   = boltfile.ErrBusy // another process has it open
	ErrChain    = errors.New("the chain does not hold")
)

// DefaultMaxBytes is the size of the outbox's file when Options says nothing.
const DefaultMaxBytes = 1 << 30

// minBytes is the smallest size that leaves room for records.
const minBytes = 1 << 20

// Options says how to open an outbox.
type Options struct {
	Source   string                             // the device's URN: wire.Source(device)
	Seal     func(plain []byte) ([]byte, error) // signs and encrypts; seal.Sealer.Seal
	MaxBytes int64                              // size the file never exceeds; 0: DefaultMaxBytes
	ReadOnly bool                               // for looking at a queue that no daemon has open
	Now      func() time.Time                   // nil: time.Now
	Log      *slog.Logger
}

// Store is an outbox. Its methods may be called by several goroutines at once.
type Store struct {
	path string
	opt  Options
	boot bootClock

	mu sync.RWMutex // held for writing while compaction swaps db
	db *bolt.DB

	requests chan request
	jobs     chan *job
	changes  chan change
	compacts chan chan error
	quit     chan struct{} // closed when Close begins
	ended    chan struct{} // closed when both goroutines have ended
	closing  sync.Once
	workers  sync.WaitGroup
	broken   atomic.Bool // a commit failed: the sealer's head is ahead of the disk

	state   sync.Mutex // guards what follows
	head    head
	live    int64 // bytes of the file in use
	waiting map[chan struct{}]struct{}

	mark    mark  // only the sealer's
	stopped error // only the writer's: the file cannot be written any more
}

// Open opens the outbox at path, or makes it. A damaged file is kept aside and
// replaced; see the package comment. Errors: ErrLocked when another process
// has it open, else the operating system's.
func Open(path string, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = DefaultMaxBytes
	}
	o.MaxBytes = max(o.MaxBytes, minBytes)
	s := &Store{
		path: path, opt: o, boot: readBootClock(),
		requests: make(chan request, 2*wire.MaxEvents),
		jobs:     make(chan *job, 2),
		changes:  make(chan change),
		compacts: make(chan chan error),
		quit:     make(chan struct{}),
		ended:    make(chan struct{}),
		waiting:  map[chan struct{}]struct{}{},
	}
	if o.ReadOnly {
		return s, s.openReadOnly()
	}
	if _, err := wire.DeviceOf(o.Source); err != nil {
		return nil, fmt.Errorf("open outbox %s: %w", path, err)
	}
	if o.Seal == nil {
		return nil, fmt.Errorf("open outbox %s: no seal", path)
	}
	lost, err := s.openOrReplace()
	if err != nil {
		return nil, err
	}
	s.workers.Add(2)
	go s.runSealer(link{s.head.Next, s.head.Hash})
	go s.runWriter()
	if lost != nil {
		if err := s.reportLost(lost); err != nil {
			_ = s.Close()
			return nil, err
		}
	}
	return s, nil
}

func (s *Store) openReadOnly() error {
	db, err := boltfile.Open(s.path, boltfile.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	s.db = db
	if err := db.View(func(tx *bolt.Tx) error { return s.head.load(tx) }); err != nil {
		_ = db.Close()
		return fmt.Errorf("read outbox %s: %w", s.path, err)
	}
	return nil
}

// Close ends the outbox after what was handed to Accept before is on disk.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() {
		close(s.quit)
		s.workers.Wait()
		close(s.ended)
		if !s.opt.ReadOnly {
			s.state.Lock()
			m := mark{Source: s.opt.Source, Reserved: s.head.Next - 1, Delivered: s.head.DeliveredTo}
			s.state.Unlock()
			err = m.write(s.path)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if cerr := s.db.Close(); cerr != nil {
			err = fmt.Errorf("close outbox: %w", cerr)
		}
		s.state.Lock()
		defer s.state.Unlock()
		s.notify()
	})
	return err
}

// Changed returns a channel that receives after a change: a record accepted,
// sent or delivered, or the outbox closed. Several changes may be one signal.
// Call stop when done.
func (s *Store) Changed() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	s.state.Lock()
	defer s.state.Unlock()
	s.waiting[c] = struct{}{}
	return c, func() {
		s.state.Lock()
		defer s.state.Unlock()
		delete(s.waiting, c)
	}
}

// notify wakes those who wait for a change; s.state is held.
func (s *Store) notify() {
	for c := range s.waiting {
		select {
		case c <- struct{}{}:
		default: // a signal is waiting already
		}
	}
}

// view runs fn in a short read transaction.
func (s *Store) view(fn func(tx *bolt.Tx) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	err := s.db.View(fn)
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// reportLost writes the signed records that name what a damaged or replaced
// file may have held: several when there are many ranges.
func (s *Store) reportLost(d *wire.Discarded) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for ranges := range slices.Chunk(d.Ranges, wire.MaxMissing) {
		part := wire.Discarded{Ranges: ranges, Reason: d.Reason}
		if _, err := s.Accept(ctx, Draft{Type: wire.TypeDiscarded, Time: s.opt.Now(), Data: part}); err != nil {
			return fmt.Errorf("record what the outbox may have lost: %w", err)
		}
	}
	return nil
}
