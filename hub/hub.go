package hub

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tram/hub/broker"
	"tram/hub/store"
	"tram/sync/seal"
)

// Files in a hub's data folder.
const (
	KeyFile    = "hub.jwk"     // the hub's key pair, mode 0600
	PublicFile = "hub.pub.jwk" // its public half, for devices
	StoreFile  = "hub.db"
	SocketFile = "hub.sock"
	ListenFile = "listen" // the embedded broker's address, while it runs
)

// ErrListen is returned when the embedded broker cannot listen.
var ErrListen = errors.New("the address is not free")

// Options says where a hub works.
type Options struct {
	Data   string // folder of keys and store; made when it is not there
	Listen string // HOST:PORT of the embedded broker, when MQTT is ""
	MQTT   string // URL of a broker that is there already
	Ready  func(address string)
	Log    *slog.Logger

	// For tests; both zero in real life.
	BackoffMax time.Duration       // longest pause between connections; 30 s
	Committed  func(envelopes int) // called after a commit, before its acknowledgement
	broker     func(o broker.Options) broker.Options
}

// Hub is a reference hub that Run drives.
type Hub struct {
	opt      Options
	log      *slog.Logger
	instance string
	key      *seal.HubKey
	devices  *Devices
	opener   *seal.Opener
	store    *store.Store
	inbox    chan message
	queue    *publishQueue
}

// New opens the data folder: keys, store, devices.
func New(o Options) (*Hub, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.BackoffMax <= 0 {
		o.BackoffMax = 30 * time.Second
	}
	if err := os.MkdirAll(filepath.Join(o.Data, "devices"), 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	key, err := LoadKey(o.Data)
	if err != nil {
		return nil, err
	}
	st, err := store.Open(filepath.Join(o.Data, StoreFile))
	if err != nil {
		return nil, fmt.Errorf("open the hub's store: %w", err)
	}
	devices := NewDevices(o.Data)
	return &Hub{
		opt: o, log: o.Log, instance: rand.Text()[:16], key: key, devices: devices, store: st,
		opener: seal.NewOpener(key, devices.Key),
		inbox:  make(chan message, 256),
		queue:  newPublishQueue(),
	}, nil
}

// LoadKey reads or makes the hub's key pair in a data folder, and writes its
// public half beside it.
func LoadKey(data string) (*seal.HubKey, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	key, err := seal.LoadOrCreateHubKey(filepath.Join(data, KeyFile))
	if err != nil {
		return nil, err
	}
	if err := key.WritePublic(filepath.Join(data, PublicFile)); err != nil {
		return nil, fmt.Errorf("write the hub's public key: %w", err)
	}
	return key, nil
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
	c := client{hub: h, id: "tram-hub-" + h.instance, url: h.opt.MQTT}
	address := h.opt.MQTT
	listenFile := filepath.Join(h.opt.Data, ListenFile)
	_ = os.Remove(listenFile) // of a hub that was killed
	if h.opt.MQTT == "" {
		c.password = rand.Text()
		o := broker.Options{Listen: h.opt.Listen, Hub: c.id, Password: c.password, Log: h.log}
		if h.opt.broker != nil {
			o = h.opt.broker(o)
		}
		b, err := broker.Start(o)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrListen, err)
		}
		defer b.Close()
		address = b.Addr()
		c.url = "tcp://" + address
	}
	serve, err := h.openSocket()
	if err != nil {
		return err
	}
	c.ready = sync.OnceFunc(func() {
		if h.opt.MQTT == "" {
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
	c.run(ctx)
	parts.Wait()
	_ = os.Remove(listenFile)
	return nil
}
