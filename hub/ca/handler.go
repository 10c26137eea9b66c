package ca

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"tram/sync/seal"
	"tram/sync/wire"
)

// HandlerOptions says what an endpoint hands out beside certificates.
type HandlerOptions struct {
	Devices Devices
	HubKeys func() []byte            // the hub's public keys, JWK or JWKS
	Broker  func(host string) string // the broker's URL, for a device that reached the hub under this host name
	Log     *slog.Logger
}

// Handler returns the enrolment endpoint. It is to be served over EndpointTLS.
func (a *Authority) Handler(o HandlerOptions) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &endpoint{a: a, o: o, log: o.Log, wrong: map[netip.Addr]bucket{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+wire.EnrollPath, e.enrol)
	mux.HandleFunc("POST "+wire.ConfirmPath, e.confirm)
	mux.HandleFunc("POST "+wire.RenewPath, e.renew)
	return mux
}

// errNotReady is a hub without keys or without a broker yet.
var errNotReady = errors.New("the hub does not know its keys or its broker yet")

type endpoint struct {
	a   *Authority
	o   HandlerOptions
	log *slog.Logger

	mu    sync.Mutex
	wrong map[netip.Addr]bucket // wrong tries by address
}

// bucket counts the wrong tries of one address within a minute.
type bucket struct {
	n     int
	since time.Time
}

// Limits on guessing: a secret has 80 bits, so that these keep the log short
// rather than the secret safe.
const (
	wrongPerMinute = 20
	maxAddresses   = 4096
)

func (e *endpoint) enrol(w http.ResponseWriter, r *http.Request) {
	var answer wire.Enrollment
	e.serve(w, r, func(body []byte) (any, error) {
		request, err := wire.ParseEnrollRequest(body)
		if err != nil {
			return nil, err
		}
		if answer, err = e.a.Enrol(request, e.o.Devices); err != nil {
			return nil, err
		}
		e.log.Info("a device is enrolled", "device", answer.Device, "site", answer.Site)
		return e.complete(answer, r)
	})
}

func (e *endpoint) renew(w http.ResponseWriter, r *http.Request) {
	e.serve(w, r, func(body []byte) (any, error) {
		request, err := wire.ParseRenewRequest(body)
		if err != nil {
			return nil, err
		}
		answer, err := e.a.Renew(request, e.o.Devices)
		if err != nil {
			return nil, err
		}
		e.log.Info("a device's certificate is renewed", "device", answer.Device)
		return e.complete(answer, r)
	})
}

func (e *endpoint) confirm(w http.ResponseWriter, r *http.Request) {
	e.serve(w, r, func(body []byte) (any, error) {
		request, err := wire.ParseEnrollRequest(body)
		if err != nil {
			return nil, err
		}
		return struct{}{}, e.a.Confirm(request)
	})
}

// complete adds what only the running hub knows.
func (e *endpoint) complete(answer wire.Enrollment, r *http.Request) (any, error) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	answer.HubKeys, answer.Broker = e.o.HubKeys(), e.o.Broker(host)
	if len(answer.HubKeys) == 0 || answer.Broker == "" {
		return nil, errNotReady
	}
	return answer, nil
}

// serve reads a request, does it, and answers.
func (e *endpoint) serve(w http.ResponseWriter, r *http.Request, do func(body []byte) (any, error)) {
	from := address(r)
	if e.tooMany(from) {
		refuse(w, http.StatusTooManyRequests, wire.RefusedTries, "too many wrong tries from this address; wait a minute")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, wire.MaxEnrollment))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, wire.RefusedRequest, fmt.Sprintf("a request has at most %d bytes", wire.MaxEnrollment))
		return
	}
	answer, err := do(body)
	if err != nil {
		status, reason := judge(err)
		e.log.Warn("an enrolment is refused", "from", from, "reason", reason, "err", err)
		text := err.Error()
		if status < 500 {
			e.count(from)
		} else {
			text = "the hub has a problem of its own; its log names it"
		}
		refuse(w, status, reason, text)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(answer) // a device that went away asks again
}

// judge turns an error into an HTTP status and a reason of the contract.
func judge(err error) (status int, reason string) {
	for _, j := range []struct {
		is     error
		status int
		reason string
	}{
		{wire.ErrCode, http.StatusForbidden, wire.RefusedCode},
		{ErrCodeUnknown, http.StatusForbidden, wire.RefusedCode},
		{ErrCodeUsed, http.StatusForbidden, wire.RefusedUsed},
		{ErrCodeExpired, http.StatusForbidden, wire.RefusedExpired},
		{ErrCodeTries, http.StatusForbidden, wire.RefusedTries},
		{ErrTaken, http.StatusConflict, wire.RefusedTaken},
		{ErrOther, http.StatusConflict, wire.RefusedOther},
		{ErrRevoked, http.StatusForbidden, wire.RefusedRevoked},
		{ErrUnknown, http.StatusForbidden, wire.RefusedUnknown},
		{ErrReserved, http.StatusForbidden, wire.RefusedUnknown},
		{ErrCSR, http.StatusBadRequest, wire.RefusedRequest},
		{seal.ErrKey, http.StatusBadRequest, wire.RefusedRequest},
		{wire.ErrEnrollment, http.StatusBadRequest, wire.RefusedRequest},
		{wire.ErrName, http.StatusBadRequest, wire.RefusedRequest},
	} {
		if errors.Is(err, j.is) {
			return j.status, j.reason
		}
	}
	return http.StatusInternalServerError, wire.RefusedHub
}

func refuse(w http.ResponseWriter, status int, reason, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(wire.Refusal{V: 1, Reason: reason, Text: text})
}

func address(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

func (e *endpoint) tooMany(from netip.Addr) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.wrong[from]
	return b.n >= wrongPerMinute && time.Since(b.since) < time.Minute
}

func (e *endpoint) count(from netip.Addr) {
	e.mu.Lock()
	defer e.mu.Unlock()
	b := e.wrong[from]
	if b.n == 0 || time.Since(b.since) >= time.Minute {
		if len(e.wrong) >= maxAddresses {
			clear(e.wrong)
		}
		b = bucket{since: time.Now()}
	}
	b.n++
	e.wrong[from] = b
}
