package campaign

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"tram/sync/enroll"
	"tram/sync/keys"
	"tram/sync/outbox"
	"tram/sync/seal"
	"tram/sync/uplink"
	"tram/sync/wire"
)

// orders is what the campaign wants of a device's process: the file
// orders.json in its state folder, read again and again.
type orders struct {
	Accept   bool          `json:"accept"`
	Pause    time.Duration `json:"pause"`    // between two records of one caller
	Most     int           `json:"most"`     // records of this process; 0: no limit
	Wall     time.Duration `json:"wall"`     // added to the wall clock
	Boot     time.Duration `json:"boot"`     // added to both clocks; never less than before
	MaxBytes int64         `json:"maxBytes"` // of the outbox
}

// device is a process with a real outbox, a real uplink, and the credentials
// and renewal of an enrolled device. It prints "a SEQUENCE ID PRIORITY" after
// each Accept, and "s ACCEPTED DELIVERED PENDING STATE" now and then.
type device struct {
	dir    string
	orders atomic.Pointer[orders]
	store  *outbox.Store
	count  atomic.Int64
	say    sync.Mutex
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func runDevice(dir string) {
	d := &device{dir: dir}
	must(d.read())
	e, err := enroll.Load(dir)
	must(err)
	key, err := keys.Open(e.Key, keys.Options{State: dir})
	must(err)
	own, err := seal.NewDeviceKey(key.Signer)
	must(err)
	hub, err := seal.LoadHubKeys(filepath.Join(dir, enroll.KeysFile))
	must(err)
	box, err := seal.LoadOrCreateDeviceBox(filepath.Join(dir, enroll.BoxFile))
	must(err)
	sealer, err := seal.NewSealer(own, hub.Encryption())
	must(err)
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	if os.Getenv("TRAM_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	clock := enroll.NewClock(dir, time.Time{}, d.now)
	pair := enroll.NewCredentials(dir, key, clock, log)
	d.store, err = outbox.Open(filepath.Join(dir, "outbox.db"), outbox.Options{
		Source: wire.Source(e.Device), Seal: sealer.Seal, MaxBytes: d.orders.Load().MaxBytes, Log: log,
		Now: d.now, Boot: d.boot, Synced: func() bool { return true }, Floor: clock.Floor(),
	})
	must(err)
	link, err := uplink.New(uplink.Options{
		Broker: e.Broker, Site: e.Site, Device: e.Device, Store: d.store, Credentials: pair, Seal: sealer.SealAs, Log: log,
		Open: func(kind string, payload []byte) ([]byte, bool, error) {
			return seal.OpenHubMessage(kind, e.Device, payload, hub, box)
		},
		About:      wire.Status{Format: seal.Format, HubKey: hub.Encryption().KeyID(), Plain: !hub.Signs()},
		BackoffMin: 10 * time.Millisecond, BackoffMax: 300 * time.Millisecond, Timeout: 2 * time.Second,
		AckTimeout: 500 * time.Millisecond, RejectedAfter: time.Second, BatchRecords: 20,
	})
	must(err)
	renewer := enroll.NewRenewer(enroll.RenewerOptions{
		State: dir, Credentials: pair, Clock: clock, Reconnect: link.Reconnect, Log: log,
		Every: 100 * time.Millisecond, Retry: 100 * time.Millisecond,
	})
	go func() { _ = link.Run(context.Background()) }() // until the process is killed
	go func() { _ = renewer.Run(context.Background()) }()
	for caller := range 3 {
		go d.accept(caller)
	}
	for last := ""; ; time.Sleep(20 * time.Millisecond) {
		must(d.read())
		s, err := d.store.Stat()
		if err != nil {
			continue // its file is being taken over
		}
		if line := fmt.Sprintf("s %d %d %d %s", s.Accepted, s.Delivered, s.Pending+uint64(s.Sums), link.State()); line != last {
			last = line
			d.print(line)
		}
	}
}

func (d *device) print(line string) {
	d.say.Lock()
	defer d.say.Unlock()
	if _, err := fmt.Println(line); err != nil {
		os.Exit(1)
	}
}

func (d *device) read() error {
	b, err := os.ReadFile(filepath.Join(d.dir, "orders.json"))
	if err != nil {
		return err
	}
	o := new(orders)
	if err := json.Unmarshal(b, o); err != nil {
		return err
	}
	d.orders.Store(o)
	return nil
}

func (d *device) now() time.Time {
	o := d.orders.Load()
	return time.Now().Add(o.Wall + o.Boot)
}

func (d *device) boot() (string, time.Duration) {
	var ts unix.Timespec
	must(unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts))
	return "campaign", time.Duration(ts.Nano()) + d.orders.Load().Boot
}

// draft is a record of any priority.
func draft(random *rand.Rand, n int) (outbox.Draft, string) {
	switch random.IntN(8) {
	case 0:
		b := make([]byte, 3000+random.IntN(6000))
		for i := range b {
			b[i] = byte(random.IntN(256))
		}
		return outbox.Draft{Type: "vn.tram.visit.photo.v1", Data: b}, "photo"
	case 1:
		return outbox.Draft{Type: "vn.tram.gate.counted.v1", Data: map[string]any{"in": n, "out": 1, "line": "north"}}, "count"
	case 2:
		return outbox.Draft{Type: "vn.tram.gate.passed.v1", Data: n}, "passage"
	}
	return outbox.Draft{Type: "vn.tram.test.v1", Data: n}, "identity"
}

func (d *device) accept(caller int) {
	random := rand.New(rand.NewPCG(uint64(os.Getpid()), uint64(caller)))
	for n := 0; ; n++ {
		o := d.orders.Load()
		if !o.Accept || o.Most > 0 && d.count.Load() >= int64(o.Most) {
			time.Sleep(5 * time.Millisecond)
			continue
		}
		time.Sleep(o.Pause)
		what, class := draft(random, n)
		d.count.Add(1)
		r, err := d.store.Accept(context.Background(), what)
		switch {
		case errors.Is(err, outbox.ErrFull):
			d.print("f")
			time.Sleep(5 * time.Millisecond)
		case err != nil:
			d.print("e " + err.Error()) // not accepted, and said so
		case !r.Merged:
			d.print(fmt.Sprintf("a %d %s %s", r.Sequence, r.ID, class))
		}
	}
}
