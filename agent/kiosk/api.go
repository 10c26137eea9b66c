package kiosk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A router takes the server's routes: an [http.ServeMux], or a test that lists them.
type router interface {
	Handle(pattern string, h http.Handler)
	HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request))
}

// maxCodeBytes is above what the largest QR code can hold.
const maxCodeBytes = 4296

// webHandler serves the TCP side: the page, its assets and the guarded API.
func (s *Server) webHandler() http.Handler {
	mux := http.NewServeMux()
	s.pages(mux)
	s.api(mux)
	return s.guard(mux)
}

func (s *Server) pages(mux router) {
	mux.HandleFunc("GET /{$}", s.page("index.html"))
	mux.HandleFunc("GET /desk", s.page("desk.html"))
	mux.HandleFunc("GET /tech", s.page("tech.html"))
	mux.HandleFunc("GET /assets/", s.asset)
	mux.HandleFunc("GET /favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
}

// socketHandler serves the unix socket: the API and the administrator's questions.
func (s *Server) socketHandler() http.Handler {
	mux := http.NewServeMux()
	s.api(mux)
	s.administration(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, caller{owner: true, name: "command line"}.on(r))
	})
}

func (s *Server) administration(mux router) {
	if s.opt.Admin != nil {
		mux.HandleFunc("GET /v1/status", s.ask(s.opt.Admin.Status))
		mux.HandleFunc("GET /v1/outbox", s.ask(s.opt.Admin.Outbox))
	}
	if queue, ok := s.opt.Admin.(QueueReader); ok {
		mux.HandleFunc("GET /v1/outbox/entries", s.entries(queue))
		mux.HandleFunc("GET /v1/outbox/verify", s.ask(queue.Verify))
		mux.HandleFunc("POST /v1/outbox/compact", s.ask(queue.Compact))
	}
	if bundler, ok := s.opt.Admin.(Bundler); ok {
		mux.HandleFunc("GET /v1/bundle", s.bundle(bundler))
	}
	if s.opt.Register != nil {
		mux.Handle("/v1/register/", s.opt.Register)
	}
	if s.opt.Metrics != nil {
		mux.Handle("GET /metrics", s.opt.Metrics)
	}
}

func (s *Server) bundle(b Bundler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), actionTimeout)
		defer cancel()
		data, err := b.Bundle(ctx)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/gzip")
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(data)
	}
}

func (s *Server) api(mux router) {
	mux.HandleFunc("GET /v1/health", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /v1/state", func(w http.ResponseWriter, r *http.Request) {
		answer(w, http.StatusOK, s.snapshot(callerOf(r.Context())))
	})
	mux.HandleFunc("GET /v1/events", s.events)
	mux.HandleFunc("GET /v1/ws", s.socket)
	mux.HandleFunc("GET /v1/portrait", s.portrait)
	mux.HandleFunc("POST /v1/visits", s.submit)
	mux.HandleFunc("GET /v1/visits/{id}", s.oneVisit)
	mux.HandleFunc("POST /v1/visits/{id}/consent", s.own(s.act("id", s.opt.Station.Consent)))
	mux.HandleFunc("POST /v1/visits/{id}/skip-chip", s.own(s.act("id", s.opt.Station.SkipChip)))
	mux.HandleFunc("POST /v1/visits/{id}/confirm", s.own(s.act("id", s.opt.Station.Confirm)))
	mux.HandleFunc("POST /v1/visits/{id}/cancel", s.own(s.act("id", s.opt.Station.Cancel)))
	if asking, ok := s.opt.Station.(Asking); ok {
		mux.HandleFunc("POST /v1/visits/{id}/answers", s.own(s.answers(asking)))
		mux.HandleFunc("POST /v1/visits/{id}/back", s.own(s.act("id", asking.Back)))
	}
	if reader, ok := s.opt.Station.(Reader); ok {
		mux.HandleFunc("GET /v1/result", s.result(reader))
	}
	mux.HandleFunc("GET /v1/session", s.readerHolder)
	mux.HandleFunc("POST /v1/session", s.openReader)
	mux.HandleFunc("DELETE /v1/session", s.closeReader)
	if s.opt.People != nil {
		mux.HandleFunc("GET /v1/signin", s.whoIs)
		mux.HandleFunc("POST /v1/signin", s.signIn)
		mux.HandleFunc("POST /v1/signout", s.signOut)
	}
	s.boardAPI(mux)
	s.faceAPI(mux)
	s.deskAPI(mux)
	s.gateAPI(mux)
	s.rightsAPI(mux)
	s.techAPI(mux)
	if s.opt.Actions != nil {
		mux.HandleFunc("POST /v1/demo/{action}", s.act("action", s.opt.Actions.Do))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "not_found", "there is nothing here for that method and path")
	})
}

// oneVisit serves the visit of that id as its owner sees it.
func (s *Server) oneVisit(w http.ResponseWriter, r *http.Request) {
	v := s.snapshot(callerOf(r.Context())).Visit
	if v == nil || v.ID == "" || v.ID != r.PathValue("id") {
		s.fail(w, r, ErrNoVisit)
		return
	}
	answer(w, http.StatusOK, v)
}

// submit starts a visit: {"qr": "…"} gives 201 and {"visit": "ID"}.
func (s *Server) submit(w http.ResponseWriter, r *http.Request) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		refuse(w, http.StatusUnsupportedMediaType, "not_json", "the body must be application/json")
		return
	}
	body, ok := readBody(w, r)
	if !ok {
		return
	}
	c := callerOf(r.Context())
	begin, err := s.parseBeginning(body, c)
	if errors.Is(err, errSignIn) {
		refuse(w, http.StatusUnauthorized, "sign_in", err.Error())
		return
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, "bad_json", err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), actionTimeout)
	defer cancel()
	id, holder, err := s.begin(c, func() (string, error) { return begin(ctx) })
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if holder != "" {
		busy(w, holder)
		return
	}
	answer(w, http.StatusCreated, map[string]string{"visit": id})
}

// parseSubmission returns the code in {"qr": "…"}. Its errors quote nothing: the
// body is a person's data, and the decoder's own words may hold parts of it.
func parseSubmission(body []byte) (string, error) {
	var in struct {
		QR string `json:"qr"`
	}
	if decodeObject(body, &in) != nil {
		return "", errors.New(`the body must be one object {"qr": "…"}`)
	}
	if in.QR == "" || len(in.QR) > maxCodeBytes || !utf8.ValidString(in.QR) {
		return "", fmt.Errorf("qr must be a text of 1 to %d bytes", maxCodeBytes)
	}
	return in.QR, nil
}

// act serves a POST that names one thing in its path and has nothing to say in its body.
func (s *Server) act(key string, do func(ctx context.Context, name string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue(key)
		if name == "" || len(name) > 128 {
			refuse(w, http.StatusBadRequest, "bad_path", "the name in the path must have 1 to 128 bytes")
			return
		}
		if _, ok := readBody(w, r); !ok {
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), actionTimeout)
		defer cancel()
		if err := do(ctx, name); err != nil {
			s.fail(w, r, err)
			return
		}
		answer(w, http.StatusOK, map[string]bool{"ok": true})
	}
}

func (s *Server) ask(question func(context.Context) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), actionTimeout)
		defer cancel()
		v, err := question(ctx)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		answer(w, http.StatusOK, v)
	}
}

// entries serves ?after=SEQUENCE&limit=N; both may be missing.
func (s *Server) entries(queue QueueReader) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		after, limit, err := parsePage(r.URL.Query())
		if err != nil {
			refuse(w, http.StatusBadRequest, "bad_query", err.Error())
			return
		}
		s.ask(func(ctx context.Context) (any, error) { return queue.Entries(ctx, after, limit) })(w, r)
	}
}

// parsePage reads after (default 0) and limit (1 to MaxEntries, the default).
func parsePage(q url.Values) (after uint64, limit int, err error) {
	limit = MaxEntries
	if text := q.Get("after"); text != "" {
		if after, err = strconv.ParseUint(text, 10, 63); err != nil {
			return 0, 0, errors.New("after must be a sequence number")
		}
	}
	if text := q.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > MaxEntries {
			return 0, 0, fmt.Errorf("limit must be a number from 1 to %d", MaxEntries)
		}
	}
	return after, limit, nil
}

func (s *Server) portrait(w http.ResponseWriter, r *http.Request) {
	id := r.URL.Query().Get("visit")
	jpeg, ok := s.opt.Station.Portrait(id)
	if c := callerOf(r.Context()); !ok || !s.mine(c, id) || c.client != nil && !slices.Contains(s.opt.Station.Snapshot().Profile.Keeps, "portrait") {
		refuse(w, http.StatusNotFound, "no_portrait", "there is no portrait for that visit")
		return
	}
	send(w, typeJPEG, jpeg)
}

// readBody reads the whole of a small body, or answers 413 or 400.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		refuse(w, http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body may have at most %d bytes", maxBodyBytes))
	case err != nil:
		refuse(w, http.StatusBadRequest, "bad_body", "the body could not be read")
	}
	return body, err == nil
}

// ErrorBody is the JSON of every refusal: {"error": {"code", "message"}}.
type ErrorBody struct {
	Error struct {
		Code    string `json:"code"`    // for programs
		Message string `json:"message"` // for their authors
	} `json:"error"`
}

// sentinels are the errors that have a status and a code of their own.
var sentinels = []struct {
	err    error
	status int
	code   string
}{
	{ErrNoVisit, http.StatusNotFound, "no_visit"},
	{ErrConflict, http.StatusConflict, "conflict"},
	{ErrUnknownAction, http.StatusBadRequest, "unknown_action"},
	{ErrBadQR, http.StatusUnprocessableEntity, "bad_qr"},
	{ErrBadAnswer, http.StatusUnprocessableEntity, "bad_answer"},
	{ErrNoEntry, http.StatusNotFound, "no_entry"},
	{ErrNotKept, http.StatusNotFound, "not_kept"},
	{ErrBadField, http.StatusUnprocessableEntity, "bad_field"},
	{ErrHeld, http.StatusConflict, "held"},
	{ErrNeedsClerk, http.StatusUnauthorized, "sign_in"},
	{ErrNoPicture, http.StatusServiceUnavailable, "no_picture"},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, "timeout"},
}

// fail answers with what err means to a client. An error that has no code of
// its own is logged here and not told.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	for _, known := range sentinels {
		if errors.Is(err, known.err) {
			refuse(w, known.status, known.code, known.err.Error())
			return
		}
	}
	if r.Context().Err() != nil {
		return // the client is gone or the server stops
	}
	s.log.Error("request failed", "request", r.Pattern, "err", err)
	refuse(w, http.StatusInternalServerError, "internal", "the daemon's log says why")
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	var body ErrorBody
	body.Error.Code, body.Error.Message = code, message
	answer(w, status, body)
}

// answer writes v as JSON. Data is never stored by whoever gets it.
func answer(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		status, body = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"the answer could not be encoded"}}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)+1))
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
