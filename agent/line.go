package agent

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tram/agent/register"
	"tram/agent/visit"
	"tram/sync/seal"
)

// lineFile keeps the day's counts over a restart.
const lineFile = "line.json"

// line is what the camera counted today, in and out.
type line struct {
	path  string
	reset time.Duration // after midnight: when the day begins
	now   func() time.Time

	mu sync.Mutex
	lineCounts
}

type lineCounts struct {
	Day string `json:"day"`
	In  int    `json:"in"`
	Out int    `json:"out"`
}

// openLine reads the day's counts; what cannot be read begins anew.
func openLine(state string, reset time.Duration) *line {
	l := &line{path: filepath.Join(state, lineFile), reset: reset, now: time.Now}
	if raw, err := os.ReadFile(l.path); err == nil {
		_ = json.Unmarshal(raw, &l.lineCounts)
	}
	return l
}

func (l *line) add(in, out int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn()
	l.In, l.Out = l.In+in, l.Out+out
}

// turn begins a new day; l.mu is held.
func (l *line) turn() {
	if today := l.begun().Format(time.DateOnly); l.Day != today {
		l.lineCounts = lineCounts{Day: today}
	}
}

// begun is when the day of the count began.
func (l *line) begun() time.Time {
	day := l.now().In(register.Place).Add(-l.reset)
	return time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, register.Place).Add(l.reset)
}

func (l *line) today() visit.GateTally {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn()
	since := l.begun()
	return visit.GateTally{Inside: max(l.In-l.Out, 0), In: l.In, Out: l.Out, Since: &since}
}

// keep writes the counts down, when a period's record was made.
func (l *line) keep() error {
	l.mu.Lock()
	raw, err := json.Marshal(l.lineCounts)
	l.mu.Unlock()
	if err != nil {
		return err
	}
	return seal.WriteFile(l.path, raw, 0o600)
}
