package kiosk

import (
	"context"
	"errors"
	"net/http"

	"tram/agent/signin"
	"tram/agent/visit"
)

// What an Asking station may answer beside a Station's errors.
var (
	ErrBadAnswer = visit.ErrBadAnswer // 422 bad_answer; the visit's problems say which
)

// errSignIn says that a person must sign in for that.
var errSignIn = errors.New("what is typed by hand is taken from a signed-in clerk only")

// Asking is a Station whose profile asks questions, and whose visits may begin
// with something else than a code.
type Asking interface {
	// Answer takes answers by question; Back leads to the questions again.
	Answer(ctx context.Context, visitID string, answers map[string]string) error
	Back(ctx context.Context, visitID string) error
	// SubmitCAN begins with the card that lies there and the last six digits of its
	// number, SubmitMRZ with the lines of a passport.
	SubmitCAN(ctx context.Context, digits string) (visitID string, err error)
	SubmitMRZ(ctx context.Context, lines string) (visitID string, err error)
	// Declare begins with what a clerk typed from a paper.
	Declare(ctx context.Context, person map[string]string) (visitID string, err error)
}

// answers serves {"answers": {QUESTION: TEXT}}.
func (s *Server) answers(station Asking) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Answers map[string]string `json:"answers"`
		}
		if !s.readJSON(w, r, &in) {
			return
		}
		if in.Answers == nil {
			refuse(w, http.StatusBadRequest, "bad_json", `the body must be one object {"answers": {"question": "text"}}`)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), actionTimeout)
		defer cancel()
		if err := station.Answer(ctx, r.PathValue("id"), in.Answers); err != nil {
			s.fail(w, r, err)
			return
		}
		answer(w, http.StatusOK, map[string]bool{"ok": true})
	}
}

// parseBeginning tells a code from an access number and from the lines of a
// document, and from what a signed-in clerk typed: {"qr": …}, {"can": …},
// {"mrz": …} or {"person": {…}}.
func (s *Server) parseBeginning(body []byte, c caller) (func(context.Context) (string, error), error) {
	var in struct {
		CAN    string            `json:"can"`
		MRZ    string            `json:"mrz"`
		Person map[string]string `json:"person"`
	}
	if asking, ok := s.opt.Station.(Asking); ok && decodeObject(body, &in) == nil {
		switch {
		case in.Person != nil && in.CAN == "" && in.MRZ == "":
			if !c.owner && c.client == nil && c.role != signin.Clerk {
				return nil, errSignIn
			}
			return func(ctx context.Context) (string, error) { return asking.Declare(ctx, in.Person) }, nil
		case in.CAN != "" && in.MRZ == "" && in.Person == nil:
			return func(ctx context.Context) (string, error) { return asking.SubmitCAN(ctx, in.CAN) }, nil
		case in.MRZ != "" && in.CAN == "" && in.Person == nil:
			return func(ctx context.Context) (string, error) { return asking.SubmitMRZ(ctx, in.MRZ) }, nil
		}
	}
	code, err := parseSubmission(body)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (string, error) { return s.opt.Station.SubmitQR(ctx, code) }, nil
}
