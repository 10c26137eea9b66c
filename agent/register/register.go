package register

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"tram/agent/keep"
	"tram/agent/lodging"
	"tram/agent/visit"
	"tram/sync/boltfile"
)

// Errors that callers tell apart.
var (
	ErrUnknown = errors.New("there is no such entry")
	ErrHeld    = errors.New("a legal hold is on this entry")
	ErrState   = errors.New("the entry is not in a state for that")
	ErrBad     = errors.New("a value is missing or wrong")
	ErrClosed  = errors.New("the register is closed")
	ErrBusy    = boltfile.ErrBusy // another process has it open
)

// Box encrypts keys on the disk; sync/seal/rest has one.
type Box = keep.Box

// Place is the time zone of the law and of "today": UTC+7 without summer time,
// whatever the machine says.
var Place = lodging.Place

// Policy is what the profile says of the register.
type Policy struct {
	Keeps    []string      // fields of the person that stay; "birthYear" is the year of dateOfBirth
	Retain   time.Duration // after the visit or its end; 0: nothing but the proof stays
	Closes   string        // record type of a check-out
	Room     string        // of an exam; "" takes the answer "room"
	Prefix   string        // of tickets
	TicketBy string        // question whose answers have queues of their own
	Answers  bool          // the proof of a visit of which nothing is kept says what was answered: the contract's number
	Ticket   bool          // whether a number is given out
	// Direction is which way a gate leads: "in", "out", or "both": then who is inside goes out.
	Direction string
	Passback  time.Duration // so long nobody passes twice the same way; 0: until they passed the other way
	Holidays  []string      // yyyy-mm-dd: no working days, besides Saturdays and Sundays
	Counts    bool          // stays are counted, for a record of each day
	Reasons   []string      // what stands to choose from as the reason of a stay; nil: whatever was answered
}

// Options says how to open a register.
type Options struct {
	Box    Box // required
	Policy Policy
	Clock  func() (now time.Time, right bool) // whether the time is known to be right; nil: time.Now
	Roster func() ([]keep.Candidate, error)   // the hub's list; may be nil
	Allow  func(visit.Entry) []visit.Alarm    // who may pass a gate; nil: everybody
	Log    *slog.Logger
}

// Register is the open file. Its methods may be called by several goroutines.
type Register struct {
	path string
	opt  Options

	mu       sync.RWMutex // held for writing while the file is exchanged
	db       *bolt.DB
	index    []byte // key of the numbers' hashes
	logKey   []byte // of both logs
	replaced string
	salvaged int

	tallyMu sync.Mutex
	tally   *tally // of passages; nil before it is asked for

	lookMu sync.Mutex
	looked map[string]time.Time // who and what: lists that refresh are one look
}

var _ visit.Book = (*Register)(nil)

const (
	maxFileBytes = 512 << 20
	labelIndex   = "register index"
	labelLog     = "register log"
)

var (
	bucketMeta    = []byte("meta")
	bucketKeys    = []byte("keys")    // of objects, each encrypted by the box
	bucketObjects = []byte("objects") // kind and id: what the object is, encrypted with its key
	bucketIndex   = []byte("index")   // keys only; see entry.indexKeys
	bucketTickets = []byte("tickets")
	bucketAccess  = []byte("access")
	bucketDeleted = []byte("deleted")
	buckets       = [][]byte{bucketMeta, bucketKeys, bucketObjects, bucketIndex, bucketTickets, bucketAccess, bucketDeleted}

	metaIndex = []byte("index")
	metaLog   = []byte("log")
	metaScrub = []byte("scrub") // something was deleted and the file not rewritten yet
)

// Open opens or makes the file. A damaged one is kept aside and what still reads
// is taken over; Replaced tells. Errors: ErrBusy, or the operating system's.
func Open(path string, o Options) (*Register, error) {
	if o.Box == nil {
		return nil, errors.New("open the register: nothing to encrypt with")
	}
	if o.Clock == nil {
		o.Clock = func() (time.Time, bool) { return time.Now(), true }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Register{path: path, opt: o, looked: map[string]time.Time{}}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open the register: %w", err)
	}
	if err := r.leftovers(); err != nil {
		return nil, fmt.Errorf("open the register: %w", err)
	}
	err := r.load()
	if errors.Is(err, boltfile.ErrDamaged) {
		err = r.replace()
	}
	if err != nil {
		return nil, fmt.Errorf("open the register: %w", err)
	}
	if err := r.scrubIfOwed(); err != nil {
		o.Log.Warn("the register cannot be rewritten without what was deleted", "err", err)
	}
	return r, nil
}

// load opens the file and its keys.
func (r *Register) load() error {
	db, err := boltfile.Open(r.path, boltfile.Options{MaxBytes: maxFileBytes})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		var err error
		if r.index, err = r.keyOf(tx, metaIndex, labelIndex); err != nil {
			return err
		}
		r.logKey, err = r.keyOf(tx, metaLog, labelLog)
		return err
	})
	if err != nil {
		_ = db.Close()
		return err
	}
	r.db = db
	return nil
}

// keyOf reads one of the register's own keys, or makes it.
func (r *Register) keyOf(tx *bolt.Tx, name []byte, label string) ([]byte, error) {
	b := tx.Bucket(bucketMeta)
	if sealed := b.Get(name); sealed != nil {
		key, err := r.opt.Box.Open(label, sealed)
		if err != nil || len(key) != keyBytes {
			return nil, fmt.Errorf("%w: its keys do not open with this device's key", boltfile.ErrDamaged)
		}
		return key, nil
	}
	key := make([]byte, keyBytes)
	_, _ = rand.Read(key) // never fails, says crypto/rand
	sealed, err := r.opt.Box.Seal(label, key)
	if err != nil {
		return nil, err
	}
	return key, b.Put(name, sealed)
}

// replace keeps the damaged file aside and takes over what reads.
func (r *Register) replace() error {
	now, _ := r.opt.Clock()
	kept, err := boltfile.Aside(r.path, now)
	if err != nil {
		return err
	}
	r.replaced = kept
	r.opt.Log.Error("the register's file was damaged; it is kept aside and a new one begun", "kept", filepath.Base(kept))
	if err := r.load(); err != nil {
		return err
	}
	if r.salvaged, err = r.salvage(kept); err != nil {
		r.opt.Log.Error("the damaged register cannot be searched", "err", err)
	}
	return r.note("tram", "register replaced", "", fmt.Sprintf("damaged; %d objects taken over", r.salvaged))
}

// Replaced is where a damaged file was kept aside when this one was opened, and
// how many objects were taken over; "" when it was not damaged.
func (r *Register) Replaced() (kept string, salvaged int) { return r.replaced, r.salvaged }

// salvage takes over the objects that still open. An object has been written
// several times: the newest counts.
func (r *Register) salvage(kept string) (int, error) {
	type row struct{ key, value []byte }
	wrapped, sealed := map[string][][]byte{}, []row{}
	err := boltfile.Scan(kept, func(k, v []byte) {
		switch {
		case len(k) < 2 || len(k) > maxID+1:
		case len(v) > 3 && string(v[:3]) == "eyJ":
			wrapped[string(k)] = append(wrapped[string(k)], slices.Clone(v))
		case len(v) > nonceBytes:
			sealed = append(sealed, row{slices.Clone(k), slices.Clone(v)})
		}
	})
	if err != nil {
		return 0, err
	}
	best := map[string]object{}
	for _, s := range sealed {
		for _, w := range wrapped[string(s.key)] {
			key, err := r.opt.Box.Open(labelOf(s.key), w)
			if err != nil {
				continue
			}
			if o, err := openObject(key, s.key, s.value); err == nil && o.Rev > best[string(s.key)].Rev {
				best[string(s.key)] = o
			}
		}
	}
	n := 0
	for k, o := range best {
		err := r.db.Update(func(tx *bolt.Tx) error { return r.adopt(tx, []byte(k), o) })
		if err != nil {
			return n, classify(err)
		}
		n++
	}
	return n, nil
}

// Close closes the file.
func (r *Register) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.db.Close(); err != nil {
		return fmt.Errorf("close the register: %w", err)
	}
	return nil
}

func (r *Register) update(what string, do func(tx *bolt.Tx) error) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if err := r.db.Update(do); err != nil {
		return fmt.Errorf("%s: %w", what, classify(err))
	}
	return nil
}

func (r *Register) view(what string, do func(tx *bolt.Tx) error) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if err := r.db.View(do); err != nil {
		return fmt.Errorf("%s: %w", what, classify(err))
	}
	return nil
}

func classify(err error) error {
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

func (r *Register) now() time.Time {
	now, _ := r.opt.Clock()
	return now
}

// day is a date at the place: 20260302.
func day(t time.Time) string { return t.In(Place).Format("20060102") }

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
