package hub

import (
	"sync"
	"time"

	"tram/sync/wire"
)

// presence is what a hub sees of the instances around it, itself included, by
// their retained states.
type presence struct {
	news chan struct{}

	mu    sync.Mutex
	heard map[string]sighting
}

// sighting is an instance's last word, and when it came here: no clock but our
// own is believed.
type sighting struct {
	at  time.Time
	hub string // the store it works on
}

// maxInstances bounds what a broker can make us remember.
const maxInstances = 1024

func newPresence() *presence {
	return &presence{heard: map[string]sighting{}, news: make(chan struct{}, 1)}
}

// saw takes a state message.
func (p *presence) saw(instance string, payload []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(payload) == 0 {
		delete(p.heard, instance)
		return
	}
	s, err := wire.ParseState(payload)
	if err != nil {
		s.Hub = "" // it is dead when it stays silent, whatever it is
	}
	if _, ok := p.heard[instance]; ok || len(p.heard) < maxInstances {
		p.heard[instance] = sighting{time.Now(), s.Hub}
	}
	select {
	case p.news <- struct{}{}:
	default:
	}
}

// dead returns the instances whose states are to be cleared: those silent for
// after, and those that worked on a store that nobody else can work on now.
func (p *presence) dead(me, store string, exclusive bool, after time.Duration) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for instance, s := range p.heard {
		if instance == me {
			continue
		}
		if exclusive && s.hub == store || time.Since(s.at) > after {
			list = append(list, instance)
			delete(p.heard, instance)
		}
	}
	return list
}
