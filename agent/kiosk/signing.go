package kiosk

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"tram/agent/signin"
)

// Limits of a sign-in.
const (
	maxSignedIn  = 64 // sessions; beyond that the oldest ends
	signInAtMost = 12 * time.Hour
)

// signed are the sessions of people who signed in. They live in memory: a
// restart signs everybody out.
type signed struct {
	mu   sync.Mutex
	list map[string]signedIn // by session
}

type signedIn struct {
	signin.Login
	since, last time.Time
}

// find returns who signed in on a session, and forgets one that ended. A
// request in the background does not keep it alive.
func (s *Server) signedIn(session string, background bool, now time.Time) (signedIn, bool) {
	if session == "" || s.opt.People == nil {
		return signedIn{}, false
	}
	s.signed.mu.Lock()
	defer s.signed.mu.Unlock()
	in, ok := s.signed.list[session]
	if !ok {
		return in, false
	}
	if now.Sub(in.last) > s.opt.SignInIdle || now.Sub(in.since) > signInAtMost || !s.opt.People.Current(in.Login) {
		delete(s.signed.list, session)
		s.note(in.Name, "signed out by itself")
		return signedIn{}, false
	}
	if !background {
		in.last = now
		s.signed.list[session] = in
	}
	return in, true
}

func (s *Server) note(who, what string) {
	s.log.Info("desk", "who", who, "what", what)
	if s.opt.Note != nil {
		s.opt.Note(who, what)
	}
}

// SignedIn says who uses the page.
type SignedIn struct {
	Name  string      `json:"name"`
	Role  signin.Role `json:"role"`  // "" for nobody
	Until *time.Time  `json:"until"` // when it ends without a touch
	Ready bool        `json:"ready"` // false: nobody has a PIN yet; make one with: tram pin set NAME --role clerk
}

func (s *Server) whoIs(w http.ResponseWriter, r *http.Request) {
	people, err := s.opt.People.List()
	if err != nil {
		s.fail(w, r, err)
		return
	}
	out := SignedIn{Ready: len(people) > 0}
	c := callerOf(r.Context())
	if in, ok := s.signedIn(c.session, true, s.now()); ok {
		until := in.last.Add(s.opt.SignInIdle)
		out.Name, out.Role, out.Until = in.Name, in.Role, &until
	}
	answer(w, http.StatusOK, out)
}

// signIn takes {"name", "pin"} and gives the browser a new session.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Name string `json:"name"`
		PIN  string `json:"pin"`
	}
	if !s.readJSON(w, r, &in) {
		return
	}
	now := s.now()
	login, err := s.opt.People.SignIn(in.Name, in.PIN, now)
	var locked *signin.LockedError
	switch {
	case errors.Is(err, signin.ErrNoPeople):
		refuse(w, http.StatusConflict, "no_pin", "nobody has a PIN yet; make one with: tram pin set NAME --role clerk")
		return
	case errors.Is(err, signin.ErrWrong):
		// What was typed as a name may be anything, a PIN too: it is not noted.
		if errors.As(err, &locked) {
			retryAfter(w, locked.Left)
		}
		s.note("-", "sign-in refused")
		refuse(w, http.StatusUnauthorized, "wrong_pin", "the name or the PIN is wrong")
		return
	case errors.As(err, &locked):
		retryAfter(w, locked.Left)
		s.note("-", "sign-in refused: locked")
		refuse(w, http.StatusTooManyRequests, "locked", locked.Error())
		return
	case err != nil:
		s.fail(w, r, err)
		return
	}
	session, err := s.newSession(w) // never the one from before: nobody else may know it
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.signed.mu.Lock()
	if s.signed.list == nil {
		s.signed.list = map[string]signedIn{}
	}
	delete(s.signed.list, callerOf(r.Context()).session)
	for len(s.signed.list) >= maxSignedIn {
		oldest := ""
		for id, in := range s.signed.list {
			if oldest == "" || in.last.Before(s.signed.list[oldest].last) {
				oldest = id
			}
		}
		delete(s.signed.list, oldest)
	}
	s.signed.list[session] = signedIn{Login: login, since: now, last: now}
	s.signed.mu.Unlock()
	s.note(in.Name, "signed in as "+string(login.Role))
	until := now.Add(s.opt.SignInIdle)
	answer(w, http.StatusOK, SignedIn{Name: in.Name, Role: login.Role, Until: &until, Ready: true})
}

// retryAfter says in whole seconds, rounded up, when to come again.
func retryAfter(w http.ResponseWriter, left time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int((left+time.Second-1)/time.Second)))
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if _, ok := readBody(w, r); !ok {
		return
	}
	c := callerOf(r.Context())
	s.signed.mu.Lock()
	in, ok := s.signed.list[c.session]
	delete(s.signed.list, c.session)
	s.signed.mu.Unlock()
	if ok {
		s.note(in.Name, "signed out")
	}
	answer(w, http.StatusOK, map[string]bool{"ok": true})
}
