package hub

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tram/hub/store"
	"tram/sync/seal"
	"tram/sync/wire"
)

// Errors about devices' keys.
var (
	// ErrUnknownDevice is returned for a device without a key.
	ErrUnknownDevice = errors.New("the hub has no key of this device")
	// ErrTaken is returned when a device's name already has another key.
	ErrTaken = errors.New("this name has another key already; remove its file first")
)

// Devices knows the public keys of devices: DIR/devices/NAME.jwk holds the key
// that a device signs with, DIR/boxes/NAME.jwk the one to encrypt to. A file
// that is dropped in, replaced or removed counts from the next envelope on.
// Hubs that share a database also find the keys that another machine took.
type Devices struct {
	keys, boxes keyFolder
	registry    store.KeyRegistry // nil: files only

	mu     sync.Mutex
	shared map[string]sharedKeys
}

// sharedKeys is what the registry said of a device at a time.
type sharedKeys struct {
	at       time.Time
	key, box *seal.PublicKey
}

// How long the registry's word is believed: a key that is there hardly
// changes, one that is missing may be added any moment.
const (
	believeKey  = 30 * time.Second
	believeNone = 2 * time.Second
)

// registryTimeout bounds one question to the registry.
const registryTimeout = 5 * time.Second

// maxCached bounds how many keys are kept in memory.
const maxCached = 10_000

// NewDevices returns the devices of a hub's data folder.
func NewDevices(data string) *Devices {
	return &Devices{
		keys:   keyFolder{dir: filepath.Join(data, "devices"), parse: seal.ParseDevicePublic, cache: map[string]cached{}},
		boxes:  keyFolder{dir: filepath.Join(data, "boxes"), parse: seal.ParseHubPublic, cache: map[string]cached{}},
		shared: map[string]sharedKeys{},
	}
}

// Share makes d look into a registry too, and write to it.
func (d *Devices) Share(r store.KeyRegistry) *Devices {
	d.registry = r
	return d
}

// Key returns the public key that a device signs with. It fits seal.Lookup.
func (d *Devices) Key(device, _ string) (*seal.PublicKey, error) {
	return d.find(device, &d.keys, func(s sharedKeys) *seal.PublicKey { return s.key })
}

// Box returns the public key to encrypt to a device, or ErrUnknownDevice.
func (d *Devices) Box(device string) (*seal.PublicKey, error) {
	return d.find(device, &d.boxes, func(s sharedKeys) *seal.PublicKey { return s.box })
}

func (d *Devices) find(device string, in *keyFolder, of func(sharedKeys) *seal.PublicKey) (*seal.PublicKey, error) {
	if err := wire.CheckName(device); err != nil {
		return nil, err
	}
	key, err := in.load(device)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if d.registry != nil {
		s, err := d.ask(device)
		if err != nil {
			return nil, err
		}
		if key := of(s); key != nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("device %s: %w", device, ErrUnknownDevice)
}

// ask returns what the registry has of a device.
func (d *Devices) ask(device string) (sharedKeys, error) {
	d.mu.Lock()
	s, ok := d.shared[device]
	d.mu.Unlock()
	if ok && time.Since(s.at) < believeNone || s.key != nil && time.Since(s.at) < believeKey {
		return s, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), registryTimeout)
	defer cancel()
	key, box, err := d.registry.DeviceKeys(ctx, device)
	s = sharedKeys{at: time.Now()}
	if err == nil && key != nil {
		s.key, err = seal.ParseDevicePublic(key)
	}
	if err == nil && box != nil {
		s.box, err = seal.ParseHubPublic(box)
	}
	if err != nil {
		return s, fmt.Errorf("keys of device %s: %w", device, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.shared) >= maxCached {
		clear(d.shared)
	}
	d.shared[device] = s
	return s, nil
}

// Add stores the public key that a device signs with, read from its JWK. The
// same key again changes nothing; another one under a name that is taken is
// ErrTaken.
func (d *Devices) Add(device string, jwk []byte) error { return d.Enrol(device, jwk, nil) }

// Enrol stores both public keys of a device; box may be nil. Errors as Add.
func (d *Devices) Enrol(device string, jwk, box []byte) error {
	if err := wire.CheckName(device); err != nil {
		return fmt.Errorf("device name: %w", err)
	}
	key, err := seal.ParseDevicePublic(jwk)
	if err != nil {
		return fmt.Errorf("key of device %s: %w", device, err)
	}
	var boxKey *seal.PublicKey
	if box != nil {
		if boxKey, err = seal.ParseHubPublic(box); err != nil {
			return fmt.Errorf("key to encrypt to device %s: %w", device, err)
		}
	}
	if old, err := d.Key(device, ""); err == nil {
		if old.KeyID() != key.KeyID() {
			return fmt.Errorf("device %s: %w", device, ErrTaken)
		}
	}
	if err := d.keys.save(device, key); err != nil {
		return fmt.Errorf("add device %s: %w", device, err)
	}
	if boxKey != nil {
		if err := d.boxes.save(device, boxKey); err != nil {
			return fmt.Errorf("add device %s: %w", device, err)
		}
	}
	return d.register(device, func(ctx context.Context) error { return d.registry.SaveDeviceKeys(ctx, device, jwk, box) })
}

// register changes a device in the registry, if there is one, and forgets what was
// known from there.
func (d *Devices) register(device string, change func(context.Context) error) error {
	if d.registry == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), registryTimeout)
	defer cancel()
	d.mu.Lock()
	delete(d.shared, device)
	d.mu.Unlock()
	return change(ctx)
}

// Revoke forgets the keys of a device, here and in the registry: what it sends
// from now on is unknown-device. Its key file is kept as NAME.jwk.revoked.
func (d *Devices) Revoke(device string) error {
	if err := wire.CheckName(device); err != nil {
		return fmt.Errorf("device name: %w", err)
	}
	path := d.keys.path(device)
	err := os.Rename(path, path+".revoked")
	if err == nil {
		err = os.Remove(d.boxes.path(device))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("revoke device %s: %w", device, err)
	}
	return d.register(device, func(ctx context.Context) error { return d.registry.RemoveDeviceKeys(ctx, device) })
}

// keyFolder is a folder of public keys, NAME.jwk each.
type keyFolder struct {
	dir   string
	parse func([]byte) (*seal.PublicKey, error)

	mu    sync.Mutex
	cache map[string]cached
}

// cached is a key as read from a file of that time and size.
type cached struct {
	at   time.Time
	size int64
	key  *seal.PublicKey
}

func (f *keyFolder) path(device string) string { return filepath.Join(f.dir, device+".jwk") }

func (f *keyFolder) load(device string) (*seal.PublicKey, error) {
	info, err := os.Stat(f.path(device))
	if err != nil {
		return nil, fmt.Errorf("key of device %s: %w", device, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c, ok := f.cache[device]; ok && c.at.Equal(info.ModTime()) && c.size == info.Size() {
		return c.key, nil
	}
	b, err := os.ReadFile(f.path(device))
	if err != nil {
		return nil, fmt.Errorf("key of device %s: %w", device, err)
	}
	key, err := f.parse(b)
	if err != nil {
		return nil, fmt.Errorf("key of device %s: %w", device, err)
	}
	if len(f.cache) >= maxCached {
		clear(f.cache)
	}
	f.cache[device] = cached{info.ModTime(), info.Size(), key}
	return key, nil
}

func (f *keyFolder) save(device string, key *seal.PublicKey) error {
	if old, err := f.load(device); err == nil && old.KeyID() == key.KeyID() {
		return nil
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	b, err := key.MarshalJSON()
	if err != nil {
		return err
	}
	return seal.WriteFile(f.path(device), append(b, '\n'), 0o600)
}
