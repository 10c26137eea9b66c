package uplink

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tram/sync/outbox"
	"tram/sync/wire"
)

// What State returns.
const (
	Connected         = "connected"          // broker and hub are there
	Offline           = "offline"            // no broker
	HubDown           = "hub-down"           // a broker, but no hub that says it is up
	DuplicateIdentity = "duplicate-identity" // another device uses this one's name
)

// Errors that callers tell apart.
var (
	ErrBroker  = errors.New("not a broker's address")
	ErrOffline = errors.New("the hub is not there")
)

// Store is what the uplink needs of the outbox.
type Store interface {
	Pending(after uint64, max, maxBytes int) ([]outbox.Record, error)
	MarkSent(upTo uint64) error
	Acknowledge(a wire.Ack) error
	Stat() (outbox.Stat, error)
	Changed() (changed <-chan struct{}, stop func())
}

var _ Store = (*outbox.Store)(nil)

// Inbox keeps commands until they are done and their replies sent.
type Inbox interface {
	// Put stores a command and returns after the fsync. An id that was there
	// before is no error; its reply, if there is one, is queued again.
	Put(c wire.Command) error
	Replies(max int) []wire.Reply // that are queued
	Replied(id string) error      // the broker took this one
	Changed() (changed <-chan struct{}, stop func())
	Highwater() string // id of the last command stored
}

// Credentials are the device's certificates for a broker with TLS.
type Credentials interface {
	TLS() (*tls.Config, error) // for the next connection: the newest pair to try
	Connected()                // the broker took it, subscriptions included
	Failed(err error)          // a broker that was reached did not
}

// Options says where to send what. The times have defaults; tests shorten them.
type Options struct {
	Broker       string // tcp://HOST:PORT or ssl://HOST:PORT; "": none, always offline
	Site, Device string // the device's name is its MQTT client id
	Store        Store
	TLS          *tls.Config
	Username     string
	Password     string
	// Credentials, when there are any, take the place of TLS.
	Credentials Credentials
	Inbox       Inbox // nil: every command is refused
	// Open verifies and opens what the hub said: kind is ack, command or
	// response. nil: the hub's word is taken as it comes.
	Open func(kind string, payload []byte) (message []byte, signed bool, err error)
	// Seal signs and encrypts what goes to the hub beside records: kind is reply
	// or request. nil: it goes as it is.
	Seal func(kind string, plain []byte) ([]byte, error)
	// About is what the device says of itself in its status: version, id of the
	// hub's key that it seals to, whether it takes unsigned words (it does when
	// Open is nil). The rest is filled in.
	About wire.Status
	Log   *slog.Logger

	BackoffMin    time.Duration // first pause between connections; 500 ms
	BackoffMax    time.Duration // longest pause; 60 s
	Timeout       time.Duration // for one step with the broker; 10 s
	AckTimeout    time.Duration // until a batch is sent again; 30 s, doubling to 8 min
	RejectedAfter time.Duration // until an envelope that the hub refused is tried again; 5 min
	Window        int           // most batches without an answer; 16
	BatchRecords  int           // most records in a batch, one envelope at least; 256
	BatchBytes    int           // most sealed bytes in a batch, one envelope at least; 64 KiB
}

// Uplink is the way to the hub.
type Uplink struct {
	opt      Options
	dial     endpoint
	topic    wire.Topic
	instance string // of this process
	log      *slog.Logger

	state     atomic.Value // string
	heard     atomic.Uint64
	announced bool        // this process has said online at least once
	foreign   bool        // another process has since said something under our name
	losses    []time.Time // of connections that were up, within the last minute
	reconnect chan struct{}

	mu      sync.Mutex
	online  *online
	waiting map[string]chan wire.Response // questions by id
}

// New checks the options and returns an Uplink that Run will drive.
func New(o Options) (*Uplink, error) {
	topic, err := wire.NewTopic(o.Site, o.Device, wire.Records)
	if err != nil {
		return nil, fmt.Errorf("uplink: %w", err)
	}
	if o.Store == nil {
		return nil, errors.New("uplink: no outbox")
	}
	u := &Uplink{opt: withDefaults(o), topic: topic, instance: rand.Text()[:16], reconnect: make(chan struct{}, 1), waiting: map[string]chan wire.Response{}}
	u.log = u.opt.Log
	if o.Broker != "" {
		if u.dial, err = parseBroker(o.Broker, o.TLS); err != nil {
			return nil, err
		}
	}
	u.state.Store(Offline)
	return u, nil
}

func withDefaults(o Options) Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&o.BackoffMin, 500 * time.Millisecond}, {&o.BackoffMax, time.Minute}, {&o.Timeout, 10 * time.Second},
		{&o.AckTimeout, 30 * time.Second}, {&o.RejectedAfter, 5 * time.Minute},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	for _, d := range []struct {
		value *int
		or    int
	}{{&o.Window, 16}, {&o.BatchRecords, 256}, {&o.BatchBytes, 64 << 10}} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	o.BatchRecords = min(o.BatchRecords, wire.MaxEnvelopes) // they may be an envelope each
	return o
}

// endpoint is where the broker listens.
type endpoint struct {
	address string
	tls     *tls.Config // nil: plain TCP
}

func parseBroker(s string, config *tls.Config) (endpoint, error) {
	if !strings.Contains(s, "://") {
		s = "tcp://" + s
	}
	at, err := url.Parse(s)
	if err != nil || at.Hostname() == "" {
		return endpoint{}, fmt.Errorf("%w: want tcp://HOST:PORT or ssl://HOST:PORT", ErrBroker)
	}
	port := at.Port()
	switch at.Scheme {
	case "tcp", "mqtt":
		if port == "" {
			port = "1883"
		}
		return endpoint{address: net.JoinHostPort(at.Hostname(), port)}, nil
	case "ssl", "tls", "mqtts":
		if port == "" {
			port = "8883"
		}
		e := endpoint{address: net.JoinHostPort(at.Hostname(), port)}
		return e.with(config), nil
	}
	return endpoint{}, fmt.Errorf("%w: scheme %q, want tcp or ssl", ErrBroker, at.Scheme)
}

// with returns the endpoint with another TLS configuration: TLS 1.3, and the
// broker's name as its address says it.
func (e endpoint) with(config *tls.Config) endpoint {
	e.tls = &tls.Config{}
	if config != nil {
		e.tls = config.Clone()
	}
	if e.tls.ServerName == "" {
		e.tls.ServerName, _, _ = net.SplitHostPort(e.address)
	}
	e.tls.MinVersion = tls.VersionTLS13
	return e
}

// State returns connected, offline, hub-down or duplicate-identity.
func (u *Uplink) State() string { return u.state.Load().(string) }

// Heard returns how often the hub has said something to this Uplink that it can
// only have said now: an answer to a question that was asked, an acknowledgement
// of what was sent over the connection that it came by. Each was signed for this
// device, unless no signing key of the hub is known. A broker that says for
// itself that the hub is up, or says again what the hub once said, is not heard.
func (u *Uplink) Heard() uint64 { return u.heard.Load() }

func (u *Uplink) setState(s string) {
	if old := u.state.Swap(s); old != s {
		u.log.Info("the way to the hub changed", "state", s)
	}
}

// Run keeps a connection up until ctx ends, and returns nil then.
func (u *Uplink) Run(ctx context.Context) error {
	defer u.setState(Offline)
	if u.opt.Broker == "" {
		<-ctx.Done()
		return nil
	}
	failures := 0
	for ctx.Err() == nil {
		useful, err := u.connectOnce(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.Is(err, errReconnect) {
			continue
		}
		if useful {
			failures = 0
		}
		pause := u.backoff(failures)
		failures++
		u.setState(Offline)
		if u.duplicate() {
			u.setState(DuplicateIdentity)
			pause = u.opt.BackoffMax/2 + mathrand.N(u.opt.BackoffMax/2)
			u.log.Error("another device uses this one's name; waiting", "device", u.opt.Device, "pause", pause)
		} else {
			u.log.Info("no connection to the broker", "err", err, "pause", pause)
		}
		select {
		case <-ctx.Done():
		case <-u.reconnect:
		case <-time.After(pause):
		}
	}
	return nil
}

// errReconnect ends a connection that somebody asked to make anew.
var errReconnect = errors.New("asked to connect anew")

// Reconnect ends the connection, if there is one, and makes a new one at once.
func (u *Uplink) Reconnect() {
	select {
	case u.reconnect <- struct{}{}:
	default: // asked already
	}
}

// backoff returns a random pause up to a bound that doubles with each failure.
func (u *Uplink) backoff(failures int) time.Duration {
	bound := u.opt.BackoffMax
	if failures < 20 {
		bound = min(bound, u.opt.BackoffMin<<failures)
	}
	return 1 + mathrand.N(bound)
}

// lost notes that a connection that was up is gone.
func (u *Uplink) lost(at time.Time) { u.losses = append(u.losses, at) }

// duplicate reports whether three connections were lost within a minute while
// another process spoke under our name.
func (u *Uplink) duplicate() bool {
	for len(u.losses) > 0 && time.Since(u.losses[0]) > time.Minute {
		u.losses = u.losses[1:]
	}
	if len(u.losses) == 0 {
		u.foreign = false
	}
	return u.foreign && len(u.losses) >= 3
}
