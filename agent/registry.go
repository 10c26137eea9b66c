package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"tram/agent/kiosk"
	"tram/agent/lodging"
	"tram/agent/profile"
	"tram/agent/register"
)

// RegisterOrder is what the command line asks of the local register.
type RegisterOrder struct {
	Do     string            `json:"do"` // "ls", "stays", "find", "export", "correct", "delete", "hold", "release", "requests", "request", "settle", "log", "deletions", "verify", "roster", "absent", "inside", "aggregate", "sweep", "trips", "open-trip", "close-trip", "passengers", "paper"
	Who    string            `json:"who"`
	ID     string            `json:"id,omitempty"`
	Number string            `json:"number,omitempty"`
	Why    string            `json:"why,omitempty"`
	Kind   string            `json:"kind,omitempty"`  // of a request
	State  string            `json:"state,omitempty"` // a request's next
	Fields map[string]string `json:"fields,omitempty"`
	File   []byte            `json:"file,omitempty"` // a roster
	Trip   register.Trip     `json:"trip,omitzero"`  // to open
	Form   kiosk.Form        `json:"form,omitzero"`  // of a paper
}

// TripList is a trip and who is in it.
type TripList struct {
	Trip       register.Trip  `json:"trip"`
	Passengers []register.Row `json:"passengers"`
}

// RegisterDo carries an order out, in the daemon or on the file itself.
func RegisterDo(ctx context.Context, p Papers, o RegisterOrder) (any, error) {
	r := p.Register
	done := func(err error) (any, error) { return map[string]bool{"ok": true}, err }
	switch o.Do {
	case "ls":
		return r.Today(ctx, o.Who)
	case "stays":
		list, err := r.OpenStays(ctx, o.Who)
		return clocks(list, p.Remote), err
	case "find":
		return r.Find(ctx, o.Who, o.Number, o.Why)
	case "export":
		return r.Export(ctx, o.Who, o.ID, o.Why)
	case "correct":
		return done(r.Correct(ctx, o.Who, o.ID, o.Fields, o.Why))
	case "delete":
		return done(r.Delete(ctx, o.Who, o.ID, o.Why))
	case "hold":
		return done(r.Hold(ctx, o.Who, o.ID, o.Why))
	case "release":
		return done(r.Release(ctx, o.Who, o.ID, o.Why))
	case "requests":
		return r.Requests(ctx, o.Who)
	case "request":
		return r.AddRequest(ctx, o.Who, o.Kind, o.ID, o.Why)
	case "settle":
		return done(r.SetRequest(ctx, o.Who, o.ID, o.State, o.Why))
	case "log":
		return r.AccessLog()
	case "deletions":
		return r.Deletions()
	case "verify":
		return r.Verify()
	case "absent":
		_, absent, err := r.Roster(ctx, o.Who)
		return absent, err
	case "inside":
		return r.Inside(ctx, o.Who)
	case "aggregate":
		return r.Aggregate(ctx, o.Who)
	case "roster":
		list, err := register.ParseRoster(o.File)
		if err != nil {
			return nil, err
		}
		return map[string]int{"lines": len(list)}, r.ImportRoster(ctx, o.Who, list)
	case "trips":
		return r.Trips(ctx, o.Who)
	case "open-trip":
		return r.OpenTrip(ctx, o.Who, o.Trip)
	case "close-trip", "passengers":
		return doTrip(ctx, r, o)
	case "paper":
		return p.Make(ctx, o.Who, o.Form)
	case "sweep":
		n, err := r.Sweep(time.Now())
		return map[string]int{"deleted": n}, err
	}
	return nil, fmt.Errorf("%w: %q is no order", register.ErrBad, o.Do)
}

// doTrip closes a trip, or lists its passengers.
func doTrip(ctx context.Context, r *register.Register, o RegisterOrder) (any, error) {
	t, err := r.Trip(o.ID)
	if err != nil {
		return nil, err
	}
	if o.Do == "close-trip" {
		if err := r.CloseTrip(ctx, o.Who, t.ID); err != nil {
			return nil, err
		}
		if t, err = r.Trip(t.ID); err != nil {
			return nil, err
		}
	}
	list, err := r.Passengers(ctx, o.Who, t.ID)
	t.Boarded = len(list)
	return TripList{t, list}, err
}

// maxOrder is the most that an order has: a roster, in base64.
const maxOrder = 12 << 20

// registerHandler answers POST /v1/register/do on the unix socket.
type registerHandler struct{ a *Agent }

// ServeHTTP carries one order out. Its errors quote nothing of a person.
func (h registerHandler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var o RegisterOrder
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxOrder))
	if req.Method != http.MethodPost || req.URL.Path != "/v1/register/do" || err != nil || json.Unmarshal(body, &o) != nil {
		respond(w, http.StatusBadRequest, refusal("bad_order", "POST one order as JSON to /v1/register/do"))
		return
	}
	answer, err := h.do(req.Context(), o)
	for sentinel, code := range registerCodes {
		if errors.Is(err, sentinel) {
			respond(w, http.StatusConflict, refusal(code, err.Error()))
			return
		}
	}
	if err != nil {
		respond(w, http.StatusInternalServerError, refusal("internal", err.Error()))
		return
	}
	respond(w, http.StatusOK, answer)
}

// do carries an order out. A counter whose profile keeps no trips opens none:
// nobody would ever board it.
func (h registerHandler) do(ctx context.Context, o RegisterOrder) (any, error) {
	if o.Do == "open-trip" && desk(h).keeps(profile.RegisterTrips) != nil {
		return nil, fmt.Errorf("%w: the profile %s keeps no trips", kiosk.ErrNotKept, h.a.profile.Name)
	}
	return RegisterDo(ctx, h.a.papers(), o)
}

var registerCodes = map[error]string{register.ErrUnknown: "no_entry", register.ErrHeld: "held", register.ErrState: "conflict", register.ErrBad: "bad_field", register.ErrChain: "broken_chain", lodging.ErrForm: "bad_field", kiosk.ErrNotKept: "not_kept"}

func refusal(code, message string) any {
	var body kiosk.ErrorBody
	body.Error.Code, body.Error.Message = code, message
	return body
}

func respond(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
