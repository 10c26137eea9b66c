// Package pushed keeps what the hub has set on a device over its own
// configuration, and takes it back by itself when it cuts the device off.
//
// New settings begin on trial: they count only when the device hears its hub again
// within a time that the device measures since boot, restarts included. All of it
// is one file that is replaced as a whole, so that a power cut leaves the old
// settings or the new, and always the ones to go back to.
package pushed

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tram/sync/seal"
)

// ErrTrial says that other settings are still on trial.
var ErrTrial = errors.New("other settings are on trial")

// DefaultWithin is how long the device has to hear its hub again.
const DefaultWithin = 10 * time.Minute

// Settings is what a hub can set: YAML texts, "" for none.
type Settings struct {
	Config  string `json:"config,omitempty"`  // keys over the device's configuration file
	Profile string `json:"profile,omitempty"` // a whole profile, in place of the configured one
}

// Outcome is how a trial ended.
type Outcome struct {
	Command string    `json:"command"` // id of the hub's command
	OK      bool      `json:"ok"`      // kept; else taken back
	Text    string    `json:"text"`
	Time    time.Time `json:"time"` // by the device's clock; for people
}

type trial struct {
	Command string        `json:"command"`
	Within  time.Duration `json:"withinNs"`
	Spent   time.Duration `json:"spentNs"` // before Since
	Boot    string        `json:"boot"`
	Since   time.Duration `json:"sinceNs"` // time of that boot at which Spent was noted
}

type state struct {
	V        int      `json:"v"`
	Current  Settings `json:"current"`
	Previous Settings `json:"previous"` // while a trial runs
	Trial    *trial   `json:"trial,omitempty"`
	Last     *Outcome `json:"last,omitempty"`
}

// maxBytes bounds the file before it is parsed.
const maxBytes = 4 << 20

// Store is the file. Its methods may be called by several goroutines.
type Store struct {
	path string
	boot func() (id string, since time.Duration)

	mu       sync.Mutex
	state    state
	replaced string
}

// Open reads the file, or starts without one. A file that cannot be read is kept
// aside: the device goes on with its own configuration.
func Open(path string) (*Store, error) { return open(path, sinceBoot) }

func open(path string, boot func() (string, time.Duration)) (*Store, error) {
	s := &Store{path: path, boot: boot}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what the hub has set: %w", err)
	}
	if len(b) > maxBytes || json.Unmarshal(b, &s.state) != nil || s.state.V != 1 {
		s.state = state{}
		s.replaced = path + ".corrupt-" + time.Now().UTC().Format("20060102T150405.000000000Z")
		if err := os.Rename(path, s.replaced); err != nil {
			return nil, fmt.Errorf("keep aside what cannot be read: %w", err)
		}
	}
	return s, nil
}

func sinceBoot() (string, time.Duration) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		id = []byte("unknown")
	}
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) != nil {
		return "unknown", 0
	}
	return strings.TrimSpace(string(id)), time.Duration(ts.Nano())
}

// Replaced is where an unreadable file was kept aside, "" when none was.
func (s *Store) Replaced() string { return s.replaced }

// Current is what is set now.
func (s *Store) Current() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Current
}

// Last is how the last trial ended.
func (s *Store) Last() (Outcome, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Last == nil {
		return Outcome{}, false
	}
	return *s.state.Last, true
}

// Of is the outcome of one command's trial, if it was the last.
func (s *Store) Of(command string) (Outcome, bool) {
	o, ok := s.Last()
	return o, ok && o.Command == command
}

// Begin puts new settings on trial and keeps the present ones. For the command
// whose trial runs already it does nothing. Errors: ErrTrial.
func (s *Store) Begin(command string, next Settings, within time.Duration) error {
	if within <= 0 {
		within = DefaultWithin
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.state.Trial; t != nil {
		if t.Command == command {
			return nil
		}
		return ErrTrial
	}
	boot, since := s.boot()
	return s.write(state{
		V: 1, Current: next, Previous: s.state.Current, Last: s.state.Last,
		Trial: &trial{Command: command, Within: within, Boot: boot, Since: since},
	})
}

// write replaces the file, then the state; s.mu is held.
func (s *Store) write(next state) error {
	b, err := json.Marshal(next)
	if err == nil {
		err = seal.WriteFile(s.path, append(b, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("keep what the hub has set: %w", err)
	}
	s.state = next
	return nil
}

// Trial is how much time the settings on trial have left, and the command that
// brought them; false when none are.
func (s *Store) Trial() (left time.Duration, command string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.state.Trial
	if t == nil {
		return 0, "", false
	}
	return t.Within - s.spent(*t), t.Command, true
}

// spent is the time on trial so far: what was noted, and what passed since in
// this boot. A boot that ended without a note counts as far as it was noted.
func (s *Store) spent(t trial) time.Duration {
	boot, now := s.boot()
	if boot == t.Boot {
		return t.Spent + max(0, now-t.Since)
	}
	return t.Spent + now // another boot: all of it counts
}

// Note writes down how long the trial has lasted. Call it now and then, so that
// a device that is switched off and on again does not try for ever.
func (s *Store) Note() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Trial == nil {
		return nil
	}
	next, t := s.state, *s.state.Trial
	t.Spent = s.spent(t)
	t.Boot, t.Since = s.boot()
	next.Trial = &t
	return s.write(next)
}

// Keep ends the trial: the settings stay.
func (s *Store) Keep(text string) error { return s.end(true, text) }

// TakeBack ends the trial: the settings before it hold again.
func (s *Store) TakeBack(text string) error { return s.end(false, text) }

func (s *Store) end(ok bool, text string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.state.Trial
	if t == nil {
		return nil
	}
	next := state{V: 1, Current: s.state.Current, Last: &Outcome{Command: t.Command, OK: ok, Text: text, Time: time.Now().UTC()}}
	if !ok {
		next.Current = s.state.Previous
	}
	return s.write(next)
}

// Previous is what held before the trial; what holds now when none runs.
func (s *Store) Previous() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Trial == nil {
		return s.state.Current
	}
	return s.state.Previous
}
