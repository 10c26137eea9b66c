package hub

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"tram/hub/broker"
	"tram/hub/store"
	"tram/sync/seal"
	"tram/sync/wire"
)

// Files in a hub's data folder.
const (
	KeyFile    = "hub.jwk"     // the hub's key pair, mode 0600
	PublicFile = "hub.pub.jwk" // its public half, for devices
	StoreFile  = "hub.db"
	SocketFile = "hub.sock"
	ListenFile = "listen" // the embedded broker's address, while it runs
	lockFile   = "hub.lock"
)

// ErrListen is returned when the embedded broker cannot listen.
var ErrListen = errors.New("the address is not free")

// Options says where a hub works.
type Options struct {
	Data     string      // folder of keys, devices and, without Postgres, the store; made when it is not there
	Postgres string      // address of a database that several hubs may share; "": one bbolt file
	Store    store.Store // the database, when it is open already; New takes it over
	Listen   string      // HOST:PORT of the embedded broker, when MQTT is ""
	// ListenTLS makes the embedded broker take devices over TLS only, each under
	// the name that DeviceOf reads in its certificate.
	ListenTLS *tls.Config
	DeviceOf  func(*x509.Certificate) (string, error)

	MQTT     string // URL of a broker that is there already
	Username string // at that broker
	Password string
	TLS      *tls.Config // to that broker, for ssl:// addresses
	// Plain makes a hub with a shared store receive everything itself instead
	// of sharing it with the others: for brokers without shared subscriptions.
	Plain bool
	// Handlers answer devices' questions, by name.
	Handlers map[string]Handler
	Ready    func(address string)
	Log      *slog.Logger

	// For tests; zero in real life.
	BackoffMax    time.Duration       // longest pause between connections; 30 s
	CommandRepeat time.Duration       // until a command without a reply is sent again; 30 s
	RetryEvery    time.Duration       // how often what is kept aside is looked at; 30 s
	GapsEvery     time.Duration       // how often gaps are looked for that nobody fills; 1 min
	Heartbeat     time.Duration       // how often the hub says that it is up; 1 min
	StaleAfter    time.Duration       // until a silent instance counts as dead; 5 min
	Committed     func(envelopes int) // called after a commit, before its acknowledgement
	broker        func(o broker.Options) broker.Options
}

// Hub is a reference hub that Run drives.
type Hub struct {
	opt      Options
	log      *slog.Logger
	instance string
	keys     *keyring
	devices  *Devices
	store    store.Store
	inbox    chan message
	waiting  atomic.Int64 // bytes in inbox
	queue    *publishQueue
	orders   *orders
	presence *presence

	handlers  map[string]Handler
	asking    chan struct{} // one for each question being answered
	questions sync.WaitGroup
	plain     sync.Map // device to bool: it takes unsigned words only; see checks
}

// New opens the data folder: keys, store, devices.
func New(o Options) (*Hub, error) {
	o = o.withDefaults()
	st := o.Store
	keys, devices, err := openKeys(o)
	if err == nil && st == nil {
		st, err = OpenStore(context.Background(), o.Data, o.Postgres)
	}
	if err != nil {
		if st != nil {
			err = errors.Join(err, st.Close())
		}
		return nil, err
	}
	if r, ok := st.(store.KeyRegistry); ok {
		devices.Share(r)
	}
	return &Hub{
		opt: o, log: o.Log, instance: rand.Text()[:16], devices: devices, store: st, keys: keys,
		inbox: make(chan message, maxWaiting), queue: newPublishQueue(), orders: newOrders(), presence: newPresence(),
		handlers: handlers(o.Handlers), asking: make(chan struct{}, maxQuestions),
	}, nil
}

// openKeys opens what lies in the data folder beside the store.
func openKeys(o Options) (*keyring, *Devices, error) {
	if err := os.MkdirAll(filepath.Join(o.Data, "devices"), 0o700); err != nil {
		return nil, nil, fmt.Errorf("make the data folder: %w", err)
	}
	devices := NewDevices(o.Data)
	keys, err := openKeyring(o.Data, devices, o.Log)
	return keys, devices, err
}

// OpenStore opens the store of a hub: the database, or without one the file in
// the data folder.
func OpenStore(ctx context.Context, data, postgres string) (store.Store, error) {
	if postgres != "" {
		st, err := store.OpenPostgres(ctx, postgres)
		if err != nil {
			return nil, fmt.Errorf("open the hub's store: %w", err)
		}
		return st, nil
	}
	st, err := store.Open(filepath.Join(data, StoreFile))
	if err != nil {
		return nil, fmt.Errorf("open the hub's store: %w", err)
	}
	return st, nil
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&o.BackoffMax, 30 * time.Second}, {&o.CommandRepeat, commandRepeat}, {&o.RetryEvery, 30 * time.Second},
		{&o.GapsEvery, time.Minute}, {&o.Heartbeat, time.Minute}, {&o.StaleAfter, 5 * time.Minute},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	return o
}

// Devices returns the keys of the devices that the hub knows.
func (h *Hub) Devices() *Devices { return h.devices }

// StoreID names the hub's store, as its state does.
func (h *Hub) StoreID() string { return h.store.ID() }

// isPlain reports whether a device said that it knows no key of the hub to
// check signatures with, and never showed that it does.
func (h *Hub) isPlain(device string) bool {
	plain, _ := h.plain.Load(device)
	return plain == true
}

// checks reports whether a device is known to check the hub's signatures: it was
// given the hub's keys when it enrolled, or says so. A later status that says
// otherwise may be anybody's; the store remembers that as well.
func (h *Hub) checks(device string, s wire.Status) bool {
	_, err := h.devices.Box(device)
	if err == nil || !s.TakesPlain() {
		h.plain.Store(device, false)
		return true
	}
	h.plain.LoadOrStore(device, true)
	return false
}

// Close releases a hub that was never run.
func (h *Hub) Close() error { return h.store.Close() }

// Run serves until ctx ends, and returns nil then.
func (h *Hub) Run(ctx context.Context) (err error) {
	defer func() {
		if cerr := h.store.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("close the hub's store: %w", cerr)
		}
	}()
	c := client{hub: h, id: "tram-hub-" + h.instance, url: h.opt.MQTT, username: h.opt.Username, password: h.opt.Password}
	address := h.opt.MQTT
	serve, owner, err := h.openSocket()
	if err != nil {
		return err
	}
	defer owner.release()
	listenFile := filepath.Join(h.opt.Data, ListenFile)
	if owner.held {
		_ = os.Remove(listenFile) // of a hub that was killed
		defer os.Remove(listenFile)
	}
	if h.opt.MQTT == "" {
		c.username, c.password = "hub", rand.Text()
		o := broker.Options{Listen: h.opt.Listen, Hub: c.id, Password: c.password, TLS: h.opt.ListenTLS, DeviceOf: h.opt.DeviceOf, Log: h.log}
		if h.opt.broker != nil {
			o = h.opt.broker(o)
		}
		b, err := broker.Start(o)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrListen, err)
		}
		defer b.Close()
		address = b.Addr()
		c.url = "tcp://" + b.Inside()
	}
	c.ready = sync.OnceFunc(func() {
		if h.opt.MQTT == "" && owner.held {
			if err := seal.WriteFile(listenFile, []byte(address+"\n"), 0o644); err != nil {
				h.log.Error("the address is not written to its file", "err", err)
			}
		}
		if h.opt.Ready != nil {
			h.opt.Ready(address)
		}
	})
	var parts sync.WaitGroup
	parts.Go(func() { serve(ctx) })
	parts.Go(func() { h.intake(ctx) })
	parts.Go(func() { h.command(ctx) })
	parts.Go(func() { h.retry(ctx) })
	c.run(ctx)
	parts.Wait()
	h.questions.Wait()
	return nil
}
