package kiosk

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"time"
)

// policy forbids the page everything that it does not need: no inline code or
// style, no frame around it, no form, no other server, and no HTML from strings.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// harden sets the headers that every answer of the TCP side carries.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), usb=(), serial=()")
	h.Set("Cache-Control", "no-store")
}

// guard lets through to next only what the server's own page asks for.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		harden(w.Header())
		if !s.hosts[r.Host] {
			refuse(w, http.StatusForbidden, "foreign_host", "this server is not known by that name")
			return
		}
		if strings.HasPrefix(r.URL.Path, "/v1/") && s.preflight(w, r, programHeaders) {
			return
		}
		if token, ok := bearer(r); ok {
			s.program(w, r, token, next)
			return
		}
		if !s.sameOrigin(r) {
			refuse(w, http.StatusForbidden, "foreign_origin", "only this server's own page may ask")
			return
		}
		if strings.HasPrefix(r.URL.Path, "/v1/") && r.URL.Path != "/v1/health" {
			session, ok := s.session(r)
			if !ok {
				refuse(w, http.StatusForbidden, "no_session", "open the page first: it sets the session that this needs")
				return
			}
			limits := s.limits
			if r.Method == http.MethodGet || r.Method == http.MethodHead {
				limits = s.reads
			}
			if !limits.allow(session, time.Now()) {
				tooMany(w)
				return
			}
			known(r)
			c := caller{session: session}
			if in, ok := s.signedIn(session, r.Header.Get("Tram-Background") != "", s.now()); ok {
				c.name, c.role = in.Name, in.Role
			}
			r = c.on(r)
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin reports whether r comes from the server's own page, or, for what
// only reads, from nobody's page (an address typed into the browser). The
// cookie alone would not say so: it knows no ports, and a page on another port
// of this machine counts as the same site.
func (s *Server) sameOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) > 1 || (len(origins) == 1 && origins[0] != "http://"+r.Host) {
		return false
	}
	site := r.Header.Get("Sec-Fetch-Site")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return len(origins) == 1 && (site == "" || site == "same-origin") || site == "same-origin"
	}
	switch site {
	case "", "same-origin", "none":
		return true
	default:
		// A link on another page may lead here, as a whole page and no part of one.
		return r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Dest") == "document"
	}
}

// session returns the session that r's cookie proves. Tokens are signed, not
// stored: opening the page any number of times pushes nobody else out.
func (s *Server) session(r *http.Request) (string, bool) {
	for _, c := range r.CookiesNamed(s.cookie) {
		raw, err := base64.RawURLEncoding.DecodeString(c.Value)
		if err != nil || len(raw) != 16+sha256.Size {
			continue
		}
		if hmac.Equal(raw[16:], s.sign(raw[:16])) {
			return string(raw[:16]), true
		}
	}
	return "", false
}

func (s *Server) sign(id []byte) []byte {
	m := hmac.New(sha256.New, s.key[:])
	m.Write(id)
	return m.Sum(nil)
}

// openSession gives the browser that loads the page a session, unless it has one.
func (s *Server) openSession(w http.ResponseWriter, r *http.Request) error {
	if _, ok := s.session(r); ok {
		return nil
	}
	_, err := s.newSession(w)
	return err
}

// newSession gives the browser a session that nobody knows yet.
func (s *Server) newSession(w http.ResponseWriter) (string, error) {
	id := make([]byte, 16)
	if _, err := rand.Read(id); err != nil {
		return "", err
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie, Value: base64.RawURLEncoding.EncodeToString(append(append([]byte{}, id...), s.sign(id)...)),
		Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
	return string(id), nil
}

// A limiter is a token bucket for each caller: a burst, then so many a second.
type limiter struct {
	burst, perSecond float64

	mu      sync.Mutex
	buckets map[string]bucket
}

type bucket struct {
	left float64
	at   time.Time
}

// What each caller may ask at most. Changes of the page, and all that a program
// asks: 20 at once, then 5 a second, which no finger reaches. What a page reads
// may be more, since a technician's picture is fetched again and again.
func newLimiter() *limiter     { return &limiter{burst: 20, perSecond: 5} }
func newReadLimiter() *limiter { return &limiter{burst: 200, perSecond: 50} }

// maxBuckets bounds the memory.
const maxBuckets = 256

func (l *limiter) allow(caller string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, known := l.buckets[caller]
	if !known {
		if l.buckets == nil {
			l.buckets = make(map[string]bucket)
		}
		if len(l.buckets) >= maxBuckets {
			l.forget(now)
		}
		b = bucket{left: l.burst, at: now}
	}
	b.left = min(l.burst, b.left+now.Sub(b.at).Seconds()*l.perSecond)
	b.at = now
	ok := b.left >= 1
	if ok {
		b.left--
	}
	l.buckets[caller] = b
	return ok
}

// forget drops the buckets that are full again, which changes nothing for anybody,
// or else the one that was used longest ago: who opens one session after the other
// does not empty the memory of what others have used up.
func (l *limiter) forget(now time.Time) {
	oldest := ""
	for who, b := range l.buckets {
		if b.left+now.Sub(b.at).Seconds()*l.perSecond >= l.burst {
			delete(l.buckets, who)
			continue
		}
		if oldest == "" || b.at.Before(l.buckets[oldest].at) {
			oldest = who
		}
	}
	if len(l.buckets) >= maxBuckets {
		delete(l.buckets, oldest)
	}
}
