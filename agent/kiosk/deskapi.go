package kiosk

import (
	"context"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tram/agent/paper"
	"tram/agent/signin"
)

// deskAPI serves the clerk's lists, for people who signed in as clerk, programs
// with desk:read, and the command line.
func (s *Server) deskAPI(mux router) {
	d := s.opt.Desk
	if d == nil {
		return
	}
	get := func(path string, h http.HandlerFunc) { mux.HandleFunc("GET /v1/desk/"+path, s.role(signin.Clerk, h)) }
	post := func(path string, h http.HandlerFunc) {
		mux.HandleFunc("POST /v1/desk/"+path, s.role(signin.Clerk, h))
	}
	get("today", list(s, "rows", d.Today))
	get("stays", list(s, "rows", d.OpenStays))
	get("deadlines", list(s, "rows", d.Deadlines))
	get("trips", list(s, "trips", d.Trips))
	get("alarms", list(s, "alarms", d.Alarms))
	get("requests", list(s, "requests", d.Requests))
	get("roster", object(s, d.Roster))
	get("queue", object(s, d.Queue))
	get("export", s.export)
	get("trips/{id}/passengers", func(w http.ResponseWriter, r *http.Request) {
		list(s, "rows", func(ctx context.Context, who string) ([]Row, error) { return d.Passengers(ctx, who, r.PathValue("id")) })(w, r)
	})
	post("stays/{id}/close", s.closeStay)
	post("trips", s.openTrip)
	post("trips/{id}/close", s.act("id", func(ctx context.Context, id string) error { return d.CloseTrip(ctx, callerOf(ctx).name, id) }))
}

// techAPI serves what a signed-in technician sees.
func (s *Server) techAPI(mux router) {
	t := s.opt.Tech
	if t == nil {
		return
	}
	devices, checks := list(s, "devices", t.Devices), list(s, "checks", t.Health)
	mux.HandleFunc("GET /v1/devices", devices)
	mux.HandleFunc("GET /v1/checks", checks)
	get := func(path string, h http.HandlerFunc) {
		mux.HandleFunc("GET /v1/tech/"+path, s.role(signin.Technician, h))
	}
	get("devices", devices)
	get("health", checks)
	get("queue", object(s, t.Queue))
	get("still", s.picture(t.Still))
	get("gate", s.picture(t.Gate))
}

// list serves {KEY: [...]}.
func list[T any](s *Server, key string, ask func(context.Context, string) ([]T, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.ask(func(ctx context.Context) (any, error) {
			rows, err := ask(ctx, callerOf(ctx).name)
			if rows == nil {
				rows = []T{}
			}
			return map[string][]T{key: rows}, err
		})(w, r)
	}
}

func object[T any](s *Server, ask func(context.Context, string) (T, error)) http.HandlerFunc {
	return s.ask(func(ctx context.Context) (any, error) { return ask(ctx, callerOf(ctx).name) })
}

func (s *Server) picture(ask func(context.Context, string) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), actionTimeout)
		defer cancel()
		jpeg, err := ask(ctx, callerOf(ctx).name)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		send(w, typeJPEG, jpeg)
	}
}

func send(w http.ResponseWriter, kind string, data []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(data)
}

func (s *Server) export(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	form := Form{Name: q.Get("form"), Day: q.Get("day"), Format: q.Get("format"), Entry: q.Get("entry"), Trip: q.Get("trip")}
	if _, err := time.Parse(time.DateOnly, form.Day); form.Day != "" && err != nil {
		refuse(w, http.StatusUnprocessableEntity, "bad_field", "day must be a date like 2026-03-02")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), actionTimeout)
	defer cancel()
	file, err := s.opt.Desk.Export(ctx, callerOf(ctx).name, form)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	shown := "attachment"
	if strings.HasPrefix(file.Type, "text/html") {
		shown = "inline"
		w.Header().Set("Content-Security-Policy", paper.Policy)
	}
	w.Header().Set("Content-Disposition", mime.FormatMediaType(shown, map[string]string{"filename": file.Name}))
	send(w, file.Type, file.Data)
}

func (s *Server) closeStay(w http.ResponseWriter, r *http.Request) {
	in := struct {
		When time.Time `json:"when"`
	}{}
	if !s.readJSON(w, r, &in) {
		return
	}
	if in.When.IsZero() {
		in.When = time.Now()
	}
	s.act0(w, r, func(ctx context.Context) error {
		return s.opt.Desk.CloseStay(ctx, callerOf(ctx).name, r.PathValue("id"), in.When)
	})
}

func (s *Server) openTrip(w http.ResponseWriter, r *http.Request) {
	var in NewTrip
	if !s.readJSON(w, r, &in) {
		return
	}
	s.created(func(ctx context.Context) (any, error) { return s.opt.Desk.OpenTrip(ctx, callerOf(ctx).name, in) })(w, r)
}

func (s *Server) act0(w http.ResponseWriter, r *http.Request, do func(context.Context) error) {
	s.ask(func(ctx context.Context) (any, error) { return map[string]bool{"ok": true}, do(ctx) })(w, r)
}

func (s *Server) created(make func(context.Context) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), actionTimeout)
		defer cancel()
		v, err := make(ctx)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		answer(w, http.StatusCreated, v)
	}
}

// readJSON reads one JSON object without unknown keys, or answers. Its refusals
// quote nothing of the body.
func (s *Server) readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "not_json", "the body must be application/json")
		return false
	}
	body, ok := readBody(w, r)
	if !ok {
		return false
	}
	if err := decodeObject(body, into); err != nil {
		refuse(w, http.StatusBadRequest, "bad_json", err.Error())
		return false
	}
	return true
}
