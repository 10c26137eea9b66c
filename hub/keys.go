package hub

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tram/hub/store"
	"tram/sync/seal"
	"tram/sync/wire"
)

// ErrOrder is returned for a command that no device could take.
var ErrOrder = errors.New("not a command")

// LoadKey reads or makes the hub's key pair in a data folder, and writes its
// public half beside it.
func LoadKey(data string) (*seal.HubKey, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	keys, err := seal.LoadOrCreateHubKeys(data)
	if err != nil {
		return nil, err
	}
	if err := keys.WritePublic(filepath.Join(data, PublicFile)); err != nil {
		return nil, fmt.Errorf("write the hub's public keys: %w", err)
	}
	return keys.Encryption()[0], nil
}

// keyring is what a hub signs, seals and opens with.
type keyring struct {
	devices *Devices
}

// openKeyring opens the keys in a data folder.
func openKeyring(data string) (*keyring, error) {
	if _, err := LoadKey(data); err != nil {
		return nil, err
	}
	return &keyring{devices: NewDevices(data)}, nil
}

// makeCommand makes the message of an order.
func (k *keyring) makeCommand(o Order, now time.Time) (store.Command, error) {
	if err := o.check(); err != nil {
		return store.Command{}, err
	}
	if o.ID == "" {
		o.ID = newCommandID()
	}
	message := wire.Encode(wire.Command{ID: o.ID, Name: o.Name, Data: o.Data})
	return store.Command{ID: o.ID, Device: o.Device, Name: o.Name, Message: message, Issued: now.UTC()}, nil
}

// version names the hub's set of keys.
func (k *keyring) version() string { return "" }

// sign makes what is published out of a message to a device.
func (k *keyring) sign(_, _ string, message []byte) []byte { return message }

// openReply opens a device's reply.
func (k *keyring) openReply(_ string, raw []byte) (wire.Reply, error) { return wire.ParseReply(raw) }

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
func (h *Hub) tell(topic wire.Topic, message []byte) {
	h.queue.put(topic.String(), h.keys.sign(string(topic.Kind), topic.Device, message))
}

var _ = json.Valid
