package bridge

import (
	"context"
	"sync"

	"tram/agent/kiosk"
	"tram/agent/visit"
	"tram/drivers"
)

// what happened, in the terms that every reader's protocol has.
type what int

const (
	inserted what = iota + 1 // a card lies on the reader, or a code was read
	read                     // the person's fields are there
	failed                   // the visit cannot go on
	removed                  // the visit is over
	held                     // another program holds the reader: nothing will be told
	status                   // how the devices are changed
)

// A happening is one step of a visit of the program's own.
type happening struct {
	what     what
	visit    string
	result   visit.Result // of read
	portrait []byte       // of read: a JPEG where the profile keeps it, else nil
	code     string       // of failed: a code of visit.Failure
	devices  devices      // of status
}

// devices is how the reader and the camera are: "Ready", "Busy" or "Disconnected".
type devices struct{ reader, camera string }

// A story follows one program's visits and finds what happened since it looked last.
type story struct {
	p       *kiosk.Program
	visit   string
	told    map[what]bool // of that visit
	busy    bool
	devices devices
}

// next looks at the station and calls hear for each happening in order. It
// reports false when hear did.
func (s *story) next(hear func(happening) bool) bool {
	if busy := s.p.Hold() != nil; busy != s.busy {
		if s.busy = busy; busy && !hear(happening{what: held}) {
			return false
		}
	}
	n := s.p.Snapshot()
	if d := devicesOf(n); d != s.devices {
		s.devices = d
		if !hear(happening{what: status, devices: d}) {
			return false
		}
	}
	var now visit.View
	if n.Visit != nil {
		now = *n.Visit
	}
	if now.ID != s.visit {
		was := s.visit
		s.visit, s.told = now.ID, map[what]bool{}
		if was != "" && !hear(happening{what: removed, visit: was}) {
			return false
		}
	}
	for _, h := range s.steps(now) {
		if s.told[h.what] {
			continue
		}
		s.told[h.what] = true
		if !hear(h) {
			return false
		}
	}
	return true
}

// steps are what a visit has come to; those before have happened too.
func (s *story) steps(v visit.View) []happening {
	if v.ID == "" {
		return nil
	}
	if v.Stage == visit.StageFailed {
		code := ""
		if v.Failure != nil {
			code = v.Failure.Code
		}
		return []happening{{what: failed, visit: v.ID, code: code}}
	}
	var list []happening
	if v.Stage == visit.StageReading || v.Stage == visit.StageFace {
		list = append(list, happening{what: inserted, visit: v.ID})
	}
	if result, ok := s.p.Result(v.ID); ok {
		portrait, _ := s.p.Portrait(v.ID)
		list = append(list, happening{what: inserted, visit: v.ID}, happening{what: read, visit: v.ID, result: result, portrait: portrait})
	}
	return list
}

// devicesOf is what a snapshot says of the reader and the camera.
func devicesOf(n visit.Snapshot) devices {
	words := map[drivers.State]string{drivers.Ready: "Ready", drivers.Busy: "Busy"}
	d := devices{reader: "Disconnected", camera: "Disconnected"}
	at := visit.StageIdle
	if n.Visit != nil {
		at = n.Visit.Stage
	}
	for _, s := range n.Devices {
		word, works := words[s.State]
		switch {
		case !works:
		case s.Kind == "reader" && at == visit.StageReading, s.Kind == "camera" && at == visit.StageFace:
			word = "Busy"
		}
		switch {
		case !works:
		case s.Kind == "reader":
			d.reader = word
		case s.Kind == "camera":
			d.camera = word
		}
	}
	return d
}

// holders counts who follows on behalf of each program, so that the reader is
// given back when the last of them leaves.
type holders struct {
	mu    sync.Mutex
	count map[string]int
}

// follow tells hear what happens to p's visits until it returns false, ctx ends
// or the token is taken back. While it runs p holds the reader. beat, which may
// be nil, is called every few seconds and ends it as well.
func (h *holders) follow(ctx context.Context, p *kiosk.Program, hear func(happening) bool, beat func() bool) {
	h.mu.Lock()
	if h.count == nil {
		h.count = map[string]int{}
	}
	h.count[p.Name()]++
	h.mu.Unlock()
	defer func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.count[p.Name()]--; h.count[p.Name()] == 0 {
			delete(h.count, p.Name())
			p.Release()
		}
	}()
	s := &story{p: p}
	p.Follow(ctx, func() bool { return s.next(hear) && (beat == nil || beat()) })
}
