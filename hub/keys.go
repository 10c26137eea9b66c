package hub

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"tram/hub/store"
	"tram/sync/seal"
	"tram/sync/wire"
)

// ErrOrder is returned for a command that no device could take.
var ErrOrder = errors.New("not a command")

// keysLock is held while a hub's keys are made or rotated.
const keysLock = "keys.lock"

// LoadKeys reads or makes the hub's keys in a data folder, and writes their
// public halves beside them.
func LoadKeys(data string) (*seal.HubKeys, error) {
	var keys *seal.HubKeys
	err := withKeys(data, func(k *seal.HubKeys) error { keys = k; return nil })
	return keys, err
}

// LoadKey returns the key that devices encrypt to; see LoadKeys.
func LoadKey(data string) (*seal.HubKey, error) {
	keys, err := LoadKeys(data)
	if err != nil {
		return nil, err
	}
	return keys.Encryption()[0], nil
}

// withKeys lets change look at the keys, or rotate them, while no other process
// does, and writes the public halves when they are others than before.
func withKeys(data string, change func(*seal.HubKeys) error) error {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(data, keysLock), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("lock the hub's keys: %w", err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock the hub's keys: %w", err)
	}
	keys, err := seal.LoadOrCreateHubKeys(data)
	if err == nil {
		err = change(keys)
	}
	if err != nil {
		return err
	}
	public := filepath.Join(data, PublicFile)
	if old, err := os.ReadFile(public); err == nil && bytes.Equal(old, keys.Public()) {
		return nil
	}
	if err := keys.WritePublic(public); err != nil {
		return fmt.Errorf("write the hub's public keys: %w", err)
	}
	return nil
}

// keyring is what a hub signs, seals and opens with. It takes up rotated keys
// from the file.
type keyring struct {
	data    string
	devices *Devices
	log     *slog.Logger
	now     atomic.Pointer[keysAt]
}

// keysAt is the keys as read from a file of that time.
type keysAt struct {
	at     time.Time
	keys   *seal.HubKeys
	signer *seal.HubSigner
	opener *seal.Opener
}

// openKeyring opens the keys in a data folder.
func openKeyring(data string, devices *Devices, log *slog.Logger) (*keyring, error) {
	k := &keyring{data: data, devices: devices, log: log}
	return k, k.load()
}

func (k *keyring) stamp() time.Time {
	info, err := os.Stat(filepath.Join(k.data, KeyFile))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func (k *keyring) load() error {
	at := k.stamp()
	keys, err := LoadKeys(k.data)
	if err != nil {
		return err
	}
	if at.IsZero() {
		at = k.stamp()
	}
	k.now.Store(&keysAt{at: at, keys: keys, signer: keys.Signer(), opener: keys.Opener(k.devices.Key)})
	return nil
}

// refresh takes up the keys when their file has changed.
func (k *keyring) refresh() {
	if at := k.stamp(); at.IsZero() || at.Equal(k.now.Load().at) {
		return
	}
	if err := k.load(); err != nil {
		k.log.Error("the hub's keys have changed and are not read", "err", err)
		return
	}
	k.log.Info("the hub's keys have changed", "key", k.version())
}

// version names the hub's set of keys.
func (k *keyring) version() string { return k.now.Load().keys.Encryption()[0].KeyID() }

// open opens what a device sealed. What was sealed to a key that is not known
// may have been sealed to one made a moment ago.
func (k *keyring) open(kind, device string, sealed []byte) ([]byte, error) {
	before := k.now.Load()
	plain, err := before.opener.OpenAs(kind, device, sealed)
	if !errors.Is(err, seal.ErrUnknownKey) {
		return plain, err
	}
	k.refresh()
	if now := k.now.Load(); now != before {
		return now.opener.OpenAs(kind, device, sealed)
	}
	return plain, err
}

// sign makes what is published out of a message to a device: signed, unless the
// device said that it knows no key to check it with.
func (k *keyring) sign(kind wire.Kind, device string, message []byte, plain bool) []byte {
	if plain {
		return message
	}
	signed, err := k.now.Load().signer.Sign(string(kind), device, message)
	if err != nil {
		k.log.Error("a message is not signed", "device", device, "err", err)
		return nil
	}
	return signed
}

// sealTo is sign, and only the device can read it, when its box is known.
func (k *keyring) sealTo(kind wire.Kind, device string, message []byte) ([]byte, bool) {
	box, err := k.devices.Box(device)
	if err != nil {
		return nil, false
	}
	sealed, err := k.now.Load().signer.Seal(string(kind), device, message, box)
	return sealed, err == nil
}

// makeCommand makes the message of an order. What only the device may read is
// stored sealed; else it is signed when it is sent.
func (k *keyring) makeCommand(o Order, now time.Time) (store.Command, error) {
	if err := o.check(); err != nil {
		return store.Command{}, err
	}
	if o.ID == "" {
		o.ID = newCommandID()
	}
	c := wire.Command{ID: o.ID, Name: o.Name, Data: o.Data, Issued: now.UTC().Truncate(time.Second)}
	if o.Valid > 0 {
		c.Expires = c.Issued.Add(o.Valid)
	}
	out := store.Command{ID: o.ID, Device: o.Device, Name: o.Name, Message: wire.Encode(c), Issued: now.UTC()}
	if sealed, ok := k.sealTo(wire.Commands, o.Device, out.Message); ok {
		out.Message, out.Sealed = sealed, true
	}
	return out, nil
}

// openReply opens a device's reply. One in clear could be anybody's.
func (k *keyring) openReply(device string, raw []byte) (wire.Reply, error) {
	s, err := wire.ParseSealed(raw)
	if err != nil {
		return wire.Reply{}, err
	}
	plain, err := k.open(seal.Reply, device, s.Sealed)
	if err != nil {
		return wire.Reply{}, err
	}
	return wire.ParseReply(plain)
}

// readReply opens a device's reply to a command.
func (h *Hub) readReply(device string, raw []byte) (store.Answer, bool) {
	r, err := h.keys.openReply(device, raw)
	if err != nil {
		h.log.Warn("a reply is unreadable", "device", device, "err", err)
		return store.Answer{}, false
	}
	return store.Answer{Device: device, ID: r.ID, OK: r.OK, Raw: raw}, true
}

// tell signs a message to a device and queues it.
func (h *Hub) tell(topic wire.Topic, message []byte, plain bool) {
	if b := h.keys.sign(topic.Kind, topic.Device, message, plain); b != nil {
		h.queue.put(topic.String(), b)
	}
}
