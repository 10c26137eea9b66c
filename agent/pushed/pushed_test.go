package pushed

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// clock is a machine whose boots a test decides.
type clock struct {
	id  string
	now time.Duration
}

func (c *clock) boot() (string, time.Duration) { return c.id, c.now }

func reopen(t *testing.T, path string, c *clock) *Store {
	t.Helper()
	s, err := open(path, c.boot)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestATrialEndsWithTheNewSettingsOrTheOld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pushed.json")
	c := &clock{id: "a", now: time.Hour}
	s := reopen(t, path, c)
	must(t, s.Begin("c1", Settings{Config: "one"}, time.Minute))
	must(t, s.Keep("seen"))
	must(t, s.Begin("c2", Settings{Config: "two"}, time.Minute))
	if err := s.Begin("c3", Settings{}, time.Minute); !errors.Is(err, ErrTrial) {
		t.Errorf("a second trial: %v", err)
	}
	must(t, s.Begin("c2", Settings{}, time.Minute)) // the same again
	s = reopen(t, path, c)
	if got := s.Current().Config; got != "two" {
		t.Errorf("on trial %q, want two", got)
	}
	if got := s.Previous().Config; got != "one" {
		t.Errorf("kept %q, want one", got)
	}
	must(t, s.TakeBack("not seen"))
	s = reopen(t, path, c)
	if got := s.Current().Config; got != "one" {
		t.Errorf("taken back to %q, want one", got)
	}
	if o, ok := s.Of("c2"); !ok || o.OK || o.Text != "not seen" {
		t.Errorf("Of(c2) = %+v, %v", o, ok)
	}
	if _, ok := s.Of("c1"); ok {
		t.Error("an older outcome is still there")
	}
}

func TestTheTimeOfATrialIsCountedOverRestartsAndBoots(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pushed.json")
	c := &clock{id: "a", now: 100 * time.Second}
	s := reopen(t, path, c)
	must(t, s.Begin("c1", Settings{Config: "x"}, 10*time.Minute))
	c.now += time.Minute
	s = reopen(t, path, c) // the process started again
	if left, command, ok := s.Trial(); !ok || command != "c1" || left != 9*time.Minute {
		t.Errorf("after a restart: %v left of %s, %v; want 9m", left, command, ok)
	}
	must(t, s.Note())
	c.id, c.now = "b", 30*time.Second // the machine started again
	s = reopen(t, path, c)
	if left, _, _ := s.Trial(); left != 8*time.Minute+30*time.Second {
		t.Errorf("after a boot: %v left, want 8m30s", left)
	}
	must(t, s.Note())
	c.now += 9 * time.Minute
	if left, _, _ := s.Trial(); left > 0 {
		t.Errorf("%v left, want none", left)
	}
}

func TestAFileThatCannotBeReadIsKeptAside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pushed.json")
	for _, text := range []string{"{", "", `{"v":9}`, `[]`} {
		must(t, os.WriteFile(path, []byte(text), 0o600))
		s := reopen(t, path, &clock{})
		if s.Replaced() == "" || s.Current() != (Settings{}) {
			t.Errorf("%q: %+v, kept at %q", text, s.Current(), s.Replaced())
		}
		must(t, s.Begin("c", Settings{Config: "x"}, 0))
		must(t, s.Keep(""))
	}
}
