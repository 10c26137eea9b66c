package kiosk

import (
	"context"
	"net/http"
	"unicode/utf8"

	"tram/agent/signin"
)

// maxReason bounds the reason that a clerk gives, in characters.
const maxReason = 200

// Rights is a Desk that also carries out what people ask about their own data.
// Each call names the clerk and the reason, and goes into the access log.
type Rights interface {
	// Find lists the entries of a number: 12 digits, or that of a passport.
	Find(ctx context.Context, who, number, reason string) ([]Row, error)
	// Copy is all that the register holds of an entry, encoded as JSON for the
	// person it is about.
	Copy(ctx context.Context, who, id, reason string) (any, error)
	// Correct replaces kept fields or answers by name; Delete destroys the entry's key.
	Correct(ctx context.Context, who, id string, fields map[string]string, reason string) error
	Delete(ctx context.Context, who, id, reason string) error
	// Hold keeps an entry from being deleted, Release ends that.
	Hold(ctx context.Context, who, id, reason string) error
	Release(ctx context.Context, who, id, reason string) error
	// AddRequest writes a request down, whose timers run from now; SetRequest
	// says that it was "answered", "done" or "refused".
	AddRequest(ctx context.Context, who string, r NewRequest) (Request, error)
	SetRequest(ctx context.Context, who, id, state, reason string) error
}

// A NewRequest is what a person asks for.
type NewRequest struct {
	Kind   string `json:"kind"` // "find", "export", "correct", "delete", "restrict"
	Entry  string `json:"entry,omitempty"`
	Reason string `json:"reason"`
}

// rightsAPI serves the register's answers to people's requests, to clerks only:
// a program with desk:read reads lists.
func (s *Server) rightsAPI(mux router) {
	d, ok := s.opt.Desk.(Rights)
	if !ok {
		return
	}
	post := func(path string, h http.HandlerFunc) {
		mux.HandleFunc("POST /v1/desk/"+path, s.role(signin.Clerk, s.person(h)))
	}
	post("find", s.find(d))
	post("requests", s.addRequest(d))
	post("entries/{id}/copy", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := s.reasoned(w, r); ok {
			s.ask(func(ctx context.Context) (any, error) {
				return d.Copy(ctx, callerOf(ctx).name, r.PathValue("id"), in.Reason)
			})(w, r)
		}
	})
	post("entries/{id}/correct", func(w http.ResponseWriter, r *http.Request) {
		if in, ok := s.reasoned(w, r); ok {
			s.act0(w, r, func(ctx context.Context) error {
				return d.Correct(ctx, callerOf(ctx).name, r.PathValue("id"), in.Fields, in.Reason)
			})
		}
	})
	for verb, do := range map[string]func(ctx context.Context, who, id, reason string) error{"delete": d.Delete, "hold": d.Hold, "release": d.Release} {
		post("entries/{id}/"+verb, func(w http.ResponseWriter, r *http.Request) {
			if in, ok := s.reasoned(w, r); ok {
				s.act0(w, r, func(ctx context.Context) error { return do(ctx, callerOf(ctx).name, r.PathValue("id"), in.Reason) })
			}
		})
	}
	for _, state := range []string{"answered", "done", "refused"} {
		post("requests/{id}/"+state, func(w http.ResponseWriter, r *http.Request) {
			if in, ok := s.reasoned(w, r); ok {
				s.act0(w, r, func(ctx context.Context) error {
					return d.SetRequest(ctx, callerOf(ctx).name, r.PathValue("id"), state, in.Reason)
				})
			}
		})
	}
}

// person lets only people through, and the owner of the device at the command line.
func (s *Server) person(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if callerOf(r.Context()).client != nil {
			refuse(w, http.StatusForbidden, "scope", "a person must ask for that, at the clerk's page")
			return
		}
		next(w, r)
	}
}

// reason is the body of what is done with an entry or request.
type reason struct {
	Reason string            `json:"reason"` // 1 to maxReason characters
	Fields map[string]string `json:"fields,omitempty"`
}

// reasoned reads a body that must say why.
func (s *Server) reasoned(w http.ResponseWriter, r *http.Request) (reason, bool) {
	var in reason
	if !s.readJSON(w, r, &in) {
		return in, false
	}
	return in, because(w, in.Reason)
}

// because answers 422 for a reason that is missing or too long.
func because(w http.ResponseWriter, why string) bool {
	if why != "" && utf8.RuneCountInString(why) <= maxReason {
		return true
	}
	refuse(w, http.StatusUnprocessableEntity, "bad_field", "reason must have 1 to 200 characters")
	return false
}

// find serves {"number", "reason"}. The number stands in the body: an address
// would be written into histories.
func (s *Server) find(d Rights) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Number string `json:"number"`
			Reason string `json:"reason"`
		}
		if !s.readJSON(w, r, &in) || !because(w, in.Reason) {
			return
		}
		list(s, "rows", func(ctx context.Context, who string) ([]Row, error) { return d.Find(ctx, who, in.Number, in.Reason) })(w, r)
	}
}

func (s *Server) addRequest(d Rights) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in NewRequest
		if !s.readJSON(w, r, &in) || !because(w, in.Reason) {
			return
		}
		s.created(func(ctx context.Context) (any, error) { return d.AddRequest(ctx, callerOf(ctx).name, in) })(w, r)
	}
}
