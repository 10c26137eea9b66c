package command

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tram/agent/keep"
	"tram/agent/pushed"
	"tram/sync/wire"
)

// Settings puts settings on trial and waits for how it ends. Change gets what is
// set now; check says what is wrong with the new.
type Settings interface {
	Try(ctx context.Context, command string, within time.Duration, change func(pushed.Settings) pushed.Settings) (pushed.Outcome, error)
}

// Lists keeps rosters, allow lists and notices.
type Lists interface {
	Put(kind keep.Kind, p keep.Part) (entries int, complete bool, err error)
}

// Device is what commands need of the device; a part that is nil refuses its commands.
type Device struct {
	Settings Settings
	Lists    Lists
	Trust    func(files [][]byte) (text string, err error)        // into the trust store, each good file; the error names what became of each when one is refused
	Resend   func(ranges []wire.Range) (gone []wire.Range)        // gone: delivered and freed, or never made
	HubKeys  func(jwks []byte) (changed bool, err error)          // the hub's new public keys
	Collect  func(ctx context.Context) (bundle []byte, err error) // tar.gz without personal data
	Ping     func() any
}

// What the commands carry. docs/contract/schema holds the same as JSON Schema.
type (
	configData struct {
		YAML         string `json:"yaml"`
		WithinSecond int    `json:"withinSeconds,omitempty"`
	}
	trustFile struct {
		Name string `json:"name"`
		Data string `json:"data"` // base64
	}
	trustData struct {
		Files []trustFile `json:"files"`
	}
	resendData struct {
		Ranges []wire.Range `json:"ranges"`
	}
	keysData struct {
		JWKS json.RawMessage `json:"jwks"` // all public keys of the hub
	}
	collectData struct{}
	pingData    struct{}
)

// What the replies carry.
type (
	listReply struct {
		Version  uint64 `json:"version"`
		Entries  int    `json:"entries"`
		Complete bool   `json:"complete"` // false: further parts are awaited
	}
	resendReply struct {
		Gone []wire.Range `json:"gone"` // not on the device any more
	}
	keysReply struct {
		Changed bool `json:"changed"` // false: these keys were here already
	}
	collectReply struct {
		Name  string `json:"name"`
		Bytes []byte `json:"bundle"` // base64
	}
)

// Limits on how long settings may be on trial.
const (
	minWithin = 10 * time.Second
	maxWithin = 24 * time.Hour
)

var errNotHere = errors.New("this device cannot do that")

// Handlers are the commands of a device, by name.
func Handlers(d Device) map[string]Handler {
	return map[string]Handler{
		"config":  d.settings(func(s pushed.Settings, yaml string) pushed.Settings { s.Config = yaml; return s }),
		"profile": d.settings(func(s pushed.Settings, yaml string) pushed.Settings { s.Profile = yaml; return s }),
		"roster":  d.list(keep.Roster), "allow-list": d.list(keep.AllowList), "notice": d.list(keep.Notices),
		"catalogue": d.list(keep.Catalogues),
		"trust":     d.trust, "resend": d.resend, "rotate-key": d.rotateKey, "collect": d.collect, "ping": d.ping,
	}
}

func (d Device) settings(set func(pushed.Settings, string) pushed.Settings) Handler {
	return func(ctx context.Context, c wire.Command) (Result, error) {
		var in configData
		if err := decode(c, &in); err != nil {
			return Result{}, err
		}
		within := time.Duration(in.WithinSecond) * time.Second
		if in.WithinSecond == 0 {
			within = pushed.DefaultWithin
		}
		if within < minWithin || within > maxWithin {
			return Result{}, fmt.Errorf("%w: withinSeconds is not between %d and %d", ErrData, minWithin/time.Second, maxWithin/time.Second)
		}
		if d.Settings == nil {
			return Result{}, errNotHere
		}
		outcome, err := d.Settings.Try(ctx, c.ID, within, func(s pushed.Settings) pushed.Settings { return set(s, in.YAML) })
		if err == nil && !outcome.OK {
			err = errors.New(outcome.Text)
		}
		return Result{Text: outcome.Text}, err
	}
}

func (d Device) list(kind keep.Kind) Handler {
	return func(_ context.Context, c wire.Command) (Result, error) {
		var in keep.Part
		if err := decode(c, &in); err != nil {
			return Result{}, err
		}
		if d.Lists == nil {
			return Result{}, errNotHere
		}
		n, complete, err := d.Lists.Put(kind, in)
		if err != nil {
			return Result{}, err
		}
		return Result{Data: listReply{Version: in.Version, Entries: n, Complete: complete}}, nil
	}
}

func (d Device) trust(_ context.Context, c wire.Command) (Result, error) {
	var in trustData
	if err := decode(c, &in); err != nil {
		return Result{}, err
	}
	if d.Trust == nil {
		return Result{}, errNotHere
	}
	if len(in.Files) == 0 {
		return Result{}, fmt.Errorf("%w: no files", ErrData)
	}
	var files [][]byte
	for i, f := range in.Files {
		b, err := base64.StdEncoding.DecodeString(f.Data)
		if err != nil || len(b) == 0 {
			return Result{}, fmt.Errorf("%w: file %d is not base64", ErrData, i+1)
		}
		files = append(files, b)
	}
	text, err := d.Trust(files)
	return Result{Text: text}, err
}

func (d Device) resend(_ context.Context, c wire.Command) (Result, error) {
	var in resendData
	if err := decode(c, &in); err != nil {
		return Result{}, err
	}
	if len(in.Ranges) == 0 || len(in.Ranges) > wire.MaxMissing {
		return Result{}, fmt.Errorf("%w: 1 to %d ranges", ErrData, wire.MaxMissing)
	}
	for _, r := range in.Ranges {
		if r.First == 0 || r.Last < r.First {
			return Result{}, fmt.Errorf("%w: ranges", ErrData)
		}
	}
	if d.Resend == nil {
		return Result{}, errNotHere
	}
	gone := d.Resend(in.Ranges)
	if gone == nil {
		gone = []wire.Range{}
	}
	return Result{Data: resendReply{Gone: gone}}, nil
}

func (d Device) rotateKey(_ context.Context, c wire.Command) (Result, error) {
	var in keysData
	if err := decode(c, &in); err != nil {
		return Result{}, err
	}
	if len(in.JWKS) == 0 || in.JWKS[0] != '{' {
		return Result{}, fmt.Errorf("%w: jwks", ErrData)
	}
	if d.HubKeys == nil {
		return Result{}, errNotHere
	}
	changed, err := d.HubKeys(in.JWKS)
	if err != nil {
		return Result{}, err
	}
	return Result{Data: keysReply{Changed: changed}}, nil
}

func (d Device) collect(ctx context.Context, c wire.Command) (Result, error) {
	if err := decode(c, &collectData{}); err != nil {
		return Result{}, err
	}
	if d.Collect == nil {
		return Result{}, errNotHere
	}
	bundle, err := d.Collect(ctx)
	if err != nil {
		return Result{}, err
	}
	return Result{Data: collectReply{Name: "tram-bundle.tar.gz", Bytes: bundle}}, nil
}

func (d Device) ping(_ context.Context, c wire.Command) (Result, error) {
	if err := decode(c, &pingData{}); err != nil {
		return Result{}, err
	}
	if d.Ping == nil {
		return Result{}, nil
	}
	return Result{Data: d.Ping()}, nil
}
