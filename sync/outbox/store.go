package outbox

import (
	"errors"
	"fmt"
	"log/slog"
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
	ErrSource   = errors.New("the outbox belongs to another device")
)

// DefaultMaxBytes is the size of the outbox's file when Options says nothing.
const DefaultMaxBytes = 1 << 30

// minBytes is the smallest size that leaves room for records.
const minBytes = 1 << 20

// Options says how to open an outbox.
type Options struct {
	Source   string                             // the device's URN: wire.Source(device)
	Seal     func(plain []byte) ([]byte, error) // signs and encrypts; seal.Sealer.Seal. It may not keep plain
	MaxBytes int64                              // size of the file; only to free space may it grow a little beyond; 0: DefaultMaxBytes
	ReadOnly bool                               // for looking at a queue that no daemon has open
	Log      *slog.Logger

	// The clocks. Nothing is ordered or expires by the wall clock.
	Now    func() time.Time                        // nil: time.Now
	Boot   func() (id string, since time.Duration) // a clock that nobody can set; nil: the kernel's boot id and CLOCK_BOOTTIME
	Synced func() bool                             // whether the wall clock is synchronised; nil: what the kernel says
	Floor  time.Time                               // no time before is right: the newest certificate's start; the build's time is a floor too
}

// Store is an outbox. Its methods may be called by several goroutines at once.
type Store struct {
	path  string
	opt   Options
	clock *clock
	full  int64 // bytes in use at which records are refused

	mu sync.RWMutex // held for writing while compaction swaps db
	db *bolt.DB

	requests chan request
	jobs     chan []*job
	changes  chan change
	compacts chan chan error
	copied   chan error    // the copy of a compaction is complete, or not
	wake     chan struct{} // the outbox has something to say itself
	quit     chan struct{} // closed when Close begins
	ended    chan struct{} // closed when both goroutines have ended
	closing  sync.Once
	workers  sync.WaitGroup

	suspect atomic.Bool // bbolt stumbled over the file
	broken  atomic.Bool // a commit failed: the sealer's place in the chain is ahead of the disk
	owing   atomic.Bool // something is gone and not named yet
	paying  atomic.Bool // a record that names it is on its way
	tallied atomic.Bool // the file holds sums of counts
	summing atomic.Bool // records of them are on their way

	lending sync.RWMutex // envelopes are being handed out; held for writing while counts are merged

	state    sync.Mutex // guards what follows
	head     head
	lent     wire.Set // handed out since ever
	live     int64    // bytes of the file in use
	returned []request
	waiting  map[chan struct{}]struct{}

	mark  mark   // only the sealer's
	plain []byte // only the sealer's: the buffer of what it seals

	// Only the writer's.
	saved      []byte       // the head as the file holds it
	merged     uint64       // counts that waited after the last merging
	compacting []chan error // who waits for the running compaction; nil: none runs
	stopped    error        // the file cannot be written any more
}

// Open opens the outbox at path, or makes it. A damaged file is kept aside and
// replaced; see the package comment. Errors: ErrLocked when another process
// has it open, ErrSource when it holds another device's records, else the
// operating system's.
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
		path: path, opt: o,
		requests: make(chan request, 2*wire.MaxEvents),
		jobs:     make(chan []*job, 2),
		changes:  make(chan change),
		compacts: make(chan chan error),
		copied:   make(chan error, 1),
		wake:     make(chan struct{}, 1),
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
	if err := s.openOrReplace(); err != nil {
		return nil, err
	}
	s.lent = s.head.Lent
	s.clock = newClock(&s.opt, s.head.Clock)
	s.workers.Add(2)
	go s.runSealer(linkOf(&s.head))
	go s.runWriter()
	return s, nil
}

// setDB takes a file that was opened and knows where it is full.
func (s *Store) setDB(db *bolt.DB) {
	s.db = db
	s.full = s.opt.MaxBytes - int64(db.AllocSize) - s.reserved()
}

func (s *Store) openReadOnly() error {
	db, err := boltfile.Open(s.path, boltfile.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	s.setDB(db)
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
			m := mark{Source: s.opt.Source, Reserved: s.head.Next - 1, Delivered: s.head.DeliveredTo, Closed: !s.suspect.Load(), Suspect: s.suspect.Load()}
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
