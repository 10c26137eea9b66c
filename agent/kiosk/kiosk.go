package kiosk

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"tram/agent/signin"
	"tram/agent/visit"
)

// What a Station or Actions may answer; each has an HTTP status and a code in
// the error's JSON, and comes out of a [Client] as the same sentinel again.
var (
	ErrNoVisit       = visit.ErrNoVisit             // 404 no_visit
	ErrConflict      = visit.ErrConflict            // 409 conflict
	ErrBadQR         = visit.ErrBadQR               // 422 bad_qr
	ErrUnknownAction = errors.New("unknown action") // 400 unknown_action
)

// A Station is the daemon as the screen sees it.
type Station interface {
	// Snapshot returns all that the screen shows at this moment.
	Snapshot() visit.Snapshot
	// Watch returns a channel that gets a value after the snapshot changed
	// (several changes may give one value) until stop is called.
	Watch() (changed <-chan struct{}, stop func())
	// Portrait returns the chip portrait of the visit as a clean JPEG.
	Portrait(visitID string) (jpeg []byte, ok bool)
	// SubmitQR starts a visit with a code that a program or a technician
	// typed or pasted.
	SubmitQR(ctx context.Context, text string) (visitID string, err error)
	// Consent, SkipChip, Confirm and Cancel are the person's answers; SkipChip
	// goes on with the code alone, at a counter where that is enough.
	Consent(ctx context.Context, visitID string) error
	SkipChip(ctx context.Context, visitID string) error
	Confirm(ctx context.Context, visitID string) error
	Cancel(ctx context.Context, visitID string) error
}

// Actions are the demo's virtual hands: "scan-qr", "lay-card", "take-card",
// "lay-tampered-card", "lay-wrong-card", "scan-wrong", "hub-stop", "hub-start".
type Actions interface {
	Do(ctx context.Context, action string) error
}

// An Admin answers the command line over the unix socket. What it returns is
// encoded as JSON and must hold nothing of a person.
type Admin interface {
	Status(ctx context.Context) (any, error)
	Outbox(ctx context.Context) (any, error)
}

// A QueueReader is an Admin that also lets the command line look through the
// queue and look after it; without it those paths are not there.
type QueueReader interface {
	// Entries lists at most limit envelopes that are not delivered, from the
	// first whose sequence is above after, without their content.
	Entries(ctx context.Context, after uint64, limit int) (any, error)
	// Verify checks the queue's chain. One that does not hold is an answer; an
	// error says that it could not be checked.
	Verify(ctx context.Context) (any, error)
	// Compact gives the file's free space back to the disk.
	Compact(ctx context.Context) (any, error)
}

// A Bundler is an Admin that also makes support bundles: a tar.gz without
// anything of a person.
type Bundler interface {
	Bundle(ctx context.Context) ([]byte, error)
}

// MaxEntries is the most envelopes that one question for them may ask for.
const MaxEntries = 1000

// Options say where a Server listens and what it shows.
type Options struct {
	Addr    string  // loopback address of the screen and the local API, "127.0.0.1:8600"; "" serves none
	Socket  string  // path of the unix socket for the command line; "" serves none
	Station Station // required
	Actions Actions // nil when this is not a demo
	Admin   Admin   // nil: /v1/status and /v1/outbox are not there; may be a QueueReader too
	Desk    Desk    // the local register as the clerk sees it; nil: there is none
	Tech    Tech    // the device as the technician sees it; nil: those paths are not there

	People     *signin.People         // who may sign in; nil: nobody, and those paths are not there
	Tokens     *signin.Tokens         // programs that may ask; nil: none
	Note       func(who, what string) // sign-ins and sign-outs, for the access log; may be nil
	SignInIdle time.Duration          // a sign-in ends after so long without a request; 0 means 10 min
	Hosts      []string               // further Host values that name this server, with their port
	Origins    []string               // pages elsewhere whose programs may use a token that names them

	Doors []Door // further ways in for programs

	// Register answers the command line about the local register, on the unix socket under /v1/register/; nil: nothing.
	Register http.Handler
	Metrics  http.Handler  // what the unix socket serves as /metrics; nil: nothing
	Idle     time.Duration // how long the screen waits for a person's touch before it ends a visit; 0 means 60 s
	Log      *slog.Logger  // nil logs nothing
}

// How patient the server is. Everything that a client can make us wait for or
// hold on to has a limit here.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 25 * time.Second
	writeTimeout   = 30 * time.Second // event streams set their own
	idleTimeout    = 90 * time.Second
	actionTimeout  = 20 * time.Second // below readTimeout, whose end cancels a request
	closeTimeout   = 2 * time.Second
	maxHeaderBytes = 16 << 10
	maxBodyBytes   = 8 << 10
)

// A Server serves the screen and the local API. Make one with [New].
type Server struct {
	opt      Options
	log      *slog.Logger
	tcp      net.Listener
	unix     *socket
	key      [32]byte // signs session tokens; lives as long as the process
	cookie   string
	hosts    map[string]bool
	limits   *limiter // of the page's changes
	reads    *limiter // of what the page reads
	programs *limiter // of programs, apart from the page: sessions cost a stranger nothing
	streams  streams
	bell     bell
	sockets  sync.WaitGroup // WebSockets that are open
	doors    []net.Listener // of Options.Doors; nil for one without an address
	signed   signed
	reader   readerSession
	idleSec  int

	// Set by tests before Run.
	heartbeat                time.Duration    // between events when nothing changes
	writeWithin              time.Duration    // how long one event may take to a slow client
	gap                      time.Duration    // the least time between two events
	now                      func() time.Time // the clock of sign-ins
	headerWithin, readWithin time.Duration    // how long a request's head, and all of it, may take to arrive
}

// New checks opt and opens its listeners. Run serves them; a Server that is
// never run must be closed with Close.
func New(opt Options) (*Server, error) {
	if opt.Station == nil {
		return nil, errors.New("kiosk: no station")
	}
	if opt.Addr == "" && opt.Socket == "" {
		return nil, errors.New("kiosk: neither an address nor a socket to listen on")
	}
	s := &Server{
		opt: opt, log: opt.Log,
		limits: newLimiter(), reads: newReadLimiter(), programs: newLimiter(),
		now:          time.Now,
		headerWithin: headerTimeout, readWithin: readTimeout,
		heartbeat: 10 * time.Second, writeWithin: 10 * time.Second, gap: 15 * time.Millisecond,
		idleSec: int(opt.Idle.Round(time.Second) / time.Second),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.opt.SignInIdle <= 0 {
		s.opt.SignInIdle = 10 * time.Minute
	}
	if s.idleSec <= 0 {
		s.idleSec = 60
	}
	if _, err := rand.Read(s.key[:]); err != nil {
		return nil, fmt.Errorf("make the key of the session tokens: %w", err)
	}
	if opt.Addr != "" {
		l, err := listenLoopback(opt.Addr)
		if err != nil {
			return nil, err
		}
		s.tcp = l
		port := l.Addr().(*net.TCPAddr).Port
		s.hosts = hostList(l.Addr().(*net.TCPAddr))
		for _, name := range opt.Hosts {
			s.hosts[name] = true
		}
		// Cookies know no ports: the name keeps two stations on one machine apart.
		s.cookie = fmt.Sprintf("tram_kiosk_%d", port)
	}
	if opt.Socket != "" {
		u, err := listenSocket(opt.Socket)
		if err != nil {
			_ = s.Close()
			return nil, err
		}
		s.unix = u
	}
	if err := s.openDoors(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Addr returns the address that the screen is served on, with the port that was
// really bound, or "" when there is none.
func (s *Server) Addr() string {
	if s.tcp == nil {
		return ""
	}
	return s.tcp.Addr().String()
}

// Close closes the listeners of a Server that is not run.
func (s *Server) Close() error {
	var errs []error
	if s.tcp != nil {
		errs = append(errs, s.tcp.Close())
	}
	if s.unix != nil {
		errs = append(errs, s.unix.Close())
	}
	for _, l := range s.doors {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// Run serves until ctx ends, then ends open event streams and requests, and
// returns nil. It returns an error when a listener fails.
func (s *Server) Run(ctx context.Context) error {
	defer func() { _ = s.Close() }() // closes what Shutdown has not: the socket's file
	serving, stop := context.WithCancel(ctx)
	defer stop()
	var servers []*http.Server
	failed := make(chan error, 2)
	var wg sync.WaitGroup
	serve := func(l net.Listener, h http.Handler) {
		var held crowd
		srv := &http.Server{
			Handler:           held.around(h),
			ConnContext:       held.mark,
			ConnState:         held.note,
			BaseContext:       func(net.Listener) context.Context { return serving },
			ReadHeaderTimeout: s.headerWithin,
			ReadTimeout:       s.readWithin,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
		}
		servers = append(servers, srv)
		wg.Go(func() {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("serve the kiosk on %s: %w", l.Addr(), err)
			}
		})
	}
	if s.tcp != nil {
		serve(s.tcp, s.webHandler())
	}
	if s.unix != nil {
		serve(s.unix, s.socketHandler())
	}
	for i, d := range s.opt.Doors {
		if d.Handler != nil && s.doors[i] != nil {
			serve(s.doors[i], s.doorway(serving, d, s.doors[i]))
		}
		if d.Run != nil {
			wg.Go(func() { d.Run(serving, s) })
		}
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stop() // ends the event streams, which Shutdown would wait for
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	for _, srv := range servers {
		if srv.Shutdown(closing) != nil {
			_ = srv.Close()
		}
	}
	wg.Wait()
	s.sockets.Wait()
	return err
}
