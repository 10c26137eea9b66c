package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tram/sync/seal"
	"tram/sync/wire"
)

// ErrUnknownDevice is returned for a device without a key file.
var ErrUnknownDevice = errors.New("no key of this device is in the devices folder")

// Devices knows the public keys of devices: DIR/devices/NAME.jwk each. A file
// that is dropped in, replaced or removed counts from the next envelope on.
type Devices struct {
	dir string

	mu   sync.Mutex
	keys map[string]cached
}

// cached is a key as read from a file of that time and size.
type cached struct {
	at   time.Time
	size int64
	key  *seal.PublicKey
}

// maxCached bounds how many keys are kept in memory.
const maxCached = 10_000

// NewDevices returns the devices of a hub's data folder.
func NewDevices(data string) *Devices {
	return &Devices{dir: filepath.Join(data, "devices"), keys: map[string]cached{}}
}

func (d *Devices) path(device string) string { return filepath.Join(d.dir, device+".jwk") }

// Key returns a device's public key. It fits seal.Lookup.
func (d *Devices) Key(device, _ string) (*seal.PublicKey, error) {
	if err := wire.CheckName(device); err != nil {
		return nil, err
	}
	info, err := os.Stat(d.path(device))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("device %s: %w", device, ErrUnknownDevice)
	}
	if err != nil {
		return nil, fmt.Errorf("key of device %s: %w", device, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if c, ok := d.keys[device]; ok && c.at.Equal(info.ModTime()) && c.size == info.Size() {
		return c.key, nil
	}
	b, err := os.ReadFile(d.path(device))
	if err != nil {
		return nil, fmt.Errorf("key of device %s: %w", device, err)
	}
	key, err := seal.ParseDevicePublic(b)
	if err != nil {
		return nil, fmt.Errorf("key of device %s: %w", device, err)
	}
	if len(d.keys) >= maxCached {
		clear(d.keys)
	}
	d.keys[device] = cached{info.ModTime(), info.Size(), key}
	return key, nil
}

// Add stores a device's public key, read from its JWK. The same key again
// changes nothing; another one under a name that is taken is an error.
func (d *Devices) Add(device string, jwk []byte) error {
	if err := wire.CheckName(device); err != nil {
		return fmt.Errorf("device name: %w", err)
	}
	key, err := seal.ParseDevicePublic(jwk)
	if err != nil {
		return fmt.Errorf("key of device %s: %w", device, err)
	}
	if old, err := d.Key(device, ""); err == nil {
		if old.KeyID() == key.KeyID() {
			return nil
		}
		return fmt.Errorf("device %s: %w", device, ErrTaken)
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("add device %s: %w", device, err)
	}
	b, err := key.MarshalJSON()
	if err != nil {
		return fmt.Errorf("add device %s: %w", device, err)
	}
	return seal.WriteFile(d.path(device), append(b, '\n'), 0o600)
}

// ErrTaken is returned when a device's name already has another key.
var ErrTaken = errors.New("this name has another key already; remove its file first")
