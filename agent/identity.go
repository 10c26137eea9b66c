package agent

import (
	"errors"
	"fmt"

	"tram/agent/health"
	"tram/sync/enroll"
	"tram/sync/keys"
	"tram/sync/seal"
	"tram/sync/uplink"
)

// identity is who this device is to its hub: by its enrolment, or by its
// configuration alone.
type identity struct {
	enrolment *enroll.Enrolment // nil: not enrolled
	key       *keys.Key
	clock     *enroll.Clock
	pair      *enroll.Credentials // nil without an enrolment
	renewer   *enroll.Renewer
}

// identify fills in what the configuration leaves to the enrolment.
func (a *Agent) identify() error {
	c := &a.config
	e, err := enroll.Load(c.StateDir())
	switch {
	case errors.Is(err, enroll.ErrNotEnrolled):
	case err != nil:
		return fmt.Errorf("read the enrolment: %w", err)
	default:
		a.identity.enrolment = e
		if c.Device.Name != "" && c.Device.Name != e.Device {
			return fmt.Errorf("%w: it is enrolled as %s, and device.name says %s", ErrOtherName, e.Device, c.Device.Name)
		}
		if c.Device.Site != "" && c.Device.Site != e.Site {
			return fmt.Errorf("%w: it is enrolled at %s, and device.site says %s", ErrOtherName, e.Site, c.Device.Site)
		}
		c.Device.Name, c.Device.Site = e.Device, e.Site
		if c.Hub.Broker == "" {
			c.Hub.Broker = e.Broker
		}
		if c.Device.Key == "" {
			c.Device.Key = e.Key
		}
	}
	if c.Device.Name == "" || c.Device.Site == "" {
		return fmt.Errorf("%w: device.name or device.site is empty", ErrNoName)
	}
	a.identity.clock = enroll.NewClock(c.StateDir(), a.opt.Built, nil)
	return nil
}

// openIdentity opens the key that signs this device's records, and the
// certificates of an enrolled device.
func (a *Agent) openIdentity() (*seal.DeviceKey, error) {
	i, c := &a.identity, a.config
	var err error
	if i.key, err = keys.Open(c.Device.Key, keys.Options{State: c.StateDir(), Create: i.enrolment == nil}); err != nil {
		return nil, err
	}
	if i.enrolment != nil {
		i.pair = enroll.NewCredentials(c.StateDir(), i.key, i.clock, a.log)
		i.renewer = enroll.NewRenewer(enroll.RenewerOptions{
			State: c.StateDir(), Credentials: i.pair, Clock: i.clock, Log: a.log,
			Reconnect: func() { a.uplink.Reconnect() },
			HubKeys:   a.requestRestart, // records are sealed to the new key from then on
		})
	}
	return seal.NewDeviceKey(i.key.Signer)
}

// credentials are the enrolment's certificates for the broker; nil without one.
func (i *identity) credentials() uplink.Credentials {
	if i.pair == nil {
		return nil
	}
	return i.pair
}

// parts is what keeps the certificate fresh.
func (i *identity) parts() []part {
	if i.renewer == nil {
		return nil
	}
	return []part{{"certificate", i.renewer.Run}}
}

// health is what is to be said of the certificate.
func (i *identity) health() []health.Check {
	if i.renewer == nil {
		return nil
	}
	var list []health.Check
	for _, c := range i.renewer.Health() {
		list = append(list, health.Check{ID: c.ID, Status: c.Status, Text: c.Text, Remedy: c.Remedy})
	}
	return list
}

func (i *identity) close() error {
	if i.key == nil {
		return nil
	}
	return i.key.Close()
}
