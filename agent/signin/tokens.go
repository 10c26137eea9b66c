package signin

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The scopes that a program's token may have.
const (
	VisitRead   = "visit:read"   // the visit under way; a person's data only of visits that are its own
	VisitWrite  = "visit:write"  // begin, answer, confirm and end a visit
	DeskRead    = "desk:read"    // the local register, read only
	DevicesRead = "devices:read" // what is plugged in
	HealthRead  = "health:read"  // what is wrong
	Bridge      = "bridge"       // the compatibility bridges, where a token may have to travel in an address
)

// Scopes are all of them.
var Scopes = []string{VisitRead, VisitWrite, DeskRead, DevicesRead, HealthRead, Bridge}

// Errors of tokens.
var (
	ErrScope  = errors.New("a scope is one of " + strings.Join(Scopes, ", "))
	ErrOrigin = errors.New("an origin is scheme://host or scheme://host:port, without a path")
	ErrToken  = errors.New("this token is not known")
)

// A Client is a program with a token.
type Client struct {
	Name    string    `json:"name"`
	Scopes  []string  `json:"scopes"`
	Origins []string  `json:"origins"` // pages it may be used from; empty: from no page, only from programs
	Made    time.Time `json:"made"`

	id string // of its token
}

// May reports whether the client has a scope.
func (c Client) May(scope string) bool { return slices.Contains(c.Scopes, scope) }

type client struct {
	Client
	Hash []byte `json:"hash"`
}

// known is the client as a caller gets it.
func (o client) known() Client {
	c := o.Client
	c.id = string(o.Hash)
	return c
}

// Tokens is the store of programs that may ask.
type Tokens struct{ list file[[]client] }

// OpenTokens opens the store in a state folder; it may be empty.
func OpenTokens(state string) *Tokens {
	return &Tokens{list: file[[]client]{path: filepath.Join(state, "tokens.json")}}
}

// prefix makes a token that leaked easy to find.
const prefix = "tram_"

// New makes a token for a client of that name and returns it: it is kept
// nowhere else. Errors: ErrName, ErrTaken, ErrScope, ErrOrigin.
func (t *Tokens) New(c Client, now time.Time) (string, error) {
	if !name.MatchString(c.Name) {
		return "", ErrName
	}
	if len(c.Scopes) == 0 {
		return "", ErrScope
	}
	for _, s := range c.Scopes {
		if !slices.Contains(Scopes, s) {
			return "", fmt.Errorf("%w: not %q", ErrScope, s)
		}
	}
	for _, o := range c.Origins {
		if !IsOrigin(o) {
			return "", fmt.Errorf("%w: not %q", ErrOrigin, o)
		}
	}
	secret := make([]byte, 32)
	if _, err := rand.Read(secret); err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	token := prefix + base64.RawURLEncoding.EncodeToString(secret)
	sum := sha256.Sum256([]byte(token))
	c.Made = now.UTC().Truncate(time.Second)
	if c.Origins == nil {
		c.Origins = []string{}
	}
	t.list.mu.Lock()
	defer t.list.mu.Unlock()
	list, err := t.list.load()
	if err != nil {
		return "", err
	}
	if slices.ContainsFunc(list, func(o client) bool { return o.Name == c.Name }) {
		return "", ErrTaken
	}
	return token, t.list.save(append(slices.Clone(list), client{Client: c, Hash: sum[:]}))
}

// Remove ends a client's token: ErrUnknown when there is none of that name.
func (t *Tokens) Remove(who string) error {
	t.list.mu.Lock()
	defer t.list.mu.Unlock()
	list, err := t.list.load()
	if err != nil {
		return err
	}
	left := slices.DeleteFunc(slices.Clone(list), func(o client) bool { return o.Name == who })
	if len(left) == len(list) {
		return ErrUnknown
	}
	return t.list.save(left)
}

// List returns the clients, by name.
func (t *Tokens) List() ([]Client, error) {
	t.list.mu.Lock()
	defer t.list.mu.Unlock()
	list, err := t.list.load()
	out := make([]Client, 0, len(list))
	for _, o := range list {
		out = append(out, o.known())
	}
	slices.SortFunc(out, func(a, b Client) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// Find returns whose token it is, or ErrToken.
func (t *Tokens) Find(token string) (Client, error) {
	if !LooksLikeToken(token) {
		return Client{}, ErrToken
	}
	sum := sha256.Sum256([]byte(token))
	t.list.mu.Lock()
	defer t.list.mu.Unlock()
	list, err := t.list.load()
	if err != nil {
		return Client{}, err
	}
	for _, c := range list {
		if subtle.ConstantTimeCompare(sum[:], c.Hash) == 1 {
			return c.known(), nil
		}
	}
	return Client{}, ErrToken
}

// IsOrigin reports whether o is an origin as browsers write it.
func IsOrigin(o string) bool {
	u, err := url.Parse(o)
	return err == nil && len(o) <= 256 && u.Scheme != "" && u.Host != "" && u.User == nil && o == u.Scheme+"://"+u.Host && strings.ToLower(o) == o
}

// Has reports whether the token of a client that was found before is still there:
// not another one of the same name.
func (t *Tokens) Has(c Client) bool {
	list, err := t.List()
	return err == nil && slices.ContainsFunc(list, func(o Client) bool { return o.id == c.id })
}

// LooksLikeToken reports whether a text has the shape of a token.
func LooksLikeToken(text string) bool { return len(text) <= 128 && strings.HasPrefix(text, prefix) }
