package kiosk

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"tram/agent/signin"
)

// A caller is who asks: the page, a person who signed in on it, a program with
// a token, or the owner of the unix socket.
type caller struct {
	session string         // of the page's cookie; "" for others
	name    string         // of the person or program
	role    signin.Role    // of a person who signed in
	client  *signin.Client // of a program
	owner   bool           // of the unix socket
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

func (c caller) on(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
}

// need is the scope that a program must have for a request; "" for what no
// program may ask.
func need(r *http.Request) string {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	path := r.URL.Path
	switch {
	case path == "/v1/session", reads && slices.Contains([]string{"/v1/state", "/v1/events", "/v1/ws", "/v1/portrait", "/v1/result", "/v1/notices", "/v1/ticket/qr"}, path),
		reads && (strings.HasPrefix(path, "/v1/visits/") || strings.HasPrefix(path, "/v1/notices/")):
		return signin.VisitRead
	case !reads && (strings.HasSuffix(path, "/face/same") || strings.HasSuffix(path, "/face/other")):
		return "" // a program cannot look at a person
	case !reads && (path == "/v1/visits" || strings.HasPrefix(path, "/v1/visits/")):
		return signin.VisitWrite
	case reads && strings.HasPrefix(path, "/v1/desk/"):
		return signin.DeskRead
	case reads && path == "/v1/devices":
		return signin.DevicesRead
	case reads && path == "/v1/checks":
		return signin.HealthRead
	}
	return ""
}

// bearer returns the token of a program: of the Authorization header, or of a
// WebSocket's subprotocol, since a page cannot set headers on one.
func bearer(r *http.Request) (string, bool) {
	if h := r.Header.Values("Authorization"); len(h) > 0 {
		token, ok := strings.CutPrefix(h[0], "Bearer ")
		if !ok || len(h) > 1 { // a program all the same, of which nobody knows which: its token is none
			return "", true
		}
		return token, true
	}
	if r.URL.Path == "/v1/ws" {
		for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
			for p := range strings.SplitSeq(line, ",") {
				if token, ok := strings.CutPrefix(strings.TrimSpace(p), "bearer."); ok {
					return token, true
				}
			}
		}
	}
	return "", false
}

// program lets a request of a program through, or answers.
func (s *Server) program(w http.ResponseWriter, r *http.Request, token string, next http.Handler) {
	client, ok := s.identify(w, r, token)
	if !ok {
		return
	}
	scope := need(r)
	if r.URL.Path != "/v1/health" && (scope == "" || !client.May(scope)) {
		refuse(w, http.StatusForbidden, "wrong_scope", "this token has no scope for that")
		return
	}
	s.reader.touch(client.Name)
	next.ServeHTTP(w, caller{name: client.Name, client: &client}.on(r))
}

// identify returns the program whose token it is and that may ask from where it
// asks, within its limit; else it has answered.
func (s *Server) identify(w http.ResponseWriter, r *http.Request, token string) (signin.Client, bool) {
	if s.opt.Tokens == nil {
		refuse(w, http.StatusUnauthorized, "bad_token", "no tokens are accepted here")
		return signin.Client{}, false
	}
	client, err := s.opt.Tokens.Find(token)
	if err != nil {
		if !errors.Is(err, signin.ErrToken) {
			s.log.Error("tokens not read", "err", err)
		}
		// Guessing 256 bits is hopeless; the limit keeps the guesser from keeping the disk busy.
		if !s.programs.allow("wrong tokens", time.Now()) {
			tooMany(w)
			return signin.Client{}, false
		}
		refuse(w, http.StatusUnauthorized, "bad_token", "this token is not known here; make one with: tram token new NAME --scope …")
		return signin.Client{}, false
	}
	if !s.clientOrigin(r, client) {
		refuse(w, http.StatusForbidden, "foreign_origin", "this token may not be used from that page")
		return signin.Client{}, false
	}
	s.allowOrigin(w, r)
	if !s.programs.allow("client "+client.Name, time.Now()) {
		tooMany(w)
		return signin.Client{}, false
	}
	known(r)
	return client, true
}

// clientOrigin reports whether a page may use that token: no page at all, or one
// that both the configuration and the token name.
func (s *Server) clientOrigin(r *http.Request, client signin.Client) bool {
	origins := r.Header.Values("Origin")
	switch len(origins) {
	case 0:
		site := r.Header.Get("Sec-Fetch-Site") // a browser that hides the page
		return site == "" || site == "none" || site == "same-origin"
	case 1:
		return slices.Contains(s.opt.Origins, origins[0]) && slices.Contains(client.Origins, origins[0])
	}
	return false
}

// allowOrigin tells the browser that the page of the request may read the
// answer. There is never a wildcard and never a cookie.
func (s *Server) allowOrigin(w http.ResponseWriter, r *http.Request) {
	if origin := r.Header.Get("Origin"); slices.Contains(s.opt.Origins, origin) {
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		w.Header().Add("Vary", "Origin")
	}
}

// programHeaders are what a program sends from a page.
const programHeaders = "Authorization, Content-Type, Last-Event-ID"

// preflight answers a browser that asks whether a listed page may send a token
// and further headers. It reports whether it did.
func (s *Server) preflight(w http.ResponseWriter, r *http.Request, headers string) bool {
	origins := r.Header.Values("Origin")
	if r.Method != http.MethodOptions || len(origins) != 1 || !slices.Contains(s.opt.Origins, origins[0]) {
		return false
	}
	s.allowOrigin(w, r)
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE")
	h.Set("Access-Control-Allow-Headers", headers)
	h.Set("Access-Control-Max-Age", "600")
	if r.Header.Get("Access-Control-Request-Private-Network") == "true" {
		h.Set("Access-Control-Allow-Private-Network", "true")
	}
	w.WriteHeader(http.StatusNoContent)
	return true
}

func tooMany(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	refuse(w, http.StatusTooManyRequests, "too_many", "too many requests: wait a second")
}

// role lets through to next only people of that role, programs whose scope was
// checked before, and the owner of the socket.
func (s *Server) role(role signin.Role, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch c := callerOf(r.Context()); {
		case c.owner, c.client != nil && role == signin.Clerk, c.role == role:
			next(w, r)
		case c.role != "":
			refuse(w, http.StatusForbidden, "wrong_role", "this needs a "+string(role))
		default:
			refuse(w, http.StatusUnauthorized, "sign_in", "sign in first: POST /v1/signin")
		}
	}
}
