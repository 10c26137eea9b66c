package kiosk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"tram/agent/signin"
	"tram/agent/visit"
)

// A Door is another way in for programs that speak another protocol, behind the
// same rules as the local API: loopback, exact names of the host, a token with
// the scope [signin.Bridge], exact origins of pages, limits.
type Door struct {
	Name  string
	Addr  string   // loopback address to listen on, "127.0.0.1:8000"; "" for none
	Hosts []string // further Host values that name this door, with their port
	// Handler serves what was let in: see [Server.ProgramOf]. ctx is the server's; nil for none.
	Handler func(ctx context.Context, s *Server) http.Handler
	// Run runs beside the server until ctx ends; nil for none.
	Run func(ctx context.Context, s *Server)
}

// How many requests may be under way at one door, its streams among them: of
// everybody, and of one program, so that one that floods keeps no other out.
const (
	maxAtDoor     = 32
	maxOfAProgram = 12
)

// doorHeaders are what clients of the doors' protocols send beside a token: each
// SignalR client for browsers asks for the last two.
const doorHeaders = programHeaders + ", X-Requested-With, X-SignalR-User-Agent"

// ErrBusy says that another program owns the reader.
var ErrBusy = errors.New("another program holds the reader")

func (s *Server) openDoors() error {
	for _, d := range s.opt.Doors {
		if d.Addr == "" {
			s.doors = append(s.doors, nil)
			continue
		}
		l, err := listenLoopback(d.Addr)
		if err != nil {
			return fmt.Errorf("%s: %w", d.Name, err)
		}
		s.doors = append(s.doors, l)
	}
	return nil
}

// DoorAddr returns the address that a door is bound to, "" when there is none of that name.
func (s *Server) DoorAddr(name string) string {
	for i, d := range s.opt.Doors {
		if d.Name == name && s.doors[i] != nil {
			return s.doors[i].Addr().String()
		}
	}
	return ""
}

// doorway lets through to a door's handler only programs that may enter.
func (s *Server) doorway(ctx context.Context, d Door, l net.Listener) http.Handler {
	hosts := hostList(l.Addr().(*net.TCPAddr))
	for _, name := range d.Hosts {
		hosts[name] = true
	}
	next := d.Handler(ctx, s)
	var inside places
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		harden(w.Header())
		if !hosts[r.Host] {
			refuse(w, http.StatusForbidden, "foreign_host", "this server is not known by that name")
			return
		}
		s.allowCookies(w, r)
		if s.preflight(w, r, doorHeaders) {
			return
		}
		// Programs that are no browser write the door's own address as their origin; no page comes from there.
		if origins := r.Header.Values("Origin"); len(origins) == 1 && origins[0] == "http://"+r.Host {
			r.Header.Del("Origin")
		}
		token := doorToken(r)
		client, ok := s.identify(w, r, token)
		if !ok {
			return
		}
		if !client.May(signin.Bridge) {
			refuse(w, http.StatusForbidden, "wrong_scope", "this token has no scope for that")
			return
		}
		if status := inside.take(client.Name, maxOfAProgram, maxAtDoor); status != 0 {
			w.Header().Set("Retry-After", "5")
			refuse(w, status, "too_many", "too many requests are under way")
			return
		}
		defer inside.give(client.Name)
		s.sockets.Add(1) // a WebSocket is not known to the server's Shutdown
		defer s.sockets.Done()
		next.ServeHTTP(w, caller{name: client.Name, client: &client}.on(r))
	})
}

// allowCookies lets a listed page's browser send what it keeps for this address:
// the clients of Socket.IO 2 and of SignalR ask for that by default, and their
// browser hides the answer otherwise. A door looks at no cookie.
func (s *Server) allowCookies(w http.ResponseWriter, r *http.Request) {
	if origins := r.Header.Values("Origin"); len(origins) == 1 && slices.Contains(s.opt.Origins, origins[0]) {
		w.Header().Set("Access-Control-Allow-Credentials", "true")
	}
}

// doorToken takes the token out of a request: from the Authorization header, the
// parameter token (or access_token), or the first part of the path, for software that lets
// nothing but an address be set.
func doorToken(r *http.Request) string {
	if token, ok := bearer(r); ok {
		return token
	}
	if first, rest, ok := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); ok && signin.LooksLikeToken(first) {
		r.URL.Path, r.URL.RawPath = "/"+rest, ""
		return first
	}
	q := r.URL.Query()
	for _, name := range []string{"token", "access_token"} { // the latter is what SignalR's clients write
		if token := q.Get(name); token != "" {
			q.Del(name)
			r.URL.RawQuery = q.Encode()
			return token
		}
	}
	return ""
}

// A Program is a program with a token, as a door's handler sees it.
type Program struct {
	s *Server
	c caller
}

// ProgramOf returns the program whose request it is.
func (s *Server) ProgramOf(r *http.Request) *Program { return &Program{s, callerOf(r.Context())} }

// ProgramNamed returns the program of that name, if there is one with the scope
// [signin.Bridge]: for doors that connect to it instead of letting it in.
func (s *Server) ProgramNamed(name string) (*Program, bool) {
	if s.opt.Tokens == nil {
		return nil, false
	}
	list, err := s.opt.Tokens.List()
	if err != nil {
		s.log.Error("tokens not read", "err", err)
		return nil, false
	}
	for _, c := range list {
		if c.Name == name && c.May(signin.Bridge) {
			return &Program{s, caller{name: c.Name, client: &c}}, true
		}
	}
	return nil, false
}

// Name is the name that the token was made for.
func (p *Program) Name() string { return p.c.name }

// Snapshot is what the program may see at this moment.
func (p *Program) Snapshot() visit.Snapshot { return p.s.snapshot(p.c) }

// Result is what the program may have of a visit of its own.
func (p *Program) Result(id string) (visit.Result, bool) {
	station, ok := p.s.opt.Station.(Reader)
	if !ok || !p.s.mine(p.c, id) {
		return visit.Result{}, false
	}
	return station.Result(id)
}

// Portrait is the chip's portrait of a visit of the program's own, as a JPEG,
// where the profile keeps it.
func (p *Program) Portrait(id string) ([]byte, bool) {
	if !p.s.mine(p.c, id) || !slices.Contains(p.s.opt.Station.Snapshot().Profile.Keeps, "portrait") {
		return nil, false
	}
	return p.s.opt.Station.Portrait(id)
}

// Hold makes the program the reader's owner, so that the visits that begin from
// now on are its own, or renews that: ErrBusy.
func (p *Program) Hold() error {
	if _, _, ok := p.s.hold(p.c.name); !ok {
		return ErrBusy
	}
	return nil
}

// Release gives the reader back.
func (p *Program) Release() { p.s.release(p.c.name) }

// Cancel ends a visit of the program's own.
func (p *Program) Cancel(ctx context.Context, id string) error {
	if !p.s.mine(p.c, id) {
		return ErrNoVisit
	}
	return p.s.opt.Station.Cancel(ctx, id)
}

// Follow calls each at once, after each change and in quiet times every few
// seconds, until it returns false, ctx ends or the token is taken back.
func (p *Program) Follow(ctx context.Context, each func() bool) { p.s.follow(ctx, p.c, each, each) }

// Go runs what a door does beyond its requests; the server waits for it to end.
func (s *Server) Go(work func()) { s.sockets.Go(work) }
