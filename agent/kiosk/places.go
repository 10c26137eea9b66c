package kiosk

import (
	"net/http"
	"sync"
)

// places count who is let in: so many of each, and so many of all together.
type places struct {
	mu  sync.Mutex
	by  map[string]int
	all int
}

// take counts one more: the status says what is full, 0 that it was counted.
// Each that was counted ends with give.
func (p *places) take(who string, ofEach, ofAll int) (status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.by[who] >= ofEach:
		return http.StatusTooManyRequests
	case p.all >= ofAll:
		return http.StatusServiceUnavailable
	}
	if p.by == nil {
		p.by = map[string]int{}
	}
	p.by[who]++
	p.all++
	return 0
}

func (p *places) give(who string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by[who]--; p.by[who] == 0 {
		delete(p.by, who)
	}
	p.all--
}
