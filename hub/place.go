package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"tram/hub/store"
	"tram/sync/seal"
	"tram/sync/wire"
)

// Place is where a hub keeps its things, for commands beside a running hub. With
// a database they go there; without, they ask the hub that runs on the folder,
// or open its file when none does.
type Place struct {
	Data     string
	Postgres string
}

// Report is what "tram-hub report --json" prints.
type Report struct {
	Devices []store.Device `json:"devices"`
}

// CommandView is what is told of a command. Its JSON is a contract.
type CommandView struct {
	ID       string          `json:"id"`
	Device   string          `json:"device"`
	Name     string          `json:"name"`
	State    string          `json:"state"` // waiting, sent, answered
	Issued   time.Time       `json:"issued"`
	Sent     uint64          `json:"sent"` // times
	Answered time.Time       `json:"answered,omitzero"`
	OK       bool            `json:"ok"`
	Text     string          `json:"text,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
}

// ReadReport returns what the hub on a data folder says of its devices.
func ReadReport(ctx context.Context, data string) (Report, error) {
	return Place{Data: data}.Report(ctx)
}

// Report returns what the hub says of its devices.
func (p Place) Report(ctx context.Context) (Report, error) {
	var report Report
	err := p.get(ctx, "/report", func(r io.Reader) error {
		return json.NewDecoder(io.LimitReader(r, maxReport)).Decode(&report)
	})
	if !errors.Is(err, ErrNotRunning) {
		return report, err
	}
	err = p.read(ctx, func(st store.Store) error {
		report.Devices, err = st.Report(ctx)
		return err
	})
	return report, err
}

// Records lists what a hub has stored, without opening it. Errors of each end it.
func (p Place) Records(ctx context.Context, device string, each func(store.Record) error) error {
	err := p.get(ctx, "/records?device="+url.QueryEscape(device), func(r io.Reader) error {
		lines := json.NewDecoder(r)
		for {
			var rec store.Record
			if err := lines.Decode(&rec); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return err
			}
			if err := each(rec); err != nil {
				return err
			}
		}
	})
	if !errors.Is(err, ErrNotRunning) {
		return err
	}
	return p.read(ctx, func(st store.Store) error { return st.Records(ctx, device, each) })
}

// Give hands an order in: it is stored, sent when the device is online, and
// repeated until the device replies.
func (p Place) Give(ctx context.Context, o Order) (CommandView, error) {
	var view CommandView
	if err := o.check(); err != nil {
		return view, err
	}
	if o.ID == "" {
		o.ID = newCommandID()
	}
	body, err := json.Marshal(o)
	if err != nil {
		return view, err
	}
	err = p.ask(ctx, http.MethodPost, "/command", body, func(r io.Reader) error {
		return json.NewDecoder(io.LimitReader(r, maxReport)).Decode(&view)
	})
	if !errors.Is(err, ErrNotRunning) {
		return view, err
	}
	err = p.write(ctx, func(st store.Store, keys *keyring) error {
		c, err := keys.makeCommand(o, time.Now())
		if err != nil {
			return err
		}
		if err := st.AddCommand(ctx, c); err != nil {
			return err
		}
		view = keys.view(c)
		return nil
	})
	return view, err
}

// RotateKeys makes new keys and orders every known device to take them. It
// returns how many devices that are.
func (p Place) RotateKeys(ctx context.Context) (int, error) {
	var public []byte
	err := withKeys(p.Data, func(k *seal.HubKeys) error {
		defer func() { public = k.Public() }()
		return k.Rotate()
	})
	if err != nil {
		return 0, err
	}
	data, err := json.Marshal(struct {
		JWKS json.RawMessage `json:"jwks"`
	}{public})
	if err != nil {
		return 0, err
	}
	report, err := p.Report(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // a hub that never ran
	}
	if err != nil {
		return 0, err
	}
	for i, d := range report.Devices {
		if _, err := p.Give(ctx, Order{Device: d.Device, Name: "rotate-key", Data: data}); err != nil {
			return i, fmt.Errorf("tell device %s: %w", d.Device, err)
		}
	}
	return len(report.Devices), nil
}

// commandWait is how often a command is looked at while its reply is awaited.
const commandWait = 200 * time.Millisecond

// Command returns what became of a command.
func (p Place) Command(ctx context.Context, id string) (CommandView, error) {
	var view CommandView
	err := p.get(ctx, "/command?id="+url.QueryEscape(id), func(r io.Reader) error {
		return json.NewDecoder(io.LimitReader(r, maxReport)).Decode(&view)
	})
	if !errors.Is(err, ErrNotRunning) {
		return view, err
	}
	err = p.write(ctx, func(st store.Store, keys *keyring) error {
		c, err := st.Command(ctx, id)
		view = keys.view(c)
		return err
	})
	return view, err
}

// Await waits until a command is answered or ctx ends.
func (p Place) Await(ctx context.Context, id string) (CommandView, error) {
	for {
		view, err := p.Command(ctx, id)
		if err != nil || view.State == stateAnswered {
			return view, err
		}
		select {
		case <-ctx.Done():
			return view, ctx.Err()
		case <-time.After(commandWait):
		}
	}
}

// WithDevices hands the keys of devices to do, those of the database too.
func (p Place) WithDevices(ctx context.Context, do func(*Devices) error) error {
	devices := NewDevices(p.Data)
	if p.Postgres == "" {
		return do(devices)
	}
	return p.open(ctx, func(st store.Store) error {
		if r, ok := st.(store.KeyRegistry); ok {
			devices.Share(r)
		}
		return do(devices)
	})
}

// get asks the running hub, unless there is a database to ask.
func (p Place) get(ctx context.Context, path string, read func(io.Reader) error) error {
	return p.ask(ctx, http.MethodGet, path, nil, read)
}

func (p Place) ask(ctx context.Context, method, path string, body []byte, read func(io.Reader) error) error {
	if p.Postgres != "" {
		return ErrNotRunning
	}
	return ask(ctx, p.Data, method, path, body, read)
}

// read opens the store to look at it.
func (p Place) read(ctx context.Context, do func(store.Store) error) error {
	if p.Postgres != "" {
		return p.open(ctx, do)
	}
	st, err := store.OpenReadOnly(filepath.Join(p.Data, StoreFile))
	if err != nil {
		return fmt.Errorf("read the hub's store: %w", err)
	}
	defer st.Close()
	return do(st)
}

// write opens the store and the keys to change something.
func (p Place) write(ctx context.Context, do func(store.Store, *keyring) error) error {
	return p.open(ctx, func(st store.Store) error {
		devices := NewDevices(p.Data)
		if r, ok := st.(store.KeyRegistry); ok {
			devices.Share(r)
		}
		keys, err := openKeyring(p.Data, devices, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		return do(st, keys)
	})
}

func (p Place) open(ctx context.Context, do func(store.Store) error) error {
	st, err := OpenStore(ctx, p.Data, p.Postgres)
	if err != nil {
		return err
	}
	defer st.Close()
	return do(st)
}

// States of a command.
const (
	stateWaiting  = "waiting"
	stateSent     = "sent"
	stateAnswered = "answered"
)

// view opens a command's reply.
func (k *keyring) view(c store.Command) CommandView {
	v := CommandView{ID: c.ID, Device: c.Device, Name: c.Name, State: stateWaiting, Issued: c.Issued, Sent: c.Sent, Answered: c.Answered, OK: c.OK}
	if c.Sent > 0 {
		v.State = stateSent
	}
	if c.Answered.IsZero() {
		return v
	}
	v.State = stateAnswered
	r, err := k.openReply(c.Device, c.Reply)
	if err != nil {
		r = wire.Reply{Text: "the reply does not open with the keys that the hub has"}
	}
	v.Text, v.Data = r.Text, r.Data
	return v
}
