package agent

import (
	"context"
	"crypto/sha256"
	"errors"
	"sync"
	"time"

	"tram/configs"
	"tram/drivers"
	"tram/drivers/camera/spec"
	"tram/drivers/cccd"
	"tram/vision"
)

// codeCamera is a camera before which people hold their codes, in place of a
// scanner or beside one.
type codeCamera struct {
	source string
	ask    spec.Ask

	mu     sync.Mutex
	status drivers.Status
}

// newCodeCamera is the camera of the scanner. One that sees the person at the
// counter, too, is asked for the same by both.
func newCodeCamera(c configs.Config) *codeCamera {
	mode := c.Scanner.Mode
	if c.Scanner.Camera == c.Camera.Source {
		mode = c.Camera.Mode
	}
	return &codeCamera{source: c.Scanner.Camera, ask: asked(mode), status: drivers.Status{Kind: "camera", Name: "codes", State: drivers.Missing, Since: time.Now()}}
}

// Status says whether pictures come.
func (c *codeCamera) Status() drivers.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

func (c *codeCamera) set(state drivers.State, detail string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.status.State != state || c.status.Detail != detail {
		c.status.State, c.status.Detail, c.status.Since = state, detail, time.Now()
	}
}

// How long a camera that went away is left alone, at first and at most.
const (
	cameraPause    = time.Second
	cameraMaxPause = 30 * time.Second
)

// watchCodes begins a visit with each code that is held before the camera. Where
// the same camera compares faces it is let go while a visit is under way: a
// device serves one program at a time.
func (a *Agent) watchCodes(ctx context.Context) error {
	shared := a.codes.source == a.config.Camera.Source
	sightings := &sightings{}
	for pause := cameraPause; ; {
		if shared {
			a.awaitVisit(ctx, false)
		}
		looking, stop := context.WithCancel(ctx)
		if shared {
			go func() {
				a.awaitVisit(looking, true)
				stop()
			}()
		}
		began := time.Now()
		_, err := a.codeWorker.WatchCodes(looking, vision.CodesQuestion{Source: a.codes.source, Ask: a.codes.ask}, func(p vision.CodesProgress) {
			a.codes.set(drivers.Ready, "")
			a.heldUp(sightings, p.Texts)
		})
		interrupted := looking.Err() != nil
		stop()
		switch {
		case ctx.Err() != nil:
			return nil
		case interrupted:
			continue
		case err != nil:
			a.noCodes(err)
		}
		if time.Since(began) > cameraMaxPause {
			pause = cameraPause
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause = min(2*pause, cameraMaxPause)
	}
}

func (a *Agent) noCodes(err error) {
	state := drivers.Failed
	if errors.Is(err, vision.ErrNoCamera) {
		state = drivers.Missing
	}
	a.codes.set(state, err.Error())
}

// awaitVisit waits until somebody is at the counter, or nobody is.
func (a *Agent) awaitVisit(ctx context.Context, there bool) {
	changed, stop := a.changes.watch()
	defer stop()
	for (a.engine.View() != nil) != there {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}

// heldUp takes the codes of one picture.
func (a *Agent) heldUp(s *sightings, texts []string) {
	for _, text := range texts {
		if !s.take([]byte(text), time.Now()) {
			continue
		}
		if _, err := a.engine.ScanQR([]byte(text)); err != nil {
			a.log.Info("code not taken", "err", err)
		}
	}
}

// What counts as one sighting of a code.
const (
	codeGone   = 2 * time.Second         // not seen for so long, it was put away
	codeMeant  = 1500 * time.Millisecond // a foreign code that is held so long is meant for us
	maxSighted = 16
)

// sightings tell a code that is held up from one that is held up still. Codes are
// remembered by their hashes alone.
type sightings struct {
	seen map[[sha256.Size]byte]*sighting
}

type sighting struct {
	first, last time.Time
	taken       bool
}

// take reports whether a code that is in a picture is to be taken now: once for
// each time it is held up. A code that means nothing here is taken only when it
// is held on purpose: posters have codes too.
func (s *sightings) take(code []byte, now time.Time) bool {
	for key, old := range s.seen {
		if now.Sub(old.last) > codeGone {
			delete(s.seen, key)
		}
	}
	if s.seen == nil {
		s.seen = map[[sha256.Size]byte]*sighting{}
	}
	key := sha256.Sum256(code)
	it, known := s.seen[key]
	if !known {
		if len(s.seen) >= maxSighted {
			return false // a wall of codes
		}
		it = &sighting{first: now}
		s.seen[key] = it
	}
	it.last = now
	if it.taken {
		return false
	}
	qr, err := cccd.ParseQR(code)
	ours := err == nil && qr.Kind != cccd.KindOpaque
	it.taken = ours || now.Sub(it.first) >= codeMeant
	return it.taken
}
