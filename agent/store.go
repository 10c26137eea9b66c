package agent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tram/agent/command"
	"tram/agent/keep"
	"tram/agent/metrics"
	"tram/sync/inbox"
	"tram/sync/outbox"
	"tram/sync/seal"
	"tram/sync/seal/rest"
	"tram/sync/uplink"
	"tram/sync/wire"
)

// openStore opens the keys, the queue and the inbox, and makes the uplink that
// empties both. What was opened before an error is closed by closeStore.
func (a *Agent) openStore() error {
	c := a.config
	sealer, err := a.openKeys()
	if err != nil {
		return err
	}
	a.store, err = outbox.Open(OutboxPath(c.StateDir()), outbox.Options{
		Source: wire.Source(c.Device.Name), Seal: sealer.Seal, MaxBytes: int64(c.Outbox.MaxMiB) << 20, Floor: a.identity.clock.Floor(), Log: a.log,
	})
	if errors.Is(err, outbox.ErrLocked) {
		return fmt.Errorf("%w: %w", ErrRunning, err)
	}
	if err != nil {
		return fmt.Errorf("open the queue: %w", err)
	}
	box, err := rest.LoadOrCreate(filepath.Join(c.StateDir(), restKeyFile))
	if err != nil {
		return err
	}
	if a.inbox, err = inbox.Open(filepath.Join(c.StateDir(), inboxFile), inbox.Options{Box: box, Log: a.log}); err != nil {
		return err
	}
	a.lists = keep.Open(filepath.Join(c.StateDir(), keptDir), box)
	a.makeBoard(box)
	a.makeGate()
	if err := a.openRegister(box); err != nil {
		return err
	}
	a.runner = &command.Runner{Inbox: a.inbox, Handlers: command.Handlers(a.orders()), Log: a.log, Now: a.clock}
	a.metrics = metrics.New(metricsSource{a}, a.opt.Version)
	deviceBox, err := seal.LoadOrCreateDeviceBox(filepath.Join(c.StateDir(), boxKeyFile))
	if err != nil {
		return fmt.Errorf("open the device's key for what the hub seals to it: %w", err)
	}
	if a.uplink, err = uplink.New(a.uplinkOptions(sealer, deviceBox)); err != nil {
		return fmt.Errorf("prepare the uplink: %w", err)
	}
	return nil
}

// openKeys opens the device's key and the hub's public keys.
func (a *Agent) openKeys() (*seal.Sealer, error) {
	c := a.config
	device, err := a.openIdentity()
	if err != nil {
		return nil, fmt.Errorf("open the device's key: %w", err)
	}
	if err := device.WritePublic(PublicKeyPath(c.StateDir())); err != nil {
		return nil, fmt.Errorf("write the device's public key: %w", err)
	}
	a.hubKeys, err = seal.LoadHubKeys(c.HubKeyPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %s is missing", ErrNoHubKey, c.HubKeyPath())
	}
	if err != nil {
		return nil, fmt.Errorf("read the hub's key: %w", err)
	}
	sealer, err := seal.NewSealer(device, a.hubKeys.Encryption())
	if err != nil {
		return nil, fmt.Errorf("prepare sealing: %w", err)
	}
	return sealer, nil
}

// closeStore closes what openStore opened.
func (a *Agent) closeStore() error {
	var errs []error
	if a.register != nil {
		errs = append(errs, a.register.Close())
	}
	if a.inbox != nil {
		errs = append(errs, a.inbox.Close())
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	return errors.Join(append(errs, a.identity.close())...)
}

// setHubKeys replaces the hub's public keys by a JWKS that the hub has signed.
// The keys before are kept beside it.
func (a *Agent) setHubKeys(jwks []byte) (changed bool, err error) {
	if !a.hubKeys.Signs() {
		return false, errors.New("this device knows no signing key of the hub, so nobody vouches for new ones: bring them by enrolment")
	}
	next, err := seal.ParseHubKeys(jwks)
	if err != nil {
		return false, err
	}
	if !next.Signs() {
		return false, errors.New("none of the keys signs: the device could never take the hub's word again")
	}
	path := a.config.HubKeyPath()
	old, err := os.ReadFile(path)
	if err != nil {
		return false, fmt.Errorf("read the hub's keys: %w", err)
	}
	if string(old) == string(jwks) {
		return false, nil
	}
	if err := seal.WriteFile(path+".prev", old, 0o644); err != nil {
		return false, fmt.Errorf("keep the hub's keys before: %w", err)
	}
	if err := seal.WriteFile(path, jwks, 0o644); err != nil {
		return false, fmt.Errorf("write the hub's keys: %w", err)
	}
	a.requestRestart()
	return true, nil
}
