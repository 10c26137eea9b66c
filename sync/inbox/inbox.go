package inbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"tram/sync/boltfile"
	"tram/sync/wire"
)

// Errors that callers tell apart.
var (
	ErrFull     = errors.New("the inbox is full")
	ErrTooLarge = errors.New("the command is too large")
	ErrClosed   = errors.New("the inbox is closed")
	ErrUnknown  = errors.New("no such command waits")
	ErrLocked   = boltfile.ErrBusy // another process has it open
)

// The bounds.
const (
	MaxCommand     = 256 << 10 // bytes of one command's JSON
	MaxReply       = 192 << 10 // bytes of one reply's data; what is larger is left out
	DefaultWaiting = 64        // commands without a reply
	DefaultKept    = 10_000    // ids that are remembered, with their replies
	maxFileBytes   = 64 << 20
	keepReplyBytes = 4 << 10 // of a reply that is out; a larger one is remembered without its data
)

// A Box encrypts what lies on the disk. The label says what it is: a text that
// was sealed under one label does not open under another.
type Box interface {
	Seal(label string, plain []byte) ([]byte, error)
	Open(label string, sealed []byte) ([]byte, error)
}

// Options says how to open an inbox.
type Options struct {
	Box     Box // required
	Waiting int // most commands without a reply; 0: DefaultWaiting
	Kept    int // ids remembered; 0: DefaultKept
	Now     func() time.Time
	Log     *slog.Logger
}

// Inbox holds commands and replies. Its methods may be called by several
// goroutines at once.
type Inbox struct {
	opt      Options
	db       *bolt.DB
	replaced string // where a damaged file was kept aside when this one was opened

	mu      sync.Mutex
	waiting map[chan struct{}]struct{}
}

// Open opens or makes the file. A damaged one is renamed and replaced; Replaced
// tells its new name. Errors: ErrLocked, or the operating system's.
func Open(path string, o Options) (*Inbox, error) {
	if o.Box == nil {
		return nil, errors.New("open the inbox: nothing to encrypt with")
	}
	if o.Waiting <= 0 {
		o.Waiting = DefaultWaiting
	}
	if o.Kept <= 0 {
		o.Kept = DefaultKept
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	in := &Inbox{opt: o, waiting: map[chan struct{}]struct{}{}}
	err := in.open(path)
	if errors.Is(err, boltfile.ErrDamaged) {
		if in.replaced, err = boltfile.Aside(path, o.Now()); err != nil {
			return nil, fmt.Errorf("open the inbox: %w", err)
		}
		o.Log.Error("the inbox's file was damaged; it is kept aside and a new one begun", "kept", in.replaced)
		err = in.open(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open the inbox: %w", err)
	}
	return in, nil
}

// The file: "waiting" and "replies" by number, "ids" from id to number, "out"
// the numbers of replies that are to be sent, "meta" the newest id.
var (
	bucketWaiting = []byte("waiting")
	bucketReplies = []byte("replies")
	bucketIDs     = []byte("ids")
	bucketOut     = []byte("out")
	bucketMeta    = []byte("meta")
	keyHighwater  = []byte("highwater")
)

func (in *Inbox) open(path string) error {
	_, err := os.Stat(path)
	fresh := errors.Is(err, os.ErrNotExist)
	db, err := boltfile.Open(path, boltfile.Options{MaxBytes: maxFileBytes})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{bucketWaiting, bucketReplies, bucketIDs, bucketOut, bucketMeta} {
			if tx.Bucket(name) == nil && !fresh && tx.Bucket(bucketMeta) != nil {
				return fmt.Errorf("%w: bucket %s is missing", boltfile.ErrDamaged, name)
			}
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		_ = db.Close()
		return err
	}
	in.db = db
	return nil
}

// Replaced is the name under which a damaged file was kept aside, "" when none was.
func (in *Inbox) Replaced() string { return in.replaced }

// Close closes the file.
func (in *Inbox) Close() error {
	if err := in.db.Close(); err != nil {
		return fmt.Errorf("close the inbox: %w", err)
	}
	in.signal()
	return nil
}

func numberKey(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func classify(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrDatabaseNotOpen):
		return ErrClosed
	case errors.Is(err, bolterrors.ErrMaxSizeReached):
		return ErrFull
	}
	return err
}

// Put takes a command in. When it returns without an error the command is on
// disk, or was before: the same id again queues its reply again, if it has one.
// One above MaxCommand is never done, and answered so.
// Errors: ErrFull, ErrTooLarge, ErrClosed, or the operating system's.
func (in *Inbox) Put(c wire.Command) error {
	plain, err := json.Marshal(c)
	if err != nil || c.ID == "" {
		return fmt.Errorf("take a command in: %w", wire.ErrFormat)
	}
	large := len(plain) > MaxCommand
	if large { // never done: answered, so that the hub does not repeat it for ever
		c.Data = nil
		if plain, err = json.Marshal(c); err != nil || len(plain) > MaxCommand {
			return fmt.Errorf("take command %q in: %w: at most %d bytes", c.Name, ErrTooLarge, MaxCommand)
		}
	}
	sealed, err := in.opt.Box.Seal("command", plain)
	if err != nil {
		return fmt.Errorf("take command %q in: %w", c.Name, err)
	}
	err = in.db.Update(func(tx *bolt.Tx) error {
		ids, waiting := tx.Bucket(bucketIDs), tx.Bucket(bucketWaiting)
		if number := ids.Get([]byte(c.ID)); number != nil {
			if tx.Bucket(bucketReplies).Get(number) != nil {
				return tx.Bucket(bucketOut).Put(clone(number), nil)
			}
			return nil // it waits, or is being done
		}
		if count(waiting, in.opt.Waiting) >= in.opt.Waiting {
			return ErrFull
		}
		next, err := tx.Bucket(bucketMeta).NextSequence()
		if err != nil {
			return err
		}
		number := numberKey(next)
		return errors.Join(waiting.Put(number, sealed), ids.Put([]byte(c.ID), number), tx.Bucket(bucketMeta).Put(keyHighwater, []byte(c.ID)))
	})
	if err != nil {
		return fmt.Errorf("take command %q in: %w", c.Name, classify(err))
	}
	in.signal()
	if large {
		err := in.Answer(c.ID, wire.Reply{Text: fmt.Sprintf("the command is too large: at most %d bytes; send a list in parts", MaxCommand)})
		if err != nil && !errors.Is(err, ErrUnknown) { // unknown: answered before
			return err
		}
	}
	return nil
}

// count counts the keys of a bucket, up to a limit.
func count(b *bolt.Bucket, limit int) int {
	n, c := 0, b.Cursor()
	for k, _ := c.First(); k != nil && n < limit; k, _ = c.Next() {
		n++
	}
	return n
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }

// Highwater is the id of the newest command taken in, "" before the first.
func (in *Inbox) Highwater() string {
	id := ""
	_ = in.db.View(func(tx *bolt.Tx) error {
		id = string(tx.Bucket(bucketMeta).Get(keyHighwater))
		return nil
	})
	return id
}

// Stat counts commands that have no reply yet, and replies that are not out.
type Stat struct {
	Waiting int `json:"waiting"`
	Replies int `json:"replies"`
}

// Stat counts.
func (in *Inbox) Stat() (Stat, error) {
	var s Stat
	err := in.db.View(func(tx *bolt.Tx) error {
		s.Waiting = tx.Bucket(bucketWaiting).Stats().KeyN
		s.Replies = tx.Bucket(bucketOut).Stats().KeyN
		return nil
	})
	return s, classify(err)
}

// Changed returns a channel that receives after a change: a command in, a reply
// made or out, the inbox closed. Several changes may be one signal.
func (in *Inbox) Changed() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.waiting[c] = struct{}{}
	return c, func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		delete(in.waiting, c)
	}
}

func (in *Inbox) signal() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for c := range in.waiting {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
