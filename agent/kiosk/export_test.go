package kiosk

import "time"

// Impatient makes s drop slow clients after a tenth of a second, before Run.
func Impatient(s *Server) {
	s.writeWithin = 100 * time.Millisecond
	s.gap = time.Millisecond
}

// Eager makes s send a heartbeat every few milliseconds, before Run.
func Eager(s *Server) { s.heartbeat = 5 * time.Millisecond }

// AssetNames returns what is served below /assets/.
func AssetNames() map[string][]byte {
	m := make(map[string][]byte)
	for name, a := range assets {
		m[name] = a.body
	}
	return m
}

// ParseSubmission is the parser of POST /v1/visits.
var ParseSubmission = parseSubmission

// Hasty makes s wait a fifth of a second for a request's head, and twice that for all of it, before Run.
func Hasty(s *Server) { s.headerWithin, s.readWithin = 200*time.Millisecond, 400*time.Millisecond }

// Clocked makes s take the time of sign-ins from now, before Run.
func Clocked(s *Server, now func() time.Time) { s.now = now }

// MaxConnections is how many connections a listener holds.
const MaxConnections = maxConnections
