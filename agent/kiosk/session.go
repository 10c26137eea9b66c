package kiosk

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"tram/agent/visit"
)

// sessionLife is how long a program owns the reader without a sign of life; an
// open event stream is one.
const sessionLife = time.Minute

// readerSession says which program owns the reader, and whose visit the one
// under way is. A visit belongs to who owned the reader when it began: who
// comes later does not see the person.
type readerSession struct {
	mu     sync.Mutex
	holder string // a client's name; "" for the screen
	id     string
	until  time.Time
	visit  string // the visit under way
	owner  string // whose it is; "" for the screen's
	begins string // the program whose visit is beginning; "" when none is
}

func (o *readerSession) expire(now time.Time) {
	if o.holder != "" && now.After(o.until) {
		o.holder, o.id = "", ""
	}
}

// bind notes whose visit it is that a snapshot shows. The caller holds the lock.
func (o *readerSession) bind(v *visit.View, now time.Time) {
	o.expire(now)
	switch {
	case v == nil:
		o.visit, o.owner = "", ""
	case v.ID != o.visit:
		o.visit, o.owner = v.ID, o.holder
	}
}

// touch is a sign of life of a client.
func (o *readerSession) touch(client string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := time.Now(); o.holder == client && !now.After(o.until) {
		o.until = now.Add(sessionLife)
	}
}

// snapshot is what the caller may see: the person of a visit is shown to the
// screen, and to the program whose visit it is.
func (s *Server) snapshot(c caller) visit.Snapshot {
	s.reader.mu.Lock()
	defer s.reader.mu.Unlock()
	n := s.opt.Station.Snapshot()
	s.reader.bind(n.Visit, time.Now())
	if n.Visit != nil && c.client != nil && s.reader.owner != c.name {
		n.Visit = &visit.View{Stage: n.Visit.Stage, Answers: map[string]string{}, Problems: map[string]string{}, Alarms: []visit.Alarm{}}
	}
	return n
}

// mine reports whether the caller may see and lead a visit.
func (s *Server) mine(c caller, id string) bool {
	if c.client == nil {
		return true
	}
	n := s.snapshot(c)
	return n.Visit != nil && n.Visit.ID == id && id != ""
}

// own is mine for requests that name the visit in their path.
func (s *Server) own(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.mine(callerOf(r.Context()), r.PathValue("id")) {
			busy(w, "screen")
			return
		}
		next(w, r)
	}
}

// begin lets a program start a visit while no other owns the reader, and makes
// the visit its own.
func (s *Server) begin(c caller, start func() (string, error)) (id, holder string, err error) {
	if c.client == nil {
		id, err = start()
		return id, "", err
	}
	if holder = s.mayBegin(c.name); holder != "" {
		return "", holder, nil
	}
	// Not under the lock: to begin may take long, and everybody's snapshot needs the lock.
	defer s.bell.ring()
	defer func() { // also when start panics
		s.reader.mu.Lock()
		defer s.reader.mu.Unlock()
		s.reader.begins = ""
		if err == nil && id != "" {
			s.reader.visit, s.reader.owner = id, c.name
		}
	}()
	id, err = start()
	return id, "", err
}

// mayBegin says that a program's visit begins, or who else has the reader.
func (s *Server) mayBegin(program string) (holder string) {
	o := &s.reader
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expire(time.Now())
	if o.begins != "" || o.holder != "" && o.holder != program {
		return "program"
	}
	if v := s.opt.Station.Snapshot().Visit; v != nil && v.Stage != visit.StageFailed && v.Stage != visit.StageRecorded {
		return "screen"
	}
	o.begins = program
	return ""
}

// ReaderSession is what a program is told about the reader's session.
type ReaderSession struct {
	Session string     `json:"session,omitempty"` // the caller's own
	Holder  string     `json:"holder"`            // "you", "program" for another, "screen" for nobody's
	Until   *time.Time `json:"until,omitempty"`   // of the caller's own
}

func busy(w http.ResponseWriter, holder string) {
	text := map[string]string{"program": "another program holds the reader", "screen": "a person at the screen holds the reader"}
	refuse(w, http.StatusConflict, "busy", text[holder])
}

// openReader makes the calling program the reader's owner, or renews that.
func (s *Server) openReader(w http.ResponseWriter, r *http.Request) {
	if _, ok := readBody(w, r); !ok {
		return
	}
	c := callerOf(r.Context())
	if c.client == nil {
		refuse(w, http.StatusForbidden, "no_program", "only a program with a token owns the reader")
		return
	}
	held, fresh, ok := s.hold(c.name)
	if !ok {
		busy(w, "program")
		return
	}
	status := http.StatusOK
	if fresh {
		status = http.StatusCreated
	}
	answer(w, status, held)
}

// hold makes a program the reader's owner, or renews that: fresh is true for the
// first time, ok is false when another program owns it.
func (s *Server) hold(name string) (held ReaderSession, fresh, ok bool) {
	o := &s.reader
	o.mu.Lock()
	defer o.mu.Unlock()
	now := time.Now()
	o.bind(s.opt.Station.Snapshot().Visit, now) // a visit under way stays whose it is
	if o.holder != "" && o.holder != name || o.begins != "" && o.begins != name {
		return ReaderSession{}, false, false
	}
	if fresh = o.holder == ""; fresh {
		o.holder, o.id = name, rand.Text()
	}
	o.until = now.Add(sessionLife)
	until := o.until
	return ReaderSession{Session: o.id, Holder: "you", Until: &until}, fresh, true
}

// release gives the reader back; false when the program did not own it.
func (s *Server) release(name string) bool {
	o := &s.reader
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bind(s.opt.Station.Snapshot().Visit, time.Now())
	if o.holder == "" || o.holder != name {
		return false
	}
	o.holder, o.id = "", ""
	return true
}

func (s *Server) readerHolder(w http.ResponseWriter, r *http.Request) {
	c := callerOf(r.Context())
	o := &s.reader
	o.mu.Lock()
	defer o.mu.Unlock()
	o.expire(time.Now())
	out := ReaderSession{Holder: "screen"}
	switch {
	case o.holder == "":
	case c.client != nil && o.holder == c.name:
		until := o.until
		out = ReaderSession{Session: o.id, Holder: "you", Until: &until}
	default:
		out.Holder = "program"
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) closeReader(w http.ResponseWriter, r *http.Request) {
	if c := callerOf(r.Context()); c.client == nil || !s.release(c.name) {
		refuse(w, http.StatusNotFound, "no_session", "you do not own the reader")
		return
	}
	answer(w, http.StatusOK, map[string]bool{"ok": true})
}
