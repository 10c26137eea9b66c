package agent

import (
	"testing"
	"time"

	"tram/agent/register"
)

func TestWhoIsInsideBeginsAnewAtTheResetTimeAndNotAtMidnight(t *testing.T) {
	dir := t.TempDir()
	now := time.Date(2026, 3, 2, 23, 0, 0, 0, register.Place)
	open := func() *line {
		l := openLine(dir, 4*time.Hour)
		l.now = func() time.Time { return now }
		return l
	}
	l := open()
	l.add(5, 2)
	now = now.Add(4 * time.Hour) // 03:00 of the next day
	l.add(1, 0)
	if g := l.today(); g.In != 6 || g.Out != 2 || g.Inside != 4 || !g.Since.Equal(time.Date(2026, 3, 2, 4, 0, 0, 0, register.Place)) {
		t.Errorf("at 03:00: %+v since %v, want 6 in, 2 out, 4 inside since 04:00 of the day before", g, g.Since)
	}
	if err := l.keep(); err != nil {
		t.Fatal(err)
	}
	if g := open().today(); g.In != 6 || g.Inside != 4 {
		t.Errorf("after a restart: %+v", g)
	}
	now = now.Add(time.Hour)
	if g := open().today(); g.In != 0 || g.Inside != 0 || !g.Since.Equal(now) {
		t.Errorf("at 04:00: %+v since %v, want nothing since %v", g, g.Since, now)
	}
}
