package kiosk

import (
	"net/http"

	"tram/agent/visit"
)

// Reader is a Station that gives programs what a visit knows of its person.
type Reader interface {
	// Result returns the fields that the profile keeps, in full, once the person
	// consented and the evidence is read.
	Result(visitID string) (visit.Result, bool)
}

// result serves GET /v1/result?visit=ID to the visit's owner.
func (s *Server) result(station Reader) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.URL.Query().Get("visit")
		c := callerOf(r.Context())
		// The page shows a masked number; the whole one is for the program whose visit it is.
		if c.client == nil && !c.owner {
			refuse(w, http.StatusForbidden, "no_program", "only a program with a token gets the whole result")
			return
		}
		out, ok := station.Result(id)
		if !ok || !s.mine(c, id) {
			refuse(w, http.StatusNotFound, "no_result", "there is no result for that visit: it is not yours, or not read yet")
			return
		}
		answer(w, http.StatusOK, out)
	}
}
