package signin

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"
)

// Role is what a person may see.
type Role string

// The roles.
const (
	Clerk      Role = "clerk"      // the register of this counter
	Technician Role = "technician" // the device, and nothing of a person
)

// Errors of people and their PINs.
var (
	ErrRole     = errors.New("a role is clerk or technician")
	ErrPIN      = errors.New("a PIN has 6 to 64 characters and is not a row like 123456 or 111111")
	ErrNoPeople = errors.New("nobody has a PIN yet")
	ErrWrong    = errors.New("the name or the PIN is wrong")
)

// A LockedError says how long a name is locked after wrong PINs.
type LockedError struct{ Left time.Duration }

// Error says so.
func (e *LockedError) Error() string {
	return fmt.Sprintf("too many wrong PINs: locked for %s more", e.Left.Round(time.Second))
}

// A Person is one entry, without the PIN.
type Person struct {
	Name string    `json:"name"`
	Role Role      `json:"role"`
	Made time.Time `json:"made"`
}

type person struct {
	Person
	ID   string `json:"id"` // of this PIN: a new one starts with no wrong tries
	Salt []byte `json:"salt"`
	Hash []byte `json:"hash"`
}

// tries counts what went wrong for one PIN since it was last right.
type tries struct {
	Wrong int       `json:"wrong"`
	Until time.Time `json:"until"`
}

// How many wrong PINs a name has, and for how long it is then locked: the time
// doubles with each further wrong one, up to the last.
const (
	freeTries = 5
	firstLock = time.Minute
	lastLock  = time.Hour
)

// People is the store of those who may sign in.
type People struct {
	list  file[[]person]
	wrong file[map[string]tries]
	// argon2id takes memory: one check at a time, however many ask.
	one sync.Mutex
}

// OpenPeople opens the store in a state folder; it may be empty.
func OpenPeople(state string) *People {
	return &People{list: file[[]person]{path: filepath.Join(state, "people.json")}, wrong: file[map[string]tries]{path: filepath.Join(state, "tries.json")}}
}

// Set gives a person a role and a PIN, in place of what was there.
// Errors: ErrName, ErrRole, ErrPIN.
func (p *People) Set(who string, role Role, pin string, now time.Time) error {
	switch {
	case !name.MatchString(who):
		return ErrName
	case role != Clerk && role != Technician:
		return ErrRole
	case weak(pin):
		return ErrPIN
	}
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return fmt.Errorf("make a salt: %w", err)
	}
	one := person{Person: Person{Name: who, Role: role, Made: now.UTC().Truncate(time.Second)}, ID: rand.Text(), Salt: salt, Hash: digest(pin, salt)}
	p.list.mu.Lock()
	defer p.list.mu.Unlock()
	list, err := p.list.load()
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(slices.Clone(list), func(o person) bool { return o.Name == who })
	return p.list.save(append(list, one))
}

// Remove takes a person out: ErrUnknown when there is none of that name.
func (p *People) Remove(who string) error {
	p.list.mu.Lock()
	defer p.list.mu.Unlock()
	list, err := p.list.load()
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(list), func(o person) bool { return o.Name == who })
	if len(left) == len(list) {
		return ErrUnknown
	}
	return p.list.save(left)
}

// List returns who is there, by name.
func (p *People) List() ([]Person, error) {
	p.list.mu.Lock()
	defer p.list.mu.Unlock()
	list, err := p.list.load()
	out := make([]Person, 0, len(list))
	for _, o := range list {
		out = append(out, o.Person)
	}
	slices.SortFunc(out, func(a, b Person) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// A Login is a person who has shown their PIN.
type Login struct {
	Name string
	Role Role
	pin  string // the id of that PIN
}

// Current reports whether a person still has the role and the PIN that they
// signed in with: a session ends when its person is removed or gets another PIN.
func (p *People) Current(in Login) bool {
	p.list.mu.Lock()
	defer p.list.mu.Unlock()
	list, err := p.list.load()
	return err == nil && slices.ContainsFunc(list, func(o person) bool { return o.Name == in.Name && o.Role == in.Role && o.ID == in.pin })
}

// SignIn checks a PIN. Errors: ErrNoPeople, *LockedError, ErrWrong, and both of
// the last two for the wrong one that locks. A name that is not there takes as
// long as one that is, and is locked like one; no other name is locked with it.
func (p *People) SignIn(who, pin string, now time.Time) (Login, error) {
	p.one.Lock()
	defer p.one.Unlock()
	p.list.mu.Lock()
	list, err := p.list.load()
	p.list.mu.Unlock()
	if err != nil {
		return Login{}, err
	}
	if len(list) == 0 {
		return Login{}, ErrNoPeople
	}
	one := person{ID: "nobody", Salt: make([]byte, 16)} // all unknown names share one count
	for _, o := range list {
		if o.Name == who {
			one = o
		}
	}
	// The try is counted before it is made: cutting the power gives no further one.
	until, err := p.count(one.ID, list, now)
	if err != nil {
		return Login{}, err
	}
	if subtle.ConstantTimeCompare(digest(pin, one.Salt), one.Hash) != 1 || one.Name == "" {
		if left := until.Sub(now); left > 0 {
			return Login{}, fmt.Errorf("%w; %w", ErrWrong, &LockedError{Left: left})
		}
		return Login{}, ErrWrong
	}
	return Login{Name: one.Name, Role: one.Role, pin: one.ID}, p.forgive(one.ID)
}

// count adds a wrong try and returns until when it locks, or returns a *LockedError.
func (p *People) count(id string, list []person, now time.Time) (time.Time, error) {
	p.wrong.mu.Lock()
	defer p.wrong.mu.Unlock()
	all, err := p.wrong.load()
	if err != nil {
		all = nil // a damaged count is no way in and no way to be locked out: it starts again
	}
	next := map[string]tries{}
	for other, t := range all {
		if other == "nobody" || slices.ContainsFunc(list, func(o person) bool { return o.ID == other }) {
			next[other] = t
		}
	}
	t := next[id]
	if left := t.Until.Sub(now); left > 0 {
		return time.Time{}, &LockedError{Left: min(left, lastLock)} // a clock that was set back does not lock for longer
	}
	t.Wrong++
	if over := t.Wrong - freeTries; over >= 0 {
		t.Until = now.Add(min(firstLock<<min(over, 10), lastLock)).UTC()
	}
	next[id] = t
	return t.Until, p.wrong.save(next)
}

func (p *People) forgive(id string) error {
	p.wrong.mu.Lock()
	defer p.wrong.mu.Unlock()
	all, err := p.wrong.load()
	if err != nil {
		return err
	}
	next := map[string]tries{}
	for other, t := range all {
		if other != id {
			next[other] = t
		}
	}
	return p.wrong.save(next)
}

// digest is argon2id with the second set of RFC 9106, halved in memory for
// small devices: 32 MiB, three passes.
func digest(pin string, salt []byte) []byte {
	return argon2.IDKey([]byte(pin), salt, 3, 32<<10, 1, 32)
}

// weak tells a PIN that is short, or the first that anybody tries.
func weak(pin string) bool {
	if len(pin) < 6 || len(pin) > 64 {
		return true
	}
	up, down, same := true, true, true
	for i := 1; i < len(pin); i++ {
		up = up && pin[i] == pin[i-1]+1
		down = down && pin[i] == pin[i-1]-1
		same = same && pin[i] == pin[i-1]
	}
	return up || down || same
}
